/* Depthwise convolution of pictures in f32, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define RATE 44.0
#include "kernels/conv/conv_depthwise_rows_f32.inc"

const struct infer__kernel infer__conv_depthwise_rows_f32_avx2 = {
    .name = "conv_depthwise_rows_f32_avx2",
    .isa = INFER_ISA_AVX2,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = depthwise_estimate,
    .prepare = depthwise_prepare,
    .pack = depthwise_pack,
    .run = depthwise_run,
};
#endif
