/* Operators of two f32 operands, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define KERNEL_NAME "binary_f32_avx2"
#include "kernels/binary/binary_f32.inc"
#endif
