/* QuantizeLinear and DequantizeLinear, and quantisation with a scale that is found at run time. */
#include "tools/onnx/onnx_internal.h"

#include <math.h>
#include <string.h>

/* What a node of either kind says. */
struct quantisation {
    int64_t axis, block, saturate;
    int64_t type; /* of the integers, or small floats: ONNX's number; 0: not known */
};

static infer_status read_node(struct onnx_node *n, struct quantisation *q)
{
    TRY(onnx_int(n, "block_size", 0, &q->block));
    TRY(onnx_int(n, "saturate", 1, &q->saturate));
    TRY(onnx_int(n, "axis", 1, &q->axis));
    TRY_NODE(n, onnx_takes(n, 2, 3));
    if (q->block < 0)
        return onnx_fail(n, "block_size", "", "the size is negative");
    return INFER_OK;
}

static int has_zero(const struct onnx_node *n)
{
    return n->nin > 2 && n->in[2];
}

/* A scale or zero point, input i, so that it meets each element of input 0: of the whole tensor as
 * it is, of an axis with axes of 1 behind, of blocks repeated. */
static uint32_t spread(struct onnx_expr *e, uint32_t i, const struct quantisation *q, int64_t axis)
{
    static const int64_t behind[INFER_MAX_RANK] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct onnx_node *n = e->n;
    const struct infer__value *v = onnx_in(n, i);
    if (v->shaped && v->rank <= 1 && infer__value_elements(v) == 1)
        return v->rank ? ONNX_E(e, SQUEEZE, n->in[i]) : n->in[i];
    if (!q->block)
        return axis == -1
                   ? n->in[i]
                   : ONNX_E(e, UNSQUEEZE, n->in[i], onnx_e_list(e, behind, (uint32_t)(-axis - 1)));
    uint32_t size =
        ONNX_E(e, GATHER, ONNX_E(e, SHAPE, n->in[0]), onnx_e_scalar(e, INFER_S64, (double)axis));
    uint32_t block = onnx_e_scalar(e, INFER_S64, (double)q->block);
    uint32_t y = ONNX_E(e, GATHER, n->in[i], ONNX_E(e, DIV, onnx_e_counted(e, size, 0), block));
    onnx_e_int(e, INFER__ATTR_AXIS, axis);
    return y;
}

/* Whether the scale is one number, and the axis does not count. */
static int one_scale(const struct onnx_node *n)
{
    const struct infer__value *v = onnx_in(n, 1);
    return v->shaped && v->rank <= 1 && infer__value_elements(v) == 1;
}

/* The axis counted from the back, where there is more than one scale. */
static infer_status axis_from_back(struct onnx_node *n, const struct quantisation *q, int64_t *axis)
{
    *axis = q->axis;
    return one_scale(n) ? INFER_OK : onnx_from_back(n, axis);
}

/* x / scale as a small float, or as integers with scales of blocks. */
static infer_status quantize_composed(struct onnx_node *n, const struct quantisation *q)
{
    const int format = onnx_float_format(q->type), bits = onnx_integer_bits(q->type);
    const infer_type type = onnx_type(q->type);
    const double size = bits ? bits : 8 * (double)infer_type_size(type);
    const int is_signed = type == INFER_S8 || type == INFER_S16;
    const double low = is_signed ? -exp2(size - 1) : 0, high = low + exp2(size) - 1;
    int64_t axis;
    TRY_NODE(n, axis_from_back(n, q, &axis));
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = onnx_e_cast(&e, n->in[0], INFER_F32);
    uint32_t y = ONNX_E(&e, DIV, x, spread(&e, 1, q, axis));
    if (format >= 0) {
        y = ONNX_E(&e, ROUND_FLOAT, y);
        onnx_e_int(&e, INFER__ATTR_MODE, format + (q->saturate ? 0 : INFER__FLOAT_OVERFLOWS));
        onnx_e_out(&e, 0, y);
        return e.status;
    }
    y = ONNX_E(&e, ROUND, y);
    if (has_zero(n))
        y = ONNX_E(&e, ADD, y, onnx_e_cast(&e, spread(&e, 2, q, axis), INFER_F32));
    y = ONNX_E(&e, CLIP, y, onnx_e_scalar(&e, INFER_F32, low), onnx_e_scalar(&e, INFER_F32, high));
    onnx_e_out(&e, 0, onnx_e_cast(&e, y, type));
    return e.status;
}

/* The IR's node. The type is the zero point's; where the file has none it gets one, of zeros. What
 * has less than 8 bits is cut to its range behind. */
static infer_status quantize_plain(struct onnx_node *n, const struct quantisation *q)
{
    static const int64_t zeros[1];
    const infer_type type = onnx_type(q->type);
    const int bits = onnx_integer_bits(q->type);
    uint32_t in[3] = {n->in[0], n->in[1], has_zero(n) ? n->in[2] : 0}, out;
    struct infer__node *node;
    if (!in[2] && type != INFER_U8)
        TRY(infer__graph_add_const(n->im->g, "", type, 0, NULL, zeros, 1, &in[2], n->im->err));
    if (bits)
        TRY(onnx_temp(n, "wide", &out));
    else
        TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, n->ir_op, in, 3, &out, 1, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_AXIS, q->axis));
    if (!bits)
        return INFER_OK;
    struct onnx_expr e = onnx_expr(n);
    const double low = type == INFER_S8 ? -(1 << (bits - 1)) : 0;
    onnx_e_out(&e, 0,
               ONNX_E(&e, CLIP, out, onnx_e_scalar(&e, type, low),
                      onnx_e_scalar(&e, type, low + (1 << bits) - 1)));
    return e.status;
}

infer_status onnx_convert_quantize(struct onnx_node *n)
{
    struct quantisation q = {0};
    int64_t type, precision;
    TRY_NODE(n, read_node(n, &q));
    TRY(onnx_int(n, "output_dtype", 0, &type));
    TRY(onnx_int(n, "precision", 0, &precision)); /* of the division, opset 23; ours is f32 */
    if (precision && precision != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        TRY(onnx_warn(n, "precision", "the division is done in f32 instead"));
    q.type = has_zero(n) ? onnx_stated(n, 2) : type;
    if (!q.type && has_zero(n))
        q.type = onnx_number(onnx_in_type(n, 2));
    if (!q.type)
        q.type = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;
    const infer_type t = onnx_type(q.type), x = onnx_in_type(n, 0);
    const int composed = q.block || onnx_float_format(q.type) >= 0 ||
                         (x != INFER_F32 && x != INFER_TYPE_NONE) ||
                         (!has_zero(n) && t != INFER_U8 && !one_scale(n));
    if (t != INFER_U8 && t != INFER_S8 && t != INFER_U16 && t != INFER_S16 &&
        onnx_float_format(q.type) < 0)
        return onnx_fail(n, "output_dtype", "", "type %s is not supported", onnx_type_text(q.type));
    return composed ? quantize_composed(n, &q) : quantize_plain(n, &q);
}

/* (x - zero) * scale, of what the IR's node does not do: small floats, and scales of blocks. */
static infer_status dequantize_composed(struct onnx_node *n, const struct quantisation *q)
{
    int64_t axis;
    TRY_NODE(n, axis_from_back(n, q, &axis));
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = onnx_e_cast(&e, n->in[0], INFER_F32);
    if (has_zero(n) && onnx_in_type(n, 0) != INFER_F32)
        x = ONNX_E(&e, SUB, x, onnx_e_cast(&e, spread(&e, 2, q, axis), INFER_F32));
    onnx_e_out(&e, 0, ONNX_E(&e, MUL, x, spread(&e, 1, q, axis)));
    return e.status;
}

/* output_dtype came with opset 23. Half floats go on as f32: what would be rounded to them is not.
 */
infer_status onnx_convert_dequantize(struct onnx_node *n)
{
    struct quantisation q = {0};
    int64_t type;
    TRY_NODE(n, read_node(n, &q));
    TRY(onnx_int(n, "output_dtype", 0, &type));
    infer_type t = onnx_type(type);
    if (type && t != INFER_F32 && t != INFER_F16 && t != INFER_BF16)
        return onnx_fail(n, "output_dtype", "", "type %s is not supported", onnx_type_text(type));
    if (q.block || onnx_in_type(n, 0) == INFER_F32)
        return dequantize_composed(n, &q);
    uint32_t out;
    struct infer__node *node;
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, n->ir_op, n->in, n->nin, &out, 1, &node));
    return onnx_set_int(n, node, INFER__ATTR_AXIS, q.axis);
}

/* ConvInteger, MatMulInteger: the IR's forms take more operands than ONNX's. */
infer_status onnx_convert_integer(struct onnx_node *n)
{
    if (n->nin < 2 || n->nin > 4 || !n->in[0] || !n->in[1])
        return onnx_fail(n, NULL, "", "the operator takes two to four inputs");
    return onnx_convert_plain(n);
}

infer_status onnx_convert_dynamic_quantize(struct onnx_node *n)
{
    if (n->nin != 1)
        return onnx_fail(n, NULL, "", "the operator takes one input");
    return onnx_convert_plain(n);
}
