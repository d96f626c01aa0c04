#include "tools/serve/predict/drawn.h"

#include <stdio.h>
#include <stdlib.h>

#include "infer_draw.h"
#include "tools/detector.h"
#include "tools/jpeg.h"
#include "tools/paint.h"
#include "tools/png.h"
#include "tools/reader.h"
#include "tools/serve/models/version.h"

enum { QUALITY = 90, MOST_LINES = 32 };

static const char *label_of(const struct version *v, int64_t index, char *text, size_t size)
{
    const char *label = version_label(v, index);
    if (label)
        return label;
    snprintf(text, size, "class %lld", (long long)index);
    return text;
}

static void draw_classes(const struct version *v, const struct job_answer *a, infer_image *image)
{
    char texts[MOST_LINES][128], name[40];
    const char *lines[MOST_LINES];
    infer_rgba colors[MOST_LINES];
    size_t n = a->nclasses < MOST_LINES ? a->nclasses : MOST_LINES;
    for (size_t i = 0; i < n; i++) {
        snprintf(texts[i], sizeof texts[i], "%s %.1f %%",
                 label_of(v, a->classes[i].index, name, sizeof name),
                 100 * (double)a->classes[i].score);
        lines[i] = texts[i];
        colors[i] = infer_draw_palette(a->classes[i].index);
    }
    infer_draw_legend(image, lines, colors, n, NULL, NULL);
}

static void draw_boxes(const struct version *v, const struct job_answer *a, infer_image *image)
{
    const struct detector d = {.model = v->model, .decoding = v->decoding};
    const struct detected found = {
        .boxes = a->boxes, .points = a->points, .masks = a->masks, .found = a->nboxes};
    detector_paint(&d, image, &found);
}

static void draw_segments(const struct version *v, const struct job_answer *a, infer_image *image)
{
    char texts[256][40];
    const char *labels[256];
    for (int i = 0; i < 256; i++)
        labels[i] = label_of(v, i, texts[i], sizeof texts[i]);
    paint_classes(image, &a->mask, v->decoding.background, labels);
}

static void draw_points(const struct version *v, const struct job_answer *a, infer_image *image)
{
    infer_draw_style style = INFER_DRAW_STYLE_INIT;
    size_t links;
    const int32_t *link = infer_draw_links(a->npoints, &links);
    style.min_score = v->decoding.point_fields > 2 ? 0.5F : 0;
    infer_draw_points(image, a->points, a->npoints, link, links, infer_draw_palette(0), &style,
                      NULL);
}

static void draw_lines(const struct job_answer *a, infer_image *image)
{
    const size_t n = a->quads ? a->nquads : a->ntexts;
    struct read_line *lines = calloc(n + 1, sizeof *lines);
    const float w = (float)image->width, h = (float)image->height;
    for (size_t i = 0; lines && i < n; i++) {
        lines[i].quad = a->quads ? a->quads[i] : (infer_quad){{0, w, w, 0}, {0, 0, h, h}, 1, 0, 0};
        if (a->texts)
            lines[i].text = a->texts[i];
    }
    const struct reading reading = {.lines = lines, .found = n};
    if (lines)
        reader_paint(&reading, image);
    free(lines);
}

void *drawn_picture(const struct job *job, int picture, int *jpeg, size_t *size)
{
    const struct version *v = job->version;
    const struct job_answer *a = &job->answers[picture];
    infer_image image;
    infer_error err;
    void *bytes = NULL;
    if (infer_image_decode(job->pictures[picture].data, job->pictures[picture].bytes, NULL, &image,
                           &err) != INFER_OK)
        return NULL;
    if (v->task == INFER_TASK_DETECT)
        draw_boxes(v, a, &image);
    else if (v->task == INFER_TASK_SEGMENT)
        draw_segments(v, a, &image);
    else if (v->task == INFER_TASK_TEXT_REGIONS || v->task == INFER_TASK_TEXT)
        draw_lines(a, &image);
    else if (v->task == INFER_TASK_KEYPOINTS)
        draw_points(v, a, &image);
    else
        draw_classes(v, a, &image);
    if (*jpeg)
        bytes = jpeg_bytes(&image, QUALITY, size);
    if (!bytes) {
        *jpeg = 0;
        bytes = png_bytes(&image, size);
    }
    infer_image_free(&image);
    return bytes;
}
