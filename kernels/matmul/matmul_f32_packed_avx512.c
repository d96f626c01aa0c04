#if defined(__x86_64__)
#define ISA INFER_ISA_AVX512
#define NAME "matmul_f32_packed_avx512"
#define KERNEL_SYMBOL infer__matmul_f32_packed_avx512
#define VEC_LEVEL 512
#define GFLOPS 110.0
#include "kernels/matmul/matmul_f32_packed.inc"
#endif
