/* Operators of two f32 operands, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define KERNEL_NAME "binary_f32_avx512"
#include "kernels/binary/binary_f32.inc"
#endif
