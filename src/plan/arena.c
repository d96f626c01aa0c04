/* The arena: tensors whose lifetimes do not overlap share memory.
 *
 * Steps are walked in order. A step's results are placed before its operands are given back, in
 * the smallest hole that fits, or on an operand that ends here if the kernel works in place; holes
 * that touch are joined. The arena's size is the highest end that was ever used, known exactly
 * before anything runs. */
#include <string.h>

#include "base/size.h"
#include "plan/holes.h"
#include "plan/plan.h"

enum { ARENA_ALIGN = 64 };

struct placer {
    struct infer__plan *plan;
    struct infer__holes holes;
    uint32_t *range; /* of each tensor that has a place now; 0: it has none, or none any more */
    unsigned wanted; /* set of INFER__IN_PLACE_* */
    infer_error *err;
};

/* First and last step of every tensor; what writes or reads a view does so with what it is a view
 * of. What images leave to the whole batch is there from the first of them on. */
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

/* What has a place of its own in the arena: what tensor t is a view of, or itself; NULL if there is
 * no such thing. */
static struct infer__plan_tensor *placed(const struct infer__plan *plan, uint32_t t)
{
    struct infer__plan_tensor *root = infer__plan_root(plan, t);
    return root->place == INFER__PLACE_ARENA && root->bytes ? root : NULL;
}

static infer_status take(struct placer *p, struct infer__plan_tensor *t)
{
    uint32_t *range = &p->range[t - p->plan->tensors];
    TRY(infer__holes_take(&p->holes, rounded(t->bytes), range, p->err));
    t->offset = infer__holes_begin(&p->holes, *range);
    return INFER_OK;
}

/* Gives the place of tensor t back if step s is the last to need it: once, even if the step names
 * it twice. */
static void give(struct placer *p, uint32_t t, uint32_t s)
{
    const struct infer__plan_tensor *root = placed(p->plan, t);
    uint32_t *range = root ? &p->range[root - p->plan->tensors] : NULL;
    if (!range || !*range || root->last != s)
        return;
    infer__holes_give(&p->holes, *range);
    *range = 0;
}

/* Whether the first output of step s can take over the place of operand k in the arena: the operand
 * is read here for the last time, and has as many bytes. */
static int can_take_over(const struct infer__plan *plan, uint32_t s, uint32_t k)
{
    const struct infer__step *step = &plan->steps[s];
    const struct infer__plan_tensor *x = placed(plan, step->in[k]);
    const struct infer__plan_tensor *y = placed(plan, step->out[0]);
    uint32_t reads = 0; /* named twice, it would be read after it was written */
    if (!x || !y || x == y || x->last != s || y->first != s || x->bytes != y->bytes ||
        plan->tensors[step->in[k]].bytes != x->bytes ||
        plan->tensors[step->out[0]].bytes != y->bytes)
        return 0;
    for (uint32_t i = 0; i < step->task.nin; i++)
        reads += infer__plan_root(plan, step->in[i]) == x;
    return reads == 1;
}

/* The operand of step s that its first output is made in place of, as the kernel allows and
 * `wanted` says; UINT32_MAX: there is none. */
static uint32_t find_in_place(const struct infer__plan *plan, uint32_t s, unsigned wanted)
{
    const struct infer__step *step = &plan->steps[s];
    const unsigned allowed = step->kernel->in_place & wanted;
    const uint32_t nin = step->task.nin, residual = step->task.epi.residual ? nin - 1 : UINT32_MAX;
    if (allowed & INFER__IN_PLACE_FIRST && nin > 0 && residual != 0 && can_take_over(plan, s, 0))
        return 0;
    if (allowed & INFER__IN_PLACE_SECOND && nin > 1 && residual != 1 && can_take_over(plan, s, 1))
        return 1;
    if (allowed & INFER__IN_PLACE_RESIDUAL && residual < nin && can_take_over(plan, s, residual))
        return residual;
    return UINT32_MAX;
}

static infer_status place_step(struct placer *p, uint32_t s)
{
    const struct infer__plan *plan = p->plan;
    const struct infer__step *step = &plan->steps[s];
    const uint32_t reused = find_in_place(plan, s, p->wanted);
    if (reused != UINT32_MAX) {
        struct infer__plan_tensor *x = placed(plan, step->in[reused]);
        struct infer__plan_tensor *y = placed(plan, step->out[0]);
        y->offset = x->offset;
        p->range[y - plan->tensors] = p->range[x - plan->tensors];
        p->range[x - plan->tensors] = 0;
    }
    for (uint32_t k = 0; k < step->task.nout; k++) {
        struct infer__plan_tensor *t = placed(plan, step->out[k]);
        if (t && t->first == s && !p->range[t - plan->tensors])
            TRY(take(p, t));
    }
    for (uint32_t k = 0; k < step->task.nout; k++) /* nobody reads it */
        give(p, step->out[k], s);
    for (uint32_t k = 0; k < step->task.nin; k++)
        give(p, step->in[k], s);
    return INFER_OK;
}

/* Places all tensors. */
static infer_status place_all(struct placer *p, unsigned wanted)
{
    struct infer__plan *plan = p->plan;
    p->wanted = wanted;
    memset(p->range, 0, plan->ntensors * sizeof *p->range);
    for (uint32_t i = 0; i < plan->ntensors; i++)
        if (plan->tensors[i].batch && plan->tensors[i].bytes)
            TRY(take(p, &plan->tensors[i]));
    for (uint32_t s = 0; s < plan->nsteps; s++)
        TRY(place_step(p, s));
    plan->arena_bytes = p->holes.peak;
    infer__holes_free(&p->holes);
    return INFER_OK;
}

/* Bytes of all tensors that have a place of their own, together. */
static uint64_t all_bytes(const struct infer__plan *plan)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < plan->ntensors; i++) {
        uint64_t bytes = rounded(plan->tensors[i].bytes);
        sum = sum > UINT64_MAX - bytes ? UINT64_MAX : sum + bytes;
    }
    return sum;
}

/* Whether what is still to be taken, as far as it is known, keeps to the session's limit. */
static infer_status check_limit(const struct infer__plan *plan, const struct infer__plan_options *o,
                                infer_error *err)
{
    const uint64_t arena = plan->arena_bytes > o->arena_held ? plan->arena_bytes : 0;
    const uint64_t packed =
        plan->packed_bytes > o->packed_held ? plan->packed_bytes - o->packed_held : 0;
    size_t need;
    int fits = infer__size_mul(plan->scratch_bytes, o->threads, &need) &&
               infer__size_add(need, arena, &need) && infer__size_add(need, packed, &need);
    if (fits && (!o->meter || need <= o->meter->limit - o->meter->held))
        return INFER_OK;
    if (o->meter)
        o->meter->refused = 1;
    return infer__fail(err, INFER_ERROR_LIMIT,
                       "intermediate tensors need %llu bytes and packed weights %llu: with the "
                       "plan more than the limit, %llu (max_memory_bytes)",
                       (unsigned long long)plan->arena_bytes,
                       (unsigned long long)plan->packed_bytes,
                       (unsigned long long)(o->meter ? o->meter->limit : SIZE_MAX));
}

/* In place costs fewest bytes of cache; but a tensor that stays where its operand was may stand in
 * the way of larger ones. */
infer_status infer__place(struct infer__plan *plan, const struct infer__plan_options *o,
                          infer_error *err)
{
    const unsigned residual = INFER__IN_PLACE_RESIDUAL;
    struct placer p = {.plan = plan, .err = err};
    const size_t bytes = plan->ntensors * sizeof *p.range;
    p.range = infer__region_calloc(&plan->region, 1, bytes);
    if (!p.range)
        return infer__no_memory(err, bytes);
    infer__holes_init(&p.holes, &plan->region, all_bytes(plan));
    find_lifetimes(plan);
    TRY(place_all(&p, residual));
    uint64_t least = plan->arena_bytes;
    TRY(place_all(&p, residual | INFER__IN_PLACE_FIRST | INFER__IN_PLACE_SECOND));
    if (plan->arena_bytes > least)
        TRY(place_all(&p, residual));
    infer__region_drop(&plan->region, p.range, bytes);
    return check_limit(plan, o, err);
}
