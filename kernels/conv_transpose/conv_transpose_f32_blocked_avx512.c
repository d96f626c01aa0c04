/* Transposed convolution in f32, blocked, AVX-512: 24 accumulators of the 32 registers. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define TILE 6
#define PANEL 4
#define RATE 56.0
#include "kernels/conv/conv_blocked_f32.inc"

INFER__APART static double estimate(const struct infer__task *t)
{
    return blocked_estimate(t, INFER__OP_CONV_TRANSPOSE);
}

const struct infer__kernel infer__conv_transpose_f32_blocked_avx512 = {
    .name = "conv_transpose_f32_blocked_avx512",
    .isa = INFER_ISA_AVX512,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = estimate,
    .prepare = blocked_prepare,
    .pack = blocked_pack,
    .run = blocked_run,
};
#endif
