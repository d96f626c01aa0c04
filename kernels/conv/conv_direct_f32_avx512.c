/* Direct convolution in f32, AVX-512: sums in at most 24 of the 32 registers. */
#if defined(__x86_64__)
#include <math.h>
#define VEC_LEVEL 512
#define TILE_1 14
#define TILE_2 12
#define TILE_3 8
#define TILE_4 6
#define RATE 58.5
#define DIRECT_NAME "conv_direct_f32_avx512"
#include "kernels/conv/conv_direct_f32.inc"
#endif
