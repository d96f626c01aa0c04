/* The copies of gathered int8 convolutions whose kernel rows fit in a vector of AVX-512; see
 * infer__conv8_gather. */
#ifndef INFER_KERNELS_CONV_INT8_GATHER_INT8_H
#define INFER_KERNELS_CONV_INT8_GATHER_INT8_H

#include "kernels/conv_int8/conv_int8.h"
#include "kernels/conv_int8/vec_int8.h"

/* Bytes first .. end - 1 of 64. */
VEC_INLINE uint64_t gather_mask(int64_t first, int64_t end)
{
    const uint64_t all = ~(uint64_t)0;
    return end <= first ? 0 : all >> (64 - (end - first)) << first;
}

/* `rows` rows of a kernel in the input, `row_bytes` apart. `narrow`: they have at most 32 bytes. */
VEC_INLINE uint8_t *gather_rows(const int narrow, const uint8_t *from, int64_t row_bytes,
                                int64_t run, int64_t rows, uint64_t mask, __m512i zero, uint8_t *to)
{
    const __m256i zero32 = _mm512_castsi512_si256(zero);
    for (; rows > 0; rows--, from += row_bytes, to += run)
        if (narrow)
            _mm256_storeu_si256((__m256i *)(void *)to,
                                _mm256_mask_loadu_epi8(zero32, (__mmask32)mask, from));
        else
            _mm512_storeu_si512(to, _mm512_mask_loadu_epi8(zero, mask, from));
    return to;
}

/* The same in the padding. */
VEC_INLINE uint8_t *gather_zeros(int64_t run, int64_t rows, __m512i zero, uint8_t *to)
{
    for (; rows > 0; rows--, to += run)
        _mm512_storeu_si512(to, zero);
    return to;
}

/* Pixel (od, oh, ow) of image n. A row is read from the first byte that it has in the input on. */
VEC_INLINE void gather_pixel_short(const struct infer__conv8_cut *c, const int narrow,
                                   const uint8_t *x, const int64_t o[4], __m512i zero, uint8_t *to)
{
    const struct infer__linear *s = &c->s;
    const struct infer__window *w = &s->w;
    const int64_t run = w->kernel[2] * s->cg, row_bytes = s->x.w * s->cg;
    int64_t h = o[2] * w->stride[1] - w->pad_begin[1], v = o[3] * w->stride[2] - w->pad_begin[2];
    int64_t end = (s->x.w - v) * s->cg, dilation = w->dilation[1];
    int64_t top = h < 0 ? (dilation - 1 - h) / dilation : 0, rows = w->kernel[1];
    int64_t bottom = s->x.h - h > 0 ? (s->x.h - h + dilation - 1) / dilation : 0;
    uint64_t mask = gather_mask(v < 0 ? -v * s->cg : 0, end < run ? end : run);
    top = top < rows ? top : rows;
    bottom = bottom < top ? top : bottom < rows ? bottom : rows;
    for (int64_t kd = 0; kd < w->kernel[0]; kd++) {
        int64_t d = o[1] * w->stride[0] - w->pad_begin[0] + kd * w->dilation[0];
        int64_t row = h + top * dilation, some = d >= 0 && d < s->x.d && mask ? bottom - top : 0;
        int64_t at = (((o[0] * s->x.d + d) * s->x.h + row) * s->x.w + v) * s->cg;
        to = gather_zeros(run, top, zero, to);
        to =
            gather_rows(narrow, some ? x + at : x, dilation * row_bytes, run, some, mask, zero, to);
        to = gather_zeros(run, rows - top - some, zero, to);
    }
}

static __attribute__((unused)) void gather_short(const struct infer__conv8_cut *c, const uint8_t *x,
                                                 int64_t pixel, int count, uint8_t *to)
{
    const struct infer__linear *s = &c->s;
    const __m512i zero = _mm512_set1_epi8((char)s->x_zero);
    int64_t row = pixel / s->y.w;
    int64_t o[4] = {row / s->y.h / s->y.d, row / s->y.h % s->y.d, row % s->y.h, pixel % s->y.w};
    for (int m = 0; m < count; m++, to += c->padded) {
        if (s->w.kernel[2] * s->cg <= 32)
            gather_pixel_short(c, 1, x, o, zero, to);
        else
            gather_pixel_short(c, 0, x, o, zero, to);
        const int64_t sizes[4] = {s->y.n, s->y.d, s->y.h, s->y.w};
        for (int a = 3; a >= 0 && ++o[a] == sizes[a]; a--)
            o[a] = 0;
    }
}

/* See infer__conv8_interleave. */
static __attribute__((unused)) int64_t interleave(const uint8_t *from, const uint8_t *end,
                                                  int64_t row, int64_t n, int64_t count,
                                                  uint8_t *to)
{
    const int64_t each = 32 / n; /* blocks of a vector */
    uint16_t order[32] = {0};
    int64_t done = 0;
    for (int64_t i = 0; i < each * n; i++)
        order[i] = (uint16_t)(i / n * (n / 2) + i % (n / 2) + (i % n < n / 2 ? 0 : 32));
    const __m512i at = _mm512_loadu_si512(order);
    for (; done + each <= count && end - from >= 32;
         done += each, from += each * n, to += each * 2 * n) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)from);
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(from + row));
        _mm512_storeu_si512(to, _mm512_permutex2var_epi16(_mm512_castsi256_si512(a), at,
                                                          _mm512_castsi256_si512(b)));
    }
    return done;
}

#endif
