/* Which operators are understood, since which opset, and who converts them.
 *
 * Versions are those of ONNX's changelog of operators; a row covers all opsets from `first` to
 * `last` for which its converter reads the operator rightly.
 */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

#define LATEST ONNX_OPSET_MAX
#define ROW(name, first, last, op, convert)                                                        \
    {                                                                                              \
        "", name, first, last, INFER__OP_##op, onnx_convert_##convert                              \
    }
#define MICROSOFT(name, op, convert)                                                               \
    {                                                                                              \
        "com.microsoft", name, 1, 1, INFER__OP_##op, onnx_convert_##convert                        \
    }
/* Operators that were the same from the beginning. */
#define ALWAYS(name, op) ROW(name, 1, LATEST, op, plain)
/* Two operands: attributes `axis` and `broadcast` until opset 6. */
#define BINARY(name, op) ROW(name, 1, 6, op, binary_old), ROW(name, 7, LATEST, op, plain)

static const struct onnx_op table[] = {
    /* convolution and pooling */
    ALWAYS("Conv", CONV),
    ALWAYS("ConvTranspose", CONV_TRANSPOSE),
    ALWAYS("MaxPool", MAX_POOL),
    ALWAYS("AveragePool", AVERAGE_POOL),
    ALWAYS("GlobalAveragePool", GLOBAL_AVERAGE_POOL),
    ALWAYS("GlobalMaxPool", GLOBAL_MAX_POOL),
    /* matrices */
    ROW("Gemm", 1, LATEST, GEMM, gemm),
    ALWAYS("MatMul", MATMUL),
    ROW("Attention", 23, LATEST, NONE, attention),
    ROW("RotaryEmbedding", 23, LATEST, NONE, rotary_embedding),
    ROW("Einsum", 12, LATEST, NONE, einsum),
    /* normalisation */
    ROW("BatchNormalization", 1, LATEST, BATCH_NORMALIZATION, batch_norm),
    ALWAYS("InstanceNormalization", INSTANCE_NORMALIZATION),
    ROW("LayerNormalization", 17, LATEST, LAYER_NORMALIZATION, layer_norm),
    ROW("GroupNormalization", 18, LATEST, NONE, group_norm),
    ROW("RMSNormalization", 23, LATEST, NONE, rms_norm),
    ROW("SimplifiedLayerNormalization", 1, LATEST, NONE, rms_norm), /* ONNX Runtime's */
    ROW("LpNormalization", 1, LATEST, NONE, lp_norm),
    ROW("MeanVarianceNormalization", 9, LATEST, NONE, mean_variance_norm),
    ALWAYS("LRN", LRN),
    ROW("Softmax", 1, 12, SOFTMAX, softmax_old),
    ROW("Softmax", 13, LATEST, SOFTMAX, plain),
    ROW("LogSoftmax", 1, 12, LOG_SOFTMAX, softmax_old),
    ROW("LogSoftmax", 13, LATEST, LOG_SOFTMAX, plain),
    ROW("Hardmax", 1, LATEST, NONE, hardmax),
    ROW("Dropout", 1, LATEST, IDENTITY, dropout),
    /* one operand */
    ALWAYS("Relu", RELU),
    ALWAYS("LeakyRelu", LEAKY_RELU),
    ROW("Clip", 1, 10, CLIP, clip_old),
    ROW("Clip", 11, LATEST, CLIP, plain),
    ALWAYS("Sigmoid", SIGMOID),
    ALWAYS("HardSigmoid", HARD_SIGMOID),
    ROW("HardSwish", 14, LATEST, HARD_SWISH, plain),
    ALWAYS("Tanh", TANH),
    ALWAYS("Elu", ELU),
    ROW("Selu", 1, LATEST, ELU, selu),
    ALWAYS("Softplus", SOFTPLUS),
    ROW("Softsign", 1, LATEST, ABS, softsign),
    ROW("Mish", 18, LATEST, MISH, plain),
    ROW("Gelu", 20, LATEST, NONE, gelu),
    ROW("Swish", 24, LATEST, NONE, swish),
    ROW("Celu", 12, LATEST, NONE, celu),
    ROW("ThresholdedRelu", 10, LATEST, NONE, thresholded_relu),
    ROW("Shrink", 9, LATEST, NONE, shrink),
    ROW("Sign", 9, LATEST, NONE, sign),
    ROW("IsNaN", 9, LATEST, NONE, is_nan),
    ROW("IsInf", 10, LATEST, NONE, is_inf),
    ROW("Cosh", 9, LATEST, NONE, hyperbolic),
    ROW("Sinh", 9, LATEST, NONE, hyperbolic),
    ROW("Acosh", 9, LATEST, NONE, hyperbolic),
    ROW("Asinh", 9, LATEST, NONE, hyperbolic),
    ROW("Atanh", 9, LATEST, NONE, hyperbolic),
    ROW("Erf", 9, LATEST, ERF, plain),
    ALWAYS("Exp", EXP),
    ALWAYS("Log", LOG),
    ALWAYS("Sqrt", SQRT),
    ALWAYS("Reciprocal", RECIPROCAL),
    ALWAYS("Abs", ABS),
    ALWAYS("Neg", NEG),
    ALWAYS("Floor", FLOOR),
    ALWAYS("Ceil", CEIL),
    ROW("Round", 11, LATEST, ROUND, plain),
    ALWAYS("Not", NOT),
    ALWAYS("Identity", IDENTITY),
    ROW("Cast", 1, LATEST, CAST, cast),
    ROW("CastLike", 15, LATEST, NONE, cast_like),
    ROW("Affine", 1, 9, MUL, affine),
    ROW("ImageScaler", 1, 9, MUL, image_scaler),
    /* two or more operands */
    ROW("PRelu", 1, 6, PRELU, prelu_old),
    ROW("PRelu", 7, LATEST, PRELU, plain),
    BINARY("Add", ADD),
    BINARY("Sub", SUB),
    BINARY("Mul", MUL),
    BINARY("Div", DIV),
    BINARY("Pow", POW),
    BINARY("Equal", EQUAL),
    BINARY("Less", LESS),
    BINARY("Greater", GREATER),
    BINARY("And", AND),
    BINARY("Or", OR),
    ROW("Xor", 7, LATEST, NONE, xor),
    ROW("LessOrEqual", 12, LATEST, LESS_OR_EQUAL, plain),
    ROW("GreaterOrEqual", 12, LATEST, GREATER_OR_EQUAL, plain),
    ALWAYS("Min", MIN),
    ALWAYS("Max", MAX),
    ALWAYS("Sum", SUM),
    ROW("Mean", 1, LATEST, SUM, mean),
    ROW("Where", 9, LATEST, WHERE, plain),
    ROW("Mod", 10, LATEST, MOD, mod),
    /* moving data */
    ROW("Concat", 1, 3, CONCAT, concat_old),
    ROW("Concat", 4, LATEST, CONCAT, plain),
    ROW("Split", 1, LATEST, SPLIT, split),
    ROW("Slice", 1, 9, SLICE, slice_old),
    ROW("Slice", 10, LATEST, SLICE, plain),
    ROW("Crop", 1, 9, SLICE, crop),
    ROW("Pad", 1, 10, PAD, pad_old),
    ROW("Pad", 11, LATEST, PAD, pad),
    ROW("Reshape", 1, 4, RESHAPE, reshape_old),
    ROW("Reshape", 5, LATEST, RESHAPE, plain),
    ALWAYS("Flatten", FLATTEN),
    ROW("Squeeze", 1, 12, SQUEEZE, axes_old),
    ROW("Squeeze", 13, LATEST, SQUEEZE, plain),
    ROW("Unsqueeze", 1, 12, UNSQUEEZE, axes_old),
    ROW("Unsqueeze", 13, LATEST, UNSQUEEZE, plain),
    ALWAYS("Transpose", TRANSPOSE),
    ROW("Upsample", 1, 9, RESIZE, upsample),
    ROW("Resize", 10, 10, RESIZE, resize10),
    ROW("Resize", 11, LATEST, RESIZE, resize),
    ROW("DepthToSpace", 1, LATEST, DEPTH_TO_SPACE, depth_to_space),
    ROW("SpaceToDepth", 1, LATEST, SPACE_TO_DEPTH, space_to_depth),
    ROW("Gather", 1, LATEST, GATHER, gather),
    ROW("Expand", 8, LATEST, EXPAND, plain),
    ROW("Tile", 1, 5, TILE, tile_old),
    ROW("Tile", 6, LATEST, TILE, plain),
    ALWAYS("Shape", SHAPE),
    ROW("Size", 1, LATEST, NONE, size),
    ROW("Trilu", 14, LATEST, NONE, trilu),
    ROW("EyeLike", 9, LATEST, NONE, eye_like),
    ROW("OneHot", 9, LATEST, NONE, one_hot),
    ROW("ConstantOfShape", 9, LATEST, CONSTANT_OF_SHAPE, constant_of_shape),
    ROW("Constant", 1, LATEST, NONE, constant),
    ROW("Range", 11, LATEST, RANGE, range),
    ROW("ScatterND", 11, LATEST, SCATTER_ND, scatter_nd),
    /* reductions: axes became an input with opset 13 (ReduceSum) or 18 (the others) */
    ROW("ReduceMean", 1, 17, REDUCE_MEAN, reduce_old),
    ROW("ReduceMean", 18, LATEST, REDUCE_MEAN, plain),
    ROW("ReduceSum", 1, 12, REDUCE_SUM, reduce_old),
    ROW("ReduceSum", 13, LATEST, REDUCE_SUM, plain),
    ROW("ReduceMax", 1, 17, REDUCE_MAX, reduce_old),
    ROW("ReduceMax", 18, LATEST, REDUCE_MAX, reduce_extreme),
    ROW("ReduceMin", 1, 17, REDUCE_MIN, reduce_old),
    ROW("ReduceMin", 18, LATEST, REDUCE_MIN, reduce_extreme),
    ROW("ReduceProd", 1, 17, REDUCE_PROD, reduce_old),
    ROW("ReduceProd", 18, LATEST, REDUCE_PROD, plain),
    ROW("ReduceL1", 1, LATEST, REDUCE_SUM, reduce_composed),
    ROW("ReduceL2", 1, LATEST, REDUCE_SUM, reduce_composed),
    ROW("ReduceSumSquare", 1, LATEST, REDUCE_SUM, reduce_composed),
    ROW("ReduceLogSum", 1, LATEST, REDUCE_SUM, reduce_composed),
    ROW("ReduceLogSumExp", 1, LATEST, NONE, reduce_log_sum_exp),
    ALWAYS("ArgMax", ARG_MAX),
    ALWAYS("ArgMin", ARG_MIN),
    /* losses */
    ROW("NegativeLogLikelihoodLoss", 12, LATEST, NONE, loss),
    ROW("SoftmaxCrossEntropyLoss", 12, LATEST, NONE, loss),
    /* control flow */
    ROW("If", 1, LATEST, NONE, if),
    /* quantisation */
    ROW("QuantizeLinear", 10, LATEST, QUANTIZE_LINEAR, quantize),
    ROW("DequantizeLinear", 10, LATEST, DEQUANTIZE_LINEAR, dequantize),
    ROW("QLinearConv", 10, LATEST, CONV, qlinear_conv),
    ROW("QLinearMatMul", 10, LATEST, MATMUL, qlinear_matmul),
    MICROSOFT("QLinearAdd", ADD, qlinear_binary),
    MICROSOFT("QLinearMul", MUL, qlinear_binary),
    MICROSOFT("QLinearAveragePool", AVERAGE_POOL, qlinear_unary),
    MICROSOFT("QLinearGlobalAveragePool", GLOBAL_AVERAGE_POOL, qlinear_unary),
    MICROSOFT("QLinearSigmoid", SIGMOID, qlinear_unary),
    MICROSOFT("QLinearLeakyRelu", LEAKY_RELU, qlinear_unary),
    MICROSOFT("QLinearSoftmax", SOFTMAX, qlinear_unary),
    MICROSOFT("QLinearConcat", CONCAT, qlinear_concat),
    MICROSOFT("QLinearWhere", WHERE, qlinear_where),
    MICROSOFT("QLinearConv", CONV, qlinear_conv),
    MICROSOFT("QGemm", GEMM, qgemm),
    MICROSOFT("QuantizeLinear", QUANTIZE_LINEAR, quantize),
    MICROSOFT("DequantizeLinear", DEQUANTIZE_LINEAR, dequantize),
    /* what ONNX Runtime's optimiser makes of several nodes */
    MICROSOFT("FusedConv", NONE, fused_conv),
    MICROSOFT("FusedGemm", NONE, fused_gemm),
    MICROSOFT("FusedMatMul", NONE, fused_matmul),
    MICROSOFT("TransposeMatMul", NONE, fused_matmul),
    MICROSOFT("Gelu", NONE, gelu),
    MICROSOFT("BiasGelu", NONE, bias_gelu),
    MICROSOFT("FastGelu", NONE, bias_gelu),
    MICROSOFT("QuickGelu", NONE, swish),
    MICROSOFT("SimplifiedLayerNormalization", NONE, rms_norm),
    MICROSOFT("SkipLayerNormalization", NONE, skip_norm),
    MICROSOFT("SkipSimplifiedLayerNormalization", NONE, skip_norm),
    MICROSOFT("Attention", NONE, runtime_attention),
    MICROSOFT("MultiHeadAttention", NONE, multi_head_attention),
    MICROSOFT("DynamicQuantizeMatMul", NONE, dynamic_matmul),
    MICROSOFT("MatMulIntegerToFloat", NONE, integer_matmul),
    MICROSOFT("NhwcMaxPool", NONE, nhwc_max_pool),
    ROW("ConvInteger", 10, LATEST, CONV_INTEGER, integer),
    ROW("MatMulInteger", 10, LATEST, MATMUL_INTEGER, integer),
    ROW("DynamicQuantizeLinear", 11, LATEST, DYNAMIC_QUANTIZE_LINEAR, dynamic_quantize),
};

const struct onnx_op *onnx_op_find(const char *domain, const char *name, int64_t opset, int *first,
                                   int *last)
{
    *first = *last = 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct onnx_op *op = &table[i];
        if (strcmp(op->name, name) || strcmp(op->domain, domain))
            continue;
        if (opset >= op->first && opset <= op->last)
            return op;
        if (!*last)
            *first = op->first;
        *last = op->last;
    }
    return NULL;
}
