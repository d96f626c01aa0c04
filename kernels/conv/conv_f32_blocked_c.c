/* Convolution in f32, blocked, plain C: 12 accumulators of 16 registers. */
#define VEC_LEVEL 0
#define TILE 3
#define PANEL 1
#define RATE 19.0
#include "kernels/conv/conv_blocked_f32.inc"

INFER__APART static double estimate(const struct infer__task *t)
{
    return blocked_estimate(t, INFER__OP_CONV);
}

const struct infer__kernel infer__conv_f32_blocked_c = {
    .name = "conv_f32_blocked_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .pitched = 1,
    .estimate = estimate,
    .prepare = blocked_prepare,
    .pack = blocked_pack,
    .pack_piece = blocked_pack_piece,
    .run = blocked_run,
};
