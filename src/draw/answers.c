/* Boxes, points and masks onto pictures. */
#include <math.h>

#include "draw/draw.h"
#include "vision/decode.h"

/* ---- boxes ---------------------------------------------------------------------------------- */

/* A box as doubles, and what it reaches over. */
struct outline {
    double x0, y0, x1, y1;
};

static int seen(const struct outline *o, const infer_image *p)
{
    return o->x0 <= p->width && o->y0 <= p->height && o->x1 >= 0 && o->y1 >= 0;
}

/* Four strips that do not overlap, the line's middle on the box's edge. */
static void draw_upright(const infer_image *to, const struct outline *o, double line, infer_rgba c)
{
    const double h = line / 2, top = fmin(o->y0 + h, o->y1 + h), left = fmin(o->x0 + h, o->x1 + h);
    const double low = fmax(o->y1 - h, top), right = fmax(o->x1 - h, left);
    infer__draw_fill(to, o->x0 - h, o->y0 - h, o->x1 + h, top, c);
    infer__draw_fill(to, o->x0 - h, low, o->x1 + h, o->y1 + h, c);
    infer__draw_fill(to, o->x0 - h, top, left, low, c);
    infer__draw_fill(to, right, top, o->x1 + h, low, c);
}

/* The corners of a box that is turned, in turn. */
static void turn(const struct outline *o, double angle, double corners[4][2])
{
    static const double side[4][2] = {{-0.5, -0.5}, {0.5, -0.5}, {0.5, 0.5}, {-0.5, 0.5}};
    const double cosine = cos(angle), sine = sin(angle);
    for (int i = 0; i < 4; i++) {
        const double u = side[i][0] * (o->x1 - o->x0), v = side[i][1] * (o->y1 - o->y0);
        corners[i][0] = (o->x0 + o->x1) / 2 + u * cosine - v * sine;
        corners[i][1] = (o->y0 + o->y1) / 2 + u * sine + v * cosine;
    }
}

/* Draws it, and makes *o what it reaches over. */
static void draw_turned(const infer_image *to, struct outline *o, double angle, double line,
                        infer_rgba color)
{
    double corners[4][2];
    turn(o, angle, corners);
    *o = (struct outline){corners[0][0], corners[0][1], corners[0][0], corners[0][1]};
    for (int i = 0; i < 4; i++) {
        infer__draw_stroke(to, corners[i], corners[(i + 1) % 4], line, color);
        o->x0 = fmin(o->x0, corners[i][0]);
        o->y0 = fmin(o->y0, corners[i][1]);
        o->x1 = fmax(o->x1, corners[i][0]);
        o->y1 = fmax(o->y1, corners[i][1]);
    }
}

infer_status infer_draw_box(infer_image *image, const infer_box *box, const char *label,
                            infer_rgba color, const infer_draw_style *style, infer_error *err)
{
    DRAW_BEGIN(image, style);
    FAIL_IF(!box, INFER_ERROR_ARGUMENT, "box is NULL");
    const double line = (double)with.line_width;
    struct outline o = {(double)box->x0, (double)box->y0, (double)box->x1, (double)box->y1};
    if (!(o.x1 >= o.x0) || !(o.y1 >= o.y0) || !isfinite(box->angle))
        return INFER_OK;
    if (box->angle != 0)
        draw_turned(image, &o, (double)box->angle, line, color);
    else if (seen(&o, image))
        draw_upright(image, &o, line, color);
    if (label && seen(&o, image))
        infer__draw_tag(image, fmax(o.x0 - line / 2, 0), fmax(o.y0 - line / 2, 0), label, color,
                        &with);
    return INFER_OK;
}

/* ---- points --------------------------------------------------------------------------------- */

static int is_shown(const infer_point *p, const infer_draw_style *style)
{
    return p->score >= style->min_score && isfinite(p->x) && isfinite(p->y);
}

infer_status infer_draw_points(infer_image *image, const infer_point *points, size_t count,
                               const int32_t *links, size_t nlinks, infer_rgba color,
                               const infer_draw_style *style, infer_error *err)
{
    DRAW_BEGIN(image, style);
    FAIL_IF(!points && count, INFER_ERROR_ARGUMENT, "points is NULL");
    FAIL_IF(!links && nlinks, INFER_ERROR_ARGUMENT, "links is NULL");
    for (size_t i = 0; i < 2 * nlinks; i++)
        FAIL_IF(links[i] < 0 || (size_t)links[i] >= count, INFER_ERROR_ARGUMENT,
                "link %zu is of point %d; there are %zu", i / 2, links[i], count);
    const double line = (double)with.line_width;
    for (size_t i = 0; i < nlinks; i++) {
        const infer_point *p = &points[links[2 * i]], *q = &points[links[2 * i + 1]];
        const double from[2] = {(double)p->x, (double)p->y}, end[2] = {(double)q->x, (double)q->y};
        if (is_shown(p, &with) && is_shown(q, &with))
            infer__draw_stroke(image, from, end, line, color);
    }
    for (size_t i = 0; i < count; i++) {
        const double at[2] = {(double)points[i].x, (double)points[i].y};
        if (is_shown(&points[i], &with))
            infer__draw_stroke(image, at, at, 2 * line, color);
    }
    return INFER_OK;
}

const int32_t *infer_draw_links(size_t points, size_t *nlinks)
{
    /* nose, eyes, ears, then left before right: shoulders, elbows, wrists, hips, knees, ankles */
    static const int32_t people[][2] = {
        {15, 13}, {13, 11}, {16, 14}, {14, 12}, {11, 12}, {5, 11}, {6, 12}, {5, 6}, {5, 7}, {6, 8},
        {7, 9},   {8, 10},  {1, 2},   {0, 1},   {0, 2},   {1, 3},  {2, 4},  {3, 5}, {4, 6}};
    static const int32_t hand[][2] = {{0, 1},   {1, 2},   {2, 3},   {3, 4},   {0, 5},   {5, 6},
                                      {6, 7},   {7, 8},   {5, 9},   {9, 10},  {10, 11}, {11, 12},
                                      {9, 13},  {13, 14}, {14, 15}, {15, 16}, {13, 17}, {0, 17},
                                      {17, 18}, {18, 19}, {19, 20}};
    const size_t n = points == 17   ? sizeof people / sizeof *people
                     : points == 21 ? sizeof hand / sizeof *hand
                                    : 0;
    if (nlinks)
        *nlinks = n;
    return points == 17 ? people[0] : points == 21 ? hand[0] : NULL;
}

/* ---- masks ---------------------------------------------------------------------------------- */

static infer_status check_mask(const infer_image *mask, infer_error *err)
{
    TRY(infer__image_check(mask, err));
    FAIL_IF(mask->channels != 1, INFER_ERROR_ARGUMENT, "the mask has %d channels, not 1",
            mask->channels);
    return INFER_OK;
}

/* The first pixel that a mask is of, along an axis. */
static int32_t first_of(float v, int32_t size)
{
    return v > 0 ? v < (float)size ? (int32_t)v : size : 0;
}

infer_status infer_draw_mask(infer_image *image, const infer_box *box, const infer_image *mask,
                             infer_rgba color, const infer_draw_style *style, infer_error *err)
{
    DRAW_BEGIN(image, style);
    FAIL_IF(!box, INFER_ERROR_ARGUMENT, "box is NULL");
    TRY(check_mask(mask, err));
    if (isnan(box->x0) || isnan(box->y0))
        return INFER_OK;
    const int32_t x0 = first_of(box->x0, image->width), y0 = first_of(box->y0, image->height);
    const unsigned part = (unsigned)(255 * with.blend + 0.5F);
    for (int32_t y = 0; y < mask->height && y0 + y < image->height; y++)
        for (int32_t x = 0; x < mask->width && x0 + x < image->width; x++)
            if (*infer__pixel_at(mask, x, y))
                infer__draw_mix(infer__pixel_at(image, x0 + x, y0 + y), color, part);
    return INFER_OK;
}

infer_status infer_draw_classes(infer_image *image, const infer_image *mask, int32_t background,
                                const infer_draw_style *style, infer_error *err)
{
    DRAW_BEGIN(image, style);
    TRY(check_mask(mask, err));
    FAIL_IF(mask->width != image->width || mask->height != image->height, INFER_ERROR_ARGUMENT,
            "the mask is %d x %d, the picture %d x %d", mask->width, mask->height, image->width,
            image->height);
    const unsigned part = (unsigned)(255 * with.blend + 0.5F);
    for (int32_t y = 0; y < mask->height; y++)
        for (int32_t x = 0; x < mask->width; x++) {
            const int class = *infer__pixel_at(mask, x, y);
            if (class != background && class != INFER_MASK_UNSEEN)
                infer__draw_mix(infer__pixel_at(image, x, y), infer_draw_palette(class), part);
        }
    return INFER_OK;
}
