/* levels: avx512 exact */
/* Bytes through a table, AVX-512: with VBMI two permutations of 128 entries each, without it as
 * table_u8_shuffle.c has it. */
#include <immintrin.h>

#include "kernels/conv/vec_f32.h"
#include "kernels/table/table_u8.h"

static inline __mmask64 first(int64_t count)
{
    return count >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
}

static inline __attribute__((always_inline)) __m512i look_up(const __m512i piece[16], __m512i x)
{
    const __m512i sixteen = _mm512_set1_epi8(16);
    __m512i y = _mm512_setzero_si512(), z = _mm512_xor_si512(x, _mm512_set1_epi8(-128));
    VEC_UNROLL
    for (int i = 0; i < 8; i++) {
        y = _mm512_ternarylogic_epi64(y, _mm512_shuffle_epi8(piece[i], x),
                                      _mm512_shuffle_epi8(piece[8 + i], z), 0x96);
        x = _mm512_subs_epi8(x, sixteen);
        z = _mm512_subs_epi8(z, sixteen);
    }
    return y;
}

void infer__table_row_avx512(const uint8_t *table, const uint8_t *x, uint8_t *y, int64_t count)
{
    __m512i piece[16];
    if (count < 32) {
        infer__table_row_c(table, x, y, count);
        return;
    }
    for (int k = 0; k < 16; k++)
        piece[k] = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)(table + 16 * (int64_t)k)));
    for (int k = 15; k > 0; k--)
        if (k != 8)
            piece[k] = _mm512_xor_si512(piece[k], piece[k - 1]);
    for (int64_t i = 0; i < count; i += 64) {
        __mmask64 m = first(count - i);
        _mm512_mask_storeu_epi8(y + i, m, look_up(piece, _mm512_maskz_loadu_epi8(m, x + i)));
    }
}

__attribute__((target("avx512vbmi"))) void
infer__table_row_vbmi(const uint8_t *table, const uint8_t *x, uint8_t *y, int64_t count)
{
    __m512i t[4];
    for (int k = 0; k < 4; k++)
        t[k] = _mm512_loadu_si512((const void *)(table + 64 * (int64_t)k));
    for (int64_t i = 0; i < count; i += 64) {
        __mmask64 m = first(count - i);
        __m512i a = _mm512_maskz_loadu_epi8(m, x + i);
        __m512i low = _mm512_permutex2var_epi8(t[0], a, t[1]);
        __m512i high = _mm512_permutex2var_epi8(t[2], a, t[3]);
        _mm512_mask_storeu_epi8(y + i, m,
                                _mm512_mask_blend_epi8(_mm512_movepi8_mask(a), low, high));
    }
}
