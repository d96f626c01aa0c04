/* Lowering of nodes that leave the bytes as they are, or could: reshapes and transposes. */
#include "plan/lower.h"

/* An output that has the bytes of `tensor`, seen in another shape. */
static infer_status make_view(struct infer__lowerer *l, uint32_t value, uint32_t tensor, int clast)
{
    uint32_t t;
    TRY(infer__tensor_add(l, &l->plan->graph.values[value], value, clast, &t));
    infer__tensor_alias(l->plan, t, tensor);
    return infer__tensor_note(l, value, t);
}

/* Axes of `v` from `axis` on that together have `extent` elements; 0: they do not end there. */
static int axes_of(const struct infer__value *v, int axis, int64_t extent)
{
    int64_t product = axis < v->rank ? v->dims[axis] : 0;
    int end = axis + 1;
    while (end < v->rank && product < extent)
        product *= v->dims[end++];
    return product == extent ? end - axis : 0;
}

/* Whether the one reader of a value is a Transpose. */
static int is_transposed_next(const struct infer__lowerer *l, const struct infer__node *n)
{
    const uint32_t v = n->out[0], reader = l->uses.reader[v];
    return l->uses.count[v] == 1 && reader &&
           l->plan->graph.nodes[reader - 1].op == INFER__OP_TRANSPOSE;
}

/* A channels-last picture whose axes are parted, and then transposed, as detectors do with their
 * anchors: the Transpose takes it as it stands. *done: it is that. */
static infer_status lower_parting(struct infer__lowerer *l, const struct infer__node *n, int *done)
{
    const struct infer__value *x = &l->plan->graph.values[n->in[0]];
    const struct infer__value *y = &l->plan->graph.values[n->out[0]];
    struct infer__layouts *from = &l->map[n->in[0]], *to = &l->map[n->out[0]];
    int64_t spatial = 1;
    *done = 0;
    if (!from->clast || from->plain || x->rank < 3 || infer__value_elements(x) <= 0 ||
        !is_transposed_next(l, n))
        return INFER_OK;
    for (int i = 2; i < x->rank; i++)
        spatial *= x->dims[i];
    int batch = axes_of(y, 0, x->dims[0]), channels = axes_of(y, batch, x->dims[1]);
    int rest = axes_of(y, batch + channels, spatial);
    if (!batch || !channels || !rest || batch + channels + rest != y->rank)
        return INFER_OK;
    TRY(infer__tensor_add(l, y, n->out[0], 0, &to->parted));
    infer__tensor_alias(l->plan, to->parted, from->clast);
    to->batch_axes = (uint8_t)batch;
    to->channel_axes = (uint8_t)channels;
    int64_t *dims = l->plan->tensors[to->parted].desc.dims;
    for (int i = batch; i < y->rank; i++)
        dims[infer__parted_axis(to, i, y->rank)] = y->dims[i];
    *done = 1;
    return INFER_OK;
}

infer_status infer__lower_reshape(struct infer__lowerer *l, const struct infer__node *n)
{
    uint32_t in;
    int done;
    TRY(lower_parting(l, n, &done));
    if (done)
        return INFER_OK;
    TRY(infer__tensor_want(l, n->in[0], 0, &in));
    return make_view(l, n->out[0], in, 0);
}

infer_status infer__lower_identity(struct infer__lowerer *l, const struct infer__node *n)
{
    uint32_t in;
    int clast = l->map[n->in[0]].clast != 0;
    TRY(infer__tensor_want(l, n->in[0], clast, &in));
    return make_view(l, n->out[0], in, clast);
}

/* Whether a permutation leaves the bytes as they are: axes longer than 1 keep their order. */
static int keeps_order(const int64_t *dims, const int32_t *perm, int rank)
{
    int32_t last = -1;
    for (int i = 0; i < rank; i++) {
        if (dims[perm[i]] == 1)
            continue;
        if (perm[i] < last)
            return 0;
        last = perm[i];
    }
    return 1;
}

/* The permutation is composed with the layout that the operand is in and, for the result, with
 * either layout: if one of them needs no copy the node costs nothing. */
infer_status infer__lower_transpose(struct infer__lowerer *l, const struct infer__node *n,
                                    const union infer__params *p)
{
    const struct infer__value *v = &l->plan->graph.values[n->in[0]];
    const struct infer__layouts *from = &l->map[n->in[0]];
    int rank = v->rank, from_clast = from->clast != 0 && !from->plain;
    uint32_t in = from->parted;
    union infer__params q[2] = {{{{0}, {0}, {0}, {0}, {0}, 0, 0, 0, 0}}};
    if (!in)
        TRY(infer__tensor_want(l, n->in[0], from_clast, &in));
    for (int i = 0; i < rank; i++) {
        int axis = p->transpose.perm[i];
        int physical = from->parted ? infer__parted_axis(from, axis, rank)
                       : from_clast ? infer__clast_axis(axis, rank)
                                    : axis;
        q[0].transpose.perm[i] = physical;
        q[1].transpose.perm[infer__clast_axis(i, rank)] = physical;
    }
    for (int clast = 0; clast < 2; clast++)
        if ((!clast || (rank >= 3 && rank <= 5)) &&
            keeps_order(l->plan->tensors[in].desc.dims, q[clast].transpose.perm, rank))
            return make_view(l, n->out[0], in, clast);
    uint32_t out;
    TRY(infer__tensor_add(l, &l->plan->graph.values[n->out[0]], n->out[0], 0, &out));
    TRY(infer__tensor_note(l, n->out[0], out));
    return infer__step_add(l, n, INFER__OP_TRANSPOSE, &q[0], &in, 1, &out, 1);
}
