/* Quantisation: the QOperator forms become dequantise, compute, quantise, like those of QDQ. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

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

static infer_status check_blocks(struct onnx_node *n)
{
    static const char *const saturate[] = {"saturate", NULL}; /* of 8-bit floats only */
    int64_t block;
    onnx_ignore(n, saturate);
    TRY(onnx_int(n, "block_size", 0, &block));
    if (block)
        TRY(onnx_fail(n, "block_size", "quantise per tensor or per channel",
                      "scales per block are not supported"));
    if (n->nin < 2 || n->nin > 3)
        TRY(onnx_fail(n, NULL, "", "the operator takes two or three inputs"));
    return INFER_OK;
}

infer_status onnx_convert_quantize(struct onnx_node *n)
{
    int64_t type;
    TRY(check_blocks(n));
    TRY(onnx_int(n, "output_dtype", 0, &type));
    const struct infer__value *scale = onnx_in(n, 1);
    if (n->failed || !type || n->nin > 2)
        return n->failed ? INFER_OK : onnx_convert_plain(n);
    /* The type is the zero point's; give it one, of zeros. */
    static const int64_t zeros[1];
    infer_type t = onnx_type(type);
    if ((t != INFER_U8 && t != INFER_S8 && t != INFER_U16 && t != INFER_S16) || !scale->shaped ||
        scale->rank != 0)
        return onnx_fail(n, "output_dtype", "give the zero point as an input",
                         "type %s without a zero point is not supported", onnx_type_text(type));
    uint32_t in[3] = {n->in[0], n->in[1], 0}, out;
    struct infer__node *node;
    TRY(infer__graph_add_const(n->im->g, "", t, 0, NULL, zeros, 1, &in[2], n->im->err));
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, n->ir_op, in, 3, &out, 1, &node));
    return onnx_copy_attrs(n, node);
}

infer_status onnx_convert_dequantize(struct onnx_node *n)
{
    TRY(check_blocks(n));
    return n->failed ? INFER_OK : onnx_convert_plain(n);
}

/* The bias of QLinearConv is s32 with scale x_scale * w_scale[channel] and zero point 0. It
 * becomes f32 here, where all three are constants. */
static infer_status float_bias(struct onnx_node *n, uint32_t *bias)
{
    const struct infer__value *b = onnx_in(n, 8), *xs = onnx_in(n, 1), *ws = onnx_in(n, 4);
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
    const float *w = ws->data;
    for (int64_t i = 0; i < count; i++)
        f[i] = (float)((double)((const int32_t *)b->data)[i] * (double)*(const float *)xs->data *
                       (double)w[scales == 1 ? 0 : i]);
    return onnx_const_floats(n, "bias", f, 1, &count, bias);
}

infer_status onnx_convert_qlinear_conv(struct onnx_node *n)
{
    uint32_t in[3] = {0, 0, 0}, y = 0, out;
    struct infer__node *node;
    if (n->nin < 8 || n->nin > 9)
        return onnx_fail(n, NULL, "", "the operator takes eight or nine inputs");
    for (uint32_t i = 0; i < 8; i++)
        if (!n->in[i])
            return onnx_fail(n, NULL, "", "input %u is missing", i);
    TRY(float_bias(n, &in[2]));
    if (n->failed)
        return INFER_OK;
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "x", n->in[0], n->in[1], n->in[2], 1, &in[0]));
    TRY(emit_q(n, INFER__OP_DEQUANTIZE_LINEAR, "w", n->in[3], n->in[4], n->in[5], 0, &in[1]));
    TRY(onnx_temp(n, "y", &y));
    TRY(onnx_emit(n, INFER__OP_CONV, in, 3, &y, 1, &node));
    TRY(onnx_copy_attrs(n, node));
    TRY(onnx_out(n, 0, &out));
    return emit_q(n, INFER__OP_QUANTIZE_LINEAR, "", y, n->in[6], n->in[7], 1, &out);
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
