/* Operators about positions: which element stands where. Each compares numbers that count along an
 * axis; where shapes are known, these are constants. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

uint32_t onnx_e_counted(struct onnx_expr *e, uint32_t count, int64_t behind)
{
    const int64_t axes[INFER_MAX_RANK] = {1, 2, 3, 4, 5, 6, 7};
    uint32_t zero = onnx_e_scalar(e, INFER_S64, 0), one = onnx_e_scalar(e, INFER_S64, 1);
    uint32_t range = ONNX_E(e, RANGE, zero, count, one);
    if (behind < 1 || behind >= INFER_MAX_RANK)
        return range;
    return ONNX_E(e, UNSQUEEZE, range, onnx_e_list(e, axes, (uint32_t)behind));
}

uint32_t onnx_e_along(struct onnx_expr *e, uint32_t x, int64_t axis)
{
    uint32_t shape = ONNX_E(e, SHAPE, x);
    uint32_t size = ONNX_E(e, GATHER, shape, onnx_e_scalar(e, INFER_S64, (double)axis));
    return onnx_e_counted(e, size, -axis - 1);
}

/* Column minus row of the last two axes. */
static uint32_t diagonals(struct onnx_expr *e, uint32_t x)
{
    return ONNX_E(e, SUB, onnx_e_along(e, x, -1), onnx_e_along(e, x, -2));
}

/* Keeps what is on diagonal k or above it (upper), or on it or below. */
infer_status onnx_convert_trilu(struct onnx_node *n)
{
    int64_t upper;
    TRY(onnx_int(n, "upper", 1, &upper));
    TRY_NODE(n, onnx_takes(n, 1, 2));
    infer_type type = onnx_in_type(n, 0);
    struct onnx_expr e = onnx_expr(n);
    uint32_t d = diagonals(&e, n->in[0]), k = n->nin > 1 ? n->in[1] : 0;
    k = k ? k : onnx_e_scalar(&e, INFER_S64, 0);
    uint32_t keep = upper ? ONNX_E(&e, GREATER_OR_EQUAL, d, k) : ONNX_E(&e, LESS_OR_EQUAL, d, k);
    uint32_t zero = onnx_e_scalar(&e, type ? type : INFER_F32, 0);
    onnx_e_out(&e, 0, ONNX_E(&e, WHERE, keep, n->in[0], zero));
    return e.status;
}

infer_status onnx_convert_eye_like(struct onnx_node *n)
{
    int64_t k, dtype;
    TRY(onnx_int(n, "k", 0, &k));
    TRY(onnx_int(n, "dtype", 0, &dtype));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    infer_type type = dtype ? onnx_type(dtype) : onnx_in_type(n, 0);
    if (type == INFER_TYPE_NONE)
        return onnx_fail(n, "dtype", "",
                         dtype ? "the type is not supported" : "the type is not known");
    struct onnx_expr e = onnx_expr(n);
    uint32_t one =
        ONNX_E(&e, EQUAL, diagonals(&e, n->in[0]), onnx_e_scalar(&e, INFER_S64, (double)k));
    onnx_e_out(&e, 0, onnx_e_cast(&e, one, onnx_widened(type)));
    return e.status;
}

/* values[1] where the index is the place on the new axis, else values[0]. */
infer_status onnx_convert_one_hot(struct onnx_node *n)
{
    int64_t axis, behind;
    TRY(onnx_int(n, "axis", -1, &axis));
    TRY_NODE(n, onnx_takes(n, 3, 3));
    int rank = onnx_rank(n, 0);
    behind = axis < 0 ? -axis - 1 : rank - axis;
    if (axis >= 0 && rank < 0)
        return onnx_fail(n, "axis", "", "the rank of the input is not known");
    if (behind < 0 || behind >= INFER_MAX_RANK)
        return onnx_fail(n, "axis", "", "axis %lld is none of the output", (long long)axis);
    struct onnx_expr e = onnx_expr(n);
    uint32_t zero = onnx_e_scalar(&e, INFER_S64, 0), one = onnx_e_scalar(&e, INFER_S64, 1);
    uint32_t index = onnx_e_cast(&e, n->in[0], INFER_S64);
    uint32_t depth = ONNX_E(&e, SQUEEZE, onnx_e_cast(&e, n->in[1], INFER_S64));
    uint32_t wrapped = ONNX_E(&e, ADD, index, depth);
    index = ONNX_E(&e, WHERE, ONNX_E(&e, LESS, index, zero), wrapped, index);
    index = ONNX_E(&e, UNSQUEEZE, index, ONNX_LIST(&e, -behind - 1));
    uint32_t hit = ONNX_E(&e, EQUAL, index, onnx_e_counted(&e, depth, behind));
    uint32_t off = ONNX_E(&e, GATHER, n->in[2], zero), on = ONNX_E(&e, GATHER, n->in[2], one);
    onnx_e_out(&e, 0, ONNX_E(&e, WHERE, hit, on, off));
    return e.status;
}

/* 1 at the first largest element along an axis, else 0. Before opset 13 all axes from `axis` were
 * one, as with Softmax. */
infer_status onnx_convert_hardmax(struct onnx_node *n)
{
    int64_t axis;
    TRY(onnx_int(n, "axis", n->opset < 13 ? 1 : -1, &axis));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    infer_type type = onnx_in_type(n, 0);
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->in[0];
    if (n->opset < 13) {
        x = ONNX_E(&e, FLATTEN, x);
        onnx_e_int(&e, INFER__ATTR_AXIS, axis);
        axis = -1;
    }
    TRY_NODE(n, onnx_from_back(n, &axis));
    uint32_t place = ONNX_E(&e, ARG_MAX, x);
    onnx_e_int(&e, INFER__ATTR_AXIS, axis);
    uint32_t hit = ONNX_E(&e, EQUAL, place, onnx_e_along(&e, x, axis));
    uint32_t y = onnx_e_cast(&e, hit, type ? type : INFER_F32);
    if (n->opset < 13)
        y = ONNX_E(&e, RESHAPE, y, ONNX_E(&e, SHAPE, n->in[0]));
    onnx_e_out(&e, 0, y);
    return e.status;
}

/* The number of elements. */
infer_status onnx_convert_size(struct onnx_node *n)
{
    TRY_NODE(n, onnx_takes(n, 1, 1));
    struct onnx_expr e = onnx_expr(n);
    uint32_t shape = ONNX_E(&e, SHAPE, n->in[0]);
    onnx_e_out(&e, 0, onnx_e_reduce(&e, INFER__OP_REDUCE_PROD, shape, 0, 0));
    return e.status;
}
