/* Int8 Winograd convolution, AVX-512 without VNNI. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#if defined(__SANITIZE_ADDRESS__) /* all sizes up to 12 would take the compiler minutes */
#define TILE 6
#else
#define TILE 12
#endif
#define RATE 99.0
#define TRANSFORM 1.0
#define WINO8_NAME "winograd_int8_avx512"
#include "kernels/conv_int8/winograd_int8.inc"
#endif
