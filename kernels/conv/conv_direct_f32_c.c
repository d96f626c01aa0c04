/* Direct convolution in f32, on vectors of four by the compiler. */
#include <math.h>
#define VEC_LEVEL 0
#define TILE_1 12
#define TILE_2 6
#define TILE_3 4
#define TILE_4 0
#define RATE 7.0
#define DIRECT_NAME "conv_direct_f32_c"
#include "kernels/conv/conv_direct_f32.inc"
