/* A vector of floats at one of three levels (kernels/levels.h): VEC_LEVEL is
 * 512 (AVX-512), 256 (AVX2 and FMA) or 0 (vectors of four by the compiler: SSE2, NEON, anything).
 *
 * vec_fma rounds once at levels 512 and 256 and twice at level 0, so the levels' results differ in
 * the last bits; within a level every kernel gives the same bits.
 */
#ifndef INFER_KERNELS_CONV_VEC_F32_H
#define INFER_KERNELS_CONV_VEC_F32_H

#include <stdint.h>
#include <string.h>

#include "kernels/levels.h"

#if VEC_LEVEL > 0
#include <immintrin.h>
#endif

#define VEC_INLINE static inline __attribute__((always_inline, unused))

/* Loops over arrays of vectors are unrolled whole, so that the arrays live in registers. */
#if defined(__clang__)
#define VEC_UNROLL _Pragma("unroll")
#else
#define VEC_UNROLL _Pragma("GCC unroll 16")
#endif

#if VEC_LEVEL == 512

#define VEC 16
typedef __m512 vec;

VEC_INLINE vec vec_set(float x)
{
    return _mm512_set1_ps(x);
}
VEC_INLINE vec vec_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
VEC_INLINE void vec_store(float *p, vec x)
{
    _mm512_storeu_ps(p, x);
}
/* The first n floats, 0 to VEC; the others are 0. Nothing past them is touched. */
VEC_INLINE vec vec_load_n(const float *p, int n)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
VEC_INLINE void vec_store_n(float *p, vec x, int n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x);
}
VEC_INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}
VEC_INLINE vec vec_sub(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}
VEC_INLINE vec vec_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}
/* a * b + c */
VEC_INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}
/* x < low ? low : x, and x > high ? high : x: a NaN in x stays. */
VEC_INLINE vec vec_at_least(vec low, vec x)
{
    return _mm512_max_ps(low, x);
}
VEC_INLINE vec vec_at_most(vec high, vec x)
{
    return _mm512_min_ps(high, x);
}
/* x < 0 ? y : x */
VEC_INLINE vec vec_if_negative(vec x, vec y)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), x, y);
}

#elif VEC_LEVEL == 256

#define VEC 8
typedef __m256 vec;

VEC_INLINE vec vec_set(float x)
{
    return _mm256_set1_ps(x);
}
VEC_INLINE vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
VEC_INLINE void vec_store(float *p, vec x)
{
    _mm256_storeu_ps(p, x);
}
VEC_INLINE __m256i vec_mask(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
/* The first n floats, 0 to VEC; the others are 0. Nothing past them is touched. */
VEC_INLINE vec vec_load_n(const float *p, int n)
{
    return _mm256_maskload_ps(p, vec_mask(n));
}
VEC_INLINE void vec_store_n(float *p, vec x, int n)
{
    _mm256_maskstore_ps(p, vec_mask(n), x);
}
VEC_INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}
VEC_INLINE vec vec_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
}
VEC_INLINE vec vec_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}
/* a * b + c */
VEC_INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}
/* x < low ? low : x, and x > high ? high : x: a NaN in x stays. */
VEC_INLINE vec vec_at_least(vec low, vec x)
{
    return _mm256_max_ps(low, x);
}
VEC_INLINE vec vec_at_most(vec high, vec x)
{
    return _mm256_min_ps(high, x);
}
/* x < 0 ? y : x */
VEC_INLINE vec vec_if_negative(vec x, vec y)
{
    return _mm256_blendv_ps(x, y, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ));
}

#else

#define VEC 4
typedef float vec __attribute__((vector_size(16)));
typedef int32_t vec_bits __attribute__((vector_size(16)));

VEC_INLINE vec vec_set(float x)
{
    return (vec){x, x, x, x};
}
VEC_INLINE vec vec_load(const float *p)
{
    vec x;
    memcpy(&x, p, sizeof x);
    return x;
}
VEC_INLINE void vec_store(float *p, vec x)
{
    memcpy(p, &x, sizeof x);
}
/* The first n floats, 0 to VEC; the others are 0. Nothing past them is touched. */
VEC_INLINE vec vec_load_n(const float *p, int n)
{
    vec x = {0, 0, 0, 0};
    for (int i = 0; i < n; i++)
        x[i] = p[i];
    return x;
}
VEC_INLINE void vec_store_n(float *p, vec x, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = x[i];
}
VEC_INLINE vec vec_add(vec a, vec b)
{
    return a + b;
}
VEC_INLINE vec vec_sub(vec a, vec b)
{
    return a - b;
}
VEC_INLINE vec vec_mul(vec a, vec b)
{
    return a * b;
}
/* a * b + c */
VEC_INLINE vec vec_fma(vec a, vec b, vec c)
{
    return a * b + c;
}
VEC_INLINE vec vec_select(vec_bits mask, vec yes, vec no)
{
    return (vec)((mask & (vec_bits)yes) | (~mask & (vec_bits)no));
}
/* x < low ? low : x, and x > high ? high : x: a NaN in x stays. */
VEC_INLINE vec vec_at_least(vec low, vec x)
{
    return vec_select(x < low, low, x);
}
VEC_INLINE vec vec_at_most(vec high, vec x)
{
    return vec_select(x > high, high, x);
}
/* x < 0 ? y : x */
VEC_INLINE vec vec_if_negative(vec x, vec y)
{
    return vec_select(x < vec_set(0), y, x);
}

#endif

#endif
