#include "vision/quad.h"

#include <math.h>
#include <string.h>

#include "base/caller.h"
#include "base/memory.h"
#include "base/status.h"
#include "vision/decode.h"
#include "vision/options.h"

enum { MOST_PIXELS = 100000000 };

/* From (u, v) of the unit square to the picture: x = (m[0] u + m[1] v + m[2]) / (m[6] u + m[7] v +
 * 1), y the same with m[3..5]. */
struct projection {
    double m[8];
};

/* ---- what a quadrilateral is ---------------------------------------------------------------- */

static double turn(const infer_quad *q, int k)
{
    const int a = k, b = (k + 1) % 4, c = (k + 2) % 4;
    return ((double)q->x[b] - (double)q->x[a]) * ((double)q->y[c] - (double)q->y[b]) -
           ((double)q->y[b] - (double)q->y[a]) * ((double)q->x[c] - (double)q->x[b]);
}

static infer_status check(const struct infer__picture *p, const infer_quad *q, infer_error *err)
{
    int good = 1;
    FAIL_IF(q->reserved || q->more, INFER_ERROR_ARGUMENT, "a reserved field of a quad is not 0");
    for (int k = 0; k < 4; k++)
        good &= q->x[k] >= -INFER__MAX_SIDE && q->x[k] <= (float)(p->width + INFER__MAX_SIDE) &&
                q->y[k] >= -INFER__MAX_SIDE && q->y[k] <= (float)(p->height + INFER__MAX_SIDE);
    for (int k = 0; k < 4; k++)
        good = good && turn(q, k) > 0;
    FAIL_IF(!good, INFER_ERROR_ARGUMENT,
            "corners (%g, %g), (%g, %g), (%g, %g), (%g, %g) are too far away, or bound nothing "
            "convex, clockwise",
            (double)q->x[0], (double)q->y[0], (double)q->x[1], (double)q->y[1], (double)q->x[2],
            (double)q->y[2], (double)q->x[3], (double)q->y[3]);
    return INFER_OK;
}

static double side(const infer_quad *q, int a, int b)
{
    const double x = (double)q->x[b] - (double)q->x[a], y = (double)q->y[b] - (double)q->y[a];
    return sqrt(x * x + y * y);
}

static int32_t pixels(double a, double b)
{
    const double n = floor(fmax(a, b) + 0.5);
    return n < 1 ? 1 : n > INFER__MAX_SIDE ? INFER__MAX_SIDE : (int32_t)n;
}

/* ---- the projection ------------------------------------------------------------------------- */

/* The corners in their order are (0, 0), (1, 0), (1, 1), (0, 1) of the square (Heckbert, 1989). */
static struct projection projection_of(const infer_quad *q)
{
    const double x0 = (double)q->x[0], x1 = (double)q->x[1], x2 = (double)q->x[2];
    const double x3 = (double)q->x[3], y0 = (double)q->y[0], y1 = (double)q->y[1];
    const double y2 = (double)q->y[2], y3 = (double)q->y[3];
    const double sx = x0 - x1 + x2 - x3, sy = y0 - y1 + y2 - y3;
    const double ax = x1 - x2, bx = x3 - x2, ay = y1 - y2, by = y3 - y2;
    const double d = ax * by - bx * ay; /* not 0: it is convex */
    const double g = (sx * by - bx * sy) / d, h = (ax * sy - sx * ay) / d;
    return (struct projection){
        {x1 - x0 + g * x1, x3 - x0 + h * x3, x0, y1 - y0 + g * y1, y3 - y0 + h * y3, y0, g, h}};
}

/* ---- pixels --------------------------------------------------------------------------------- */

/* Where between two pixels of a row or column a place is; the border goes on outside. */
static int32_t between(double at, int32_t n, int32_t *next, float *weight)
{
    at = at > 0 ? at < n - 1 ? at : n - 1 : 0;
    const int32_t low = (int32_t)at;
    *next = low + 1 < n ? low + 1 : low;
    *weight = (float)(at - low);
    return low;
}

static void put_pixel(const struct infer__picture *p, double x, double y, int channels, uint8_t *to)
{
    const infer_image *from = &p->image;
    int32_t x1, y1;
    float wx, wy;
    const int32_t x0 = between(x - p->x - 0.5, from->width, &x1, &wx);
    const int32_t y0 = between(y - p->y - 0.5, from->height, &y1, &wy);
    const size_t pitch = infer__image_pitch(from), step = (size_t)from->channels;
    const uint8_t *a = from->pixels + (size_t)y0 * pitch, *b = from->pixels + (size_t)y1 * pitch;
    for (int c = 0; c < channels; c++) {
        const size_t k = (size_t)(p->bgr && channels == 3 ? 2 - c : c);
        const size_t left = (size_t)x0 * step + k, right = (size_t)x1 * step + k;
        const float above = (float)a[left] + (float)(a[right] - a[left]) * wx;
        const float below = (float)b[left] + (float)(b[right] - b[left]) * wx;
        to[c] = (uint8_t)(above + (below - above) * wy + 0.5F);
    }
}

/* `turned`: the picture's columns, from the right one on, are the rows. */
static void put_pixels(const struct infer__picture *p, const struct projection *t, int turned,
                       infer_image *out)
{
    const double *m = t->m;
    for (int32_t j = 0; j < out->height; j++)
        for (int32_t i = 0; i < out->width; i++) {
            const double across = (i + 0.5) / out->width, down = (j + 0.5) / out->height;
            const double u = turned ? 1 - down : across, v = turned ? across : down;
            const double w = m[6] * u + m[7] * v + 1;
            put_pixel(p, (m[0] * u + m[1] * v + m[2]) / w, (m[3] * u + m[4] * v + m[5]) / w,
                      out->channels,
                      out->pixels + (size_t)j * out->pitch + (size_t)i * (size_t)out->channels);
        }
}

infer_status infer__quad_cut(const struct infer__picture *p, const infer_quad *quad,
                             const infer_allocator *a, infer_image *out, infer_error *err)
{
    TRY(check(p, quad, err));
    const int32_t wide = pixels(side(quad, 0, 1), side(quad, 3, 2));
    const int32_t high = pixels(side(quad, 0, 3), side(quad, 1, 2));
    const int turned = 2 * (int64_t)high >= 3 * (int64_t)wide;
    FAIL_IF((int64_t)wide * high > MOST_PIXELS, INFER_ERROR_LIMIT, "a line of %d x %d pixels", wide,
            high);
    TRY(infer__image_new(a, turned ? high : wide, turned ? wide : high,
                         p->image.channels == 1 ? 1 : 3, out, err));
    const struct projection t = projection_of(quad);
    put_pixels(p, &t, turned, out);
    return INFER_OK;
}

infer_status infer_quad_cut(const infer_picture *picture, const infer_quad *quad,
                            const infer_image_options *options, infer_image *out, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_image_options o;
    struct infer__picture p;
    err = err ? err : &local;
    infer__error_clear(err);
    if (out)
        memset(out, 0, sizeof *out);
    FAIL_IF(!picture || !quad || !out, INFER_ERROR_ARGUMENT,
            "infer_quad_cut: picture, quad or out is NULL");
    TRY(infer__image_options(options, &o, err));
    o.allocator = infer__allocator(&o.allocator);
    TRY(infer__picture_open(picture, &o, NULL, &p, err));
    infer_status status = infer__quad_cut(&p, quad, &o.allocator, out, err);
    infer__picture_free(&p);
    return status;
}
