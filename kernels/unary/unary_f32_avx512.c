/* Operators of one f32 operand, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define KERNEL_NAME "unary_f32_avx512"
#include "kernels/unary/unary_f32.inc"
#endif
