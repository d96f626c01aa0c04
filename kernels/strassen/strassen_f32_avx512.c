/* Strassen products in f32, AVX-512: 28 sums of the 32 registers. */
#if defined(__x86_64__)
#include <math.h>
#define VEC_LEVEL 512
#define PAIRS 14
#define RATE 58.5
#define HALVED 0
#define STRASSEN_KERNEL infer__strassen_f32_avx512
#define STRASSEN_NAME "strassen_f32_avx512"
#include "kernels/strassen/strassen_f32.inc"
#endif
