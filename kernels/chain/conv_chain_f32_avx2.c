/* Chains of convolutions in f32, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define RATE 52.0
#define STORE 5.0
#include "kernels/chain/conv_chain_f32.inc"

const struct infer__kernel infer__conv_chain_f32_avx2 = {
    .name = "conv_chain_f32_avx2",
    .isa = INFER_ISA_AVX2,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = chain_estimate,
    .prepare = chain_prepare,
    .pack = chain_pack,
    .run = chain_run,
};
#endif
