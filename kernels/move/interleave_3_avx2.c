/* Three planes of four-byte elements into triples, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define KERNEL_NAME "interleave_3_avx2"
#include "kernels/move/interleave_3.inc"
#endif
