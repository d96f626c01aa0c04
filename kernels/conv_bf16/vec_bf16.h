/* Floats to bf16 and back on AVX-512 BF16, many at a time. Rounds to nearest, ties to even; the
 * instruction takes denormals as 0. */
#ifndef INFER_KERNELS_CONV_BF16_VEC_BF16_H
#define INFER_KERNELS_CONV_BF16_VEC_BF16_H

#include "kernels/conv/vec_f32.h"

/* Two vectors, a before b, in one register. */
VEC_INLINE __m512i vec_to_bf16(vec a, vec b)
{
    return (__m512i)_mm512_cvtne2ps_pbh(b, a);
}

/* The first n of 16, 0 to 16; nothing past them is touched. */
VEC_INLINE void bf16_store_n(uint16_t *to, vec x, int n)
{
    _mm256_mask_storeu_epi16(to, (__mmask16)((1u << n) - 1), (__m256i)_mm512_cvtneps_pbh(x));
}

/* Those of the mask, else 0. */
VEC_INLINE vec bf16_load_some(const uint16_t *from, __mmask16 some)
{
    __m256i half = _mm256_maskz_loadu_epi16(some, from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

VEC_INLINE vec bf16_load_n(const uint16_t *from, int n)
{
    return bf16_load_some(from, (__mmask16)((1u << n) - 1));
}

VEC_INLINE vec bf16_load(const uint16_t *from)
{
    __m256i half = _mm256_loadu_si256((const __m256i *)from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

/* n floats. */
static inline void bf16_from_floats(const float *from, int64_t n, uint16_t *to)
{
    int64_t i = 0;
    for (; i + 2 * VEC <= n; i += 2 * VEC)
        _mm512_storeu_si512(to + i, vec_to_bf16(vec_load(from + i), vec_load(from + i + VEC)));
    for (; i < n; i += VEC) {
        int rest = n - i < VEC ? (int)(n - i) : VEC;
        bf16_store_n(to + i, vec_load_n(from + i, rest), rest);
    }
}

#endif
