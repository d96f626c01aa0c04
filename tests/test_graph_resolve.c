/* Shapes and types of every operator, derived by hand from the ONNX operator specifications, and
 * what each refuses. The rows of one operator stand together; see test_graph.h for the notation. */
#include "test_graph.h"

#define CHECK(rows) resolve_rows(rows, sizeof(rows) / sizeof *(rows))

static void test_conv(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Conv", "1x3x224x224 f32; 64x3x7x7 f32; 64 f32", "strides=2,2 pads=3,3,3,3",
         "1x64x112x112 f32"},
        {"Conv", "2x4x5x6 f32; 8x4x3x3 f32", "", "2x8x3x4 f32"},
        {"Conv", "2x4x9x9 f32; 8x4x3x3 f32", "dilations=2,3", "2x8x5x3 f32"},
        {"Conv", "2x4x9x9 f32; 8x2x3x3 f32", "group=2 kernel_shape=3,3", "2x8x7x7 f32"},
        {"Conv", "1x32x7x7 f32; 32x1x3x3 f32", "group=32 pads=1,1,1,1", "1x32x7x7 f32"},
        {"Conv", "1x3x10 f32; 2x3x4 f32", "strides=3 pads=1,2", "1x2x4 f32"},
        {"Conv", "1x1x4x5x6 f32; 2x1x2x2 f32", "", "!SHAPE"},
        {"Conv", "1x1x4x5x6 f32; 2x1x2x3x2 f32", "strides=1,2,3", "1x2x3x2x2 f32"},
        {"Conv", "1x3x7x8 f32; 4x3x3x3 f32", "auto_pad=1 strides=2,2", "1x4x4x4 f32"},
        {"Conv", "1x3x7x8 f32; 4x3x3x3 f32", "auto_pad=2 strides=2,3", "1x4x4x3 f32"},
        {"Conv", "1x3x7x8 f32; 4x3x3x3 f32", "auto_pad=3 strides=2,2", "1x4x3x3 f32"},
        {"Conv", "0x3x7x8 f32; 4x3x3x3 f32", "", "0x4x5x6 f32"},
        {"Conv", "1x3x0x8 f32; 4x3x3x3 f32", "", "1x4x0x6 f32"},
        {"Conv", "1x3x0x8 f32; 4x3x3x3 f32", "auto_pad=1", "1x4x0x8 f32"},
        {"Conv", "1x3x3x3 f32; 4x3x3x3 f32", "", "1x4x1x1 f32"},
        {"Conv", "1x3x2x3 f32; 4x3x3x3 f32", "", "!SHAPE"},
        {"Conv", "1x3x8x8 f32; 4x2x3x3 f32", "", "!SHAPE"},
        {"Conv", "1x4x8x8 f32; 3x2x3x3 f32", "group=2", "!SHAPE"},
        {"Conv", "1x4x8x8 f32; 3x2x3x3 f32", "group=0", "!FORMAT"},
        {"Conv", "1x4x8x8 f32; 4x2x3x3 f32", "group=-2", "!FORMAT"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32; 3 f32", "", "!SHAPE"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32; 4x1 f32", "", "!SHAPE"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32", "kernel_shape=3,2", "!SHAPE"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32", "kernel_shape=3", "!SHAPE"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32", "strides=0,1", "!FORMAT"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32", "strides=1", "!SHAPE"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32", "strides=-1,1", "!FORMAT"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32", "dilations=1,0", "!FORMAT"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32", "pads=1,1", "!SHAPE"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32", "pads=-1,0,0,0", "!FORMAT"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32", "auto_pad=4", "!FORMAT"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32", "auto_pad=1 pads=1,1,1,1", "!FORMAT"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32", "pads=0,0,2147483647,2147483647", "!LIMIT"},
        {"Conv", "1x4x8x8 f32; 4x4x0x3 f32", "", "!SHAPE"},
        {"Conv", "1x0x8x8 f32; 4x0x3x3 f32", "", "!SHAPE"},
        {"Conv", "1x4x8x8 f16; 4x4x3x3 f16", "", "!UNSUPPORTED"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f32; 4 f64", "", "!UNSUPPORTED"},
        {"Conv", "1x4x8x8 f32; 4x4x3x3 f64", "", "!UNSUPPORTED"},
        {"Conv", "4x8 f32; 4x4 f32", "", "!SHAPE"},
        {"Conv", "1x4x4x4x4x4 f32; 4x4x1x1x1x1 f32", "", "!SHAPE"},
    };
    CHECK(rows);
}

static void test_conv_transpose(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"ConvTranspose", "1x1x3x3 f32; 1x2x3x3 f32", "", "1x2x5x5 f32"},
        {"ConvTranspose", "1x4x3x3 f32; 4x2x3x3 f32; 6 f32", "group=2", "!SHAPE"},
        {"ConvTranspose", "1x4x3x3 f32; 4x3x3x3 f32; 6 f32", "group=2", "1x6x5x5 f32"},
        {"ConvTranspose", "1x1x3x3 f32; 1x2x3x3 f32", "strides=3,2", "1x2x9x7 f32"},
        {"ConvTranspose", "1x1x3x3 f32; 1x2x3x3 f32", "strides=3,2 pads=1,2,1,2", "1x2x7x3 f32"},
        {"ConvTranspose", "1x1x3x3 f32; 1x2x3x3 f32", "strides=3,2 output_padding=1,1",
         "1x2x10x8 f32"},
        {"ConvTranspose", "1x1x3x3 f32; 1x2x3x3 f32", "strides=3,2 output_shape=10,8",
         "1x2x10x8 f32"},
        {"ConvTranspose", "1x1x3x3 f32; 1x2x2x2 f32", "dilations=2,2", "1x2x5x5 f32"},
        {"ConvTranspose", "1x1x3x3 f32; 1x2x3x3 f32", "auto_pad=1 strides=2,2", "1x2x6x6 f32"},
        {"ConvTranspose", "1x1x3 f32; 1x2x3 f32", "", "1x2x5 f32"},
        {"ConvTranspose", "1x1x3x4x5 f32; 1x2x3x3x3 f32", "", "1x2x5x6x7 f32"},
        {"ConvTranspose", "1x1x0x3 f32; 1x2x3x3 f32", "", "1x2x0x5 f32"},
        {"ConvTranspose", "1x1x3x3 f32; 1x2x3x3 f32", "pads=3,3,2,2", "!SHAPE"},
        {"ConvTranspose", "1x1x3x3 f32; 2x1x3x3 f32", "", "!SHAPE"},
        {"ConvTranspose", "1x3x3x3 f32; 3x1x3x3 f32", "group=2", "!SHAPE"},
        {"ConvTranspose", "1x1x3x3 f32; 1x2x3x3 f32", "output_padding=1,1", "!FORMAT"},
        {"ConvTranspose", "1x1x3x3 f32; 1x2x3x3 f32", "output_padding=-1,0", "!FORMAT"},
        {"ConvTranspose", "1x1x3x3 f32; 1x2x3x3 f32", "output_shape=0,5", "!FORMAT"},
        {"ConvTranspose", "1x1x3x3 f32; 1x2x3x3 f32", "output_shape=1,1,5,5", "!SHAPE"},
        {"ConvTranspose", "1x1x3x3 f32; 1x2x3x3 f32; 2 f64", "", "!UNSUPPORTED"},
        {"ConvTranspose", "0x1x4611686018427387904 f32; 1x1x1 f32", "strides=2147483647", "!LIMIT"},
        {"ConvTranspose", "0x1x4611686018427387904 f32; 1x1x1 f32", "strides=2147483647 auto_pad=1",
         "!LIMIT"},
        {"ConvTranspose", "1x2x3x3 f32; 2x2147483647x1x1 f32", "group=2", "!LIMIT"},
        {"ConvTranspose", "1x1x1x3 f32; 1x1x1x3 f32", "strides=1,2147483647", "!LIMIT"},
    };
    CHECK(rows);
}

static void test_pool(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"MaxPool", "1x64x112x112 f32", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
         "1x64x56x56 f32"},
        {"MaxPool", "1x3x32x32 f32", "kernel_shape=2,2", "1x3x31x31 f32; 1x3x31x31 s64"},
        {"MaxPool", "1x1x4x4 f32", "kernel_shape=3,3 strides=2,2 ceil_mode=1", "1x1x2x2 f32"},
        /* the third window would start in the padding behind: ignored */
        {"MaxPool", "1x1x2x2 f32", "kernel_shape=1,1 strides=2,2 ceil_mode=1", "1x1x1x1 f32"},
        {"MaxPool", "1x1x4 f32", "kernel_shape=2 strides=3 pads=1,1 ceil_mode=1", "1x1x2 f32"},
        {"MaxPool", "1x1x5 f32", "kernel_shape=2 strides=3 pads=1,1 ceil_mode=1", "1x1x2 f32"},
        {"MaxPool", "1x1x6 f32", "kernel_shape=2 strides=3 pads=1,1 ceil_mode=1", "1x1x3 f32"},
        {"MaxPool", "1x1x7x8 u8", "kernel_shape=3,3 strides=2,2 auto_pad=1", "1x1x4x4 u8"},
        {"MaxPool", "1x1x7x8 s8", "kernel_shape=3,3 strides=2,2 auto_pad=3 ceil_mode=1",
         "1x1x3x3 s8"},
        {"MaxPool", "1x1x4x4 f32", "kernel_shape=2,2 dilations=2,2 storage_order=1",
         "1x1x2x2 f32; 1x1x2x2 s64"},
        {"MaxPool", "0x1x4x4 f32", "kernel_shape=2,2", "0x1x3x3 f32"},
        {"MaxPool", "1x1x4x4x4 f32", "kernel_shape=2,2,2 strides=2,2,2", "1x1x2x2x2 f32"},
        {"MaxPool", "1x1x0x4 f32", "kernel_shape=2,2", "!SHAPE"},
        {"MaxPool", "1x1x4x4 f32", "", "!FORMAT"},
        {"MaxPool", "1x1x4x4 f32", "kernel_shape=0,1", "!FORMAT"},
        {"MaxPool", "1x1x4x4 f32", "kernel_shape=2", "!SHAPE"},
        {"MaxPool", "1x1x4x4 f32", "kernel_shape=2,2 pads=2,0,0,0", "!SHAPE"},
        {"MaxPool", "1x1x4x4 f32", "kernel_shape=5,5", "!SHAPE"},
        {"MaxPool", "1x1x4x4 f32", "kernel_shape=2,2 ceil_mode=2", "!FORMAT"},
        {"MaxPool", "1x1x4x4 f32", "kernel_shape=2,2 storage_order=-1", "!FORMAT"},
        {"MaxPool", "1x1x4x4 s32", "kernel_shape=2,2", "!UNSUPPORTED"},
        {"MaxPool", "4x4 f32", "kernel_shape=2,2", "!SHAPE"},
        {"MaxPool", "-", "kernel_shape=2,2", "!FORMAT"},
        {"AveragePool", "1x3x32x32 f32", "kernel_shape=3,3 strides=3,3 count_include_pad=1",
         "1x3x10x10 f32"},
        {"AveragePool", "1x1x4x4 f32", "kernel_shape=3,3 strides=2,2 ceil_mode=1", "1x1x2x2 f32"},
        {"AveragePool", "1x1x4x4 f32", "kernel_shape=2,2 dilations=2,2", "1x1x2x2 f32"},
        {"AveragePool", "1x1x4x4 u8", "kernel_shape=3,3", "!UNSUPPORTED"},
        {"AveragePool", "1x1x4x4 f32", "kernel_shape=3,3 count_include_pad=7", "!FORMAT"},
        {"GlobalAveragePool", "2x5x7x9 f32", "", "2x5x1x1 f32"},
        {"GlobalAveragePool", "2x5x7 f32", "", "2x5x1 f32"},
        {"GlobalMaxPool", "2x5x7x9x3 f32", "", "2x5x1x1x1 f32"},
        {"GlobalMaxPool", "2x5x0x9 f32", "", "!SHAPE"},
        {"GlobalMaxPool", "2x5 f32", "", "!SHAPE"},
        {"GlobalMaxPool", "2x5x7x9 s8", "", "!UNSUPPORTED"},
    };
    CHECK(rows);
}

static void test_matrices(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Gemm", "2x3 f32; 3x4 f32", "", "2x4 f32"},
        {"Gemm", "3x2 f32; 4x3 f32; 4 f32", "transA=1 transB=1 alpha=0.5 beta=0.25", "2x4 f32"},
        {"Gemm", "2x3 f32; 3x4 f32; scalar f32", "", "2x4 f32"},
        {"Gemm", "2x3 f32; 3x4 f32; 2x1 f32", "", "2x4 f32"},
        {"Gemm", "2x0 f32; 0x4 f32", "", "2x4 f32"},
        {"Gemm", "0x3 f32; 3x4 f32; 4 f32", "", "0x4 f32"},
        {"Gemm", "2x3 f32; 4x3 f32", "", "!SHAPE"},
        {"Gemm", "2x3 f32; 3x4 f32; 3 f32", "", "!SHAPE"},
        {"Gemm", "2x3 f32; 3x4 f32; 1x2x4 f32", "", "!SHAPE"},
        {"Gemm", "1x2x3 f32; 3x4 f32", "", "!SHAPE"},
        {"Gemm", "2x3x1 f32; 3x4 f32", "", "!SHAPE"},
        {"Gemm", "2x3 f32; 3x4x1 f32", "", "!SHAPE"},
        {"Gemm", "2x3 f32; 3x4 f32", "transA=2", "!FORMAT"},
        {"Gemm", "2x3 f32; 3x4 f32", "alpha=nan", "!FORMAT"},
        {"Gemm", "2x3 f64; 3x4 f64", "", "2x4 f64"},
        {"Gemm", "2x3 u8; 3x4 u8", "", "!UNSUPPORTED"},
        {"Gemm", "2x3 f64; 3x4 f32", "", "!SHAPE"},
        {"MatMul", "2x3 f32; 3x4 f32", "", "2x4 f32"},
        {"MatMul", "3 f32; 3 f32", "", "scalar f32"},
        {"MatMul", "3 f32; 5x3x4 f32", "", "5x4 f32"},
        {"MatMul", "5x2x3 f32; 3 f32", "", "5x2 f32"},
        {"MatMul", "7x1x2x3 f32; 5x3x4 f32", "", "7x5x2x4 f32"},
        {"MatMul", "2x0 f32; 0x4 f32", "", "2x4 f32"},
        {"MatMul", "0x2x3 f32; 1x3x4 f32", "", "0x2x4 f32"},
        {"MatMul", "1x1x1x1x1x1x2x3 f32; 3x4 f32", "", "1x1x1x1x1x1x2x4 f32"},
        {"MatMul", "2x3 f32; 2x4 f32", "", "!SHAPE"},
        {"MatMul", "3x2x3 f32; 2x3x4 f32", "", "!SHAPE"},
        {"MatMul", "scalar f32; 2x4 f32", "", "!SHAPE"},
        {"MatMul", "2x3 s32; 3x4 s32", "", "2x4 s32"},
        {"MatMul", "2x3 bool; 3x4 bool", "", "!UNSUPPORTED"},
    };
    CHECK(rows);
}

static void test_norms(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"BatchNormalization", "2x3x4x5 f32; 3 f32; 3 f32; 3 f32; 3 f32", "", "2x3x4x5 f32"},
        {"BatchNormalization", "2x3 f32; 3 f32; 3 f32; 3 f32; 3 f32", "epsilon=0.1", "2x3 f32"},
        {"BatchNormalization", "2x3x4 f32; 3 f32; 3 f32; 3 f32; 4 f32", "", "!SHAPE"},
        {"BatchNormalization", "2x3x4 f32; 3x1 f32; 3 f32; 3 f32; 3 f32", "", "!SHAPE"},
        {"BatchNormalization", "2 f32; 1 f32; 1 f32; 1 f32; 1 f32", "", "!SHAPE"},
        {"BatchNormalization", "2x3 f32; 3 f32; 3 f32; 3 f32; 3 f32", "epsilon=inf", "!FORMAT"},
        {"BatchNormalization", "2x3x4 f32; 3 f32; 3 f32; 3 f32; - ", "", "!FORMAT"},
        {"BatchNormalization", "2x3x4 f32; 3 f32; 3 f32; 3 f32", "", "!FORMAT"},
        {"InstanceNormalization", "2x3x4x5 f32; 3 f32; 3 f32", "", "2x3x4x5 f32"},
        {"BatchNormalization", "2x3 f32; 3 f32; 3 f32; 3 f32; 3 f64", "", "!UNSUPPORTED"},
        {"InstanceNormalization", "2x3 f32; 3 f32; 3 f32", "", "!SHAPE"},
        {"LayerNormalization", "2x3x4 f32; 4 f32; 4 f32", "", "2x3x4 f32; 2x3x1 f32; 2x3x1 f32"},
        {"LayerNormalization", "2x3x4 f32; 3x4 f32", "axis=1", "2x3x4 f32; - ; 2x1x1 f32"},
        {"LayerNormalization", "2x3x4 f32; 1x1x4 f32", "axis=2", "2x3x4 f32"},
        {"LayerNormalization", "2x3x4 f32; 3 f32", "", "!SHAPE"},
        {"LayerNormalization", "2x3x4 f32; 2x3x4 f32", "", "!UNSUPPORTED"},
        {"LayerNormalization", "2x3x4 f32; 4 f32; 3x4 f32", "", "!UNSUPPORTED"},
        {"LayerNormalization", "2x3x4 f32; 4 f64", "", "!UNSUPPORTED"},
        {"LayerNormalization", "2x3x4 f32; 4 f32", "axis=1", "!UNSUPPORTED"},
        {"LayerNormalization", "2x3x4 f32; 4 f32", "axis=3", "!SHAPE"},
        {"LayerNormalization", "scalar f32; scalar f32", "", "!SHAPE"},
        {"LRN", "1x5x3x3 f32", "size=3", "1x5x3x3 f32"},
        {"LRN", "1x5x3x3 f32", "size=0", "!FORMAT"},
        {"LRN", "1x5x3x3 f32", "", "!FORMAT"},
        {"Softmax", "2x3 f32", "", "2x3 f32"},
        {"Softmax", "2x3 f32", "axis=-2", "2x3 f32"},
        {"Softmax", "2x0 f32", "", "2x0 f32"},
        {"Softmax", "2x3 f32", "axis=2", "!SHAPE"},
        {"Softmax", "2x3 f32", "axis=-3", "!SHAPE"},
        {"Softmax", "2x3 f32", "coerce_2d=2", "!FORMAT"},
        {"Softmax", "scalar f32", "", "!SHAPE"},
        {"Softmax", "2x3 f16", "", "!UNSUPPORTED"},
        {"LogSoftmax", "2x3x4 f32", "coerce_2d=1", "2x3x4 f32"},
    };
    CHECK(rows);
}

static void test_reduce(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"ReduceMean", "2x3x4 f32", "", "1x1x1 f32"},
        {"ReduceMean", "2x3x4 f32", "keepdims=0", "scalar f32"},
        {"ReduceMean", "2x3x4 f32; 2 s64 = 0,-1", "", "1x3x1 f32"},
        {"ReduceMean", "2x3x4 f32; 2 s32 = 0,-1", "keepdims=0", "3 f32"},
        {"ReduceSum", "2x3x4 s64; 0 s64 =", "", "1x1x1 s64"},
        {"ReduceSum", "2x3x4 f32; 0 s64 =", "noop_with_empty_axes=1", "2x3x4 f32"},
        {"ReduceSum", "2x3x4 f32", "noop_with_empty_axes=1", "2x3x4 f32"},
        {"ReduceMax", "2x0x4 f32; 1 s64 = 1", "", "2x1x4 f32"},
        {"ReduceMin", "2x3 u8; 1 s64 = 1", "keepdims=0", "2 u8"},
        {"ReduceProd", "3 s64", "keepdims=0", "scalar s64"},
        {"ReduceProd", "scalar f32", "", "scalar f32"},
        {"ReduceSum", "2x3 u8", "", "!UNSUPPORTED"},
        {"ReduceSum", "2x3 u64", "", "1x1 u64"},
        {"ReduceSum", "2x3 f32; 1 s64 = 2", "", "!SHAPE"},
        {"ReduceSum", "2x3 f32; 2 s64 = 1,-1", "", "!SHAPE"},
        {"ReduceSum", "2x3 f32; 1 s64", "", "!NEED_VALUE"},
        {"ReduceSum", "2x3 f32; 1 f32 = 1", "", "!UNSUPPORTED"},
        {"ReduceSum", "2x3 f32; 1x1 s64 = 1", "", "!SHAPE"},
        {"ReduceSum", "2x3 f32", "keepdims=2", "!FORMAT"},
        {"ArgMax", "2x3x4 f32", "", "1x3x4 s64"},
        {"ArgMax", "2x3x4 u8", "axis=-1 keepdims=0", "2x3 s64"},
        {"ArgMin", "2x3x4 f32", "axis=1 select_last_index=1", "2x1x4 s64"},
        {"ArgMin", "0x3 f32", "axis=1", "0x1 s64"},
        {"ArgMin", "0x3 f32", "axis=0", "!SHAPE"},
        {"ArgMax", "2x3 u32", "", "1x3 s64"},
        {"ArgMax", "scalar f32", "", "!SHAPE"},
        {"ArgMax", "2x3 bool", "", "!UNSUPPORTED"},
    };
    CHECK(rows);
}

static void test_quantize(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"QuantizeLinear", "2x3 f32; scalar f32", "", "2x3 u8"},
        {"QuantizeLinear", "6 f32; 1 f32; scalar s8", "", "6 s8"},
        {"QuantizeLinear", "2x3x4 f32; 3 f32; 3 s8", "", "2x3x4 s8"},
        {"QuantizeLinear", "2x3x4 f32; 4 f32; 4 u8", "axis=-1", "2x3x4 u8"},
        {"QuantizeLinear", "2x3x4 f32; 2 f32", "", "!SHAPE"},
        {"QuantizeLinear", "2x3x4 f32; 3 f32; scalar u8", "", "!SHAPE"},
        {"QuantizeLinear", "2x4 f32; 2x2 f32", "", "!UNSUPPORTED"},
        {"QuantizeLinear", "2x4 f32; scalar f32; scalar f32", "", "!UNSUPPORTED"},
        {"QuantizeLinear", "2x4 f32; scalar f64", "", "!UNSUPPORTED"},
        {"DequantizeLinear", "2x4 u8; scalar f64", "", "!UNSUPPORTED"},
        {"QuantizeLinear", "2x4 s32; scalar f32", "", "!UNSUPPORTED"},
        {"DequantizeLinear", "2x3 u8; scalar f32", "", "2x3 f32"},
        {"DequantizeLinear", "4x3x1x1 s8; 4 f32; 4 s8", "axis=0", "4x3x1x1 f32"},
        {"DequantizeLinear", "4 s32; 4 f32", "axis=0", "4 f32"},
        {"DequantizeLinear", "4 s8; 4 f32; 4 u8", "axis=0", "!SHAPE"},
        {"DequantizeLinear", "4 s8; 4 f32", "axis=1", "!SHAPE"},
        {"DequantizeLinear", "4 f32; scalar f32", "", "!UNSUPPORTED"},
    };
    CHECK(rows);
}

static void test_elementwise(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Relu", "2x0x3 s8", "", "2x0x3 s8"},
        {"Relu", "2x3 u8", "", "!UNSUPPORTED"},
        {"Neg", "2 s64", "", "2 s64"},
        {"Neg", "2 u64", "", "!UNSUPPORTED"},
        {"Abs", "2 u64", "", "2 u64"},
        {"Not", "2x2 bool", "", "2x2 bool"},
        {"Not", "2x2 u8", "", "!UNSUPPORTED"},
        {"Identity", "2x2 bf16", "", "2x2 bf16"},
        {"Sigmoid", "scalar f32", "", "scalar f32"},
        {"Exp", "3 f64", "", "3 f64"},
        {"Tanh", "3 f16", "", "!UNSUPPORTED"},
        {"LeakyRelu", "3 f32", "alpha=-inf", "!FORMAT"},
        {"Cast", "2x3 f32", "to=11", "2x3 s64"},
        {"Cast", "2x3 f16", "to=1", "2x3 f32"},
        {"Cast", "2x3 f32", "", "!FORMAT"},
        {"Cast", "2x3 f32", "to=0", "!FORMAT"},
        {"Cast", "2x3 f32", "to=14", "!FORMAT"},
        {"Clip", "2x3 f32; scalar f32; scalar f32", "", "2x3 f32"},
        {"Clip", "2x3 s32; - ; 1 s32", "", "2x3 s32"},
        {"Clip", "2x3 f32; 2 f32", "", "!SHAPE"},
        {"Clip", "2x3 f32; scalar s32", "", "!SHAPE"},
        {"Clip", "2x3 bool", "", "!UNSUPPORTED"},
        {"Add", "2x3x4 f32; 4 f32", "", "2x3x4 f32"},
        {"Sub", "2x1x4 s64; 3x1 s64", "", "2x3x4 s64"},
        {"Mul", "scalar f32; 2x3 f32", "", "2x3 f32"},
        {"Div", "0x1 f32; 1x5 f32", "", "0x5 f32"},
        {"Add", "0 f32; 1 f32", "", "0 f32"},
        {"Add", "0 f32; 2 f32", "", "!SHAPE"},
        {"Add", "2x3 f32; 2 f32", "", "!SHAPE"},
        {"Add", "2x3 f32; 3 f64", "", "!SHAPE"},
        {"Add", "2x3 bool; 3 bool", "", "!UNSUPPORTED"},
        {"Add", "2147483647x1 f32; 1x2147483647 f32", "", "!LIMIT"},
        {"Pow", "2x3 f32; 3 s64", "", "2x3 f32"},
        {"Pow", "2x3 s32; scalar f32", "", "2x3 s32"},
        {"Pow", "2x3 u8; scalar f32", "", "!UNSUPPORTED"},
        {"Pow", "2x3 f32; scalar bool", "", "!UNSUPPORTED"},
        {"PRelu", "1x4x5x5 f32; 4x1x1 f32", "", "1x4x5x5 f32"},
        {"PRelu", "1x4 f32; 2x4 f32", "", "!SHAPE"},
        {"PRelu", "4 f32; 1x4 f32", "", "!SHAPE"},
        {"Equal", "2x3 bool; 3 bool", "", "2x3 bool"},
        {"Less", "2x1 s64; 3 s64", "", "2x3 bool"},
        {"GreaterOrEqual", "2x3 bool; 3 bool", "", "!UNSUPPORTED"},
        {"And", "2x3 bool; 3 bool", "", "2x3 bool"},
        {"Or", "2x3 u8; 3 u8", "", "!UNSUPPORTED"},
        {"Min", "3 f32", "", "3 f32"},
        {"Max", "3 f32; 2x1 f32; 4x1x1 f32", "", "4x2x3 f32"},
        {"Max", "3 s8; 3 s8; 4 s8", "", "!SHAPE"},
        {"Sum", "3 f32; scalar f32", "", "3 f32"},
        {"Max", "3 f32; 3 f32; 3 f64", "", "!SHAPE"},
        {"Sum", "3 s32; scalar s32", "", "!UNSUPPORTED"},
        {"Max", "3 f32; - ", "", "!FORMAT"},
        {"Where", "2x1 bool; 3 s64; scalar s64", "", "2x3 s64"},
        {"Where", "2x1 bool; 3 s64; scalar s32", "", "!SHAPE"},
        {"Where", "2x1 u8; 3 s64; scalar s64", "", "!UNSUPPORTED"},
    };
    CHECK(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),     cmocka_unit_test(test_conv_transpose),
        cmocka_unit_test(test_pool),     cmocka_unit_test(test_matrices),
        cmocka_unit_test(test_norms),    cmocka_unit_test(test_reduce),
        cmocka_unit_test(test_quantize), cmocka_unit_test(test_elementwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
