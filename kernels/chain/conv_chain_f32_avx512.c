/* Chains of convolutions in f32, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define RATE 58.5
#define STORE 2.75
#include "kernels/chain/conv_chain_f32.inc"

const struct infer__kernel infer__conv_chain_f32_avx512 = {
    .name = "conv_chain_f32_avx512",
    .isa = INFER_ISA_AVX512,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = chain_estimate,
    .prepare = chain_prepare,
    .pack = chain_pack,
    .run = chain_run,
};
#endif
