/* Resizing as OpenCV 4's cv::resize does it for 8-bit pictures: nearest, linear and cubic. The
 * mean over areas is in resize_area.c.
 *
 * The filter does not widen when shrinking. Weights are floats rounded to 11 fractional bits;
 * the pass across keeps all 8 + 11 bits, the pass down has its own arithmetic per filter:
 *   linear  the row sums lose 4 bits, each product its lowest 16, then two more with rounding
 *   cubic   float in whole vectors of 8 samples, as with SSE2, and integers for the rest
 *           of a row; the two are now and then 1 level apart, as is OpenCV with other vectors. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "vision/decode.h"
#include "vision/resize.h"
#include "vision/resize_area.h"

enum { WEIGHT_ONE = 1 << INFER__OPENCV_BITS, MAX_TAPS = 4, VECTOR = 8 };

struct axis {
    int32_t taps; /* 2 or 4 */
    int32_t *at;  /* per output that is made: the first source index, clamped when used */
    int32_t (*weight)[MAX_TAPS];
};

/* Keys' cubic convolution with a = -0.75, in OpenCV's order of operations. */
static void cubic_weights(float x, float w[4])
{
    const float a = -0.75f;
    float y = x + 1, z = 1 - x;
    w[0] = ((a * y - 5 * a) * y + 8 * a) * y - 4 * a;
    w[1] = ((a + 2) * x - (a + 3)) * x * x + 1;
    w[2] = ((a + 2) * z - (a + 3)) * z * z + 1;
    w[3] = 1.f - w[0] - w[1] - w[2];
}

/* Outputs `from` to from + made - 1 of `out`. `area`: the positions of INTER_AREA when it enlarges,
 * which is linear inside source pixels' borders only. `clamp`: outside the picture the weight goes
 * to the last pixel whole. */
static void fill_axis(struct axis *a, int32_t in, int32_t out, int32_t from, int32_t made, int area,
                      int clamp)
{
    double inverse = (double)out / in, scale = 1. / inverse;
    for (int32_t i = from; i < from + made; i++) {
        int32_t at;
        float f, w[MAX_TAPS];
        if (area) {
            at = (int32_t)floor(i * scale);
            f = (float)((i + 1) - (at + 1) * inverse);
            f = f <= 0 ? 0.f : f - floorf(f);
        } else {
            f = (float)((i + 0.5) * scale - 0.5);
            at = (int32_t)floorf(f);
            f -= (float)at;
        }
        if (clamp && at < 0) {
            at = 0;
            f = 0;
        }
        if (clamp && at >= in - 1) {
            at = in - 1;
            f = 0;
        }
        if (a->taps == 4) {
            cubic_weights(f, w);
            at--;
        } else {
            w[0] = 1.f - f;
            w[1] = f;
        }
        a->at[i - from] = at;
        for (int32_t k = 0; k < a->taps; k++)
            a->weight[i - from][k] = infer__round_even(w[k] * WEIGHT_ONE);
    }
}

static int32_t clamp_index(int32_t i, int32_t n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* One row across, with all bits kept. */
static inline void across_row(const uint8_t *in, int32_t width, int c, const struct axis *a,
                              int32_t n, int32_t *out)
{
    for (int32_t i = 0; i < n; i++) {
        int32_t sum[4] = {0};
        for (int32_t t = 0; t < a->taps; t++) {
            int32_t w = a->weight[i][t];
            const uint8_t *p = in + (size_t)clamp_index(a->at[i] + t, width) * (size_t)c;
            for (int k = 0; k < c; k++)
                sum[k] += p[k] * w;
        }
        for (int k = 0; k < c; k++)
            *out++ = sum[k];
    }
}

static void across(const infer_image *src, const struct infer__pixels *pixels, int32_t y,
                   const struct axis *a, int32_t n, int32_t *out)
{
    const uint8_t *in = src->pixels + (size_t)y * infer__image_pitch(src);
    if (src->channels == 3 && a->taps == 2)
        pixels->opencv_across(in, src->width, a->at, &a->weight[0][0], n, out);
    else if (src->channels == 3)
        across_row(in, src->width, 3, a, n, out);
    else if (src->channels == 4)
        across_row(in, src->width, 4, a, n, out);
    else
        across_row(in, src->width, 1, a, n, out);
}

/* The first `vectors` of n samples lie in whole vectors of the row. */
static void down_cubic(int32_t *const *rows, const int32_t *w, uint8_t *out, size_t vectors,
                       size_t n)
{
    const float scale = 1.f / (WEIGHT_ONE * WEIGHT_ONE);
    const int32_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    float f[4];
    for (int k = 0; k < 4; k++)
        f[k] = (float)w[k] * scale;
    size_t i = 0;
    for (; i < vectors; i++) {
        /* one statement per operation: a fused multiply-add would round otherwise */
        float p0 = (float)r0[i] * f[0], p1 = (float)r1[i] * f[1];
        float p2 = (float)r2[i] * f[2], sum = (float)r3[i] * f[3];
        sum = p2 + sum;
        sum = p1 + sum;
        sum = p0 + sum;
        out[i] = infer__clip8(infer__round_even(sum));
    }
    for (; i < n; i++) {
        int32_t sum = r0[i] * w[0] + r1[i] * w[1] + r2[i] * w[2] + r3[i] * w[3];
        out[i] = infer__clip8((sum + (1 << 21)) >> 22);
    }
}

/* Rows across are kept in `taps` buffers; buffer k holds source row held[k]. */
static void two_passes(const infer_image *src, const struct infer__resized *whole,
                       const struct axis *x, const struct axis *y, int32_t *buffer,
                       infer_image *out)
{
    size_t c = (size_t)src->channels, n = (size_t)out->width * c;
    size_t row_end = (size_t)whole->width * c, begin = (size_t)whole->x * c, vectors = 0;
    row_end -= row_end % VECTOR;
    if (row_end > begin)
        vectors = row_end - begin < n ? row_end - begin : n;
    int32_t held[MAX_TAPS] = {-1, -1, -1, -1}, *rows[MAX_TAPS] = {0};
    for (int32_t j = 0; j < out->height; j++) {
        for (int32_t t = 0; t < y->taps; t++) {
            int32_t row = clamp_index(y->at[j] + t, src->height);
            int32_t k = row % y->taps; /* rows in use are neighbours: no two share a buffer */
            rows[t] = buffer + (size_t)k * n;
            if (held[k] != row)
                across(src, whole->pixels, row, x, out->width, rows[t]);
            held[k] = row;
        }
        uint8_t *to = out->pixels + (size_t)j * n;
        if (y->taps == 4)
            down_cubic(rows, y->weight[j], to, vectors, n);
        else
            whole->pixels->opencv_down(rows[0], rows[1], y->weight[j], n, to);
    }
}

static infer_status small_filter(const infer_image *src, const struct infer__resized *whole,
                                 int taps, int area, const infer_allocator *a, infer_image *out,
                                 infer_error *err)
{
    size_t w = (size_t)out->width, h = (size_t)out->height;
    size_t row = w * (size_t)src->channels, per = MAX_TAPS + 1;
    /* at most 65535 * 50 words */
    const int64_t places = INFER__PRODUCT(INFER__SUM(out->width, out->height), MAX_TAPS + 1);
    const int64_t words = INFER__SUM(INFER__PRODUCT(out->width, src->channels, taps), places);
    size_t bytes = (size_t)INFER__PRODUCT(words, sizeof(int32_t));
    int32_t *buffer = infer__alloc(a, bytes, 64);
    if (!buffer)
        return infer__no_memory(err, bytes);
    int32_t *p = buffer + row * (size_t)taps;
    struct axis x = {taps, p, (int32_t(*)[MAX_TAPS])(p + w)};
    p += w * per;
    struct axis y = {taps, p, (int32_t(*)[MAX_TAPS])(p + h)};
    fill_axis(&x, src->width, whole->width, whole->x, out->width, area, taps == 2);
    fill_axis(&y, src->height, whole->height, whole->y, out->height, area, 0);
    two_passes(src, whole, &x, &y, buffer, out);
    infer__free(a, buffer);
    return INFER_OK;
}

static infer_status nearest(const infer_image *src, const struct infer__resized *whole,
                            const infer_allocator *a, infer_image *out, infer_error *err)
{
    size_t w = (size_t)out->width;
    size_t bytes = infer__array_bytes((size_t)INFER__SUM(out->width, out->height), sizeof(int32_t));
    int32_t *at = infer__alloc(a, bytes, 64);
    if (!at)
        return infer__no_memory(err, bytes);
    double sx = 1. / ((double)whole->width / src->width);
    double sy = 1. / ((double)whole->height / src->height);
    for (int32_t i = 0; i < out->width; i++)
        at[i] = clamp_index((int32_t)floor((whole->x + i) * sx), src->width);
    for (int32_t i = 0; i < out->height; i++)
        at[w + (size_t)i] = clamp_index((int32_t)floor((whole->y + i) * sy), src->height);
    infer__resize_pick(src, at, at + w, out);
    infer__free(a, at);
    return INFER_OK;
}

infer_status infer__resize_opencv(const infer_image *src, const struct infer__resized *whole,
                                  infer_filter filter, const infer_allocator *a, infer_image *out,
                                  infer_error *err)
{
    int shrinks = src->width >= whole->width && src->height >= whole->height;
    int halves = src->width == 2 * whole->width && src->height == 2 * whole->height;
    switch (filter) {
    case INFER_FILTER_NEAREST:
        return nearest(src, whole, a, out, err);
    case INFER_FILTER_BICUBIC:
        return small_filter(src, whole, 4, 0, a, out, err);
    case INFER_FILTER_AREA:
        if (shrinks)
            return infer__resize_area(src, whole, a, out, err);
        return small_filter(src, whole, 2, 1, a, out, err);
    default: /* OpenCV takes the mean of 2x2 where linear would give just that */
        if (halves)
            return infer__resize_area(src, whole, a, out, err);
        return small_filter(src, whole, 2, 0, a, out, err);
    }
}
