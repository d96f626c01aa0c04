/* Depthwise convolution of pictures in int8, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define BYTES 2
#define WIDE 1
#define LEVEL level
#define ADD_ROW infer__add_u8_row_avx512
#include "kernels/depthwise_int8/depthwise_u8.h"

static const struct infer__dw8_level level = {INFER_ISA_AVX512, 64, BYTES, 1.0, 2, 4};

#include "kernels/depthwise_int8/depthwise_u8.inc"

const struct infer__kernel infer__conv_depthwise_u8_avx512 = {
    .name = "conv_depthwise_u8_avx512",
    .isa = INFER_ISA_AVX512,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = depthwise_estimate,
    .prepare = depthwise_prepare,
    .pack = depthwise_pack,
    .run = depthwise_run,
};
#endif
