/* Convolution in f32, blocked, AVX2: 12 accumulators of the 16 registers. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define TILE 6
#define PANEL 1
#define RATE 52.0
#include "kernels/conv/conv_blocked_f32.inc"

INFER__APART static double estimate(const struct infer__task *t)
{
    return blocked_estimate(t, INFER__OP_CONV);
}

const struct infer__kernel infer__conv_f32_blocked_avx2 = {
    .name = "conv_f32_blocked_avx2",
    .isa = INFER_ISA_AVX2,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .pitched = 1,
    .estimate = estimate,
    .prepare = blocked_prepare,
    .pack = blocked_pack,
    .pack_piece = blocked_pack_piece,
    .run = blocked_run,
};
#endif
