#include "vision/yuv.h"

#include <stddef.h>

#include "base/memory.h"
#include "base/status.h"
#include "vision/decode.h"

/* ITU-R BT.601, Y of 16 to 235 and colour of 16 to 240, in 20 bits behind the point: 255 / 219, and
 * 255 / 224 times twice what Kr = 0.299 and Kb = 0.114 leave. */
enum { BITS = 20, HALF = 1 << (BITS - 1) };
enum { Y_GAIN = 1220542, V_RED = 1673527, V_GREEN = -852492, U_GREEN = -409993, U_BLUE = 2116026 };

/* Where the samples of a picture are. Sample i of colour in a row is at u[i * step]. */
struct planes {
    const uint8_t *y, *u, *v;
    size_t y_pitch, u_pitch, v_pitch;
    size_t y_step, step;
    int rows_shift; /* a row of colour stands for two rows where it is 1 */
};

static const uint8_t *plane(const infer_picture *g, int i, const uint8_t *behind)
{
    return g->planes[i] ? g->planes[i] : behind;
}

static struct planes planes_of(const infer_picture *g)
{
    const size_t w = (size_t)g->width, rows = (size_t)g->height, half = rows / 2;
    struct planes p = {.y = g->data, .y_step = 1, .rows_shift = 1};
    if (g->pixels == INFER_PIXELS_YUYV) {
        p.y_pitch = g->pitch ? g->pitch : 2 * w;
        p.u = p.y + 1;
        p.v = p.y + 3;
        p.u_pitch = p.v_pitch = p.y_pitch;
        p.y_step = 2;
        p.step = 4;
        p.rows_shift = 0;
        return p;
    }
    p.y_pitch = g->pitch ? g->pitch : w;
    p.u = plane(g, 0, p.y + p.y_pitch * rows);
    if (g->pixels == INFER_PIXELS_NV12) {
        p.u_pitch = p.v_pitch = g->pitches[0] ? g->pitches[0] : w;
        p.v = p.u + 1;
        p.step = 2;
        return p;
    }
    p.u_pitch = g->pitches[0] ? g->pitches[0] : w / 2;
    p.v_pitch = g->pitches[1] ? g->pitches[1] : w / 2;
    p.v = plane(g, 1, p.u + p.u_pitch * half);
    p.step = 1;
    return p;
}

static infer_status check(const infer_picture *g, infer_error *err)
{
    const size_t w = (size_t)g->width;
    const size_t least = g->pixels == INFER_PIXELS_YUYV ? 2 * w : w;
    const size_t colour = g->pixels == INFER_PIXELS_NV12 ? w : w / 2;
    FAIL_IF(g->width % 2 || g->height % 2, INFER_ERROR_ARGUMENT,
            "a picture in YUV of %d x %d pixels: both must be even", g->width, g->height);
    FAIL_IF((g->pitch && g->pitch < least) || (g->pitches[0] && g->pitches[0] < colour) ||
                (g->pitches[1] && g->pitches[1] < colour),
            INFER_ERROR_ARGUMENT, "rows of %d pixels do not fit into %zu, %zu and %zu bytes",
            g->width, g->pitch, g->pitches[0], g->pitches[1]);
    return INFER_OK;
}

static uint8_t level(int32_t x)
{
    x >>= BITS;
    return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

static void convert(int32_t y, int32_t u, int32_t v, uint8_t rgb[3])
{
    const int32_t light = y > 16 ? (y - 16) * Y_GAIN : 0;
    u -= 128;
    v -= 128;
    rgb[0] = level(light + V_RED * v + HALF);
    rgb[1] = level(light + V_GREEN * v + U_GREEN * u + HALF);
    rgb[2] = level(light + U_BLUE * u + HALF);
}

void infer__yuv_row(const uint8_t *y, const uint8_t *u, const uint8_t *v, int shift, int32_t n,
                    uint8_t *rgb)
{
    for (int32_t i = 0; i < n; i++)
        convert(y[i], u[i >> shift], v[i >> shift], rgb + 3 * (size_t)i);
}

static void convert_row(const struct planes *p, int32_t x0, int32_t y, int32_t n, uint8_t *rgb)
{
    const size_t colour_row = (size_t)y >> p->rows_shift;
    const uint8_t *ys = p->y + (size_t)y * p->y_pitch;
    const uint8_t *us = p->u + colour_row * p->u_pitch, *vs = p->v + colour_row * p->v_pitch;
    for (int32_t i = 0; i < n; i++) {
        const size_t x = (size_t)(x0 + i), c = x / 2 * p->step;
        convert(ys[x * p->y_step], us[c], vs[c], rgb + 3 * (size_t)i);
    }
}

infer_status infer__yuv_open(const infer_picture *given, const infer_allocator *a,
                             struct infer__picture *p, infer_error *err)
{
    TRY(check(given, err));
    TRY(infer__image_new(a, p->image.width, p->image.height, 3, &p->made, err));
    const struct planes planes = planes_of(given);
    for (int32_t y = 0; y < p->image.height; y++)
        convert_row(&planes, p->x, p->y + y, p->image.width,
                    p->made.pixels + (size_t)y * p->made.pitch);
    p->image = p->made;
    p->image.memory = NULL;
    return INFER_OK;
}
