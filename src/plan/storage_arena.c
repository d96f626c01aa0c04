/* The arena: tensors whose lifetimes do not overlap share memory.
 *
 * Steps are walked in order. A step's results are placed before its operands are given back, in
 * the smallest hole that fits, or on an operand that ends here if the kernel works in place; holes
 * that touch are joined. The arena's size is the highest end that was ever used, known exactly
 * before anything runs. */
#include <string.h>

#include "graph/control.h"
#include "plan/holes.h"
#include "plan/storage.h"

enum { ARENA_ALIGN = 64 };

struct placer {
    struct infer__plan *plan;
    uint32_t *ends; /* of each step: a tensor that a loop needs as far as that, its end; then `next`
                       of that; NULL: there are no loops */
    uint32_t *next;
    struct infer__holes holes;
    uint32_t *range; /* of each tensor that has a place now; 0: it has none, or none any more */
    unsigned wanted; /* set of INFER__IN_PLACE_* */
    infer_error *err;
};

/* Loops whose end has not come yet, as steps. */
struct loops {
    uint32_t depth, step[INFER__MOST_NESTED];
};

static void enter_loops(struct loops *l, const struct infer__step *step, uint32_t s)
{
    if (step->control && step->task.op == INFER__OP_LOOP)
        l->step[l->depth++] = s;
    if (step->control && step->task.op == INFER__OP_END_LOOP)
        l->depth--;
}

/* The last step that a tensor is needed for which step s reads: where it was there before a loop
 * began, each iteration needs it. */
static uint32_t last_read(const struct infer__plan *plan, const struct loops *l,
                          const struct infer__plan_tensor *t, uint32_t s)
{
    for (uint32_t i = 0; i < l->depth; i++)
        if (l->step[i] > t->first)
            return plan->steps[l->step[i]].partner;
    return s;
}

/* First and last step of every tensor; what writes or reads a view does so with what it is a view
 * of. What images leave to the whole batch is there from the first of them on. */
static void find_lifetimes(struct infer__plan *plan)
{
    struct loops loops = {0};
    for (uint32_t i = 0; i < plan->ntensors; i++)
        plan->tensors[i].first = UINT32_MAX;
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        const struct infer__step *step = &plan->steps[s];
        enter_loops(&loops, step, s);
        for (uint32_t k = 0; k < step->task.nout; k++) {
            struct infer__plan_tensor *t = infer__plan_root(plan, step->out[k]);
            if (t->first == UINT32_MAX)
                t->first = t->last = s;
            t->last = t->last > s ? t->last : s;
        }
        for (uint32_t k = 0; k < step->task.nin; k++) {
            struct infer__plan_tensor *t = infer__plan_root(plan, step->in[k]);
            const uint32_t last = last_read(plan, &loops, t, s);
            t->last = t->last > last ? t->last : last;
        }
    }
    for (uint32_t i = 0; i < plan->ntensors; i++)
        if (plan->tensors[i].batch)
            plan->tensors[i].first = 0;
}

static uint64_t rounded(uint64_t bytes)
{
    return (bytes + ARENA_ALIGN - 1) & ~(uint64_t)(ARENA_ALIGN - 1);
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
    const struct infer__plan_tensor *root = infer__storage_placed(p->plan, t);
    uint32_t *range = root ? &p->range[root - p->plan->tensors] : NULL;
    if (!range || !*range || root->last != s)
        return;
    infer__holes_give(&p->holes, *range);
    *range = 0;
}

static infer_status place_step(struct placer *p, uint32_t s)
{
    const struct infer__plan *plan = p->plan;
    const struct infer__step *step = &plan->steps[s];
    const uint32_t reused = infer__storage_reused(plan, s, p->wanted);
    if (reused != UINT32_MAX) {
        struct infer__plan_tensor *x = infer__storage_placed(plan, step->in[reused]);
        struct infer__plan_tensor *y = infer__storage_placed(plan, step->out[0]);
        y->offset = x->offset;
        p->range[y - plan->tensors] = p->range[x - plan->tensors];
        p->range[x - plan->tensors] = 0;
    }
    for (uint32_t k = 0; k < step->task.nout; k++) {
        struct infer__plan_tensor *t = infer__storage_placed(plan, step->out[k]);
        if (t && t->first == s && !p->range[t - plan->tensors])
            TRY(take(p, t));
    }
    for (uint32_t k = 0; k < step->task.nout; k++) /* nobody reads it */
        give(p, step->out[k], s);
    for (uint32_t k = 0; k < step->task.nin; k++)
        give(p, step->in[k], s);
    for (uint32_t t = p->ends ? p->ends[s] : 0; t; t = p->next[t])
        give(p, t, s);
    return INFER_OK;
}

/* What ends with a loop need not be an operand of its last step. */
static infer_status list_ends(struct placer *p)
{
    struct infer__plan *plan = p->plan;
    if (!plan->control)
        return INFER_OK;
    p->ends = infer__region_calloc(&plan->region, plan->nsteps, sizeof *p->ends);
    p->next = infer__region_calloc(&plan->region, plan->ntensors, sizeof *p->next);
    if (!p->ends || !p->next)
        return infer__no_memory(p->err, plan->ntensors * sizeof *p->next);
    for (uint32_t i = 1; i < plan->ntensors; i++) {
        const struct infer__plan_tensor *t = &plan->tensors[i];
        if (t->alias || t->first == UINT32_MAX ||
            plan->steps[t->last].task.op != INFER__OP_END_LOOP)
            continue;
        p->next[i] = p->ends[t->last];
        p->ends[t->last] = i;
    }
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

/* In place costs fewest bytes of cache; but a tensor that stays where its operand was may stand in
 * the way of larger ones. */
infer_status infer__place(struct infer__plan *plan, infer_error *err)
{
    const unsigned residual = INFER__IN_PLACE_RESIDUAL;
    struct placer p = {.plan = plan, .err = err};
    const size_t bytes = plan->ntensors * sizeof *p.range;
    p.range = infer__region_calloc(&plan->region, 1, bytes);
    if (!p.range)
        return infer__no_memory(err, bytes);
    infer__holes_init(&p.holes, &plan->region, all_bytes(plan));
    find_lifetimes(plan);
    TRY(list_ends(&p));
    TRY(place_all(&p, residual));
    uint64_t least = plan->arena_bytes;
    TRY(place_all(&p, residual | INFER__IN_PLACE_FIRST | INFER__IN_PLACE_SECOND));
    if (plan->arena_bytes > least)
        TRY(place_all(&p, residual));
    infer__region_drop(&plan->region, p.range, bytes);
    return INFER_OK;
}
