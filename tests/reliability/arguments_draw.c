/* Rows of R6: the functions of infer_draw.h. */
#include "infer_draw.h"
#include "tests/reliability/arguments.h"

INIT(draw_style_init, infer_draw_style)

static const infer_rgba draw_red = {255, 0, 0, 255};

/* A picture to draw on, right or with something wrong with it: grey is wrong too. */
static infer_image *canvas(int i)
{
    static uint8_t pixels[24 * 16 * 4];
    static infer_image w[10];
    for (int k = 0; k < 10; k++)
        w[k] = (infer_image){.pixels = pixels, .width = 24, .height = 16, .channels = 3};
    w[1].channels = 4;
    w[2].pixels = NULL;
    w[3].width = -1;
    w[4].height = INT32_MAX;
    w[5].channels = 1;
    w[6].pitch = 71;
    w[7].pitch = SIZE_MAX;
    w[8].reserved = 1;
    w[9].more[0] = 1;
    return ARG(i, infer_image *, 2, &w[0], &w[1], NULL, &w[2], &w[3], &w[4], &w[5], &w[6], &w[7],
               &w[8], &w[9]);
}

static const infer_draw_style *draw_style(int i)
{
    static infer_draw_style o[9];
    for (int k = 0; k < 9; k++)
        infer_draw_style_init(&o[k], sizeof o[k]);
    o[1].line_width = 3;
    o[2].min_score = NAN;
    o[3].size = 0;
    o[4].line_width = -1;
    o[5].text_height = 4097;
    o[6].blend = NAN;
    o[7].blend = 1.5F;
    o[8].line_width = INFINITY;
    return ARG(i, const infer_draw_style *, 4, &o[0], NULL, &o[1], &o[2], &o[3], &o[4], &o[5],
               &o[6], &o[7], &o[8]);
}

#define COORDINATE(i) ARG(i, float, 7, 5, -3, NAN, INFINITY, -INFINITY, 1e30F, -1e30F)
#define TEXT_OF(i) ARG(i, const char *, 3, "cat 0.9", "", "\xff\xc3\xa9", NULL)

static infer_status draw_palette(void)
{
    const infer_rgba c =
        infer_draw_palette(ARG(0, int64_t, 7, 0, 1, 31, 32, -1, INT64_MAX, INT64_MIN));
    return nothing_else(c.alpha == 255);
}

static infer_status draw_rectangle(void)
{
    return infer_draw_rectangle(canvas(0), COORDINATE(1), COORDINATE(2), COORDINATE(3),
                                COORDINATE(4), draw_red, ERR(5));
}

static infer_status draw_disc(void)
{
    return infer_draw_disc(canvas(0), COORDINATE(1), COORDINATE(2), COORDINATE(3), draw_red,
                           ERR(4));
}

static const infer_point draw_some[3] = {{5, 5, 1, 0}, {NAN, 1e30F, 1, 0}, {9, -4, 1, 0}};

static infer_status draw_lines(void)
{
    return infer_draw_lines(canvas(0), ARG(1, const infer_point *, 1, draw_some, NULL),
                            ARG(2, size_t, 1, 3), ARG(3, int, 3, 0, 1, -1), draw_red, draw_style(4),
                            ERR(5));
}

static infer_status draw_text(void)
{
    return infer_draw_text(canvas(0), COORDINATE(1), COORDINATE(2),
                           ARG(3, float, 2, 12, 4096, 0, -1, 4097, NAN, INFINITY), TEXT_OF(4),
                           draw_red, ERR(5));
}

static infer_status draw_text_width(void)
{
    const float width = infer_draw_text_width(ARG(0, const char *, 2, "cat", NULL),
                                              ARG(1, float, 4, 20, 0, -1, NAN));
    return nothing_else(width >= 0);
}

static infer_status draw_label(void)
{
    return infer_draw_label(canvas(0), COORDINATE(1), COORDINATE(2), TEXT_OF(3), draw_red,
                            draw_style(4), ERR(5));
}

static infer_status draw_legend(void)
{
    static const char *const labels[3] = {"cat", NULL, "dog"};
    static const infer_rgba colors[3];
    return infer_draw_legend(canvas(0), ARG(1, const char *const *, 1, labels, NULL),
                             ARG(2, const infer_rgba *, 1, colors, NULL), 3, draw_style(3), ERR(4));
}

static infer_status draw_box(void)
{
    const infer_box box = {.x0 = COORDINATE(5),
                           .y0 = COORDINATE(6),
                           .x1 = 9,
                           .y1 = 9,
                           .angle = ARG(7, float, 4, 0, 1, NAN, INFINITY)};
    return infer_draw_box(canvas(0), ARG(1, const infer_box *, 1, &box, NULL),
                          ARG(2, const char *, 2, "cat", NULL), draw_red, draw_style(3), ERR(4));
}

static infer_status draw_points(void)
{
    static const int32_t links[3][4] = {{0, 1, 1, 2}, {0, 1, 1, 3}, {0, 1, -1, 2}};
    return infer_draw_points(canvas(0), ARG(1, const infer_point *, 1, draw_some, NULL), 3,
                             ARG(2, const int32_t *, 1, links[0], NULL, links[1], links[2]), 2,
                             draw_red, draw_style(3), ERR(4));
}

static infer_status draw_links(void)
{
    size_t n;
    const size_t points = ARG(0, size_t, 5, 17, 21, 0, 5, SIZE_MAX);
    const int32_t *links = infer_draw_links(points, ARG(1, size_t *, 2, &n, NULL));
    return nothing_else((links != NULL) == (points == 17 || points == 21));
}

/* A mask of 4 x 4 pixels, or of the picture's size. */
static const infer_image *draw_mask_of(int i, int32_t width, int32_t height)
{
    static uint8_t ones[24 * 16];
    static infer_image w[4];
    memset(ones, 1, sizeof ones);
    for (int k = 0; k < 4; k++)
        w[k] = (infer_image){.pixels = ones, .width = width, .height = height, .channels = 1};
    w[1].channels = 3;
    w[2].width = 0;
    w[3].pixels = NULL;
    return ARG(i, const infer_image *, 1, &w[0], NULL, &w[1], &w[2], &w[3]);
}

static infer_status draw_mask(void)
{
    const infer_box box = {.x0 = COORDINATE(5), .y0 = COORDINATE(6), .x1 = 9, .y1 = 9};
    return infer_draw_mask(canvas(0), ARG(1, const infer_box *, 1, &box, NULL),
                           draw_mask_of(2, 4, 4), draw_red, draw_style(3), ERR(4));
}

static infer_status draw_classes(void)
{
    return infer_draw_classes(canvas(0), draw_mask_of(1, 24, 16),
                              ARG(2, int32_t, 4, 0, -1, INT32_MIN, INT32_MAX), draw_style(3),
                              ERR(4));
}

const struct arguments_row arguments_of_drawing[] = {
    ROW(draw_palette), ROW(draw_style_init), ROW(draw_rectangle),  ROW(draw_disc),
    ROW(draw_lines),   ROW(draw_text),       ROW(draw_text_width), ROW(draw_label),
    ROW(draw_legend),  ROW(draw_box),        ROW(draw_points),     ROW(draw_links),
    ROW(draw_mask),    ROW(draw_classes),    {NULL, NULL},
};
