/* QuantizeLinear and DequantizeLinear, and quantisation with a scale that is found at run time. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

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

/* Appends y = op(operands), a value between nodes. */
static infer_status chain(struct onnx_node *n, uint16_t op, uint32_t a, uint32_t b, uint32_t *y)
{
    uint32_t in[2] = {a, b};
    return onnx_emit_temp(n, op, "", in, b ? 2 : 1, y);
}

/* ONNX's definition: scale = (max(x, 0) - min(x, 0)) / 255, zero = rint(-min / scale) within 0 to
 * 255. A tensor of zeros gets scale 1, as no definition divides by 0. */
infer_status onnx_convert_dynamic_quantize(struct onnx_node *n)
{
    const float zero = 0, full = 255, one = 1;
    uint32_t c0, c255, c1, low, high, range, is0, scale, point, zp, out[3];
    struct infer__node *node;
    if (n->nin != 1)
        return onnx_fail(n, NULL, "", "the operator takes one input");
    TRY(onnx_const_floats(n, "zero", &zero, 0, NULL, &c0));
    TRY(onnx_const_floats(n, "full", &full, 0, NULL, &c255));
    TRY(onnx_const_floats(n, "one", &one, 0, NULL, &c1));
    TRY(onnx_temp(n, "low", &low));
    TRY(onnx_emit(n, INFER__OP_REDUCE_MIN, n->in, 1, &low, 1, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_KEEPDIMS, 0));
    TRY(onnx_temp(n, "high", &high));
    TRY(onnx_emit(n, INFER__OP_REDUCE_MAX, n->in, 1, &high, 1, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_KEEPDIMS, 0));
    TRY(chain(n, INFER__OP_MIN, low, c0, &low));
    TRY(chain(n, INFER__OP_MAX, high, c0, &high));
    TRY(chain(n, INFER__OP_SUB, high, low, &range));
    TRY(chain(n, INFER__OP_EQUAL, range, c0, &is0));
    TRY(chain(n, INFER__OP_DIV, range, c255, &scale));
    uint32_t choose[3] = {is0, c1, scale};
    TRY(onnx_out(n, 1, &out[1]));
    if (!out[1])
        TRY(onnx_temp(n, "scale", &out[1]));
    TRY(onnx_emit(n, INFER__OP_WHERE, choose, 3, &out[1], 1, &node));
    TRY(chain(n, INFER__OP_NEG, low, 0, &point));
    TRY(chain(n, INFER__OP_DIV, point, out[1], &point));
    uint32_t bounds[3] = {point, c0, c255};
    TRY(onnx_emit_temp(n, INFER__OP_CLIP, "", bounds, 3, &point));
    TRY(chain(n, INFER__OP_ROUND, point, 0, &zp));
    TRY(onnx_out(n, 2, &out[2]));
    if (!out[2])
        TRY(onnx_temp(n, "zero_point", &out[2]));
    TRY(onnx_emit(n, INFER__OP_CAST, &zp, 1, &out[2], 1, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_TO, INFER_U8));
    uint32_t in[3] = {n->in[0], out[1], out[2]};
    return onnx_emit_last(n, INFER__OP_QUANTIZE_LINEAR, in, 3);
}
