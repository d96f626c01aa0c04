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
    int64_t type, precision;
    TRY(check_blocks(n));
    TRY(onnx_int(n, "output_dtype", 0, &type));
    TRY(onnx_int(n, "precision", 0, &precision)); /* of the division, opset 23; ours is f32 */
    if (precision && precision != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        TRY(onnx_fail(n, "precision", "leave it out", "division in %s is not supported",
                      onnx_type_text(precision)));
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

/* output_dtype came with opset 23. Half floats go on as f32: what would be rounded to them is not.
 */
infer_status onnx_convert_dequantize(struct onnx_node *n)
{
    int64_t type;
    TRY(check_blocks(n));
    TRY(onnx_int(n, "output_dtype", 0, &type));
    infer_type t = onnx_type(type);
    if (type && t != INFER_F32 && t != INFER_F16 && t != INFER_BF16)
        TRY(onnx_fail(n, "output_dtype", "", "type %s is not supported", onnx_type_text(type)));
    return n->failed ? INFER_OK : onnx_convert_plain(n);
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
