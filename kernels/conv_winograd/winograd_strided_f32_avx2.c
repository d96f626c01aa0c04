/* Winograd convolution in f32, 3x3 with stride 2, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define OUT_H 4
#define OUT_W 4
#define PAIRS_H 2
#define PAIRS_W 2
#define STRIDE 2
#define ROWS 6
#define STRIP 1
#define RATE 52.0
#define LINE_NS 0.15
#define WINOGRAD_KERNEL infer__winograd_strided_f32_avx2
#define WINOGRAD_NAME "winograd_strided_f32_avx2"
#include "kernels/conv_winograd/conv_winograd_f32.inc"
#endif
