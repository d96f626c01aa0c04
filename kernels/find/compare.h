/* Vectors of floats that are compared, for kernels that look for something; a mask has a bit for
 * each lane. */
#ifndef INFER_KERNELS_FIND_COMPARE_H
#define INFER_KERNELS_FIND_COMPARE_H

#include <immintrin.h>

#if VEC_LEVEL == 512
enum { LANES = 16 };
typedef __m512 lanes;
#define LANES_LOAD(p) _mm512_loadu_ps(p)
#define LANES_ALL(x) _mm512_set1_ps(x)
#define LANES_MAX(a, b) _mm512_max_ps(a, b)
#define LANES_MIN(a, b) _mm512_min_ps(a, b)
#define LANES_ADD(a, b) _mm512_add_ps(a, b)
#define LANES_SUB(a, b) _mm512_sub_ps(a, b)
#define LANES_MUL(a, b) _mm512_mul_ps(a, b)
#define LANES_DIV(a, b) _mm512_div_ps(a, b)
#define LANES_MASK(a, b, how) ((unsigned)_mm512_cmp_ps_mask(a, b, how))
#else
enum { LANES = 8 };
typedef __m256 lanes;
#define LANES_LOAD(p) _mm256_loadu_ps(p)
#define LANES_ALL(x) _mm256_set1_ps(x)
#define LANES_MAX(a, b) _mm256_max_ps(a, b)
#define LANES_MIN(a, b) _mm256_min_ps(a, b)
#define LANES_ADD(a, b) _mm256_add_ps(a, b)
#define LANES_SUB(a, b) _mm256_sub_ps(a, b)
#define LANES_MUL(a, b) _mm256_mul_ps(a, b)
#define LANES_DIV(a, b) _mm256_div_ps(a, b)
#define LANES_MASK(a, b, how) ((unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, b, how)))
#endif

#endif
