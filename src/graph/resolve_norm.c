/* Normalisation, softmax, reductions and quantisation: operators that have an axis. */
#include <string.h>

#include "graph/resolve.h"

/* ---- normalisation -------------------------------------------------------------------------- */

/* All operands f32, input 0 of 2 to 5 axes, and inputs 1 to `last` one number per channel. */
static infer_status per_channel(struct infer__resolve *r, int min_rank, uint32_t last)
{
    for (uint32_t i = 0; i <= last; i++)
        TRY(infer__resolve_type(r, i, INFER__SET(F32)));
    TRY(infer__resolve_rank(r, 0, min_rank, 5));
    for (uint32_t i = 1; i <= last; i++)
        TRY(infer__resolve_vector(r, i, infer__resolve_in(r, 0)->dims[1]));
    return INFER_OK;
}

infer_status infer__resolve_batch_norm(struct infer__resolve *r)
{
    struct infer__norm *p = &r->params->norm;
    TRY(per_channel(r, 2, 4));
    p->axis = 1;
    TRY(infer__resolve_float(r, INFER__ATTR_EPSILON, 1e-5f, &p->epsilon));
    return infer__resolve_like_input(r);
}

infer_status infer__resolve_instance_norm(struct infer__resolve *r)
{
    struct infer__norm *p = &r->params->norm;
    TRY(per_channel(r, 3, 2));
    p->axis = 1;
    TRY(infer__resolve_float(r, INFER__ATTR_EPSILON, 1e-5f, &p->epsilon));
    return infer__resolve_like_input(r);
}

/* Scale and bias have exactly the shape of the axes normalised over; 1s before them are let
 * pass. What else broadcasting would allow is not implemented. */
static infer_status layer_operand(struct infer__resolve *r, uint32_t i, int axis)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *v = infer__resolve_in(r, i);
    char text[96], shape[96];
    if (!v)
        return INFER_OK;
    TRY(infer__resolve_broadcasts_to(r, i, x->rank, x->dims));
    int same = v->rank >= x->rank - axis;
    for (int k = 1; same && k <= v->rank; k++)
        same = v->dims[v->rank - k] == (k <= x->rank - axis ? x->dims[x->rank - k] : 1);
    RESOLVE_FAIL_IF(!same, INFER_ERROR_UNSUPPORTED,
                    "input %u, %s, must have the shape of the input, %s, from axis %d on", i,
                    infer__value_text(v, text, sizeof text),
                    infer__value_text(x, shape, sizeof shape), axis);
    return INFER_OK;
}

infer_status infer__resolve_layer_norm(struct infer__resolve *r)
{
    struct infer__norm *p = &r->params->norm;
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t dims[INFER_MAX_RANK];
    for (uint32_t i = 0; i < 3; i++)
        TRY(infer__resolve_type(r, i, INFER__SET(F32)));
    TRY(infer__resolve_axis_attr(r, -1, x->rank, &p->axis));
    TRY(infer__resolve_float(r, INFER__ATTR_EPSILON, 1e-5f, &p->epsilon));
    TRY(layer_operand(r, 1, p->axis));
    TRY(layer_operand(r, 2, p->axis));
    for (int i = 0; i < x->rank; i++)
        dims[i] = i < p->axis ? x->dims[i] : 1;
    TRY(infer__resolve_like_input(r));
    TRY(infer__resolve_out(r, 1, INFER_F32, x->rank, dims));   /* mean */
    return infer__resolve_out(r, 2, INFER_F32, x->rank, dims); /* 1 / standard deviation */
}

infer_status infer__resolve_lrn(struct infer__resolve *r)
{
    struct infer__norm *p = &r->params->norm;
    TRY(per_channel(r, 2, 0));
    RESOLVE_FAIL_IF(!infer__node_attr(r->node, INFER__ATTR_SIZE), INFER_ERROR_FORMAT,
                    "attribute 'size' is missing");
    p->axis = 1;
    TRY(infer__resolve_int(r, INFER__ATTR_SIZE, 0, 1, INFER__MAX_WINDOW, &p->size));
    TRY(infer__resolve_float(r, INFER__ATTR_ALPHA, 1e-4f, &p->alpha));
    TRY(infer__resolve_float(r, INFER__ATTR_BETA, 0.75f, &p->beta));
    TRY(infer__resolve_float(r, INFER__ATTR_BIAS, 1.0f, &p->bias));
    return infer__resolve_like_input(r);
}

infer_status infer__resolve_softmax(struct infer__resolve *r)
{
    struct infer__axis *p = &r->params->axis;
    TRY(infer__resolve_type(r, 0, INFER__SET_FLOAT));
    TRY(infer__resolve_flag(r, INFER__ATTR_COERCE_2D, 0, &p->to_end));
    TRY(infer__resolve_axis_attr(r, p->to_end ? 1 : -1, infer__resolve_in(r, 0)->rank, &p->axis));
    return infer__resolve_like_input(r);
}

/* ---- reductions ----------------------------------------------------------------------------- */

/* Output 0 of the given type: input 0 without the axes of the set, or with 1 in their place. */
static infer_status reduced_out(struct infer__resolve *r, infer_type type, uint32_t axes,
                                int keepdims)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t dims[INFER_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < x->rank; i++) {
        int gone = axes >> i & 1;
        if (!gone || keepdims)
            dims[rank++] = gone ? 1 : x->dims[i];
    }
    return infer__resolve_out(r, 0, type, rank, dims);
}

infer_status infer__resolve_reduce(struct infer__resolve *r)
{
    struct infer__reduce *p = &r->params->reduce;
    const struct infer__value *x = infer__resolve_in(r, 0);
    int extreme = r->node->op == INFER__OP_REDUCE_MAX || r->node->op == INFER__OP_REDUCE_MIN;
    int64_t axes[2 * INFER_MAX_RANK];
    int count = 0;
    int32_t noop = 0;
    TRY(infer__resolve_type(r, 0,
                            INFER__SET_FLOAT | INFER__SET_INDEX | INFER__SET(U32) |
                                INFER__SET(U64) | (extreme ? INFER__SET(U8) | INFER__SET(S8) : 0)));
    TRY(infer__resolve_flag(r, INFER__ATTR_KEEPDIMS, 1, &p->keepdims));
    TRY(infer__resolve_flag(r, INFER__ATTR_NOOP_WITH_EMPTY_AXES, 0, &noop));
    TRY(infer__resolve_ints(r, 1, axes, &count));
    TRY(infer__resolve_axes(r, axes, count, x->rank, &p->axes));
    if (!count && !noop)
        p->axes = (1u << x->rank) - 1;
    return reduced_out(r, (infer_type)x->type, p->axes, p->keepdims);
}

infer_status infer__resolve_arg_reduce(struct infer__resolve *r)
{
    struct infer__axis *p = &r->params->axis;
    const struct infer__value *x = infer__resolve_in(r, 0);
    TRY(infer__resolve_type(r, 0, INFER__SET_NUMBER));
    TRY(infer__resolve_axis_attr(r, 0, x->rank, &p->axis));
    TRY(infer__resolve_flag(r, INFER__ATTR_KEEPDIMS, 1, &p->keepdims));
    TRY(infer__resolve_flag(r, INFER__ATTR_SELECT_LAST_INDEX, 0, &p->select_last));
    RESOLVE_FAIL_IF(!x->dims[p->axis], INFER_ERROR_SHAPE, "axis %d is empty: nothing to choose",
                    p->axis);
    return reduced_out(r, INFER_S64, 1u << p->axis, p->keepdims);
}

/* ---- quantisation --------------------------------------------------------------------------- */

/* The scale is one number, or one per index of the axis; the zero point has its shape. The axis
 * means nothing, and is not looked at, where the scale is one number. */
static infer_status quantize_axis(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *scale = infer__resolve_in(r, 1);
    const struct infer__value *zero = infer__resolve_in(r, 2);
    char text[96];
    int one = scale->rank <= 1 && infer__value_elements(scale) == 1;
    RESOLVE_FAIL_IF(scale->rank > 1, INFER_ERROR_UNSUPPORTED,
                    "the scale is %s: scales of blocks are not implemented",
                    infer__value_text(scale, text, sizeof text));
    RESOLVE_FAIL_IF(
        zero && (zero->rank > 1 || infer__value_elements(zero) != infer__value_elements(scale)),
        INFER_ERROR_SHAPE, "the zero point is %s, it must have the scale's shape",
        infer__value_text(zero, text, sizeof text));
    if (one)
        return INFER_OK;
    TRY(infer__resolve_axis_attr(r, 1, x->rank, &r->params->axis.axis));
    return infer__resolve_vector(r, 1, x->dims[r->params->axis.axis]);
}

infer_status infer__resolve_quantize(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *zero = infer__resolve_in(r, 2);
    TRY(infer__resolve_type(r, 0, INFER__SET(F32)));
    TRY(infer__resolve_type(r, 1, INFER__SET(F32)));
    TRY(infer__resolve_type(r, 2,
                            INFER__SET(U8) | INFER__SET(S8) | INFER__SET(U16) | INFER__SET(S16)));
    TRY(quantize_axis(r));
    return infer__resolve_out(r, 0, zero ? (infer_type)zero->type : INFER_U8, x->rank, x->dims);
}

infer_status infer__resolve_dequantize(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    TRY(infer__resolve_type(r, 0,
                            INFER__SET(U8) | INFER__SET(S8) | INFER__SET(U16) | INFER__SET(S16) |
                                INFER__SET(S32)));
    TRY(infer__resolve_type(r, 1, INFER__SET(F32)));
    TRY(infer__resolve_same_type(r, 0, 2));
    TRY(quantize_axis(r));
    return infer__resolve_out(r, 0, INFER_F32, x->rank, x->dims);
}

/* ---- quantisation at run time --------------------------------------------------------------- */

infer_status infer__resolve_dynamic_range(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t elements = infer__value_elements(x), parts = elements / INFER__RANGE_PART;
    TRY(infer__resolve_type(r, 0, INFER__SET(F32)));
    parts = parts < 1 ? 1 : parts > INFER__RANGE_PARTS ? INFER__RANGE_PARTS : parts;
    return infer__resolve_out(r, 0, INFER_F32, 2, (int64_t[]){parts, 2});
}

infer_status infer__resolve_dynamic_quantize(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *ranges = infer__resolve_in(r, 1);
    for (uint32_t i = 0; i < 2; i++)
        TRY(infer__resolve_type(r, i, INFER__SET(F32)));
    RESOLVE_FAIL_IF(ranges && (ranges->rank != 2 || ranges->dims[1] != 2), INFER_ERROR_SHAPE,
                    "ranges are pairs");
    TRY(infer__resolve_out(r, 0, INFER_U8, x->rank, x->dims));
    TRY(infer__resolve_out(r, 1, INFER_F32, 0, NULL));
    return infer__resolve_out(r, 2, INFER_U8, 0, NULL);
}

infer_status infer__resolve_integer(struct infer__resolve *r, infer_type *type)
{
    for (uint32_t i = 0; i < 2; i++) {
        TRY(infer__resolve_type(r, i, INFER__SET(U8) | INFER__SET(S8)));
        TRY(infer__resolve_same_type(r, i, i + 2));
        TRY(infer__resolve_type(r, i + 4, INFER__SET(F32)));
    }
    int scale = infer__resolve_in(r, 4) != NULL;
    RESOLVE_FAIL_IF(!scale && infer__resolve_in(r, 5), INFER_ERROR_FORMAT,
                    "it has a bias but no scale");
    *type = scale ? INFER_F32 : INFER_S32;
    return INFER_OK;
}

infer_status infer__resolve_channels(struct infer__resolve *r, int64_t rows, int64_t channels)
{
    for (uint32_t i = 2; i < 6; i++) {
        const struct infer__value *v = infer__resolve_in(r, i);
        int64_t n = v ? infer__value_elements(v) : 1;
        int fits = n == (i == 2 ? rows : channels) || (n == 1 && (i < 5 || !v));
        RESOLVE_FAIL_IF(!fits, INFER_ERROR_UNSUPPORTED,
                        "input %u has %lld elements: one or, of output channels, %lld are "
                        "implemented",
                        i, (long long)n, (long long)(i == 2 ? rows : channels));
    }
    return INFER_OK;
}
