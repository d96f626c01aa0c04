/* Convolution of small groups in f32, AVX2: 8 sums; most weights come from the cache. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define RATE 40.0
#define GROUPS_NAME "conv_groups_f32_avx2"
#include "kernels/conv/conv_groups_f32.inc"
#endif
