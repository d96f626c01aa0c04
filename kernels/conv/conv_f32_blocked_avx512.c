/* Convolution in f32, blocked, AVX-512: 24 accumulators of the 32 registers. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define TILE 6
#define PANEL 4
#define RATE 53.0
#include "kernels/conv/conv_blocked_f32.inc"

INFER__APART static double estimate(const struct infer__task *t)
{
    return blocked_estimate(t, INFER__OP_CONV);
}

const struct infer__kernel infer__conv_f32_blocked_avx512 = {
    .name = "conv_f32_blocked_avx512",
    .isa = INFER_ISA_AVX512,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .pitched = 1,
    .estimate = estimate,
    .prepare = blocked_prepare,
    .pack = blocked_pack,
    .pack_piece = blocked_pack_piece,
    .run = blocked_run,
};
#endif
