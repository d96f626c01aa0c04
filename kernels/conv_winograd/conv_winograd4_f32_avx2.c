/* Winograd convolution in f32, F(4x4, 3x3), AVX2: 12 accumulators of the 16 registers. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define OUT_H 4
#define OUT_W 4
#define PAIRS_H 2
#define PAIRS_W 2
#define ROWS 6
#define STRIP 1
#define RATE 52.0
#define LINE_NS 0.1
#include "kernels/conv_winograd/conv_winograd_f32.inc"

const struct infer__kernel infer__conv_winograd4_f32_avx2 = {
    .name = "conv_winograd4_f32_avx2",
    .isa = INFER_ISA_AVX2,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .pitched = 1,
    .estimate = estimate,
    .prepare = prepare,
    .pack = pack,
    .pack_piece = pack_piece,
    .run = run,
};
#endif
