/* Winograd convolution in f32, F(4x4, 3x3), vectors by the compiler: 12 accumulators. */
#define VEC_LEVEL 0
#define OUT_H 4
#define OUT_W 4
#define PAIRS_H 2
#define PAIRS_W 2
#define ROWS 3
#define STRIP 1
#define RATE 19.0
#define LINE_NS 0.3
#include "kernels/conv_winograd/conv_winograd_f32.inc"

const struct infer__kernel infer__conv_winograd4_f32_c = {
    .name = "conv_winograd4_f32_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .pitched = 1,
    .estimate = estimate,
    .prepare = prepare,
    .pack = pack,
    .pack_piece = pack_piece,
    .run = run,
};
