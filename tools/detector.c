#include "tools/detector.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "infer_draw.h"
#include "tools/folder.h"
#include "tools/png.h"
#include "tools/read_file.h"

int detector_begin(struct detector *d, const char *path)
{
    infer_error err;
    infer_decoding_init(&d->decoding, sizeof d->decoding);
    if (infer_model_decoding(d->model, &d->decoding, &err) != INFER_OK)
        return cli_fail(path, &err);
    if (d->decoding.task != INFER_TASK_DETECT)
        return cli_usage("%s: its answers are not boxes: infer %s is for it", path,
                         d->decoding.task == INFER_TASK_SEGMENT ? "segment" : "classify");
    return infer_session_create(d->model, &d->session_args.options, &d->session, &err) == INFER_OK
               ? CLI_OK
               : cli_fail(path, &err);
}

void detector_free(struct detector *d)
{
    infer_session_free(&d->session);
    session_args_free(&d->session_args);
    free(d->labels);
    d->labels = NULL;
}

void detected_free(struct detected *a)
{
    for (size_t i = 0; a->masks && i < a->most; i++)
        infer_image_free(&a->masks[i]);
    free(a->masks);
    free(a->boxes);
    free(a->points);
    free(a->ids);
    free(a->drawn);
    *a = (struct detected){0};
}

static infer_status make_room(const struct detector *d, struct detected *a, infer_error *err)
{
    const size_t points = d->decoding.points < 0 ? 0 : (size_t)d->decoding.points_count;
    const int masks = d->draw && d->decoding.masks >= 0;
    a->most = d->most;
    a->masks = masks ? calloc(d->most, sizeof *a->masks) : NULL;
    a->boxes = calloc(d->most, sizeof *a->boxes);
    a->points = points ? calloc(d->most * points, sizeof *a->points) : NULL;
    return a->boxes && (a->points || !points) && (a->masks || !masks)
               ? INFER_OK
               : infer__no_memory(err, d->most * (points + 1) * sizeof *a->points);
}

infer_status detector_run(struct detector *d, const char *path, struct detected *a,
                          infer_error *err)
{
    const infer_detect_options o = {
        .size = sizeof o, .score_threshold = d->score, .iou_threshold = d->iou};
    size_t size;
    infer__error_clear(err);
    TRY(make_room(d, a, err));
    char *bytes = read_file(path, &size);
    FAIL_IF(!bytes, INFER_ERROR_IO, "it can't be read");
    const infer_picture picture = {.data = bytes, .bytes = size};
    infer_detections to = {.size = sizeof to,
                           .boxes = a->boxes,
                           .points = a->points,
                           .found = &a->found,
                           .most = d->most,
                           .masks = a->masks};
    const double start = cli_now_ms();
    infer_status status = infer_detect(d->session, &picture, 1, &o, &to, err);
    a->ms = cli_now_ms() - start;
    free(bytes);
    return status;
}

const char *detector_label(const struct detector *d, int32_t index, char *text, size_t size)
{
    const int64_t at = (int64_t)index + d->decoding.label_first;
    const char *label = NULL;
    if (at >= 0 && d->labels)
        label = at < d->nlabels ? d->labels[at] : NULL;
    else if (at >= 0)
        label = infer_model_label(d->model, (size_t)at);
    if (label)
        snprintf(text, size, "%s", label);
    else
        snprintf(text, size, "class %d", index);
    return text;
}

/* ---- drawing -------------------------------------------------------------------------------- */

static void paint_one(const struct detector *d, infer_image *image, const struct detected *a,
                      size_t i)
{
    const infer_box *b = &a->boxes[i];
    const infer_rgba colour = infer_draw_palette(a->ids ? (int64_t)a->ids[i] : b->index);
    const size_t points = a->points ? (size_t)d->decoding.points_count : 0;
    char label[64], text[128], id[24] = "";
    size_t links;
    const int32_t *link = infer_draw_links(points, &links);
    if (a->masks)
        infer_draw_mask(image, b, &a->masks[i], colour, NULL, NULL);
    if (a->ids)
        snprintf(id, sizeof id, "%llu ", (unsigned long long)a->ids[i]);
    snprintf(text, sizeof text, "%s%s %.2f", id, detector_label(d, b->index, label, sizeof label),
             (double)b->score);
    infer_draw_box(image, b, text, colour, NULL, NULL);
    infer_draw_style style = INFER_DRAW_STYLE_INIT;
    style.min_score = d->decoding.point_fields > 2 ? 0.5F : 0;
    if (points)
        infer_draw_points(image, a->points + i * points, points, link, links, colour, &style, NULL);
}

void detector_paint(const struct detector *d, infer_image *image, const struct detected *a)
{
    for (size_t i = a->found; i-- > 0;) /* the best on top */
        if (!a->ids || a->ids[i])
            paint_one(d, image, a, i);
}

int detector_draw(const struct detector *d, const char *path, struct detected *a)
{
    infer_image image;
    infer_error err;
    int status = CLI_RESOURCES;
    if (infer_image_load(path, NULL, &image, &err) != INFER_OK)
        return cli_fail(path, &err);
    char *to = path_in(d->draw, base_name(path), ".png");
    detector_paint(d, &image, a);
    if (to)
        status = png_write(to, &image);
    else
        fprintf(stderr, "infer: %s: no memory for a picture\n", path);
    infer_image_free(&image);
    if (status == CLI_OK)
        a->drawn = to;
    else
        free(to);
    return status;
}
