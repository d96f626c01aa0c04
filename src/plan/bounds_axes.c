/* Which axes of a node's results have a size that is only known in a run: those that come from such
 * axes of its operands, or from numbers that are not known. Where in doubt, an axis counts as one
 * of them; that costs no memory. */
#include "graph/control.h"
#include "graph/resolve.h"
#include "plan/bounds.h"

/* Operand i, which has no type where it is absent. */
static const struct infer__value *operand(const struct infer__graph *g, const struct infer__node *n,
                                          uint32_t i)
{
    return &g->values[i < n->nin ? n->in[i] : 0];
}

static uint32_t all_axes(int rank)
{
    return (1u << rank) - 1;
}

static uint32_t free_axis(const struct infer__value *v, int axis)
{
    return v->free_dims >> axis & 1;
}

/* Element k of a list of integers, where it is a constant or leaves no choice; 0: it does not. */
static int known_element(const struct infer__value *v, int64_t k, int64_t *x)
{
    struct infer__value low = *v, high = *v;
    if (v->kind != INFER__VALUE_CONST) {
        if (!v->bound || !v->bound->at_most)
            return 0;
        low.data = v->bound->at_least;
        high.data = v->bound->at_most;
    }
    *x = infer__resolve_element(&high, k);
    return infer__resolve_element(&low, k) == *x;
}

/* ---- element by element --------------------------------------------------------------------- */

/* Along an axis that an operand has in a size other than 1 that is known, the result has it. */
static uint32_t broadcast_axes(const struct infer__graph *g, const struct infer__node *n,
                               uint32_t nin, const struct infer__value *y)
{
    uint32_t axes = 0;
    for (int axis = 0; axis < y->rank; axis++) {
        int known = 0;
        uint32_t some = 0;
        for (uint32_t i = 0; i < nin; i++) {
            const struct infer__value *v = operand(g, n, i);
            const int a = axis - (y->rank - v->rank);
            if (a < 0)
                continue;
            some |= free_axis(v, a);
            known |= !free_axis(v, a) && v->dims[a] != 1;
        }
        axes |= known ? 0 : some << axis;
    }
    return axes;
}

/* ---- axes that go, come, or change places --------------------------------------------------- */

static uint32_t concat_axes(const struct infer__graph *g, const struct infer__node *n, int along,
                            int rank)
{
    uint32_t some = 0, all = all_axes(rank);
    for (uint32_t i = 0; i < n->nin; i++) {
        some |= operand(g, n, i)->free_dims;
        all &= operand(g, n, i)->free_dims;
    }
    return (all & ~(1u << along)) | (some & 1u << along);
}

static uint32_t gather_axes(const struct infer__value *x, const struct infer__value *at, int axis)
{
    const uint32_t before = x->free_dims & all_axes(axis), behind = x->free_dims >> (axis + 1);
    return before | at->free_dims << axis | behind << (axis + at->rank);
}

/* The indices' axes but the last, which names places, and those of x that they do not name. */
static uint32_t gather_nd_axes(const struct infer__value *x, const struct infer__value *at,
                               int rank)
{
    const int lists = at->rank - 1, skipped = x->rank - (rank - lists);
    if (free_axis(at, lists))
        return all_axes(rank);
    return (at->free_dims & all_axes(lists)) | x->free_dims >> skipped << lists;
}

static uint32_t one_axis(const struct infer__graph *g, const struct infer__node *n, int axis,
                         int rank, int values)
{
    const struct infer__value *x = operand(g, n, 0);
    switch (n->op) {
    case INFER__OP_CONCAT:
        return concat_axes(g, n, axis, rank);
    case INFER__OP_GATHER:
        return gather_axes(x, operand(g, n, 1), axis);
    case INFER__OP_SPLIT:
        return n->nin > 1 && n->in[1] && !values ? x->free_dims & ~(1u << axis) : x->free_dims;
    case INFER__OP_TOP_K:
        return (x->free_dims & ~(1u << axis)) | (values ? 1u << axis : 0);
    default:
        return x->rank == rank ? x->free_dims : all_axes(rank);
    }
}

/* The axes that a list names, or where it is absent the first `count`. */
static uint32_t listed_axes(const struct infer__value *list, int64_t count, int rank)
{
    uint32_t set = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t axis = i;
        if (list->type && !known_element(list, i, &axis))
            return all_axes(rank);
        set |= 1u << (axis < 0 ? axis + rank : axis);
    }
    return set;
}

/* Where it begins and ends decides about the axes that are cut. */
static uint32_t sliced_axes(const struct infer__graph *g, const struct infer__node *n, int rank,
                            int values)
{
    const struct infer__value *x = operand(g, n, 0);
    return values ? x->free_dims |
                        listed_axes(operand(g, n, 3), infer__value_elements(operand(g, n, 1)), rank)
                  : x->free_dims;
}

static uint32_t padded_axes(const struct infer__graph *g, const struct infer__node *n, int rank,
                            int values)
{
    const struct infer__value *pads = operand(g, n, 1), *list = operand(g, n, 3);
    const int64_t count = infer__value_elements(pads) / 2;
    uint32_t axes = operand(g, n, 0)->free_dims;
    for (int64_t i = 0; values && i < count; i++) {
        int64_t axis = i, begin, end;
        if (list->type && !known_element(list, i, &axis))
            return all_axes(rank);
        if (!known_element(pads, i, &begin) || !known_element(pads, count + i, &end))
            axes |= 1u << (axis < 0 ? axis + rank : axis);
    }
    return axes;
}

static uint32_t permuted_axes(const struct infer__value *x, const int32_t *perm)
{
    uint32_t axes = 0;
    for (int i = 0; i < x->rank; i++)
        axes |= free_axis(x, perm[i]) << i;
    return axes;
}

/* Of x without the axes of a set, which, with `keep`, become axes of 1. */
static uint32_t reduced_axes(const struct infer__value *x, uint32_t reduced, int keep)
{
    uint32_t axes = 0;
    int at = 0;
    for (int i = 0; i < x->rank; i++)
        if (!(reduced >> i & 1))
            axes |= free_axis(x, i) << at++;
        else
            at += keep;
    return axes;
}

/* ---- another shape -------------------------------------------------------------------------- */

static uint32_t reshape_axes(const struct infer__value *x, const struct infer__value *shape,
                             int rank, int keeps_zero)
{
    uint32_t axes = 0;
    for (int i = 0; i < rank; i++) {
        int64_t size;
        uint32_t free = x->free_dims != 0;
        if (known_element(shape, i, &size) && size >= 0)
            free = size == 0 && !keeps_zero && i < x->rank ? free_axis(x, i) : 0;
        else if (shape->kind != INFER__VALUE_CONST)
            free = 1;
        axes |= free << i;
    }
    return axes;
}

/* The axes that a Squeeze takes away or an Unsqueeze adds, of the larger of both shapes. */
static uint32_t axes_of_one(const struct infer__graph *g, const struct infer__node *n, int rank)
{
    const struct infer__value *x = operand(g, n, 0), *list = operand(g, n, 1);
    uint32_t set = 0;
    int64_t axis;
    for (int i = 0; !list->type && i < x->rank; i++)
        set |= (uint32_t)(x->dims[i] == 1) << i;
    for (int64_t i = 0; list->type && i < infer__value_elements(list); i++)
        if (known_element(list, i, &axis))
            set |= 1u << (axis < 0 ? axis + rank : axis);
    return set;
}

static uint32_t moved_axes(const struct infer__graph *g, const struct infer__node *n,
                           const struct infer__value *y)
{
    const struct infer__value *x = operand(g, n, 0);
    const int adds = n->op == INFER__OP_UNSQUEEZE, rank = adds ? y->rank : x->rank;
    const uint32_t set = axes_of_one(g, n, rank);
    uint32_t axes = 0;
    for (int i = 0, to = 0, from = 0; i < rank; i++)
        if (!(set >> i & 1))
            axes |= free_axis(x, from++) << to++;
        else if (adds)
            to++;
        else
            from++;
    return axes;
}

static uint32_t flattened_axes(const struct infer__value *x, int axis)
{
    const uint32_t before = all_axes(axis < 0 ? axis + x->rank : axis);
    return (uint32_t)((x->free_dims & before) != 0) | (uint32_t)((x->free_dims & ~before) != 0)
                                                          << 1;
}

static uint32_t reshaped_axes(const struct infer__graph *g, const struct infer__node *n,
                              const struct infer__value *y)
{
    const struct infer__value *x = operand(g, n, 0);
    switch (n->op) {
    case INFER__OP_RESHAPE:
        return reshape_axes(x, operand(g, n, 1), y->rank,
                            (int)infer__node_int(n, INFER__ATTR_ALLOWZERO, 0));
    case INFER__OP_FLATTEN:
        return flattened_axes(x, (int)infer__node_int(n, INFER__ATTR_AXIS, 1));
    default:
        return moved_axes(g, n, y);
    }
}

/* A shape that is an operand: axes whose size it leaves open. */
static uint32_t stated_axes(const struct infer__value *shape, int rank)
{
    uint32_t axes = 0;
    int64_t size;
    for (int i = 0; i < rank; i++)
        axes |= (uint32_t)!known_element(shape, i, &size) << i;
    return axes;
}

static uint32_t expanded_axes(const struct infer__graph *g, const struct infer__node *n,
                              const struct infer__value *y)
{
    const struct infer__value *shape = operand(g, n, 1);
    const int rank = (int)infer__value_elements(shape);
    uint32_t axes = broadcast_axes(g, n, 1, y);
    for (int i = 0; i < rank; i++) {
        int64_t size;
        const int known = known_element(shape, i, &size), k = i + y->rank - rank;
        axes = !known ? axes | 1u << k : size != 1 ? axes & ~(1u << k) : axes;
    }
    return axes;
}

/* ---- products, windows ---------------------------------------------------------------------- */

static uint32_t product_axes(const struct infer__graph *g, const struct infer__node *n,
                             const union infer__params *p, const struct infer__value *y)
{
    const struct infer__value *a = operand(g, n, 0), *b = operand(g, n, 1);
    if (n->op == INFER__OP_GEMM)
        return free_axis(a, p->gemm.trans_a ? 1 : 0) | free_axis(b, p->gemm.trans_b ? 0 : 1) << 1;
    if (a->rank < 2 || b->rank < 2)
        return all_axes(y->rank);
    uint32_t axes = free_axis(a, a->rank - 2) << (y->rank - 2) | free_axis(b, b->rank - 1)
                                                                     << (y->rank - 1);
    for (int k = 0; k < y->rank - 2; k++) {
        const int i = k - (y->rank - a->rank), j = k - (y->rank - b->rank);
        axes |= ((i >= 0 ? free_axis(a, i) : 0) | (j >= 0 ? free_axis(b, j) : 0)) << k;
    }
    return axes;
}

/* The number of images is the first operand's, or, of regions of a picture, another's; channels are
 * known. */
static uint32_t window_axes(const struct infer__graph *g, const struct infer__node *n, int rank)
{
    const struct infer__value *x = operand(g, n, 0);
    const uint32_t spatial = all_axes(rank) & ~3u;
    for (uint32_t i = 1; i < n->nin; i++)
        if (n->in[i] && operand(g, n, i)->free_dims)
            return all_axes(rank);
    return (x->free_dims & 1) | (x->free_dims & 2) | (x->free_dims & ~3u ? spatial : 0);
}

/* ---- what is found: that axis itself is marked by the resolve function -------------------- */

static uint32_t found_axes(const struct infer__value *x, const struct infer__axis *p, uint32_t k)
{
    const uint32_t others = p->flat ? 0 : x->free_dims & ~(1u << p->axis);
    if (k == 0)
        return others;
    return k == 2 && (p->flat ? x->free_dims : x->free_dims & 1u << p->axis) ? 1 : 0;
}

/* ---- control flow --------------------------------------------------------------------------- */

static uint32_t control_axes(const struct infer__graph *g, const struct infer__node *n, uint32_t k,
                             int values)
{
    const uint32_t states = infer__loop_states(n->nin, n->nout);
    switch (n->op) {
    case INFER__OP_END_IF:
        return operand(g, n, 1 + 2 * k)->free_dims | operand(g, n, 2 + 2 * k)->free_dims;
    case INFER__OP_REQUIRE:
        return operand(g, n, 1)->free_dims;
    case INFER__OP_LOOP:
        return k ? operand(g, n, k)->free_dims : 0;
    case INFER__OP_END_LOOP:
        return k < states ? operand(g, n, infer__loop_next(k))->free_dims
                          : operand(g, n, infer__loop_scan(states, k - states))->free_dims << 1 |
                                (uint32_t)values;
    default:
        return 0;
    }
}

/* ---- the entry ------------------------------------------------------------------------------ */

static uint32_t by_operator(const struct infer__graph *g, const struct infer__node *n,
                            const union infer__params *p, uint32_t k, int values)
{
    const struct infer__value *x = operand(g, n, 0), *y = &g->values[n->out[k]];
    switch (n->op) {
    case INFER__OP_SHAPE:
    case INFER__OP_NON_ZERO: /* their resolve functions say it */
    case INFER__OP_NON_MAX_SUPPRESSION:
        return 0;
    case INFER__OP_COMPRESS:
    case INFER__OP_UNIQUE:
        return found_axes(x, &p->axis, k);
    case INFER__OP_EXPAND:
        return expanded_axes(g, n, y);
    case INFER__OP_CONSTANT_OF_SHAPE:
        return stated_axes(x, y->rank);
    case INFER__OP_GEMM:
    case INFER__OP_MATMUL:
    case INFER__OP_DENSE:
        return product_axes(g, n, p, y);
    case INFER__OP_SCATTER_ND:
    case INFER__OP_SCATTER_ELEMENTS:
    case INFER__OP_CUM_SUM:
    case INFER__OP_CUM_PROD:
        return x->free_dims;
    case INFER__OP_GATHER_ND:
        return gather_nd_axes(x, operand(g, n, 1), y->rank);
    case INFER__OP_GATHER_ELEMENTS:
        return operand(g, n, 1)->free_dims;
    case INFER__OP_ROI_ALIGN: /* as many as there are regions */
        return operand(g, n, 1)->free_dims & 1;
    case INFER__OP_TILE:
        return values ? all_axes(y->rank) : x->free_dims;
    default:
        break;
    }
    if (infer__op_info(n->op)->layout == INFER__LAYOUT_CLAST && y->rank >= 2)
        return window_axes(g, n, y->rank);
    return all_axes(y->rank);
}

uint32_t infer__bounds_axes(const struct infer__graph *g, const struct infer__node *n,
                            const union infer__params *p, uint32_t k, int values)
{
    const struct infer__value *x = operand(g, n, 0), *y = &g->values[n->out[k]];
    const struct infer__op_traits *traits = infer__op_traits(n->op);
    switch (traits->axes) {
    case INFER__AXES_ONE:
        return one_axis(g, n, p->axis.axis, y->rank, values);
    case INFER__AXES_SCALES:
    case INFER__AXES_NORMALISED:
        return x->rank == y->rank ? x->free_dims : all_axes(y->rank);
    case INFER__AXES_SLICED:
        return sliced_axes(g, n, y->rank, values);
    case INFER__AXES_PADDED:
        return padded_axes(g, n, y->rank, values);
    case INFER__AXES_RESIZED:
        return values ? all_axes(y->rank) : x->free_dims;
    case INFER__AXES_PERMUTED:
        return permuted_axes(x, p->transpose.perm);
    case INFER__AXES_RESHAPED:
        return reshaped_axes(g, n, y);
    case INFER__AXES_REDUCED:
        return reduced_axes(x, p->reduce.axes, p->reduce.keepdims);
    case INFER__AXES_ONE_REDUCED:
        return reduced_axes(x, 1u << p->axis.axis, p->axis.keepdims);
    default:
        break;
    }
    if (infer__is_control(n->op))
        return control_axes(g, n, k, values);
    if (infer__op_info(n->op)->layout == INFER__LAYOUT_ANY)
        return broadcast_axes(g, n, infer__data_operands(n), y);
    return by_operator(g, n, p, k, values);
}
