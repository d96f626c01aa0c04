/* Operators of one f32 operand, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define KERNEL_NAME "unary_f32_avx2"
#include "kernels/unary/unary_f32.inc"
#endif
