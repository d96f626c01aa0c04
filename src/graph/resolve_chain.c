/* ConvChain: 1x1 convolution, depthwise convolution, 1x1 convolution, of which the first or the
 * last may be absent. Its window is the depthwise's, found as that of a convolution on what the
 * first one makes. */
#include "graph/resolve.h"

enum { X, DEPTHWISE, DEPTHWISE_BIAS, EXPAND, EXPAND_BIAS, PROJECT, PROJECT_BIAS, OPERANDS };

/* Fails unless input i, if present, is the weights of a 1x1 convolution of `channels`. */
static infer_status check_pointwise(struct infer__resolve *r, uint32_t i, int64_t channels)
{
    const struct infer__value *w = infer__resolve_in(r, i);
    if (!w)
        return INFER_OK;
    TRY(infer__resolve_type(r, i, INFER__SET(F32)));
    RESOLVE_FAIL_IF(w->rank != 4 || w->dims[1] != channels || w->dims[2] != 1 || w->dims[3] != 1,
                    INFER_ERROR_SHAPE, "input %u is no 1x1 convolution of %lld channels", i,
                    (long long)channels);
    TRY(infer__resolve_type(r, i + 1, INFER__SET(F32)));
    return infer__resolve_vector(r, i + 1, w->dims[0]);
}

infer_status infer__resolve_conv_chain(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, X), *w = infer__resolve_in(r, DEPTHWISE);
    const struct infer__value *first = infer__resolve_in(r, EXPAND);
    const struct infer__value *last = infer__resolve_in(r, PROJECT);
    RESOLVE_FAIL_IF(r->node->nin != OPERANDS, INFER_ERROR_FORMAT, "it has %u inputs, not %d",
                    r->node->nin, (int)OPERANDS);
    TRY(infer__resolve_rank(r, X, 4, 4));
    TRY(check_pointwise(r, EXPAND, x->dims[1]));
    /* the depthwise alone, on values of its own: absent, input, weights, bias, output */
    struct infer__value values[5] = {{0}, *x, *w};
    uint32_t in[3] = {1, 2, 0}, out = 4;
    if (infer__resolve_in(r, DEPTHWISE_BIAS)) {
        values[3] = *infer__resolve_in(r, DEPTHWISE_BIAS);
        in[2] = 3;
    }
    if (first)
        values[1].dims[1] = first->dims[0];
    struct infer__graph g = {.values = values, .nvalues = 5};
    struct infer__node node = *r->node;
    node.op = INFER__OP_CONV;
    node.in = in;
    node.nin = 3;
    node.out = &out;
    struct infer__resolve sub = *r;
    sub.g = &g;
    sub.node = &node;
    TRY(infer__resolve_conv(&sub));
    RESOLVE_FAIL_IF(r->params->window.groups != values[1].dims[1] ||
                        w->dims[0] != values[1].dims[1],
                    INFER_ERROR_SHAPE, "its second convolution is not depthwise");
    TRY(check_pointwise(r, PROJECT, w->dims[0]));
    if (last)
        values[4].dims[1] = last->dims[0];
    return infer__resolve_out(r, 0, INFER_F32, 4, values[4].dims);
}
