/* Strassen products in f32, AVX-512, with products of pairs: 24 sums of the 32 registers. */
#if defined(__x86_64__)
#include <math.h>
#define VEC_LEVEL 512
#define PAIRS 12
#define RATE 79.0
#define HALVED 1
#define STRASSEN_KERNEL infer__strassen_halved_f32_avx512
#define STRASSEN_NAME "strassen_halved_f32_avx512"
#include "kernels/strassen/strassen_f32.inc"
#endif
