/* Winograd convolution in f32, F(4, 7) along rows, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define OUT_H 1
#define OUT_W 4
#define PAIRS_H 0
#define PAIRS_W 4
#define ROWS 6
#define STRIP 4
#define RATE 56.0
#define LINE_NS 0.085
#define WINOGRAD_KERNEL infer__winograd_1x7_f32_avx512
#define WINOGRAD_NAME "winograd_1x7_f32_avx512"
#include "kernels/conv_winograd/conv_winograd_f32.inc"
#endif
