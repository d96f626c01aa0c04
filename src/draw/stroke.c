/* Rectangles and lines, pixel by pixel: how much of a pixel a shape covers says how much of its
 * colour there is. */
#include <math.h>

#include "draw/draw.h"

void infer__draw_mix(uint8_t *pixel, infer_rgba color, unsigned part)
{
    const unsigned a = (part * color.alpha + 127) / 255, rest = 255 - a;
    pixel[0] = (uint8_t)((color.red * a + pixel[0] * rest + 127) / 255);
    pixel[1] = (uint8_t)((color.green * a + pixel[1] * rest + 127) / 255);
    pixel[2] = (uint8_t)((color.blue * a + pixel[2] * rest + 127) / 255);
}

/* A NaN is the lower bound. */
static double clamp(double v, double low, double high)
{
    return v > low ? v < high ? v : high : low;
}

/* How much of pixel i the stretch from a to b covers. */
static double overlap(int32_t i, double a, double b)
{
    const double low = a > i ? a : i, high = b < i + 1.0 ? b : i + 1.0;
    return high > low ? high - low : 0;
}

void infer__draw_fill(const infer_image *to, double x0, double y0, double x1, double y1,
                      infer_rgba color)
{
    if (!(x1 > x0) || !(y1 > y0))
        return;
    x0 = clamp(x0, 0, to->width);
    x1 = clamp(x1, 0, to->width);
    y0 = clamp(y0, 0, to->height);
    y1 = clamp(y1, 0, to->height);
    for (int32_t y = (int32_t)y0; y < to->height && y < y1; y++) {
        const double down = 255 * overlap(y, y0, y1);
        for (int32_t x = (int32_t)x0; x < to->width && x < x1; x++)
            infer__draw_mix(infer__pixel_at(to, x, y), color,
                            (unsigned)(down * overlap(x, x0, x1) + 0.5));
    }
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* A line that lies where it may be seen. */
struct line {
    double x, y, dx, dy; /* from (x, y) to (x + dx, y + dy) */
    double radius, reach, square;
};

/* The part of a stretch from v to v + d, of which *t0 to *t1 is left, within low to high. */
static int cut(double v, double d, double low, double high, double *t0, double *t1)
{
    if (d > 0 || d < 0) {
        const double a = (low - v) / d, b = (high - v) / d;
        *t0 = fmax(*t0, fmin(a, b));
        *t1 = fmin(*t1, fmax(a, b));
        return *t0 <= *t1;
    }
    return v >= low && v <= high;
}

/* Cuts off what is further from the picture than the line is wide. Far away, numbers are too coarse
 * to meet the border: ends are put there. */
static int make_line(const infer_image *to, const double from[2], const double end[2], double width,
                     struct line *l)
{
    const double dx = end[0] - from[0], dy = end[1] - from[1];
    double t0 = 0, t1 = 1;
    if (!isfinite(dx) || !isfinite(dy) || !(width > 0))
        return 0;
    l->radius = clamp(width / 2, 0, 1e5);
    const double r = l->reach = l->radius + 1;
    if (!cut(from[0], dx, -r, to->width + r, &t0, &t1) ||
        !cut(from[1], dy, -r, to->height + r, &t0, &t1))
        return 0;
    l->x = clamp(from[0] + t0 * dx, -r, to->width + r);
    l->y = clamp(from[1] + t0 * dy, -r, to->height + r);
    l->dx = clamp(from[0] + t1 * dx, -r, to->width + r) - l->x;
    l->dy = clamp(from[1] + t1 * dy, -r, to->height + r) - l->y;
    l->square = l->dx * l->dx + l->dy * l->dy;
    return 1;
}

/* How much of the pixel with this centre a line covers, 0 to 255, by their distance. */
static unsigned covered(const struct line *l, double x, double y)
{
    const double u = x - l->x, v = y - l->y;
    const double t = l->square > 0 ? clamp((u * l->dx + v * l->dy) / l->square, 0, 1) : 0;
    const double p = u - t * l->dx, q = v - t * l->dy, away = sqrt(p * p + q * q);
    const double thin = l->radius < 0.5 ? 2 * l->radius : 1; /* than a pixel */
    return (unsigned)(255 * thin * clamp(l->radius + 0.5 - away, 0, 1) + 0.5);
}

/* The pixels of a row that may be near a line: from *low to *high, within the picture. */
static void row_range(const struct line *l, double y, int32_t width, int32_t *low, int32_t *high)
{
    double t0 = 0, t1 = 1;
    *low = *high = 0;
    if (!cut(l->y, l->dy, y - l->reach, y + l->reach, &t0, &t1))
        return;
    const double a = l->x + t0 * l->dx, b = l->x + t1 * l->dx;
    *low = (int32_t)clamp(floor(fmin(a, b) - l->reach), 0, width);
    *high = (int32_t)clamp(ceil(fmax(a, b) + l->reach), 0, width);
}

void infer__draw_stroke(const infer_image *to, const double from[2], const double end[2],
                        double width, infer_rgba color)
{
    struct line l;
    if (!make_line(to, from, end, width, &l))
        return;
    const double top = fmin(l.y, l.y + l.dy) - l.reach, below = fmax(l.y, l.y + l.dy) + l.reach;
    const int32_t last = (int32_t)clamp(ceil(below), 0, to->height);
    for (int32_t y = (int32_t)clamp(floor(top), 0, to->height); y < last; y++) {
        int32_t x, high;
        row_range(&l, y + 0.5, to->width, &x, &high);
        for (; x < high; x++) {
            const unsigned part = covered(&l, x + 0.5, y + 0.5);
            if (part)
                infer__draw_mix(infer__pixel_at(to, x, y), color, part);
        }
    }
}
