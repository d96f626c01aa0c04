/* Lowering of one node: in which layout it runs, and its parameters in that layout. */
#include <string.h>

#include "graph/traits.h"
#include "plan/bounds.h"
#include "plan/empty.h"
#include "plan/fold.h"
#include "plan/lower.h"

/* ---- parameters in channels-last order ------------------------------------------------------ */

static void permute_ints(int64_t *v, int rank)
{
    int64_t old[INFER_MAX_RANK];
    memcpy(old, v, sizeof old);
    for (int i = 0; i < rank; i++)
        v[infer__clast_axis(i, rank)] = old[i];
}

static void permute_floats(float *v, int rank)
{
    float old[INFER_MAX_RANK];
    memcpy(old, v, sizeof old);
    for (int i = 0; i < rank; i++)
        v[infer__clast_axis(i, rank)] = old[i];
}

static uint32_t permute_mask(uint32_t axes, int rank)
{
    uint32_t out = 0;
    for (int i = 0; i < rank; i++)
        if (axes >> i & 1)
            out |= 1u << infer__clast_axis(i, rank);
    return out;
}

void infer__params_to_clast(unsigned op, union infer__params *p, int rank)
{
    switch (infer__op_traits(op)->axes) {
    case INFER__AXES_ONE:
    case INFER__AXES_SCALES:
    case INFER__AXES_ONE_REDUCED:
        p->axis.axis = infer__clast_axis(p->axis.axis, rank);
        break;
    case INFER__AXES_SLICED:
        permute_ints(p->slice.start, rank);
        permute_ints(p->slice.step, rank);
        break;
    case INFER__AXES_PADDED:
        permute_ints(p->pad.begin, rank);
        permute_ints(p->pad.end, rank);
        break;
    case INFER__AXES_RESIZED:
        permute_floats(p->resize.scale, rank);
        permute_floats(p->resize.roi_begin, rank);
        permute_floats(p->resize.roi_end, rank);
        break;
    case INFER__AXES_REDUCED:
        p->reduce.axes = permute_mask(p->reduce.axes, rank);
        break;
    default:
        break;
    }
}

/* ---- a step whose operands and results share a layout --------------------------------------- */

/* `clast`: the data operands, a residual and the outputs are channels-last. */
static infer_status lower_as(struct infer__lowerer *l, const struct infer__node *n,
                             union infer__params *p, int clast)
{
    struct infer__plan *plan = l->plan;
    int rank = plan->graph.values[n->out[0]].rank;
    int any = infer__op_info(n->op)->layout == INFER__LAYOUT_ANY;
    uint32_t data = infer__data_operands(n);
    void *list = l->ids;
    const uint32_t count = infer__length_add(n->nin, n->nout);
    if (!infer__region_grow(&plan->region, &list, &l->ids_capacity, count, sizeof *l->ids))
        return infer__no_memory(l->err, infer__array_bytes(count, sizeof *l->ids));
    uint32_t *ids = l->ids = list;
    memset(ids, 0, infer__array_bytes(count, sizeof *ids));
    for (uint32_t i = 0; i < n->nin; i++) {
        if (infer__value_empty(&plan->graph, n->in[i]))
            continue; /* a parameter of none, which kernels do not see */
        int spatial = clast && (i < data || (n->epi.residual && i == n->nin - 1));
        if (any && i < data)
            TRY(infer__tensor_broadcast(l, n->in[i], rank, spatial, &ids[i]));
        else
            TRY(infer__tensor_want(l, n->in[i], spatial, &ids[i]));
    }
    for (uint32_t i = 0; i < n->nout; i++) {
        uint32_t v = n->out[i];
        if (v) {
            TRY(infer__tensor_add(l, &plan->graph.values[v], v, clast, &ids[n->nin + i]));
            TRY(infer__tensor_note(l, v, ids[n->nin + i]));
        }
    }
    if (clast && any)
        infer__params_to_clast(n->op, p, rank);
    return infer__step_add(l, n, n->op, p, ids, n->nin, ids + n->nin, n->nout);
}

/* Whether a value is an output of the graph; of graphs with very many it is not looked for. */
static int is_output(const struct infer__graph *g, uint32_t v)
{
    for (uint32_t i = 0; g->noutputs <= 64 && i < g->noutputs; i++)
        if (g->outputs[i] == v)
            return 1;
    return 0;
}

/* Whether a Resize makes an output of the graph out of something much smaller: it is that, then,
 * which is better transposed. */
static int enlarges_to_output(const struct infer__graph *g, const struct infer__node *n,
                              const union infer__params *p)
{
    return n->op == INFER__OP_RESIZE && p->resize.mode != INFER__NEAREST &&
           infer__value_bytes(&g->values[n->in[0]]) * 4 <=
               infer__value_bytes(&g->values[n->out[0]]) &&
           is_output(g, n->out[0]);
}

/* A node that works in any layout takes the one that most bytes of its operands are in. */
static int prefers_clast(const struct infer__lowerer *l, const struct infer__node *n,
                         const union infer__params *p)
{
    const struct infer__graph *g = &l->plan->graph;
    int rank = g->values[n->out[0]].rank;
    size_t clast = 0, plain = 0;
    int softmax = n->op == INFER__OP_SOFTMAX || n->op == INFER__OP_LOG_SOFTMAX;
    if (rank < 3 || rank > 5 || (softmax && p->axis.to_end) || enlarges_to_output(g, n, p))
        return 0;
    for (uint32_t i = 0; i < infer__data_operands(n); i++) {
        uint32_t v = n->in[i];
        if (!infer__tensor_can_broadcast(l, v, rank))
            return 0;
        if (l->map[v].clast)
            clast += infer__value_bytes(&g->values[v]);
        else if (l->map[v].plain && g->values[v].kind != INFER__VALUE_CONST &&
                 !infer__layout_trivial(g->values[v].dims, g->values[v].rank))
            plain += infer__value_bytes(&g->values[v]);
    }
    return clast > plain;
}

/* ---- reductions ----------------------------------------------------------------------------- */

/* A reduction of a channels-last operand may stay so if its result keeps all axes, or if the axes
 * that are left stand in the same order in both layouts. */
static infer_status lower_reduce(struct infer__lowerer *l, const struct infer__node *n,
                                 union infer__params *p, uint32_t axes, int keepdims)
{
    const struct infer__value *v = &l->plan->graph.values[n->in[0]];
    int rank = v->rank;
    uint32_t spatial = rank >= 3 && rank <= 5 ? ((1u << rank) - 1) & ~3u : 0;
    int ordered = keepdims || (axes & spatial) == spatial || (axes & 2);
    if (!spatial || !l->map[n->in[0]].clast || l->map[n->in[0]].plain || !ordered)
        return lower_as(l, n, p, 0);
    uint32_t ids[2] = {l->map[n->in[0]].clast, 0};
    TRY(infer__tensor_add(l, &l->plan->graph.values[n->out[0]], n->out[0], keepdims, &ids[1]));
    TRY(infer__tensor_note(l, n->out[0], ids[1]));
    infer__params_to_clast(n->op, p, rank);
    return infer__step_add(l, n, n->op, p, &ids[0], 1, &ids[1], 1);
}

/* The mean over all spatial axes of a channels-last f32 tensor is a global pooling, which is
 * faster; *done: it is one. */
static infer_status lower_global_mean(struct infer__lowerer *l, const struct infer__node *n,
                                      uint32_t axes, int *done)
{
    const struct infer__value *v = &l->plan->graph.values[n->in[0]];
    int rank = v->rank;
    struct infer__value pooled = *v;
    union infer__params p = {0};
    uint32_t in = l->map[n->in[0]].clast, out, view;
    *done = rank >= 3 && rank <= 5 && in && v->type == INFER_F32 && !v->quant &&
            axes == (((1u << rank) - 1) & ~3u) && infer__value_elements(v) > 0;
    if (!*done)
        return INFER_OK;
    for (int i = 2; i < rank; i++)
        pooled.dims[i] = 1;
    TRY(infer__tensor_add(l, &pooled, n->out[0], 1, &out));
    TRY(infer__step_add(l, n, INFER__OP_GLOBAL_AVERAGE_POOL, &p, &in, 1, &out, 1));
    /* without the axes of 1, or with them in the graph's order */
    TRY(infer__tensor_add(l, &l->plan->graph.values[n->out[0]], n->out[0], 0, &view));
    infer__tensor_alias(l->plan, view, out);
    return infer__tensor_note(l, n->out[0], view);
}

static infer_status lower_mean(struct infer__lowerer *l, const struct infer__node *n,
                               union infer__params *p)
{
    int done;
    TRY(lower_global_mean(l, n, p->reduce.axes, &done));
    return done ? INFER_OK : lower_reduce(l, n, p, p->reduce.axes, p->reduce.keepdims);
}

/* A node that moves no axes, in the layout that its operator wants. */
static infer_status lower_in_layout(struct infer__lowerer *l, const struct infer__node *n,
                                    union infer__params *p)
{
    const int rank = l->plan->graph.values[n->in[0]].rank;
    switch (infer__op_info(n->op)->layout) {
    case INFER__LAYOUT_CLAST:
        return lower_as(l, n, p, rank >= 3 && rank <= 5);
    case INFER__LAYOUT_ANY:
        return lower_as(l, n, p, prefers_clast(l, n, p));
    default:
        return lower_as(l, n, p, 0);
    }
}

/* A node on sizes that are only known in a run is one step, and a view of nothing, as the bytes of
 * a view would be planned for. */
infer_status infer__lower_node(struct infer__lowerer *l, const struct infer__node *n)
{
    union infer__params p = {0};
    TRY(infer__plan_resolve(&l->plan->graph, n, l->options->max_tensor_bytes, &p, l->err));
    if (infer__is_control(n->op))
        return infer__lower_control(l, n, &p);
    if (infer__bounds_some(&l->plan->graph, n))
        return lower_in_layout(l, n, &p);
    if (n->op == INFER__OP_IDENTITY && !n->epi.requant)
        return infer__lower_identity(l, n);
    if (n->op == INFER__OP_REDUCE_MEAN)
        return lower_mean(l, n, &p);
    switch (infer__op_traits(n->op)->axes) {
    case INFER__AXES_RESHAPED:
        return infer__lower_reshape(l, n);
    case INFER__AXES_PERMUTED:
        return infer__lower_transpose(l, n, &p);
    case INFER__AXES_REDUCED:
        return lower_reduce(l, n, &p, p.reduce.axes, p.reduce.keepdims);
    case INFER__AXES_ONE_REDUCED:
        return lower_reduce(l, n, &p, 1u << p.axis.axis, p.axis.keepdims);
    case INFER__AXES_ALL_REDUCED:
        return lower_reduce(l, n, &p, UINT32_MAX, 0);
    default:
        return lower_in_layout(l, n, &p);
    }
}
