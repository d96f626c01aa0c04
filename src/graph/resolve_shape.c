/* Operators that give elements another shape, repeat them, or speak of shapes. */
#include <string.h>

#include "base/size.h"
#include "graph/resolve.h"

/* Dims from a shape operand, each at least `min`. */
static infer_status shape_operand(struct infer__resolve *r, uint32_t i, int64_t min,
                                  int64_t dims[INFER_MAX_RANK], int *rank)
{
    int64_t v[2 * INFER_MAX_RANK];
    int count = 0;
    *rank = 0;
    TRY(infer__resolve_ints(r, i, v, &count));
    RESOLVE_FAIL_IF(count > INFER_MAX_RANK, INFER_ERROR_UNSUPPORTED,
                    "the shape has %d axes, at most %d are possible", count, INFER_MAX_RANK);
    for (int k = 0; k < count; k++) {
        RESOLVE_FAIL_IF(v[k] < min, INFER_ERROR_SHAPE, "element %d of input %u is %lld", k, i,
                        (long long)v[k]);
        dims[k] = v[k];
    }
    *rank = count;
    return INFER_OK;
}

/* ---- another shape -------------------------------------------------------------------------- */

/* Replaces 0 by the input's dimension (unless allowed as a size) and notes where -1 stands. */
static infer_status reshape_zeros(struct infer__resolve *r, int32_t allowzero, int rank,
                                  int64_t *dims, int *open)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int zero = 0;
    *open = -1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] == -1) {
            RESOLVE_FAIL_IF(*open >= 0, INFER_ERROR_SHAPE, "the shape has -1 twice");
            *open = i;
        } else if (dims[i] == 0 && !allowzero) {
            RESOLVE_FAIL_IF(i >= x->rank, INFER_ERROR_SHAPE,
                            "the shape copies axis %d of an input of rank %d", i, x->rank);
            dims[i] = x->dims[i];
        } else if (dims[i] == 0) {
            zero = 1;
        }
    }
    RESOLVE_FAIL_IF(allowzero && zero && *open >= 0, INFER_ERROR_SHAPE,
                    "the shape has both 0 and -1, which 'allowzero' rules out");
    return INFER_OK;
}

infer_status infer__resolve_reshape(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t dims[INFER_MAX_RANK], known = 0, total = infer__value_elements(x);
    int rank = 0, open = -1;
    int32_t allowzero = 0;
    char text[96];
    TRY(infer__resolve_flag(r, INFER__ATTR_ALLOWZERO, 0, &allowzero));
    TRY(shape_operand(r, 1, -1, dims, &rank));
    TRY(reshape_zeros(r, allowzero, rank, dims, &open));
    if (open >= 0)
        dims[open] = 1;
    RESOLVE_FAIL_IF(!infer__dims_product(dims, rank, &known), INFER_ERROR_LIMIT,
                    "the shape is too large");
    if (open >= 0) {
        RESOLVE_FAIL_IF(!known || total % known, INFER_ERROR_SHAPE,
                        "%s can't be divided by the %lld that the shape has beside its -1",
                        infer__value_text(x, text, sizeof text), (long long)known);
        dims[open] = total / known;
        known = total;
    }
    RESOLVE_FAIL_IF(known != total, INFER_ERROR_SHAPE,
                    "the shape has %lld elements, the input, %s, has %lld", (long long)known,
                    infer__value_text(x, text, sizeof text), (long long)total);
    return infer__resolve_out(r, 0, (infer_type)x->type, rank, dims);
}

infer_status infer__resolve_flatten(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t axis = infer__node_int(r->node, INFER__ATTR_AXIS, 1), dims[2] = {1, 1};
    RESOLVE_FAIL_IF(axis < -x->rank || axis > x->rank, INFER_ERROR_SHAPE,
                    "axis %lld is outside of %d to %d", (long long)axis, -x->rank, x->rank);
    axis = axis < 0 ? axis + x->rank : axis;
    /* Parts of a shape that has been checked: their products fit. */
    infer__dims_product(x->dims, (int)axis, &dims[0]);
    infer__dims_product(x->dims + axis, x->rank - (int)axis, &dims[1]);
    return infer__resolve_out(r, 0, (infer_type)x->type, 2, dims);
}

infer_status infer__resolve_squeeze(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t axes[2 * INFER_MAX_RANK], dims[INFER_MAX_RANK];
    int count = 0, rank = 0;
    uint32_t set = 0;
    TRY(infer__resolve_ints(r, 1, axes, &count));
    TRY(infer__resolve_axes(r, axes, count, x->rank, &set));
    for (int i = 0; i < x->rank; i++) {
        RESOLVE_FAIL_IF((set >> i & 1) && x->dims[i] != 1, INFER_ERROR_SHAPE,
                        "axis %d is %lld: only an axis of 1 can be taken away", i,
                        (long long)x->dims[i]);
        if (!infer__resolve_in(r, 1) && x->dims[i] == 1)
            set |= 1u << i;
        if (!(set >> i & 1))
            dims[rank++] = x->dims[i];
    }
    return infer__resolve_out(r, 0, (infer_type)x->type, rank, dims);
}

infer_status infer__resolve_unsqueeze(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t axes[2 * INFER_MAX_RANK], dims[3 * INFER_MAX_RANK];
    int count = 0, from = 0;
    uint32_t set = 0;
    TRY(infer__resolve_ints(r, 1, axes, &count));
    int rank = x->rank + count; /* the axes are those of the output */
    TRY(infer__resolve_axes(r, axes, count, rank, &set));
    for (int i = 0; i < rank; i++)
        dims[i] = set >> i & 1 ? 1 : x->dims[from++];
    return infer__resolve_out(r, 0, (infer_type)x->type, rank, dims);
}

/* ---- repeating ------------------------------------------------------------------------------ */

infer_status infer__resolve_expand(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    struct infer__value shape = {.type = x->type};
    int64_t dims[INFER_MAX_RANK];
    int rank = 0;
    char a[96], b[96];
    TRY(shape_operand(r, 1, 0, shape.dims, &rank));
    shape.rank = (uint8_t)rank;
    RESOLVE_FAIL_IF(!infer__broadcast(x, &shape, &rank, dims), INFER_ERROR_SHAPE,
                    "%s can't be expanded to %s", infer__value_text(x, a, sizeof a),
                    infer__value_text(&shape, b, sizeof b));
    return infer__resolve_out(r, 0, (infer_type)x->type, rank, dims);
}

infer_status infer__resolve_tile(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t dims[INFER_MAX_RANK];
    int rank = 0;
    TRY(shape_operand(r, 1, 0, dims, &rank));
    RESOLVE_FAIL_IF(rank != x->rank, INFER_ERROR_SHAPE,
                    "%d repeats are given for an input of rank %d", rank, x->rank);
    for (int i = 0; i < rank; i++)
        RESOLVE_FAIL_IF(!infer__dim_mul(dims[i], x->dims[i], &dims[i]), INFER_ERROR_LIMIT,
                        "axis %d of the output would be too large", i);
    return infer__resolve_out(r, 0, (infer_type)x->type, rank, dims);
}

/* ---- shapes as values ----------------------------------------------------------------------- */

static int32_t clamp_axis(int64_t axis, int rank)
{
    int64_t v = axis < 0 ? axis + rank : axis;
    return (int32_t)(v < 0 ? 0 : v > rank ? rank : v);
}

infer_status infer__resolve_shape(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    struct infer__shape_range *p = &r->params->shape;
    p->start = clamp_axis(infer__node_int(r->node, INFER__ATTR_START, 0), x->rank);
    p->end = clamp_axis(infer__node_int(r->node, INFER__ATTR_END, x->rank), x->rank);
    if (p->end < p->start)
        p->end = p->start;
    int64_t dims[1] = {p->end - p->start};
    return infer__resolve_out(r, 0, INFER_S64, 1, dims);
}

infer_status infer__resolve_constant_of_shape(struct infer__resolve *r)
{
    const struct infer__value *value = infer__resolve_in(r, 1);
    int64_t dims[INFER_MAX_RANK];
    int rank = 0;
    TRY(shape_operand(r, 0, 0, dims, &rank));
    TRY(infer__resolve_scalar(r, 1)); /* any type */
    return infer__resolve_out(r, 0, value ? (infer_type)value->type : INFER_F32, rank, dims);
}
