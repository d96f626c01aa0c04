/* The arena: tensors whose lifetimes do not overlap share memory.
 *
 * Steps are walked in order. A step's results are placed before its operands are given back, in
 * the smallest hole that fits, or on an operand that ends here if the kernel works in place; holes
 * that touch are joined. The arena's size is the highest end that was ever used, known exactly
 * before anything runs. */
#include <string.h>

#include "base/size.h"
#include "plan/plan.h"

enum { ARENA_ALIGN = 64 };

/* Free ranges in order of offset; the last one has no end. */
struct hole {
    uint64_t begin, end;
};

struct holes {
    struct hole *all;
    uint32_t count, capacity;
    uint64_t peak;
};

static infer_status insert(struct infer__region *r, struct holes *h, uint32_t at, struct hole x,
                           infer_error *err)
{
    void *all = h->all;
    if (!infer__region_grow(r, &all, &h->capacity, h->count + 1, sizeof x))
        return infer__no_memory(err, sizeof x);
    h->all = all;
    memmove(h->all + at + 1, h->all + at, (h->count - at) * sizeof x);
    h->all[at] = x;
    h->count++;
    return INFER_OK;
}

static uint64_t take(struct holes *h, uint64_t bytes)
{
    uint32_t best = h->count - 1;
    for (uint32_t i = 0; i < h->count - 1; i++) {
        uint64_t size = h->all[i].end - h->all[i].begin;
        if (size >= bytes && (best == h->count - 1 || size < h->all[best].end - h->all[best].begin))
            best = i;
    }
    struct hole *x = &h->all[best];
    uint64_t offset = x->begin;
    x->begin += bytes;
    if (x->begin == x->end) {
        memmove(x, x + 1, (h->count - best - 1) * sizeof *x);
        h->count--;
    }
    if (offset + bytes > h->peak)
        h->peak = offset + bytes;
    return offset;
}

static infer_status give(struct infer__region *r, struct holes *h, uint64_t begin, uint64_t bytes,
                         infer_error *err)
{
    uint32_t at = 0;
    uint64_t end = begin + bytes;
    while (h->all[at].begin < begin)
        at++;
    int joins_next = h->all[at].begin == end;
    int joins_last = at > 0 && h->all[at - 1].end == begin;
    if (joins_next && joins_last) {
        h->all[at - 1].end = h->all[at].end;
        memmove(h->all + at, h->all + at + 1, (h->count - at - 1) * sizeof *h->all);
        h->count--;
    } else if (joins_next) {
        h->all[at].begin = begin;
    } else if (joins_last) {
        h->all[at - 1].end = end;
    } else {
        return insert(r, h, at, (struct hole){begin, end}, err);
    }
    return INFER_OK;
}

/* First and last step of every tensor; what writes or reads a view does so with what it is a view
 * of. What images
 * leave to the whole batch is there from the first of them on. */
static void find_lifetimes(struct infer__plan *plan)
{
    for (uint32_t i = 0; i < plan->ntensors; i++)
        plan->tensors[i].first = UINT32_MAX;
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        const struct infer__step *step = &plan->steps[s];
        for (uint32_t k = 0; k < step->task.nout; k++) {
            struct infer__plan_tensor *t = infer__plan_root(plan, step->out[k]);
            if (t->first == UINT32_MAX)
                t->first = s;
            t->last = s;
        }
        for (uint32_t k = 0; k < step->task.nin; k++)
            infer__plan_root(plan, step->in[k])->last = s;
    }
    for (uint32_t i = 0; i < plan->ntensors; i++)
        if (plan->tensors[i].batch)
            plan->tensors[i].first = 0;
}

static uint64_t rounded(uint64_t bytes)
{
    return (bytes + ARENA_ALIGN - 1) & ~(uint64_t)(ARENA_ALIGN - 1);
}

/* Whether the tensor is placed in the arena by step s as its k-th operand of `ids`: once, even if
 * the step names it twice. */
static int placed_here(const struct infer__plan *plan, const uint32_t *ids, uint32_t k)
{
    const struct infer__plan_tensor *t = infer__plan_root(plan, ids[k]);
    if (t->place != INFER__PLACE_ARENA || !t->bytes)
        return 0;
    for (uint32_t i = 0; i < k; i++)
        if (infer__plan_root(plan, ids[i]) == t)
            return 0;
    return 1;
}

/* The operand whose place in the arena the step's first output can take over: it is read here for
 * the last time, has as many bytes, and the kernel allows it. UINT32_MAX: there is none. */
static uint32_t find_in_place(const struct infer__plan *plan, uint32_t s, unsigned wanted)
{
    const struct infer__step *step = &plan->steps[s];
    unsigned allowed = step->kernel->in_place & wanted;
    uint32_t nin = step->task.nin;
    const struct infer__plan_tensor *out = infer__plan_root(plan, step->out[0]);
    for (uint32_t k = 0; allowed && k < nin; k++) {
        int residual = step->task.epi.residual && k == nin - 1;
        unsigned bit = residual ? INFER__IN_PLACE_RESIDUAL
                       : k == 0 ? INFER__IN_PLACE_FIRST
                       : k == 1 ? INFER__IN_PLACE_SECOND
                                : 0;
        const struct infer__plan_tensor *t = infer__plan_root(plan, step->in[k]);
        if (!(allowed & bit) || t->last != s || !placed_here(plan, step->in, k) ||
            plan->tensors[step->in[k]].bytes != t->bytes || t->bytes != out->bytes ||
            out->place != INFER__PLACE_ARENA || out->first != s || out == t ||
            plan->tensors[step->out[0]].bytes != out->bytes)
            continue;
        uint32_t uses = 0; /* named twice, it would be read after it was written */
        for (uint32_t i = 0; i < nin; i++)
            uses += infer__plan_root(plan, step->in[i]) == t;
        if (uses == 1)
            return k;
    }
    return UINT32_MAX;
}

static infer_status place_step(struct infer__plan *plan, struct holes *h, uint32_t s,
                               unsigned wanted, infer_error *err)
{
    const struct infer__step *step = &plan->steps[s];
    uint32_t reused = find_in_place(plan, s, wanted);
    if (reused != UINT32_MAX)
        infer__plan_root(plan, step->out[0])->offset =
            infer__plan_root(plan, step->in[reused])->offset;
    for (uint32_t k = reused != UINT32_MAX; k < step->task.nout; k++)
        if (placed_here(plan, step->out, k)) {
            struct infer__plan_tensor *t = infer__plan_root(plan, step->out[k]);
            if (t->first == s)
                t->offset = take(h, rounded(t->bytes));
        }
    for (uint32_t k = 0; k < step->task.nout; k++) {
        const struct infer__plan_tensor *t = infer__plan_root(plan, step->out[k]);
        if (placed_here(plan, step->out, k) && t->last == s) /* nobody reads it */
            TRY(give(&plan->region, h, t->offset, rounded(t->bytes), err));
    }
    for (uint32_t k = 0; k < step->task.nin; k++) {
        const struct infer__plan_tensor *t = infer__plan_root(plan, step->in[k]);
        if (k != reused && placed_here(plan, step->in, k) && t->last == s)
            TRY(give(&plan->region, h, t->offset, rounded(t->bytes), err));
    }
    return INFER_OK;
}

/* Places all tensors; `wanted` is a set of INFER__IN_PLACE_*. */
static infer_status place_all(struct infer__plan *plan, unsigned wanted, infer_error *err)
{
    struct holes h = {0};
    TRY(insert(&plan->region, &h, 0, (struct hole){0, UINT64_MAX}, err));
    for (uint32_t i = 0; i < plan->ntensors; i++)
        if (plan->tensors[i].batch)
            plan->tensors[i].offset = take(&h, rounded(plan->tensors[i].bytes));
    for (uint32_t s = 0; s < plan->nsteps; s++)
        TRY(place_step(plan, &h, s, wanted, err));
    plan->arena_bytes = h.peak;
    return INFER_OK;
}

/* In place costs fewest bytes of cache; but a tensor that stays where its operand was may stand in
 * the way of larger ones. */
infer_status infer__place(struct infer__plan *plan, const struct infer__plan_options *o,
                          infer_error *err)
{
    const unsigned residual = INFER__IN_PLACE_RESIDUAL;
    find_lifetimes(plan);
    TRY(place_all(plan, residual, err));
    uint64_t least = plan->arena_bytes;
    TRY(place_all(plan, residual | INFER__IN_PLACE_FIRST | INFER__IN_PLACE_SECOND, err));
    if (plan->arena_bytes > least)
        TRY(place_all(plan, residual, err));
    size_t need;
    FAIL_IF(!infer__size_mul(plan->scratch_bytes, o->threads, &need) ||
                !infer__size_add(need, plan->arena_bytes, &need) ||
                !infer__size_add(need, plan->packed_bytes, &need) ||
                (o->meter && need > o->meter->limit - o->meter->held),
            INFER_ERROR_LIMIT,
            "intermediate tensors need %llu bytes and packed weights %llu: with the plan more than "
            "the limit, %llu (max_memory_bytes)",
            (unsigned long long)plan->arena_bytes, (unsigned long long)plan->packed_bytes,
            (unsigned long long)(o->meter ? o->meter->limit : SIZE_MAX));
    return INFER_OK;
}
