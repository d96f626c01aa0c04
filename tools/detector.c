#include "tools/detector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "infer_draw.h"
#include "tools/read_file.h"
#include "tools/task.h"

static int begin_landmarks(struct detector *d, const char *path)
{
    infer_error err;
    struct landmarks *l = &d->landmarks;
    if (infer_session_create(l->model, d->model ? NULL : &d->session_args.options, &l->session,
                             &err) != INFER_OK)
        return cli_fail(path, &err);
    d->npoints = (size_t)l->decoding.points_count;
    return CLI_OK;
}

int detector_begin(struct detector *d, const char *path)
{
    infer_error err;
    infer_decoding_init(&d->decoding, sizeof d->decoding);
    if (!d->model)
        return begin_landmarks(d, path);
    if (infer_model_decoding(d->model, &d->decoding, &err) != INFER_OK)
        return task_unknown(path, d->model, &err);
    if (d->decoding.task != INFER_TASK_DETECT)
        return cli_usage("%s: its answers are %s, not boxes: %s is for it", path,
                         task_answers(d->decoding.task), task_command(d->decoding.task));
    d->npoints = d->decoding.points < 0 ? 0 : (size_t)d->decoding.points_count;
    if (infer_session_create(d->model, &d->session_args.options, &d->session, &err) != INFER_OK)
        return cli_fail(path, &err);
    return d->landmarks.model ? begin_landmarks(d, path) : CLI_OK;
}

void detector_free(struct detector *d)
{
    infer_session_free(&d->session);
    infer_session_free(&d->landmarks.session);
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
    const int masks = d->masks && d->decoding.masks >= 0;
    a->most = d->most;
    a->masks = masks ? calloc(d->most, sizeof *a->masks) : NULL;
    a->boxes = calloc(d->most, sizeof *a->boxes);
    a->points = d->npoints ? calloc(d->most * d->npoints, sizeof *a->points) : NULL;
    a->ids = d->tracked ? calloc(d->most, sizeof *a->ids) : NULL;
    return a->boxes && (a->points || !d->npoints) && (a->masks || !masks) && (a->ids || !d->tracked)
               ? INFER_OK
               : infer__no_memory(err, d->most * (d->npoints + 1) * sizeof *a->points);
}

static infer_status find(struct detector *d, const infer_picture *picture, struct detected *a,
                         infer_error *err)
{
    const infer_image_options fast = {.size = sizeof fast, .fast_decode = 1};
    const infer_detect_options o = {.size = sizeof o,
                                    .image = d->fast ? &fast : NULL,
                                    .score_threshold = d->score,
                                    .iou_threshold = d->iou};
    infer_detections to = {.size = sizeof to,
                           .boxes = a->boxes,
                           .points = d->landmarks.model ? NULL : a->points,
                           .found = &a->found,
                           .most = d->most,
                           .masks = a->masks};
    if (d->model)
        return infer_detect(d->session, picture, 1, &o, &to, err);
    a->found = 1;
    a->boxes[0] =
        (infer_box){.x1 = (float)picture->width, .y1 = (float)picture->height, .score = 1};
    return INFER_OK;
}

/* A square about the middle of a box, within what may be asked about. */
void detector_region(const infer_box *b, float widen, infer_picture *picture)
{
    const float w = b->x1 - b->x0, h = b->y1 - b->y0;
    float side = rintf((w > h ? w : h) * widen);
    side = side > 1 ? side < 10000 ? side : 10000 : 1;
    picture->region_width = picture->region_height = (int32_t)side;
    picture->x = (int32_t)rintf((b->x0 + b->x1 - side) / 2);
    picture->y = (int32_t)rintf((b->y0 + b->y1 - side) / 2);
}

static infer_status find_points(struct detector *d, const infer_picture *picture,
                                struct detected *a, infer_error *err)
{
    for (size_t i = 0; i < a->found; i++) {
        infer_picture part = *picture;
        if (d->model)
            detector_region(&a->boxes[i], d->landmarks.widen, &part);
        TRY(infer_keypoints(d->landmarks.session, &part, 1, NULL, a->points + i * d->npoints, err));
    }
    return INFER_OK;
}

infer_status detector_run(struct detector *d, const infer_picture *picture, struct detected *a,
                          infer_error *err)
{
    infer__error_clear(err);
    TRY(make_room(d, a, err));
    const double start = cli_now_ms();
    infer_status status = find(d, picture, a, err);
    if (status == INFER_OK && d->landmarks.model)
        status = find_points(d, picture, a, err);
    a->ms = cli_now_ms() - start;
    return status;
}

infer_status detector_run_file(struct detector *d, const char *path, struct detected *a,
                               infer_error *err)
{
    size_t size;
    char *bytes = read_file(path, &size);
    infer__error_clear(err);
    FAIL_IF(!bytes, INFER_ERROR_IO, "it can't be read");
    const infer_picture picture = {.data = bytes, .bytes = size};
    infer_status status = detector_run(d, &picture, a, err);
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
        label = d->model ? infer_model_label(d->model, (size_t)at) : NULL;
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
    const size_t points = a->points ? d->npoints : 0;
    char label[64], text[128], id[24] = "";
    size_t links;
    const int32_t *link = infer_draw_links(points, &links);
    if (a->masks)
        infer_draw_mask(image, b, &a->masks[i], colour, NULL, NULL);
    if (a->ids)
        snprintf(id, sizeof id, "%llu ", (unsigned long long)a->ids[i]);
    snprintf(text, sizeof text, "%s%s %.2f", id, detector_label(d, b->index, label, sizeof label),
             (double)b->score);
    if (d->model)
        infer_draw_box(image, b, text, colour, NULL, NULL);
    infer_draw_style style = INFER_DRAW_STYLE_INIT;
    if (points > 32) /* of a face: small dots */
        style.line_width = 1.5F;
    style.min_score = d->decoding.points >= 0 && d->decoding.point_fields > 2 ? 0.5F : 0;
    if (points)
        infer_draw_points(image, a->points + i * points, points, link, links, colour, &style, NULL);
}

void detector_paint(const struct detector *d, infer_image *image, const struct detected *a)
{
    for (size_t i = a->found; i-- > 0;) /* the best on top */
        if (!a->ids || a->ids[i])
            paint_one(d, image, a, i);
}
