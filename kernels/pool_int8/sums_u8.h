/* Sums of bytes as u16, a block of channels at once, and what becomes of them; for a VEC_LEVEL of
 * 256 or 512. */
#ifndef INFER_KERNELS_POOL_INT8_SUMS_U8_H
#define INFER_KERNELS_POOL_INT8_SUMS_U8_H

#include <string.h>

#include "kernels/conv/vec_f32.h"
#include "kernels/pool_int8/mean_u8.h"

enum {
    SUMS = 2 * VEC, /* channels of a block */
    SUMS_MOST = 256 /* bytes that a u16 can take at least */
};

#if VEC_LEVEL == 512
typedef __m512i sums;
VEC_INLINE sums sums_zero(void)
{
    return _mm512_setzero_si512();
}
/* Adds n bytes, 0 to SUMS. */
VEC_INLINE sums sums_add(sums s, const uint8_t *x, int n)
{
    __m256i a = n == SUMS ? _mm256_loadu_si256((const void *)x)
                          : _mm256_maskz_loadu_epi8((__mmask32)(((uint64_t)1 << n) - 1), x);
    return _mm512_add_epi16(s, _mm512_cvtepu8_epi16(a));
}
/* Half of them as s32. */
VEC_INLINE __m512i sums_half(sums s, int half)
{
    return _mm512_cvtepu16_epi32(half ? _mm512_extracti64x4_epi64(s, 1)
                                      : _mm512_castsi512_si256(s));
}
#define SUMS_32 __m512i
#define SUMS_OP(name) _mm512_##name
/* Two halves of bytes, not yet bounded. */
VEC_INLINE void sums_store(uint8_t *y, __m512i low, __m512i high, int n)
{
    const __m512i zero = _mm512_setzero_si512();
    __m128i a = _mm512_cvtusepi32_epi8(_mm512_max_epi32(low, zero));
    __m128i b = _mm512_cvtusepi32_epi8(_mm512_max_epi32(high, zero));
    __m256i all = _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
    _mm256_mask_storeu_epi8(y, (__mmask32)(((uint64_t)1 << n) - 1), all);
}
#else
typedef __m256i sums;
VEC_INLINE sums sums_zero(void)
{
    return _mm256_setzero_si256();
}
VEC_INLINE __m128i sums_some(const uint8_t *x, int n)
{
    uint8_t all[16] = {0};
    for (int i = 0; i < n; i++)
        all[i] = x[i];
    return _mm_loadu_si128((const void *)all);
}
VEC_INLINE sums sums_add(sums s, const uint8_t *x, int n)
{
    __m128i a = n == SUMS ? _mm_loadu_si128((const void *)x)
                : n == 8  ? _mm_loadl_epi64((const void *)x)
                          : sums_some(x, n);
    return _mm256_add_epi16(s, _mm256_cvtepu8_epi16(a));
}
VEC_INLINE __m256i sums_half(sums s, int half)
{
    return _mm256_cvtepu16_epi32(half ? _mm256_extracti128_si256(s, 1) : _mm256_castsi256_si128(s));
}
#define SUMS_32 __m256i
#define SUMS_OP(name) _mm256_##name
VEC_INLINE void sums_store(uint8_t *y, __m256i low, __m256i high, int n)
{
    __m256i a = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    __m128i b = _mm_packus_epi16(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    if (n == SUMS) {
        _mm_storeu_si128((void *)y, b);
    } else {
        uint8_t all[16];
        _mm_storeu_si128((void *)all, b);
        memcpy(y, all, (size_t)n);
    }
}
#endif

/* Means of sums of differences: as infer__mean_u8_one. A NaN passes the bound and ends as 0. */
VEC_INLINE SUMS_32 sums_mean(SUMS_32 sum, float m, int32_t zero)
{
    vec v = SUMS_OP(min_ps)(vec_set(1024), vec_mul(SUMS_OP(cvtepi32_ps)(sum), vec_set(m)));
    SUMS_32 q = SUMS_OP(max_epi32)(SUMS_OP(cvtps_epi32)(v), SUMS_OP(set1_epi32)(-1024));
    return SUMS_OP(add_epi32)(q, SUMS_OP(set1_epi32)(zero));
}

#endif
