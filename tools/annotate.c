#include "tools/annotate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/canvas.h"
#include "tools/cli.h"
#include "tools/write_file.h"

enum {
    MOST_SIDE = 640,
    LEAST_SIDE = 240,
    LEAST_WIDTH = 360, /* room for a label of 40 letters */
    MARGIN = 10,
    TEXT = 2, /* pixels for a pixel of the font */
    LINE = 14 * TEXT
};

static const uint8_t background[3] = {24, 26, 31}, bar[3] = {38, 74, 122}, dim[3] = {160, 166, 176},
                     bright[3] = {255, 255, 255};

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

static void draw_lines(struct canvas *c, const struct annotation *a, int top)
{
    char text[256];
    int y = top + MARGIN;
    canvas_text(c, MARGIN, y, TEXT, a->title, dim);
    for (size_t i = 0; i < a->count; i++) {
        double score = (double)a->classes[i].score;
        y += LINE;
        if (a->probabilities) {
            int width = (int)((c->width - 2 * MARGIN) * (score > 0 ? score < 1 ? score : 1 : 0));
            canvas_rectangle(c, MARGIN, y - 2 * TEXT, width, LINE - TEXT, bar);
            snprintf(text, sizeof text, "%5.1f%%  %s", 100 * score, a->labels[i]);
        } else {
            snprintf(text, sizeof text, "%.3f  %s", score, a->labels[i]);
        }
        canvas_text(c, MARGIN + 2 * TEXT, y, TEXT, text, i ? dim : bright);
    }
}

int annotate_write(const char *path, const infer_image *picture, const struct annotation *a)
{
    infer_image shown = {0};
    infer_error err;
    struct canvas c = {0};
    int32_t width, height;
    int status = CLI_RESOURCES;
    shown_size(picture, &width, &height);
    infer_filter filter = width > picture->width ? INFER_FILTER_NEAREST : INFER_FILTER_BILINEAR;
    if (infer_image_resize(picture, width, height, filter, INFER_RESIZE_PILLOW, NULL, &shown,
                           &err) != INFER_OK)
        return cli_fail(path, &err);
    int text = 2 * MARGIN + LINE * ((int)a->count + 1) - TEXT * 2;
    if (canvas_init(&c, width > LEAST_WIDTH ? width : LEAST_WIDTH, height + text, background)) {
        size_t size = 0;
        canvas_picture(&c, (c.width - width) / 2, 0, &shown);
        draw_lines(&c, a, height);
        void *png = canvas_png(&c, &size);
        if (png)
            status = write_file(path, png, size);
        else
            fprintf(stderr, "infer: %s: no memory for the picture\n", path);
        free(png);
    } else {
        fprintf(stderr, "infer: %s: no memory for the picture\n", path);
    }
    canvas_free(&c);
    infer_image_free(&shown);
    return status;
}
