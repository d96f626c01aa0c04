/* Resizing as Pillow does it.
 *
 * Two passes, across then down, with 8 bits between them. An output pixel is a weighted mean of
 * the source pixels under a filter that is as wide as the shrinking factor asks for (never
 * narrower than when enlarging). Weights are computed in double, made to sum to 1, then rounded
 * to 22 fractional bits (kernels/pixels has the passes). To give Pillow's
 * bytes, each formula has to be evaluated in Pillow's order. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "vision/decode.h"
#include "vision/resize.h"

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* Keys' cubic convolution with a = -0.5. */
static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0)
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

/* Weights of the output pixel whose centre lies at `center` in the source. */
static void pixel_weights(double (*function)(double), double center, double support, double scale,
                          int32_t in, struct infer__pillow_axis *a, int32_t i, double *w)
{
    int32_t from = (int32_t)(center - support + 0.5), to = (int32_t)(center + support + 0.5);
    from = from < 0 ? 0 : from;
    to = to > in ? in : to;
    double sum = 0, inverse = 1.0 / scale;
    for (int32_t k = 0; k < to - from; k++) {
        w[k] = function((k + from - center + 0.5) * inverse);
        sum += w[k];
    }
    int32_t *out = a->weight + (size_t)i * (size_t)a->most;
    for (int32_t k = 0; k < to - from; k++) {
        if (sum != 0.0)
            w[k] /= sum;
        double fixed = w[k] * (1 << INFER__PILLOW_BITS);
        out[k] = (int32_t)(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
    a->first[i] = from;
    a->count[i] = to - from;
}

/* Outputs `from` to from + made - 1 of `out`. */
static infer_status make_axis(const infer_allocator *alloc, infer_filter filter, int32_t in,
                              int32_t out, int32_t from, int32_t made, struct infer__pillow_axis *a,
                              infer_error *err)
{
    double (*function)(double) = triangle;
    double reach = 1.0;
    if (filter == INFER_FILTER_AREA) {
        function = box;
        reach = 0.5;
    } else if (filter == INFER_FILTER_BICUBIC) {
        function = cubic;
        reach = 2.0;
    }
    double step = (double)in / out, scale = step < 1.0 ? 1.0 : step, support = reach * scale;
    a->most = (int32_t)ceil(support) * 2 + 1;
    size_t n = (size_t)made, bytes;
    if (!infer__size_mul(n, (size_t)a->most + 2, &bytes) ||
        !infer__size_mul(bytes, sizeof(int32_t), &bytes))
        return infer__no_memory(err, SIZE_MAX);
    a->first = infer__alloc(alloc, bytes, 64);
    double *w = infer__alloc(alloc, infer__array_bytes((size_t)a->most, sizeof *w), 64);
    if (a->first && w) {
        a->count = a->first + n;
        a->weight = a->count + n;
        for (int32_t i = 0; i < made; i++)
            pixel_weights(function, (from + i + 0.5) * step, support, scale, in, a, i, w);
    }
    infer__free(alloc, w);
    if (a->first && w)
        return INFER_OK;
    return infer__no_memory(err, bytes);
}

/* All rows of out, the first from row `first` of src. */
static void across(const infer_image *src, const struct infer__pixels *pixels, int32_t first,
                   const struct infer__pillow_axis *a, infer_image *out)
{
    const size_t pitch = infer__image_pitch(src);
    pixels->pillow_across(src->pixels + (size_t)first * pitch, pitch, src->width, src->channels, a,
                          out->width, out->height, out->pixels);
}

/* Of src, whose row 0 is row `first` of the axis, the columns from x on. */
static void down(const infer_image *src, const struct infer__pixels *pixels, int32_t first,
                 int32_t left, const struct infer__pillow_axis *a, infer_image *out)
{
    size_t stride = infer__image_pitch(src);
    size_t width = (size_t)out->width * (size_t)src->channels;
    const uint8_t *corner = src->pixels + (size_t)left * (size_t)src->channels;
    for (int32_t y = 0; y < out->height; y++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): ruled out above */
        const uint8_t *in = corner + (size_t)(a->first[y] - first) * stride;
        const int32_t *w = a->weight + (size_t)y * (size_t)a->most;
        uint8_t *row = out->pixels + (size_t)y * width;
        pixels->pillow_down(in, stride, w, a->count[y], width, row);
    }
}

/* Source positions of the nearest filter. The position is stepped, not multiplied, since the
 * rounding errors that gather so are part of Pillow's result. */
static void nearest_axis(int32_t in, int32_t out, int32_t from, int32_t made, int32_t *at)
{
    double step = (double)in / out, position = 0.0 + step * 0.5;
    for (int32_t i = 0; i < from + made; i++, position += step) {
        int32_t p = (int32_t)position;
        if (i >= from)
            at[i - from] = p < in ? p : in - 1;
    }
}

static infer_status nearest(const infer_image *src, const struct infer__resized *whole,
                            const infer_allocator *a, infer_image *out, infer_error *err)
{
    size_t bytes = infer__array_bytes((size_t)INFER__SUM(out->width, out->height), sizeof(int32_t));
    int32_t *at = infer__alloc(a, bytes, 64);
    if (!at)
        return infer__no_memory(err, bytes);
    nearest_axis(src->width, whole->width, whole->x, out->width, at);
    nearest_axis(src->height, whole->height, whole->y, out->height, at + out->width);
    infer__resize_pick(src, at, at + out->width, out);
    infer__free(a, at);
    return INFER_OK;
}

/* Both passes, with the rows between them that the second one reads. */
static infer_status two_passes(const infer_image *src, const struct infer__pixels *pixels,
                               const struct infer__pillow_axis *x,
                               const struct infer__pillow_axis *y, const infer_allocator *a,
                               infer_image *out, infer_error *err)
{
    infer_image middle = {.width = out->width, .channels = src->channels};
    int32_t last = out->height - 1, first = y->first[0];
    size_t bytes;
    middle.height = y->first[last] + y->count[last] - first;
    if (!infer__size_mul((size_t)middle.width * (size_t)middle.channels, (size_t)middle.height,
                         &bytes) ||
        !(middle.pixels = infer__alloc(a, bytes, 64)))
        return infer__no_memory(err, bytes);
    across(src, pixels, first, x, &middle);
    down(&middle, pixels, first, 0, y, out);
    infer__free(a, middle.pixels);
    return INFER_OK;
}

infer_status infer__resize_pillow(const infer_image *src, const struct infer__resized *whole,
                                  infer_filter filter, const infer_allocator *a, infer_image *out,
                                  infer_error *err)
{
    if (filter == INFER_FILTER_NEAREST)
        return nearest(src, whole, a, out, err);
    struct infer__pillow_axis x = {0}, y = {0};
    infer_status status = INFER_OK;
    /* a pass over an axis that keeps its length is left out, as in Pillow */
    int wide = src->width != whole->width, high = src->height != whole->height;
    if (wide)
        TRY_GOTO(make_axis(a, filter, src->width, whole->width, whole->x, out->width, &x, err));
    if (high)
        TRY_GOTO(make_axis(a, filter, src->height, whole->height, whole->y, out->height, &y, err));
    if (wide && high)
        TRY_GOTO(two_passes(src, whole->pixels, &x, &y, a, out, err));
    else if (wide)
        across(src, whole->pixels, whole->y, &x, out);
    else
        down(src, whole->pixels, 0, whole->x, &y, out);
fail:
    infer__free(a, x.first);
    infer__free(a, y.first);
    return status;
}
