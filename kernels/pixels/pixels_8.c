/* levels: c avx2 exact */
#include "kernels/levels.h"
#include "kernels/pixels/pixels.h"

#if VEC_LEVEL
#include <immintrin.h>
#endif
#include <string.h>

static inline uint8_t clip8(int32_t v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static inline int32_t clamp_index(int32_t i, int32_t n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* ---- Pillow --------------------------------------------------------------------------------- */

/* Outputs [from, to); called with a constant c so that the loops over it unroll. */
static inline void across_plain(const uint8_t *in, int c, const struct infer__pillow_axis *a,
                                int32_t from, int32_t to, uint8_t *out)
{
    for (int32_t i = from; i < to; i++) {
        const int32_t *w = a->weight + (size_t)i * (size_t)a->most;
        const uint8_t *p = in + (size_t)a->first[i] * (size_t)c;
        int32_t sum[4];
        for (int k = 0; k < c; k++)
            sum[k] = 1 << (INFER__PILLOW_BITS - 1);
        for (int32_t t = 0; t < a->count[i]; t++, p += c)
            for (int k = 0; k < c; k++)
                sum[k] += p[k] * w[t];
        for (int k = 0; k < c; k++)
            out[(size_t)i * (size_t)c + (size_t)k] = clip8(sum[k] >> INFER__PILLOW_BITS);
    }
}

#if VEC_LEVEL
/* Two pixels of three samples as eight numbers, each behind a fourth that counts for nothing. */
static inline __m256i two_pixels(const uint8_t *p)
{
    const __m128i order = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    return _mm256_cvtepu8_epi32(_mm_shuffle_epi8(_mm_loadl_epi64((const __m128i *)p), order));
}

/* A sum as three bytes at `out`. */
static inline void put_sum(__m256i sum, uint8_t *out)
{
    const __m128i half = _mm_set1_epi32(1 << (INFER__PILLOW_BITS - 1));
    __m128i v = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    v = _mm_srai_epi32(_mm_add_epi32(v, half), INFER__PILLOW_BITS);
    v = _mm_packus_epi16(_mm_packs_epi32(v, v), v);
    const uint32_t rgb = (uint32_t)_mm_cvtsi128_si32(v);
    memcpy(out, &rgb, 3);
}

/* Outputs [0, end) of `rows` rows, called with a constant number of them, two taps at a time; each
 * reads as far as two pixels behind its last one. */
static inline void across_3(const uint8_t *in, size_t pitch, const struct infer__pillow_axis *a,
                            int32_t end, int rows, uint8_t *out, size_t to)
{
    for (int32_t i = 0; i < end; i++) {
        const int32_t *w = a->weight + (size_t)i * (size_t)a->most, n = a->count[i];
        const uint8_t *p = in + (size_t)a->first[i] * 3;
        __m256i sum[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                          _mm256_setzero_si256()};
        for (int32_t t = 0; t < n; t += 2, p += 6) {
            const __m128i second = t + 1 < n ? _mm_set1_epi32(w[t + 1]) : _mm_setzero_si128();
            const __m256i weights = _mm256_setr_m128i(_mm_set1_epi32(w[t]), second);
            for (int r = 0; r < rows; r++)
                sum[r] = _mm256_add_epi32(
                    sum[r], _mm256_mullo_epi32(two_pixels(p + (size_t)r * pitch), weights));
        }
        for (int r = 0; r < rows; r++)
            put_sum(sum[r], out + (size_t)r * to + (size_t)i * 3);
    }
}
#endif

/* All outputs of a row from number `from` on. */
static void rest_of_row(const uint8_t *in, int c, const struct infer__pillow_axis *a, int32_t from,
                        int32_t n, uint8_t *out)
{
    if (c == 3)
        across_plain(in, 3, a, from, n, out);
    else if (c == 4)
        across_plain(in, 4, a, from, n, out);
    else
        across_plain(in, 1, a, from, n, out);
}

static void pillow_across(const uint8_t *in, size_t pitch, int32_t width, int c,
                          const struct infer__pillow_axis *a, int32_t n, int32_t rows, uint8_t *out)
{
    const size_t to = (size_t)n * (size_t)c;
    int32_t done = 0;
    (void)width;
#if VEC_LEVEL
    int32_t y = 0;
    if (c == 3) {
        done = n; /* ends ascend */
        while (done > 0 && a->first[done - 1] + a->count[done - 1] + 2 > width)
            done--;
    }
    for (; done && y + 4 <= rows; y += 4)
        across_3(in + (size_t)y * pitch, pitch, a, done, 4, out + (size_t)y * to, to);
    for (; done && y < rows; y++)
        across_3(in + (size_t)y * pitch, pitch, a, done, 1, out + (size_t)y * to, to);
#endif
    for (int32_t r = 0; r < rows && done < n; r++)
        rest_of_row(in + (size_t)r * pitch, c, a, done, n, out + (size_t)r * to);
}

/* Columns are worked on in strips, whose sums stay in the first-level cache or in registers. */
enum { STRIP = 256 };

static void down_strip(const uint8_t *restrict in, size_t stride, const int32_t *w, int32_t count,
                       size_t n, uint8_t *restrict out)
{
    int32_t sum[STRIP];
    for (size_t i = 0; i < n; i++)
        sum[i] = 1 << (INFER__PILLOW_BITS - 1);
    for (int32_t t = 0; t < count; t++, in += stride) {
        const int32_t weight = w[t];
        for (size_t i = 0; i < n; i++)
            sum[i] += in[i] * weight;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = clip8(sum[i] >> INFER__PILLOW_BITS);
}

static void pillow_down(const uint8_t *in, size_t stride, const int32_t *w, int32_t count, size_t n,
                        uint8_t *out)
{
    for (size_t x = 0; x < n; x += STRIP)
        down_strip(in + x, stride, w, count, n - x < STRIP ? n - x : STRIP, out + x);
}

/* ---- OpenCV --------------------------------------------------------------------------------- */

static void linear_plain(const uint8_t *in, int32_t width, const int32_t *at, const int32_t *weight,
                         int32_t from, int32_t to, int32_t *out)
{
    for (int32_t i = from; i < to; i++) {
        const uint8_t *p = in + (size_t)clamp_index(at[i], width) * 3;
        const uint8_t *q = in + (size_t)clamp_index(at[i] + 1, width) * 3;
        for (int k = 0; k < 3; k++)
            out[3 * i + k] = p[k] * weight[4 * i] + q[k] * weight[4 * i + 1];
    }
}

#if VEC_LEVEL
/* Outputs [from, to), each of two pixels side by side, of which 8 bytes can be read; writes one
 * number behind the last. */
static void linear_pairs(const uint8_t *in, const int32_t *at, const int32_t *weight, int32_t from,
                         int32_t to, int32_t *out)
{
    const __m128i order = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
    for (int32_t i = from; i < to; i++) {
        const __m128i p = _mm_loadl_epi64((const __m128i *)(in + (size_t)at[i] * 3));
        const __m128i w = _mm_set1_epi32((weight[4 * i] & 0xffff) | weight[4 * i + 1] << 16);
        _mm_storeu_si128((__m128i *)(out + 3 * i), _mm_madd_epi16(_mm_shuffle_epi8(p, order), w));
    }
}
#endif

static void opencv_across(const uint8_t *in, int32_t width, const int32_t *at,
                          const int32_t *weight, int32_t n, int32_t *out)
{
    int32_t from = 0, to = 0;
#if VEC_LEVEL
    while (from < n && at[from] < 0) /* positions ascend */
        from++;
    to = n - 1;
    while (to > from && at[to - 1] > width - 3)
        to--;
    to = to < from ? from : to;
    linear_pairs(in, at, weight, from, to, out);
#endif
    linear_plain(in, width, at, weight, 0, from, out);
    linear_plain(in, width, at, weight, to, n, out);
}

static void opencv_down(const int32_t *restrict above, const int32_t *restrict below,
                        const int32_t w[2], size_t n, uint8_t *restrict out)
{
    const int32_t w0 = w[0], w1 = w[1];
    for (size_t i = 0; i < n; i++) {
        const int32_t sum = ((w0 * (above[i] >> 4)) >> 16) + ((w1 * (below[i] >> 4)) >> 16);
        out[i] = clip8((sum + 2) >> 2);
    }
}

/* ---- floats --------------------------------------------------------------------------------- */

#if VEC_LEVEL
/* Which bytes of 16 are sample `source` of eight pixels, of which these are those from `begin` on.
 */
static __m128i order_of(int channels, int source, int begin, int from, int to)
{
    int8_t order[16];
    memset(order, -1, sizeof order);
    for (int i = 0; i < 8; i++) {
        const int at = i * channels + source;
        if (at >= from && at < to)
            order[i] = (int8_t)(at - begin);
    }
    return _mm_loadu_si128((const __m128i *)order);
}

static size_t eight_at_once(const uint8_t *in, int channels, int source, float mean, float scale,
                            size_t n, float *out)
{
    const size_t bytes = 8 * (size_t)channels;
    const int second = channels == 1 ? 0 : (int)bytes - 16;
    const __m128i low = order_of(channels, source, 0, 0, 16);
    const __m128i high = order_of(channels, source, second, 16, 32);
    const __m256 m = _mm256_set1_ps(mean), s = _mm256_set1_ps(scale);
    size_t i = 0;
    for (; i + 8 <= n; i += 8, in += bytes) {
        __m128i v;
        if (channels == 1)
            v = _mm_loadl_epi64((const __m128i *)in);
        else
            v = _mm_or_si128(
                _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)in), low),
                _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(in + second)), high));
        const __m256 x = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(v));
        _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_sub_ps(x, m), s));
    }
    return i;
}
#endif

static void to_floats(const uint8_t *in, int channels, int source, float mean, float scale,
                      size_t n, float *out)
{
    size_t i = 0;
#if VEC_LEVEL
    i = eight_at_once(in, channels, source, mean, scale, n, out);
#endif
    for (; i < n; i++)
        out[i] = ((float)in[i * (size_t)channels + (size_t)source] - mean) * scale;
}

const struct infer__pixels LEVEL_NAME(infer__pixels) = {
    .pillow_across = pillow_across,
    .pillow_down = pillow_down,
    .opencv_across = opencv_across,
    .opencv_down = opencv_down,
    .to_floats = to_floats,
};
