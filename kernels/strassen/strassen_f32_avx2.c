/* Strassen products in f32, AVX2: 12 sums of the 16 registers. */
#if defined(__x86_64__)
#include <math.h>
#define VEC_LEVEL 256
#define PAIRS 6
#define RATE 55.0
#define HALVED 0
#define STRASSEN_KERNEL infer__strassen_f32_avx2
#define STRASSEN_NAME "strassen_f32_avx2"
#include "kernels/strassen/strassen_f32.inc"
#endif
