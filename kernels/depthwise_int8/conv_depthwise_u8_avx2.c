/* Depthwise convolution of pictures in int8, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define BYTES 2
#define WIDE 0
#define LEVEL level
#define ADD_ROW infer__add_u8_row_avx2
#include "kernels/depthwise_int8/depthwise_u8.h"

static const struct infer__dw8_level level = {INFER_ISA_AVX2, 32, BYTES, 1.55, 1.5, 3};

#include "kernels/depthwise_int8/depthwise_u8.inc"

const struct infer__kernel infer__conv_depthwise_u8_avx2 = {
    .name = "conv_depthwise_u8_avx2",
    .isa = INFER_ISA_AVX2,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = depthwise_estimate,
    .prepare = depthwise_prepare,
    .pack = depthwise_pack,
    .run = depthwise_run,
};
#endif
