/* Int8 convolution, AVX2: 12 sums of the 16 registers. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define TILE 6
#define RATE 93.0
#define LOAD 1.0
#define CONV8_NAME "conv_int8_avx2"
#include "kernels/conv_int8/conv_int8.inc"
#endif
