/* Chains of convolutions in f32, plain C. */
#define VEC_LEVEL 0
#define RATE 19.0
#define STORE 2.75
#include "kernels/chain/conv_chain_f32.inc"

const struct infer__kernel infer__conv_chain_f32_c = {
    .name = "conv_chain_f32_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = chain_estimate,
    .prepare = chain_prepare,
    .pack = chain_pack,
    .run = chain_run,
};
