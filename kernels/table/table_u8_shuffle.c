/* levels: avx2 exact */
/* Bytes through a table, AVX2: 16 shuffles of 16 entries each.
 *
 * Going up from piece to piece, x - 16 i stays negative, and its shuffle 0, until piece i is
 * reached; so the exclusive or of the shuffles of piece[i] ^ piece[i - 1] is the entry. That is for
 * x below 128; the other half is done with x ^ 128. Saturation keeps what is negative so. */
#include <immintrin.h>

#include "kernels/conv/vec_f32.h"
#include "kernels/table/table_u8.h"

static inline __attribute__((always_inline)) __m256i look_up(const __m256i piece[16], __m256i x)
{
    const __m256i sixteen = _mm256_set1_epi8(16);
    __m256i y = _mm256_setzero_si256(), z = _mm256_xor_si256(x, _mm256_set1_epi8(-128));
    VEC_UNROLL
    for (int i = 0; i < 8; i++) {
        y = _mm256_xor_si256(y, _mm256_shuffle_epi8(piece[i], x));
        y = _mm256_xor_si256(y, _mm256_shuffle_epi8(piece[8 + i], z));
        x = _mm256_subs_epi8(x, sixteen);
        z = _mm256_subs_epi8(z, sixteen);
    }
    return y;
}

void infer__table_row_avx2(const uint8_t *table, const uint8_t *x, uint8_t *y, int64_t count)
{
    __m256i piece[16];
    int64_t i = 0;
    if (count < 32) {
        infer__table_row_c(table, x, y, count);
        return;
    }
    for (int k = 0; k < 16; k++)
        piece[k] =
            _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)(table + 16 * (int64_t)k)));
    for (int k = 15; k > 0; k--)
        if (k != 8)
            piece[k] = _mm256_xor_si256(piece[k], piece[k - 1]);
    for (; i + 32 <= count; i += 32)
        _mm256_storeu_si256((void *)(y + i),
                            look_up(piece, _mm256_loadu_si256((const void *)(x + i))));
    infer__table_row_c(table, x + i, y + i, count - i);
}
