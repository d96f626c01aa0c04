/* Int8 Winograd convolution, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define TILE 6
#define RATE 93.0
#define TRANSFORM 0.8
#define WINO8_NAME "winograd_int8_avx2"
#include "kernels/conv_int8/winograd_int8.inc"
#endif
