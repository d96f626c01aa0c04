/* levels: avx2 avx512 */
/* ChannelShuffle of two groups of bytes, as shuffle_4.c, whose
 * conditions it has. */
#include "kernels/levels.h"

#include "kernels/conv/vec_f32.h"
#include "kernels/shuffle/shuffle.h"

INFER__APART static double shuffle_estimate(const struct infer__task *t)
{
    if (!infer__isa_has(t->isa, LEVEL_ISA) || !shuffle_serves(t) ||
        infer__operand_size(&t->out[0]) != 1 || t->p.shuffle.groups != 2 || t->nin > 2 ||
        shuffle_last(&t->out[0]) % 2 ||
        (t->nin == 2 && shuffle_last(&t->in[0]) != shuffle_last(&t->in[1])))
        return -1;
    return (VEC_LEVEL == 512 ? 0.4 : 0.5) * infer__bytes_ns(t) +
           4 * (double)shuffle_pixels(t) * (double)t->nout;
}

/* 16 of each. */
VEC_INLINE void interleave_16(const uint8_t *a, const uint8_t *b, uint8_t *y)
{
    __m128i p = _mm_loadu_si128((const void *)a), q = _mm_loadu_si128((const void *)b);
    _mm_storeu_si128((void *)y, _mm_unpacklo_epi8(p, q));
    _mm_storeu_si128((void *)(y + 16), _mm_unpackhi_epi8(p, q));
}

/* y[2 i] = a[i], y[2 i + 1] = b[i] for i below n. */
VEC_INLINE void interleave(const uint8_t *a, const uint8_t *b, uint8_t *y, int64_t n)
{
    int64_t i = 0;
#if VEC_LEVEL == 512
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    for (; i < n; i += 64) {
        const __mmask64 all = ~(__mmask64)0;
        const int64_t left = n - i;
        __mmask64 m = left >= 64 ? all : ((__mmask64)1 << left) - 1;
        __mmask64 low = left >= 32 ? all : ((__mmask64)1 << 2 * left) - 1;
        __mmask64 high = left >= 64 ? all : left > 32 ? ((__mmask64)1 << (2 * left - 64)) - 1 : 0;
        __m512i p = _mm512_maskz_loadu_epi8(m, a + i), q = _mm512_maskz_loadu_epi8(m, b + i);
        __m512i x = _mm512_unpacklo_epi8(p, q), z = _mm512_unpackhi_epi8(p, q);
        _mm512_mask_storeu_epi8(y + 2 * i, low, _mm512_permutex2var_epi64(x, first, z));
        if (high)
            _mm512_mask_storeu_epi8(y + 2 * i + 64, high, _mm512_permutex2var_epi64(x, second, z));
    }
#else
    for (; i + 16 <= n; i += 16)
        interleave_16(a + i, b + i, y + 2 * i);
    if (i < n && n >= 16) { /* the last 16 once more */
        interleave_16(a + n - 16, b + n - 16, y + 2 * (n - 16));
        return;
    }
    for (; i < n; i++) {
        y[2 * i] = a[i];
        y[2 * i + 1] = b[i];
    }
#endif
}

static void shuffle_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    int64_t pixels = shuffle_pixels(t), cut = shuffle_last(&t->out[0]), half = cut / 2 * t->nout;
    int64_t stride = t->nin == 2 ? half : 2 * half;
    const uint8_t *first = b->in[0], *second = t->nin == 2 ? b->in[1] : first + half;
    uint32_t units = shuffle_units(t);
    int64_t last = infer__unit_begin(pixels, units, end);
    for (int64_t p = infer__unit_begin(pixels, units, begin); p < last; p++)
        for (uint32_t k = 0; k < t->nout; k++) {
            int64_t at = p * stride + k * (cut / 2);
            interleave(first + at, second + at, (uint8_t *)b->out[k] + p * cut, cut / 2);
        }
}

const struct infer__kernel LEVEL_NAME(infer__shuffle_1) = {.name = LEVEL_STRING("shuffle_1"),
                                                           .isa = LEVEL_ISA,
                                                           .estimate = shuffle_estimate,
                                                           .prepare = shuffle_prepare,
                                                           .run = shuffle_run};
