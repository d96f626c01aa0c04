#include "tools/detector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "tools/canvas.h"
#include "tools/folder.h"
#include "tools/read_file.h"
#include "tools/write_file.h"

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

static const uint8_t colours[][3] = {{230, 60, 60},   {50, 160, 240}, {60, 190, 90},
                                     {240, 160, 30},  {160, 90, 220}, {20, 180, 180},
                                     {230, 100, 180}, {140, 140, 40}};

static void draw_frame(struct canvas *c, int x0, int y0, int x1, int y1, int line,
                       const uint8_t colour[3])
{
    canvas_rectangle(c, x0, y0, x1 - x0, line, colour);
    canvas_rectangle(c, x0, y1 - line, x1 - x0, line, colour);
    canvas_rectangle(c, x0, y0, line, y1 - y0, colour);
    canvas_rectangle(c, x1 - line, y0, line, y1 - y0, colour);
}

/* Half of what a mask covers is the colour. */
static void draw_mask(struct canvas *c, const infer_box *b, const infer_image *m,
                      const uint8_t colour[3])
{
    const int x0 = b->x0 > 0 ? (int)b->x0 : 0, y0 = b->y0 > 0 ? (int)b->y0 : 0;
    for (int y = 0; y < m->height && y0 + y < c->height; y++)
        for (int x = 0; x < m->width && x0 + x < c->width; x++) {
            uint8_t *to = c->pixels + ((size_t)(y0 + y) * (size_t)c->width + (size_t)(x0 + x)) * 3;
            for (int k = 0; k < 3 && m->pixels[(size_t)y * m->pitch + (size_t)x]; k++)
                to[k] = (uint8_t)((to[k] + colour[k]) / 2);
        }
}

/* The outline of a box that is turned, square after square. */
static void draw_turned(struct canvas *c, const infer_box *b, int line, const uint8_t colour[3])
{
    static const int ends[4][4] = {{-1, -1, 1, -1}, {1, -1, 1, 1}, {1, 1, -1, 1}, {-1, 1, -1, -1}};
    const double w = (double)(b->x1 - b->x0) / 2, h = (double)(b->y1 - b->y0) / 2;
    const double cosine = cos((double)b->angle), sine = sin((double)b->angle);
    const double most = c->width + c->height, longest = w > h ? w : h;
    const int steps = 1 + (int)(2 * (longest < most ? longest : most));
    for (int k = 0; k < 4 * steps; k++) {
        const int *e = ends[k / steps];
        const double t = (double)(k % steps) / steps;
        const double u = (e[0] + t * (e[2] - e[0])) * w, v = (e[1] + t * (e[3] - e[1])) * h;
        const double x = (double)(b->x0 + b->x1) / 2 + u * cosine - v * sine;
        const double y = (double)(b->y0 + b->y1) / 2 + u * sine + v * cosine;
        if (x > -most && x < 2 * most && y > -most && y < 2 * most)
            canvas_rectangle(c, (int)x - line / 2, (int)y - line / 2, line, line, colour);
    }
}

static void draw_box(const struct detector *d, struct canvas *c, const struct detected *a, size_t i)
{
    static const uint8_t white[3] = {255, 255, 255};
    const infer_box *b = &a->boxes[i];
    const int index = b->index < 0 ? 0 : b->index;
    const uint8_t *colour = colours[(size_t)index % (sizeof colours / sizeof *colours)];
    const int line = 1 + (c->width + c->height) / 800, scale = line > 3 ? 3 : line;
    const int high = 9 * scale + 2, x0 = (int)b->x0, y0 = (int)b->y0;
    char label[64], text[96];
    if (a->masks)
        draw_mask(c, b, &a->masks[i], colour);
    if (b->angle != 0)
        draw_turned(c, b, line, colour);
    else
        draw_frame(c, x0, y0, (int)b->x1, (int)b->y1, line, colour);
    snprintf(text, sizeof text, "%s %.2f", detector_label(d, b->index, label, sizeof label),
             (double)b->score);
    const int top = y0 >= high ? y0 - high : y0;
    canvas_rectangle(c, x0, top, (int)strlen(text) * 6 * scale + 4, high, colour);
    canvas_text(c, x0 + 2, top + scale + 1, scale, text, white);
    const size_t points = a->points ? (size_t)d->decoding.points_count : 0;
    for (size_t k = 0; k < points; k++) {
        const infer_point *p = &a->points[i * points + k];
        canvas_rectangle(c, (int)p->x - line, (int)p->y - line, 2 * line + 1, 2 * line + 1, colour);
    }
}

static int write_canvas(const struct canvas *c, const char *path)
{
    size_t size;
    void *png = canvas_png(c, &size);
    if (!png) {
        fprintf(stderr, "infer: %s: no memory for a picture\n", path);
        return CLI_RESOURCES;
    }
    int status = write_file(path, png, size);
    free(png);
    return status;
}

int detector_draw(const struct detector *d, const char *path, struct detected *a)
{
    static const uint8_t black[3] = {0, 0, 0};
    infer_image image;
    infer_error err;
    struct canvas c;
    if (infer_image_load(path, NULL, &image, &err) != INFER_OK)
        return cli_fail(path, &err);
    char *to = path_in(d->draw, base_name(path), ".png");
    int status = CLI_RESOURCES;
    if (to && canvas_init(&c, image.width, image.height, black)) {
        canvas_picture(&c, 0, 0, &image);
        for (size_t i = a->found; i-- > 0;) /* the best on top */
            draw_box(d, &c, a, i);
        status = write_canvas(&c, to);
        canvas_free(&c);
    } else {
        fprintf(stderr, "infer: %s: no memory for a picture\n", path);
    }
    infer_image_free(&image);
    if (status == CLI_OK)
        a->drawn = to;
    else
        free(to);
    return status;
}
