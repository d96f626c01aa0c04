/* Int8 convolution, AVX-512 VNNI: 28 sums of the 32 registers. */
#if defined(__x86_64__)
#define VEC_LEVEL 513
#if defined(__SANITIZE_ADDRESS__) /* all sizes up to 14 would take the compiler minutes */
#define TILE 6
#else
#define TILE 14
#endif
#define RATE 233.0
#define LOAD 1.0
#define CONV8_NAME "conv_int8_vnni"
#include "kernels/conv_int8/conv_int8.inc"
#endif
