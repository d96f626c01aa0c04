/* Depthwise convolution of pictures in f32, plain C. */
#define VEC_LEVEL 0
#define RATE 13.0
#include "kernels/conv/conv_depthwise_rows_f32.inc"

const struct infer__kernel infer__conv_depthwise_rows_f32_c = {
    .name = "conv_depthwise_rows_f32_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = depthwise_estimate,
    .prepare = depthwise_prepare,
    .pack = depthwise_pack,
    .run = depthwise_run,
};
