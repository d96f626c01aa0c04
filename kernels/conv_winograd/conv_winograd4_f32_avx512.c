/* Winograd convolution in f32, F(4x4, 3x3), AVX-512: 24 accumulators of the 32 registers. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define OUT_H 4
#define OUT_W 4
#define PAIRS_H 2
#define PAIRS_W 2
#define ROWS 6
#define STRIP 4
#define RATE 56.0
#define LINE_NS 0.085
#include "kernels/conv_winograd/conv_winograd_f32.inc"

const struct infer__kernel infer__conv_winograd4_f32_avx512 = {
    .name = "conv_winograd4_f32_avx512",
    .isa = INFER_ISA_AVX512,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .pitched = 1,
    .estimate = estimate,
    .prepare = prepare,
    .pack = pack,
    .pack_piece = pack_piece,
    .run = run,
};
#endif
