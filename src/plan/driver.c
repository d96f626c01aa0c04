/* A plan from a graph: the passes in order. */
#include <string.h>

#include "graph/control.h"
#include "plan/driver.h"
#include "plan/fold.h"
#include "plan/images.h"
#include "plan/passes.h"
#include "plan/steps.h"

/* The graph with concrete shapes, what is constant computed, what is quantised on its integers. */
static infer_status bind_and_fold(struct infer__plan *plan, const struct infer__graph *graph,
                                  const struct infer__plan_options *o, struct infer__budget *budget,
                                  infer_error *err)
{
    TRY(infer__graph_copy(&plan->graph, graph, &plan->region, err));
    TRY(infer__plan_bind(plan, o, err));
    TRY(infer__fold(&plan->graph, INFER__FOLD_KEEP_QUANTISED, o->max_tensor_bytes, budget, err));
    TRY(infer__remove_dead(&plan->graph, err));
    TRY(infer__integer(&plan->graph, err));
    TRY(infer__fold(&plan->graph, 0, o->max_tensor_bytes, budget, err));
    return infer__remove_dead(&plan->graph, err);
}

/* The graph that steps are made of, of one image where a batch is better run image by image: that
 * is seen in the graph of the whole batch, unless plan->images says it already. */
static infer_status make_graph(struct infer__plan *plan, const struct infer__graph *graph,
                               const struct infer__plan_options *o, infer_error *err)
{
    uint32_t images = plan->images;
    struct infer__budget budget = infer__budget_for(graph, o->max_work);
    budget.bytes = UINT64_MAX; /* the session's own limit counts all memory */
    if (!images) {
        plan->images = 1;
        TRY(bind_and_fold(plan, graph, o, &budget, err));
        TRY(infer__images(&plan->graph, graph, o->max_tensor_bytes, &images, err));
        if (images == 1)
            return INFER_OK;
        infer__region_free(&plan->region);
        infer__region_init(&plan->region, &plan->allocator);
    }
    plan->images = images;
    return bind_and_fold(plan, graph, o, &budget, err);
}

static infer_status fuse(struct infer__graph *g, const struct infer__plan_options *o,
                         infer_error *err)
{
    TRY(infer__integer_dynamic(g, err));
    TRY(infer__fuse_forms(g, err));
    TRY(infer__fuse_attention(g, o, err));
    TRY(infer__fuse_channels(g, err));
    return infer__fuse(g, err);
}

/* Branches and loops know where they end, now that it is known which steps there are. */
static void pair_control(struct infer__plan *plan)
{
    uint32_t open[INFER__MOST_NESTED] = {0}, depth = 0;
    for (uint32_t i = 0; i < plan->nsteps && plan->control; i++) {
        struct infer__step *s = &plan->steps[i];
        if (!s->control || s->task.op == INFER__OP_REQUIRE)
            continue;
        if (s->task.op != INFER__OP_IF && s->task.op != INFER__OP_LOOP) {
            plan->steps[open[--depth]].partner = i;
            s->partner = open[depth];
        }
        if (s->task.op != INFER__OP_END_IF && s->task.op != INFER__OP_END_LOOP)
            open[depth++] = i;
    }
}

/* Tensors are placed before weights are packed: a budget is refused before memory is taken. Without
 * `whole` a batch that is run image by image is so to its end, which takes least memory. */
static infer_status make_steps(struct infer__plan *plan, const struct infer__plan_options *o,
                               int whole, infer_error *err)
{
    TRY(infer__lower(plan, o, err));
    TRY(infer__fuse_chains(plan, o, err));
    TRY(infer__fuse_scales(plan, o, err));
    TRY(infer__fill_operands(plan, o, err));
    plan->batch_from = plan->nsteps;
    if (whole)
        TRY(infer__batch_from(plan, o, err));
    TRY(infer__to_bf16(plan, o, err));
    pair_control(plan);
    if (!plan->control) /* parts of a Concat may be made in other branches, or more than once */
        TRY(infer__alias_concat(plan, err));
    TRY(infer__select(plan, o, err));
    TRY(infer__limit_weights(plan, o, err));
    TRY(infer__bounded_graph(plan, err));
    return infer__storage(plan, o, err);
}

static infer_status build(struct infer__plan *plan, const struct infer__graph *graph,
                          const struct infer__plan_options *o, int whole, infer_error *err)
{
    TRY(make_graph(plan, graph, o, err));
    TRY(fuse(&plan->graph, o, err));
    return make_steps(plan, o, whole, err);
}

static void free_states(struct infer__plan *plan)
{
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        if (s->kernel && s->kernel->release)
            s->kernel->release(s->need.cut);
    }
}

static void start_again(struct infer__plan *plan)
{
    infer_allocator allocator = plan->allocator;
    _Atomic int *trouble = plan->trouble;
    const uint32_t images = plan->images;
    free_states(plan);
    infer__region_free(&plan->region);
    memset(plan, 0, sizeof *plan);
    plan->allocator = allocator;
    plan->trouble = trouble;
    plan->images = images;
    infer__region_init(&plan->region, &plan->allocator);
}

infer_status infer__plan_create(struct infer__plan *plan, const struct infer__graph *graph,
                                const struct infer__plan_options *options,
                                const infer_allocator *allocator, infer_error *err)
{
    memset(plan, 0, sizeof *plan);
    plan->allocator = infer__allocator(allocator);
    infer__region_init(&plan->region, &plan->allocator);
    plan->trouble = options->trouble;
    infer_status status = build(plan, graph, options, 1, err);
    if (status == INFER_ERROR_LIMIT && plan->batch_from < plan->nsteps) {
        start_again(plan);
        status = build(plan, graph, options, 0, err);
    }
    if (status != INFER_OK)
        infer__plan_free(plan);
    return status;
}

void infer__plan_free(struct infer__plan *plan)
{
    free_states(plan);
    if (plan->store)
        infer__store_give(plan->store, plan->shares, plan->nshares);
    infer__region_free(&plan->region);
    memset(plan, 0, sizeof *plan);
}
