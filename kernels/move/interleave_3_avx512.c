/* Three planes of four-byte elements into triples, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define KERNEL_NAME "interleave_3_avx512"
#include "kernels/move/interleave_3.inc"
#endif
