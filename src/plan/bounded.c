/* Memory for steps whose operands have other sizes in each run; see struct infer__bounded. */
#include <string.h>

#include "graph/traits.h"
#include "plan/passes.h"

/* What one kernel would need for the largest sizes. Those that can't be prepared, or pack weights
 * without being the step's own, are not for runs. */
static infer_status ask_kernel(struct infer__plan *plan, struct infer__step *s,
                               const struct infer__kernel *k, infer_error *err)
{
    struct infer__need need;
    void *cut = infer__calloc(&plan->allocator, 1, k->cut_bytes);
    if (!cut)
        return infer__no_memory(err, k->cut_bytes);
    infer_status status =
        infer__kernel_prepare(k, &s->task, s->name ? s->name : "", cut, &need, err);
    infer__free(&plan->allocator, cut);
    if (status != INFER_OK || infer__bytes_count(need.packed_bytes))
        return status == INFER_ERROR_NO_MEMORY ? status : INFER_OK;
    if (infer__bytes_count(need.scratch_bytes) > infer__bytes_count(s->need.scratch_bytes))
        s->need.scratch_bytes = need.scratch_bytes;
    if (k->cut_bytes > s->bounded->cut_bytes)
        s->bounded->cut_bytes = k->cut_bytes;
    return INFER_OK;
}

int infer__packs_sizes(unsigned op)
{
    return infer__op_traits(op)->axes == INFER__AXES_RESIZED;
}

infer_status infer__bounded_reserve(struct infer__plan *plan, struct infer__step *s,
                                    infer_error *err)
{
    struct infer__bounded *b = s->bounded;
    const struct infer__kernel *k;
    const uint32_t count = s->task.nin + s->task.nout;
    uint32_t at = 0;
    b->cut_bytes = s->kernel->cut_bytes;
    while ((k = infer__kernel_next(s->task.op, &at)) != NULL)
        if (!k->release && k != s->kernel && infer__kernel_ns(k, &s->task) >= 0)
            TRY(ask_kernel(plan, s, k, err));
    infer__error_clear(err);
    b->operands = infer__region_calloc(&plan->region, count, sizeof *b->operands);
    b->pointers = infer__region_calloc(&plan->region, count, sizeof *b->pointers);
    b->need.cut = infer__region_calloc(&plan->region, 1, b->cut_bytes);
    if (!b->operands || !b->pointers || !b->need.cut)
        return infer__no_memory(err, count * sizeof *b->operands + b->cut_bytes);
    if (infer__packs_sizes(s->task.op)) {
        b->packed_bytes = infer__bytes_count(s->need.packed_bytes);
        b->packed = infer__region_take(&plan->region, b->packed_bytes);
        if (!b->packed)
            return infer__no_memory(err, b->packed_bytes);
    }
    return INFER_OK;
}

infer_status infer__bounded_graph(struct infer__plan *plan, infer_error *err)
{
    const struct infer__graph *g = &plan->graph;
    uint32_t some = 0;
    for (uint32_t i = 0; i < plan->nsteps; i++)
        some += plan->steps[i].bounded != NULL;
    if (!some)
        return INFER_OK;
    plan->now = infer__region_calloc(&plan->region, 1, sizeof *plan->now);
    if (!plan->now)
        return infer__no_memory(err, sizeof *plan->now);
    plan->now->region = &plan->region;
    plan->now->values = infer__region_copy(&plan->region, g->values,
                                           infer__array_bytes(g->nvalues, sizeof *g->values));
    plan->now->nvalues = g->nvalues;
    return plan->now->values ? INFER_OK : infer__no_memory(err, g->nvalues * sizeof *g->values);
}
