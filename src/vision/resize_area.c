/* The mean over areas, as OpenCV 4 does it for 8-bit pictures. Where both sides shrink by whole
 * numbers the sums are integers, else floats, whose order of summation is part of the result. */
#include "vision/resize_area.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "vision/decode.h"
#include "vision/resize.h"

/* ---- whole factors -------------------------------------------------------------------------- */

/* The sum of fx * fy samples that are `step` apart across and `stride` down. */
static int32_t block_sum(const uint8_t *p, int32_t fx, int32_t fy, size_t step, size_t stride)
{
    int32_t sum = 0;
    for (int32_t j = 0; j < fy; j++, p += stride)
        for (int32_t k = 0; k < fx; k++)
            sum += p[(size_t)k * step];
    return sum;
}

static void whole_factors(const infer_image *src, const struct infer__resized *whole,
                          infer_image *out, int32_t fx, int32_t fy)
{
    size_t c = (size_t)src->channels, stride = infer__image_pitch(src);
    float scale = 1.f / (float)(fx * fy);
    int halves = fx == 2 && fy == 2; /* here OpenCV rounds halves up */
    uint8_t *to = out->pixels;
    for (int32_t y = 0; y < out->height; y++) {
        const uint8_t *p = src->pixels + (size_t)(whole->y + y) * (size_t)fy * stride +
                           (size_t)whole->x * (size_t)fx * c;
        for (int32_t x = 0; x < out->width; x++, p += (size_t)fx * c) {
            for (size_t k = 0; k < c; k++) {
                int32_t sum = block_sum(p + k, fx, fy, c, stride);
                *to++ = halves ? (uint8_t)((sum + 2) >> 2)
                               : infer__clip8(infer__round_even((float)sum * scale));
            }
        }
    }
}

/* ---- any factors ---------------------------------------------------------------------------- */

/* Source pixel `from` counts `weight` in output pixel `to`, counted from the first that is made. */
struct share {
    int32_t from, to;
    float weight;
};

/* The shares of outputs `begin_at` to begin_at + made - 1 in order; returns their number, at most
 * 2 * in + 2 * made. A border thinner than a thousandth of a pixel does not count. */
static size_t fill_shares(int32_t in, int32_t begin_at, int32_t made, double scale, struct share *s)
{
    size_t n = 0;
    for (int32_t to = 0; to < made; to++) {
        int32_t i = begin_at + to;
        double begin = i * scale, end = begin + scale;
        double cell = scale < in - begin ? scale : in - begin;
        int32_t first = (int32_t)ceil(begin), last = (int32_t)floor(end);
        last = last < in - 1 ? last : in - 1;
        first = first < last ? first : last;
        if (first - begin > 1e-3)
            s[n++] = (struct share){first - 1, to, (float)((first - begin) / cell)};
        for (int32_t k = first; k < last; k++)
            s[n++] = (struct share){k, to, (float)(1.0 / cell)};
        if (end - last > 1e-3) {
            double rest = end - last < 1. ? end - last : 1.;
            rest = rest < cell ? rest : cell;
            s[n++] = (struct share){last, to, (float)(rest / cell)};
        }
    }
    return n;
}

static void put_sums(const float *sum, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = infer__clip8(infer__round_even(sum[i]));
}

static void any_factors(const infer_image *src, infer_image *out, const struct share *x, size_t nx,
                        const struct share *y, size_t ny, float *row, float *sum)
{
    size_t c = (size_t)src->channels, n = (size_t)out->width * c;
    size_t stride = infer__image_pitch(src);
    for (size_t j = 0; j < ny; j++) {
        const uint8_t *in = src->pixels + (size_t)y[j].from * stride;
        memset(row, 0, n * sizeof *row);
        for (size_t i = 0; i < nx; i++) {
            const uint8_t *p = in + (size_t)x[i].from * c;
            float *to = row + (size_t)x[i].to * c, w = x[i].weight;
            for (size_t k = 0; k < c; k++) {
                float product = p[k] * w; /* apart, so that it is not fused */
                to[k] += product;
            }
        }
        int starts = j == 0 || y[j].to != y[j - 1].to;
        if (starts && j)
            put_sums(sum, out->pixels + (size_t)y[j - 1].to * n, n);
        for (size_t i = 0; i < n; i++) {
            float product = y[j].weight * row[i];
            sum[i] = starts ? product : sum[i] + product;
        }
    }
    put_sums(sum, out->pixels + (size_t)y[ny - 1].to * n, n);
}

infer_status infer__resize_area(const infer_image *src, const struct infer__resized *whole,
                                const infer_allocator *a, infer_image *out, infer_error *err)
{
    double sx = 1. / ((double)whole->width / src->width);
    double sy = 1. / ((double)whole->height / src->height);
    double fx = floor(sx + 0.5), fy = floor(sy + 0.5);
    if (fabs(sx - fx) < DBL_EPSILON && fabs(sy - fy) < DBL_EPSILON) {
        /* a sum of 255 per source pixel must fit; beyond 2^23 pixels the floats below do */
        if (fx * fy <= 8388608.) {
            whole_factors(src, whole, out, (int32_t)fx, (int32_t)fy);
            return INFER_OK;
        }
    }
    const int64_t n = INFER__PRODUCT(out->width, src->channels);
    const int64_t shares_x = INFER__PRODUCT(2, INFER__SUM(src->width, out->width));
    const int64_t shares_y = INFER__PRODUCT(2, INFER__SUM(src->height, out->height));
    const int64_t shares = INFER__PRODUCT(INFER__SUM(shares_x, shares_y), sizeof(struct share));
    size_t bytes = (size_t)INFER__SUM(shares, INFER__PRODUCT(2, n, sizeof(float)));
    struct share *x = infer__alloc(a, bytes, 64);
    if (!x)
        return infer__no_memory(err, bytes);
    struct share *y = x + shares_x;
    float *row = (float *)(void *)(y + shares_y), *sum = row + n;
    size_t nx = fill_shares(src->width, whole->x, out->width, sx, x);
    size_t ny = fill_shares(src->height, whole->y, out->height, sy, y);
    any_factors(src, out, x, nx, y, ny, row, sum);
    infer__free(a, x);
    return INFER_OK;
}
