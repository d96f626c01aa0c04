/* Direct convolution in f32, AVX2: 12 sums of the 16 registers. */
#if defined(__x86_64__)
#include <math.h>
#define VEC_LEVEL 256
#define TILE_1 12
#define TILE_2 6
#define TILE_3 4
#define TILE_4 0
#define RATE 57.0
#define DIRECT_NAME "conv_direct_f32_avx2"
#include "kernels/conv/conv_direct_f32.inc"
#endif
