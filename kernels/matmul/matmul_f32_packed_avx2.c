#if defined(__x86_64__)
#define ISA INFER_ISA_AVX2
#define NAME "matmul_f32_packed_avx2"
#define KERNEL_SYMBOL infer__matmul_f32_packed_avx2
#define VEC_LEVEL 256
#define GFLOPS 105.0
#include "kernels/matmul/matmul_f32_packed.inc"
#endif
