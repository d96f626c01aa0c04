/* Vectors of the int8 kernels at the levels avx2, avx2vnni, avx512, vnni and what is above it.
 *
 * A step is VEC_DOT products for each s32: with VNNI four of u8 by s8, else two of s16 by s16,
 * which cannot saturate either. Activations of a step are four bytes, broadcast.
 *
 * Words: 16-bit values of two vectors, packed within each part of 128 bits: a panel of two vectors
 * of one pixel, or a panel of one vector of two pixels. */
#ifndef INFER_KERNELS_CONV_INT8_VEC_INT8_H
#define INFER_KERNELS_CONV_INT8_VEC_INT8_H

#include "kernels/levels.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define VEC_INLINE static inline __attribute__((always_inline, unused))
#if defined(__clang__)
#define VEC_UNROLL _Pragma("unroll")
#else
#define VEC_UNROLL _Pragma("GCC unroll 16")
#endif

#if VEC_LEVEL >= 512

#define VEC 16
typedef __m512i vec;
typedef __m512 vecf;
#define VEC_DOT (LEVEL_DOT ? 4 : 2)

VEC_INLINE vec vec_load(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}
VEC_INLINE void vec_store(int32_t *p, vec x)
{
    _mm512_storeu_si512(p, x);
}
VEC_INLINE vec vec_step_x(const uint8_t *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}
/* a - b * c */
VEC_INLINE vec vec_less(vec a, vec b, int32_t c)
{
    return _mm512_sub_epi32(a, _mm512_mullo_epi32(b, _mm512_set1_epi32(c)));
}
/* The total of each of four vectors. */
VEC_INLINE void vec_totals(const vec x[4], int32_t totals[4])
{
    __m512i a =
        _mm512_add_epi32(_mm512_unpacklo_epi32(x[0], x[1]), _mm512_unpackhi_epi32(x[0], x[1]));
    __m512i b =
        _mm512_add_epi32(_mm512_unpacklo_epi32(x[2], x[3]), _mm512_unpackhi_epi32(x[2], x[3]));
    a = _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    __m256i c = _mm256_add_epi32(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
    _mm_storeu_si128((__m128i *)(void *)totals,
                     _mm_add_epi32(_mm256_castsi256_si128(c), _mm256_extracti128_si256(c, 1)));
}
/* Activations as they stand in memory: as many bytes as a vector has, or the first n and zeros. */
VEC_INLINE vec vec_load_x(const uint8_t *p, int64_t n)
{
    if (n >= 4 * VEC)
        return _mm512_loadu_si512(p);
    return _mm512_maskz_loadu_epi8(((uint64_t)1 << n) - 1, p);
}
#if LEVEL_DOT
VEC_INLINE vec vec_step_w(const int8_t *p)
{
    return _mm512_loadu_si512(p);
}
VEC_INLINE vec vec_dot(vec sum, vec x, vec w)
{
    return _mm512_dpbusd_epi32(sum, x, w);
}
VEC_INLINE vec vec_ones(void)
{
    return _mm512_set1_epi8(1);
}
#else
VEC_INLINE vec vec_step_w(const int8_t *p)
{
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
VEC_INLINE vec vec_dot(vec sum, vec x, vec w)
{
    return _mm512_add_epi32(sum, _mm512_madd_epi16(x, w));
}
VEC_INLINE vec vec_ones(void)
{
    return _mm512_set1_epi16(1);
}
#endif

VEC_INLINE vecf vec_setf(float x)
{
    return _mm512_set1_ps(x);
}
VEC_INLINE vecf vec_loadf(const float *p)
{
    return _mm512_loadu_ps(p);
}
VEC_INLINE vecf vec_to_float(vec x)
{
    return _mm512_cvtepi32_ps(x);
}
VEC_INLINE vec vec_round(vecf x)
{
    return _mm512_cvtps_epi32(x);
}
VEC_INLINE vecf vec_mulf(vecf a, vecf b)
{
    return _mm512_mul_ps(a, b);
}
VEC_INLINE vecf vec_addf(vecf a, vecf b)
{
    return _mm512_add_ps(a, b);
}
VEC_INLINE vecf vec_fmaf(vecf a, vecf b, vecf c)
{
    return _mm512_fmadd_ps(a, b, c);
}
/* The second operand where there is a NaN, or zeros of either sign. */
VEC_INLINE vecf vec_maxf(vecf x, vecf low)
{
    return _mm512_max_ps(x, low);
}
VEC_INLINE vecf vec_minf(vecf x, vecf high)
{
    return _mm512_min_ps(x, high);
}

/* Words of two vectors, with saturation. */
VEC_INLINE vec words_pack(vec a, vec b)
{
    return _mm512_packs_epi32(a, b);
}
VEC_INLINE vec words_set(int x)
{
    return _mm512_set1_epi16((int16_t)x);
}
VEC_INLINE vec words_add(vec a, vec b)
{
    return _mm512_adds_epi16(a, b);
}
/* Words: sums and differences modulo 2^16, products of pairs added to s32. */
VEC_INLINE vec words_plus(vec a, vec b)
{
    return _mm512_add_epi16(a, b);
}
VEC_INLINE vec words_less(vec a, vec b)
{
    return _mm512_sub_epi16(a, b);
}
VEC_INLINE vec words_four(vec x)
{
    return _mm512_slli_epi16(x, 2);
}
VEC_INLINE vec words_dot(vec sum, vec x, vec w)
{
#if LEVEL_DOT
    return _mm512_dpwssd_epi32(sum, x, w);
#else
    return _mm512_add_epi32(sum, _mm512_madd_epi16(x, w));
#endif
}
/* The first n bytes, 1 to 2 VEC, as words; then zeros. */
VEC_INLINE vec words_load_bytes(const uint8_t *p, int n)
{
    if (n == 2 * VEC)
        return _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8((__mmask32)((1u << n) - 1), p));
}

/* s32 modulo 2^32. */
VEC_INLINE vec vec_set(int32_t x)
{
    return _mm512_set1_epi32(x);
}
VEC_INLINE vec vec_plus(vec a, vec b)
{
    return _mm512_add_epi32(a, b);
}
VEC_INLINE vec vec_minus(vec a, vec b)
{
    return _mm512_sub_epi32(a, b);
}
VEC_INLINE vec vec_times(vec a, vec b)
{
    return _mm512_mullo_epi32(a, b);
}
VEC_INLINE vec vec_four(vec x)
{
    return _mm512_slli_epi32(x, 2);
}
VEC_INLINE vec vec_64th(vec x)
{
    return _mm512_srai_epi32(x, 6);
}

/* The s32 of words that are not negative: vector 0 and vector 1. */
VEC_INLINE vec words_first(vec x)
{
    return _mm512_unpacklo_epi16(x, _mm512_setzero_si512());
}
VEC_INLINE vec words_second(vec x)
{
    return _mm512_unpackhi_epi16(x, _mm512_setzero_si512());
}
/* The first n bytes, 0 to VEC, as s32. */
VEC_INLINE vec vec_load_bytes(const uint8_t *p, int n)
{
    if (n == VEC)
        return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), p));
}
/* Bytes of words of two (panels of two vectors) or four pixels, saturated, in order. */
VEC_INLINE vec bytes_pack(vec x, vec y, vec low, vec high)
{
    return _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(x, y), low), high);
}
VEC_INLINE void bytes_store_2(uint8_t *const y[2], vec bytes, int n)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i both = _mm512_permutexvar_epi32(order, bytes);
    __m256i first = _mm512_castsi512_si256(both), second = _mm512_extracti64x4_epi64(both, 1);
    if (n == 2 * VEC) {
        _mm256_storeu_si256((__m256i *)(void *)y[0], first);
        _mm256_storeu_si256((__m256i *)(void *)y[1], second);
        return;
    }
    __mmask32 some = (__mmask32)((1u << n) - 1);
    _mm256_mask_storeu_epi8(y[0], some, first);
    _mm256_mask_storeu_epi8(y[1], some, second);
}
VEC_INLINE void bytes_store_4(uint8_t *const y[4], vec bytes, int n)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i all = _mm512_permutexvar_epi32(order, bytes);
    __m128i part[4] = {_mm512_castsi512_si128(all), _mm512_extracti32x4_epi32(all, 1),
                       _mm512_extracti32x4_epi32(all, 2), _mm512_extracti32x4_epi32(all, 3)};
    __mmask16 some = (__mmask16)((1u << n) - 1);
    if (n == VEC)
        for (int i = 0; i < 4; i++)
            _mm_storeu_si128((__m128i *)(void *)y[i], part[i]);
    else
        for (int i = 0; i < 4; i++)
            _mm_mask_storeu_epi8(y[i], some, part[i]);
}
VEC_INLINE vec bytes_set(int x)
{
    return _mm512_set1_epi8((char)x);
}

/* A table of 256 bytes as four registers of 64, and table[x] of words 0 to 255. */
struct vec_table {
    vec part[4];
};
VEC_INLINE void vec_table_load(struct vec_table *t, const uint8_t *table)
{
    for (int i = 0; i < 4; i++)
        t->part[i] = _mm512_loadu_si512(table + i * 64);
}
VEC_INLINE vec words_look_up(const struct vec_table *t, vec x)
{
    const __m512i one = _mm512_set1_epi16(1);
    __m512i at = _mm512_srli_epi16(x, 1);
    __m512i low = _mm512_permutex2var_epi16(t->part[0], at, t->part[1]);
    __m512i high = _mm512_permutex2var_epi16(t->part[2], at, t->part[3]);
    __mmask32 upper = _mm512_test_epi16_mask(x, _mm512_set1_epi16(128));
    __m512i pair = _mm512_mask_mov_epi16(low, upper, high);
    __m512i odd = _mm512_slli_epi16(_mm512_and_si512(x, one), 3);
    return _mm512_and_si512(_mm512_srlv_epi16(pair, odd), _mm512_set1_epi16(255));
}

VEC_INLINE void vec_storef_n(float *p, vecf x, int n)
{
    if (n == VEC)
        _mm512_storeu_ps(p, x);
    else
        _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x);
}
#else

#define VEC 8
#define VEC_DOT (LEVEL_DOT ? 4 : 2)
typedef __m256i vec;
typedef __m256 vecf;

VEC_INLINE vec vec_load(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
VEC_INLINE void vec_store(int32_t *p, vec x)
{
    _mm256_storeu_si256((__m256i *)(void *)p, x);
}
VEC_INLINE vec vec_step_x(const uint8_t *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
}
#if LEVEL_DOT
VEC_INLINE vec vec_step_w(const int8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
VEC_INLINE vec vec_dot(vec sum, vec x, vec w)
{
    return _mm256_dpbusd_avx_epi32(sum, x, w);
}
VEC_INLINE vec vec_ones(void)
{
    return _mm256_set1_epi8(1);
}
#else
VEC_INLINE vec vec_step_w(const int8_t *p)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}
VEC_INLINE vec vec_dot(vec sum, vec x, vec w)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
}
VEC_INLINE vec vec_ones(void)
{
    return _mm256_set1_epi16(1);
}
#endif
VEC_INLINE vec vec_less(vec a, vec b, int32_t c)
{
    return _mm256_sub_epi32(a, _mm256_mullo_epi32(b, _mm256_set1_epi32(c)));
}
VEC_INLINE void vec_totals(const vec x[4], int32_t totals[4])
{
    __m256i a =
        _mm256_add_epi32(_mm256_unpacklo_epi32(x[0], x[1]), _mm256_unpackhi_epi32(x[0], x[1]));
    __m256i b =
        _mm256_add_epi32(_mm256_unpacklo_epi32(x[2], x[3]), _mm256_unpackhi_epi32(x[2], x[3]));
    a = _mm256_add_epi32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    _mm_storeu_si128((__m128i *)(void *)totals,
                     _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1)));
}
VEC_INLINE vec vec_load_x(const uint8_t *p, int64_t n)
{
    uint8_t bytes[4 * VEC] = {0};
    if (n < 4 * VEC) {
        memcpy(bytes, p, (size_t)n);
        p = bytes;
    }
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
VEC_INLINE vecf vec_setf(float x)
{
    return _mm256_set1_ps(x);
}
VEC_INLINE vecf vec_loadf(const float *p)
{
    return _mm256_loadu_ps(p);
}
VEC_INLINE vecf vec_to_float(vec x)
{
    return _mm256_cvtepi32_ps(x);
}
VEC_INLINE vec vec_round(vecf x)
{
    return _mm256_cvtps_epi32(x);
}
VEC_INLINE vecf vec_mulf(vecf a, vecf b)
{
    return _mm256_mul_ps(a, b);
}
VEC_INLINE vecf vec_addf(vecf a, vecf b)
{
    return _mm256_add_ps(a, b);
}
VEC_INLINE vecf vec_fmaf(vecf a, vecf b, vecf c)
{
    return _mm256_fmadd_ps(a, b, c);
}
VEC_INLINE vecf vec_maxf(vecf x, vecf low)
{
    return _mm256_max_ps(x, low);
}
VEC_INLINE vecf vec_minf(vecf x, vecf high)
{
    return _mm256_min_ps(x, high);
}
VEC_INLINE vec words_pack(vec a, vec b)
{
    return _mm256_packs_epi32(a, b);
}
VEC_INLINE vec words_set(int x)
{
    return _mm256_set1_epi16((int16_t)x);
}
VEC_INLINE vec words_add(vec a, vec b)
{
    return _mm256_adds_epi16(a, b);
}
VEC_INLINE vec words_plus(vec a, vec b)
{
    return _mm256_add_epi16(a, b);
}
VEC_INLINE vec words_less(vec a, vec b)
{
    return _mm256_sub_epi16(a, b);
}
VEC_INLINE vec words_four(vec x)
{
    return _mm256_slli_epi16(x, 2);
}
VEC_INLINE vec words_dot(vec sum, vec x, vec w)
{
#if LEVEL_DOT
    return _mm256_dpwssd_avx_epi32(sum, x, w);
#else
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
#endif
}
VEC_INLINE vec words_load_bytes(const uint8_t *p, int n)
{
    uint8_t bytes[2 * VEC] = {0};
    if (n < 2 * VEC) {
        memcpy(bytes, p, (size_t)n);
        p = bytes;
    }
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}
VEC_INLINE vec vec_set(int32_t x)
{
    return _mm256_set1_epi32(x);
}
VEC_INLINE vec vec_plus(vec a, vec b)
{
    return _mm256_add_epi32(a, b);
}
VEC_INLINE vec vec_minus(vec a, vec b)
{
    return _mm256_sub_epi32(a, b);
}
VEC_INLINE vec vec_times(vec a, vec b)
{
    return _mm256_mullo_epi32(a, b);
}
VEC_INLINE vec vec_four(vec x)
{
    return _mm256_slli_epi32(x, 2);
}
VEC_INLINE vec vec_64th(vec x)
{
    return _mm256_srai_epi32(x, 6);
}
VEC_INLINE vec words_first(vec x)
{
    return _mm256_unpacklo_epi16(x, _mm256_setzero_si256());
}
VEC_INLINE vec words_second(vec x)
{
    return _mm256_unpackhi_epi16(x, _mm256_setzero_si256());
}
VEC_INLINE vec vec_load_bytes(const uint8_t *p, int n)
{
    uint8_t bytes[VEC] = {0};
    if (n < VEC) {
        memcpy(bytes, p, (size_t)n);
        p = bytes;
    }
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
}
VEC_INLINE vec bytes_pack(vec x, vec y, vec low, vec high)
{
    return _mm256_min_epu8(_mm256_max_epu8(_mm256_packus_epi16(x, y), low), high);
}
VEC_INLINE void bytes_store_2(uint8_t *const y[2], vec bytes, int n)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i both = _mm256_permutevar8x32_epi32(bytes, order);
    uint8_t some[32];
    if (n == 2 * VEC) {
        _mm_storeu_si128((__m128i *)(void *)y[0], _mm256_castsi256_si128(both));
        _mm_storeu_si128((__m128i *)(void *)y[1], _mm256_extracti128_si256(both, 1));
        return;
    }
    _mm256_storeu_si256((__m256i *)(void *)some, both);
    memcpy(y[0], some, (size_t)n);
    memcpy(y[1], some + 16, (size_t)n);
}
VEC_INLINE void bytes_store_4(uint8_t *const y[4], vec bytes, int n)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    uint8_t some[32];
    _mm256_storeu_si256((__m256i *)(void *)some, _mm256_permutevar8x32_epi32(bytes, order));
    for (int i = 0; i < 4; i++)
        memcpy(y[i], some + i * 8, (size_t)n);
}
VEC_INLINE vec bytes_set(int x)
{
    return _mm256_set1_epi8((char)x);
}
struct vec_table {
    const uint8_t *table;
};
VEC_INLINE void vec_table_load(struct vec_table *t, const uint8_t *table)
{
    t->table = table;
}
VEC_INLINE vec words_look_up(const struct vec_table *t, vec x)
{
    uint16_t w[16];
    _mm256_storeu_si256((__m256i *)(void *)w, x);
    for (int i = 0; i < 16; i++)
        w[i] = t->table[w[i]];
    return _mm256_loadu_si256((const __m256i *)(const void *)w);
}
VEC_INLINE void vec_storef_n(float *p, vecf x, int n)
{
    float some[VEC];
    _mm256_storeu_ps(some, x);
    memcpy(p, some, (size_t)n * sizeof *p);
}
#endif
#endif
