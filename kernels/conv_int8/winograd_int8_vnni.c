/* Int8 Winograd convolution, VNNI. */
#if defined(__x86_64__)
#define VEC_LEVEL 513
#if defined(__SANITIZE_ADDRESS__) /* all sizes up to 14 would take the compiler minutes */
#define TILE 6
#else
#define TILE 14
#endif
#define RATE 118.0
#define TRANSFORM 1.3
#define WINO8_NAME "winograd_int8_vnni"
#include "kernels/conv_int8/winograd_int8.inc"
#endif
