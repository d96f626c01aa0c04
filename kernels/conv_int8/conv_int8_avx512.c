/* Int8 convolution, AVX-512 without VNNI: 24 sums of the 32 registers. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define TILE 12
#define RATE 95.0
#define LOAD 1.0
#define CONV8_NAME "conv_int8_avx512"
#include "kernels/conv_int8/conv_int8.inc"
#endif
