/* levels: avx2 avx512 */
/* ChannelShuffle of two groups of elements of four bytes: the two
 * halves of the channels are interleaved. Each half must be one operand's, or both one's; each
 * output must begin with a channel of the first half. */
#include "kernels/levels.h"

#include "kernels/shuffle/shuffle.h"
#include "kernels/vec_math.h"

INFER__APART static double shuffle_estimate(const struct infer__task *t)
{
    if (!infer__isa_has(t->isa, LEVEL_ISA) || !shuffle_serves(t) ||
        infer__operand_size(&t->out[0]) != 4 || t->p.shuffle.groups != 2 || t->nin > 2 ||
        shuffle_last(&t->out[0]) % 2 ||
        (t->nin == 2 && shuffle_last(&t->in[0]) != shuffle_last(&t->in[1])))
        return -1;
    return (VEC_LEVEL == 512 ? 0.25 : 0.3) * infer__bytes_ns(t) +
           4 * (double)shuffle_pixels(t) * (double)t->nout;
}

/* y[2 i] = a[i], y[2 i + 1] = b[i] for i below n. */
VEC_INLINE void interleave(const float *a, const float *b, float *y, int64_t n)
{
    int64_t i = 0;
#if VEC_LEVEL == 512
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i high =
        _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    for (; i + VEC <= n; i += VEC) {
        vec p = vec_load(a + i), q = vec_load(b + i);
        vec_store(y + 2 * i, _mm512_permutex2var_ps(p, low, q));
        vec_store(y + 2 * i + VEC, _mm512_permutex2var_ps(p, high, q));
    }
    if (i < n) {
        int m = (int)(n - i);
        vec p = vec_load_n(a + i, m), q = vec_load_n(b + i, m);
        vec_store_n(y + 2 * i, _mm512_permutex2var_ps(p, low, q), 2 * m < VEC ? 2 * m : VEC);
        vec_store_n(y + 2 * i + VEC, _mm512_permutex2var_ps(p, high, q),
                    2 * m < VEC ? 0 : 2 * m - VEC);
    }
#else
    for (; i + VEC <= n; i += VEC) {
        vec p = vec_load(a + i), q = vec_load(b + i);
        vec low = _mm256_unpacklo_ps(p, q), high = _mm256_unpackhi_ps(p, q);
        vec_store(y + 2 * i, _mm256_permute2f128_ps(low, high, 0x20));
        vec_store(y + 2 * i + VEC, _mm256_permute2f128_ps(low, high, 0x31));
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
    const float *first = b->in[0], *second = t->nin == 2 ? b->in[1] : first + half;
    uint32_t units = shuffle_units(t);
    int64_t last = infer__unit_begin(pixels, units, end);
    for (int64_t p = infer__unit_begin(pixels, units, begin); p < last; p++)
        for (uint32_t k = 0; k < t->nout; k++) {
            int64_t at = p * stride + k * (cut / 2);
            interleave(first + at, second + at, (float *)b->out[k] + p * cut, cut / 2);
        }
}

const struct infer__kernel LEVEL_NAME(infer__shuffle_4) = {.name = LEVEL_STRING("shuffle_4"),
                                                           .isa = LEVEL_ISA,
                                                           .estimate = shuffle_estimate,
                                                           .prepare = shuffle_prepare,
                                                           .run = shuffle_run};
