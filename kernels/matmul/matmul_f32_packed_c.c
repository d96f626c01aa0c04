#define ISA INFER_ISA_C
#define NAME "matmul_f32_packed_c"
#define KERNEL_SYMBOL infer__matmul_f32_packed_c
#define VEC_LEVEL 0
#define GFLOPS 36.0
#include "kernels/matmul/matmul_f32_packed.inc"
