#include "tools/annotate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer_draw.h"
#include "tools/cli.h"
#include "tools/png.h"

enum {
    MOST_SIDE = 640,
    LEAST_SIDE = 240,
    LEAST_WIDTH = 360, /* room for a label of 40 letters */
    MARGIN = 10,
    TEXT = 20, /* pixels that a line of text is high */
    LINE = 28
};

static const infer_rgba background = {24, 26, 31, 255}, bar = {38, 74, 122, 255},
                        dim = {160, 166, 176, 255}, bright = {255, 255, 255, 255};

/* The size at which the picture is shown: whole multiples when it grows, so that pixels stay
 * square and sharp. */
static void shown_size(const infer_image *p, int32_t *width, int32_t *height)
{
    int32_t longer = p->width > p->height ? p->width : p->height;
    if (longer > MOST_SIDE) {
        *width = (int32_t)((int64_t)p->width * MOST_SIDE / longer);
        *height = (int32_t)((int64_t)p->height * MOST_SIDE / longer);
    } else {
        int32_t times = longer < LEAST_SIDE ? (LEAST_SIDE + longer - 1) / longer : 1;
        *width = p->width * times;
        *height = p->height * times;
    }
    *width = *width ? *width : 1;
    *height = *height ? *height : 1;
}

static void draw_lines(infer_image *to, const struct annotation *a, int top)
{
    char text[256];
    float y = (float)(top + MARGIN);
    infer_draw_text(to, MARGIN, y, TEXT, a->title, dim, NULL);
    for (size_t i = 0; i < a->count; i++) {
        const float score = a->classes[i].score;
        y += LINE;
        if (a->probabilities) {
            const float part = score > 0 ? score < 1 ? score : 1 : 0;
            infer_draw_rectangle(to, MARGIN, y, (float)(to->width - 2 * MARGIN) * part, LINE - 2,
                                 bar, NULL);
            snprintf(text, sizeof text, "%5.1f%%  %s", 100 * (double)score, a->labels[i]);
        } else {
            snprintf(text, sizeof text, "%.3f  %s", (double)score, a->labels[i]);
        }
        infer_draw_text(to, MARGIN + 4, y + (LINE - 2 - TEXT) / 2, TEXT, text, i ? dim : bright,
                        NULL);
    }
}

/* Copies a picture of any number of channels into the upper middle of one of 3. */
static void paste(infer_image *to, const infer_image *from)
{
    const int32_t left = (to->width - from->width) / 2, n = from->channels;
    for (int32_t y = 0; y < from->height; y++)
        for (int32_t x = 0; x < from->width; x++) {
            const uint8_t *p = from->pixels + (size_t)y * from->pitch + (size_t)(x * n);
            uint8_t *q = to->pixels + ((size_t)y * (size_t)to->width + (size_t)(left + x)) * 3;
            for (int k = 0; k < 3; k++)
                q[k] = p[n < 3 ? 0 : k];
        }
}

int annotate_write(const char *path, const infer_image *picture, const struct annotation *a)
{
    infer_image shown, page = {.channels = 3};
    infer_error err;
    int32_t width, height;
    int status = CLI_RESOURCES;
    shown_size(picture, &width, &height);
    infer_filter filter = width > picture->width ? INFER_FILTER_NEAREST : INFER_FILTER_BILINEAR;
    if (infer_image_resize(picture, width, height, filter, INFER_RESIZE_PILLOW, NULL, &shown,
                           &err) != INFER_OK)
        return cli_fail(path, &err);
    page.width = width > LEAST_WIDTH ? width : LEAST_WIDTH;
    page.height = height + 2 * MARGIN + LINE * ((int)a->count + 1);
    page.pixels = malloc((size_t)page.width * (size_t)page.height * 3);
    if (page.pixels) {
        infer_draw_rectangle(&page, 0, 0, (float)page.width, (float)page.height, background, NULL);
        paste(&page, &shown);
        draw_lines(&page, a, height);
        status = png_write(path, &page);
    } else {
        fprintf(stderr, "infer: %s: no memory for the picture\n", path);
    }
    free(page.pixels);
    infer_image_free(&shown);
    return status;
}
