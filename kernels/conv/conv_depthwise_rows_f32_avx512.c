/* Depthwise convolution of pictures in f32, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define RATE 64.0
#include "kernels/conv/conv_depthwise_rows_f32.inc"

const struct infer__kernel infer__conv_depthwise_rows_f32_avx512 = {
    .name = "conv_depthwise_rows_f32_avx512",
    .isa = INFER_ISA_AVX512,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = depthwise_estimate,
    .prepare = depthwise_prepare,
    .pack = depthwise_pack,
    .run = depthwise_run,
};
#endif
