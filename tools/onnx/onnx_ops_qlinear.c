/* The QOperator forms: operators with scales and zero points among their operands become
 * dequantise, compute, quantise, as in QDQ models; the plan makes one integer step of the three.
 *
 * Those of domain com.microsoft are as ONNX Runtime documents its contributed operators. */
#include "tools/onnx/onnx_internal.h"

/* Adds QuantizeLinear or DequantizeLinear of `x`; *out is made if it is 0. */
static infer_status emit_q(struct onnx_node *n, uint16_t op, const char *suffix, uint32_t x,
                           uint32_t scale, uint32_t zero, int64_t axis, uint32_t *out)
{
    struct infer__node *node;
    uint32_t in[3] = {x, scale, zero};
    if (!*out)
        TRY(onnx_temp(n, suffix, out));
    TRY(onnx_emit(n, op, in, 3, out, 1, &node));
    return onnx_set_int(n, node, INFER__ATTR_AXIS, axis);
}

static uint32_t input(const struct onnx_node *n, uint32_t i)
{
    return i < n->nin ? n->in[i] : 0;
}

/* Quantises y into output 0; without a zero point it is u8. */
static infer_status quantize_last(struct onnx_node *n, uint32_t y, uint32_t scale, uint32_t zero)
{
    uint32_t out;
    TRY(onnx_out(n, 0, &out));
    return emit_q(n, INFER__OP_QUANTIZE_LINEAR, "", y, scale, zero, 0, &out);
}

/* A bias is s32 with scale x_scale * w_scale[channel] and zero point 0: dequantised with that
 * scale, where all three are constants. */
static infer_status dequantize_bias(struct onnx_node *n, uint32_t b_in, uint32_t xs_in,
                                    uint32_t ws_in, uint32_t *bias)
{
    const struct infer__value *b = onnx_in(n, b_in), *xs = onnx_in(n, xs_in);
    const struct infer__value *ws = onnx_in(n, ws_in);
    *bias = 0;
    if (!b)
        return INFER_OK;
    int64_t count = infer__value_elements(b), scales = infer__value_elements(ws);
    if (b->kind != INFER__VALUE_CONST || xs->kind != INFER__VALUE_CONST ||
        ws->kind != INFER__VALUE_CONST || b->type != INFER_S32 || xs->type != INFER_F32 ||
        ws->type != INFER_F32 || infer__value_elements(xs) != 1 || b->rank != 1 ||
        (scales != 1 && scales != count))
        return onnx_fail(n, NULL, "", "bias (s32) and scales (f32) must be constants that fit");
    float *f = infer__region_calloc(&n->im->scratch, (size_t)count, sizeof *f);
    if (!f)
        return infer__no_memory(n->im->err, (size_t)count * sizeof *f);
    for (int64_t i = 0; i < count; i++)
        f[i] = *(const float *)xs->data * ((const float *)ws->data)[scales == 1 ? 0 : i];
    uint32_t scale;
    TRY(onnx_const_floats(n, "bias_scale", f, 1, &count, &scale));
    return emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "bias", n->in[b_in], scale, 0, 0, bias);
}

infer_status onnx_convert_qlinear_conv(struct onnx_node *n)
{
    uint32_t in[3] = {0, 0, 0}, y = 0, out;
    struct infer__node *node;
    int64_t last = 0;
    if (n->domain[0]) /* com.microsoft's differs in this alone */
        TRY(onnx_int(n, "channels_last", 0, &last));
    TRY_NODE(n, onnx_takes(n, 8, 9));
    TRY_NODE(n, dequantize_bias(n, 8, 1, 4, &in[2]));
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "x", n->in[0], n->in[1], n->in[2], last ? -1 : 1,
               &in[0]));
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "w", n->in[3], n->in[4], n->in[5], 0, &in[1]));
    int rank = onnx_rank(n, 3);
    if (last && rank < 3)
        return onnx_fail(n, "channels_last", "", "the rank of the weights is not known");
    struct onnx_expr e = onnx_expr(n);
    if (last)
        in[0] = onnx_e_channels(&e, in[0], rank, 1);
    TRY(e.status);
    TRY(onnx_temp(n, "y", &y));
    TRY(onnx_emit(n, INFER__OP_CONV, in, 3, &y, 1, &node));
    TRY(onnx_copy_attrs(n, node));
    if (last)
        y = onnx_e_channels(&e, y, rank, 0);
    TRY(e.status);
    TRY(onnx_out(n, 0, &out));
    return emit_q(n, INFER__OP_QUANTIZE_LINEAR, "", y, n->in[6], n->in[7], last ? -1 : 1, &out);
}

/* Scales of A may be per row and those of B per column: their axes are the last but one and the
 * last. */
infer_status onnx_convert_qlinear_matmul(struct onnx_node *n)
{
    uint32_t in[2] = {0, 0}, y, out;
    if (n->nin != 8)
        return onnx_fail(n, NULL, "", "the operator takes eight inputs");
    for (uint32_t i = 0; i < 8; i++)
        if (!n->in[i])
            return onnx_fail(n, NULL, "", "input %u is missing", i);
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "a", n->in[0], n->in[1], n->in[2], -2, &in[0]));
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "b", n->in[3], n->in[4], n->in[5], -1, &in[1]));
    TRY(onnx_emit_temp(n, INFER__OP_MATMUL, "y", in, 2, &y));
    TRY(onnx_out(n, 0, &out));
    return emit_q(n, INFER__OP_QUANTIZE_LINEAR, "", y, n->in[6], n->in[7], -1, &out);
}

/* com.microsoft: A, its scale and zero point, B, scale and zero point, scale and zero point of C;
 * per tensor. Zero points may be absent. */
infer_status onnx_convert_qlinear_binary(struct onnx_node *n)
{
    uint32_t in[2] = {0, 0}, y, out, c_zero = n->nin > 7 ? n->in[7] : 0;
    if (n->nin < 7 || n->nin > 8 || !n->in[0] || !n->in[1] || !n->in[3] || !n->in[4] || !n->in[6])
        return onnx_fail(n, NULL, "", "the operator takes seven or eight inputs");
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "a", n->in[0], n->in[1], n->in[2], 0, &in[0]));
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "b", n->in[3], n->in[4], n->in[5], 0, &in[1]));
    TRY(onnx_emit_temp(n, n->ir_op, "y", in, 2, &y));
    TRY(onnx_out(n, 0, &out));
    return emit_q(n, INFER__OP_QUANTIZE_LINEAR, "", y, n->in[6], c_zero, 0, &out);
}

/* com.microsoft: X, its scale and zero point, scale and zero point of Y; zero points may be absent.
 * The attributes are those of the operator without QLinear. */
infer_status onnx_convert_qlinear_unary(struct onnx_node *n)
{
    int64_t last, opset;
    uint32_t x = 0;
    if (n->nin < 4 || n->nin > 5 || !n->in[0] || !n->in[1] || !n->in[3])
        return onnx_fail(n, NULL, "", "the operator takes four or five inputs");
    TRY(onnx_int(n, "channels_last", 0, &last));
    TRY(onnx_int(n, "opset", 13, &opset)); /* of Softmax */
    int rank = onnx_rank(n, 0);
    if (last && rank < 3)
        return onnx_fail(n, "channels_last", "", "the rank of the input is not known");
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "x", n->in[0], n->in[1], n->in[2], 0, &x));
    struct onnx_expr e = onnx_expr(n);
    x = last ? onnx_e_channels(&e, x, rank, 1) : x;
    uint32_t y = onnx_e(&e, n->ir_op, &x, 1);
    if (opset < 13 && n->ir_op == INFER__OP_SOFTMAX)
        onnx_e_int(&e, INFER__ATTR_COERCE_2D, 1);
    TRY(e.status);
    TRY(onnx_copy_attrs(n, e.last));
    y = last ? onnx_e_channels(&e, y, rank, 0) : y;
    TRY(e.status);
    return quantize_last(n, y, n->in[3], input(n, 4));
}

/* com.microsoft: condition, then X, Y and the result, with scale and zero point each. */
infer_status onnx_convert_qlinear_where(struct onnx_node *n)
{
    uint32_t x = 0, y = 0;
    TRY_NODE(n, onnx_takes(n, 9, 9));
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "x", n->in[1], n->in[2], n->in[3], 0, &x));
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "y", n->in[4], n->in[5], n->in[6], 0, &y));
    struct onnx_expr e = onnx_expr(n);
    uint32_t z = ONNX_E(&e, WHERE, n->in[0], x, y);
    TRY(e.status);
    return quantize_last(n, z, n->in[7], n->in[8]);
}

/* com.microsoft: scale and zero point of Y, then each part with its scale and zero point. */
infer_status onnx_convert_qlinear_concat(struct onnx_node *n)
{
    uint32_t parts, y;
    struct infer__node *node;
    if (n->nin < 5 || (n->nin - 2) % 3 || !n->in[0])
        return onnx_fail(n, NULL, "", "the operator takes two inputs, and three for each part");
    parts = (n->nin - 2) / 3;
    uint32_t *in = infer__region_calloc(&n->im->scratch, parts, sizeof *in);
    if (!in)
        return infer__no_memory(n->im->err, parts * sizeof *in);
    for (uint32_t i = 0; i < parts; i++) {
        const uint32_t *part = n->in + 2 + 3 * (size_t)i;
        if (!part[0] || !part[1])
            return onnx_fail(n, NULL, "", "part %u has no tensor or no scale", i);
        TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "x", part[0], part[1], part[2], 0, &in[i]));
    }
    TRY(onnx_temp(n, "y", &y));
    TRY(onnx_emit(n, n->ir_op, in, parts, &y, 1, &node));
    TRY(onnx_copy_attrs(n, node));
    return quantize_last(n, y, n->in[0], n->in[1]);
}

/* com.microsoft: A, B, each with scale and zero point, C (s32), scale and zero point of Y; without
 * a scale Y is f32. B has scales per column. */
infer_status onnx_convert_qgemm(struct onnx_node *n)
{
    uint32_t in[3] = {0, 0, 0}, y, scale = input(n, 7);
    int64_t trans_b;
    struct infer__node *node;
    if (n->nin < 6 || n->nin > 9)
        return onnx_fail(n, NULL, "", "the operator takes six to nine inputs");
    for (uint32_t i = 0; i < 6; i++)
        if (i != 2 && i != 5 && !n->in[i])
            return onnx_fail(n, NULL, "", "input %u is missing", i);
    TRY(onnx_int(n, "transB", 0, &trans_b));
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "a", n->in[0], n->in[1], n->in[2], 1, &in[0]));
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "b", n->in[3], n->in[4], n->in[5], !trans_b,
               &in[1]));
    TRY(dequantize_bias(n, 6, 1, 4, &in[2]));
    if (n->failed)
        return INFER_OK;
    TRY(scale ? onnx_temp(n, "y", &y) : onnx_out(n, 0, &y));
    TRY(onnx_emit(n, INFER__OP_GEMM, in, 3, &y, 1, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_TRANS_B, trans_b));
    TRY(onnx_copy_attrs(n, node));
    return scale ? quantize_last(n, y, scale, input(n, 8)) : INFER_OK;
}
