/* Int8 convolution, AVX-512 without VNNI: 24 sums of the 32 registers. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#if defined(__SANITIZE_ADDRESS__) /* all sizes up to 12 would take the compiler minutes */
#define TILE 6
#else
#define TILE 12
#endif
#define RATE 103.0
#define LOAD 1.0
#define CONV8_NAME "conv_int8_avx512"
#include "kernels/conv_int8/conv_int8.inc"
#endif
