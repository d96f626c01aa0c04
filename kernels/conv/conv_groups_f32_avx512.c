/* Convolution of small groups in f32, AVX-512: 8 sums, 12 weights, 4 patterns of a shuffle. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define RATE 48.0
#define GROUPS_NAME "conv_groups_f32_avx512"
#include "kernels/conv/conv_groups_f32.inc"
#endif
