/* Transpose of elements of four bytes, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define KERNEL_NAME "transpose_4_avx512"
#include "kernels/move/transpose_4.inc"
#endif
