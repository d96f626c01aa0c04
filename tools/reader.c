#include "tools/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "infer_draw.h"
#include "tools/convert.h"
#include "tools/task.h"

enum { ROOM = 4096 }; /* bytes of a line's text */

/* ---- models --------------------------------------------------------------------------------- */

/* The shape for which a session is made first, where the model leaves it free. */
static void first_shape(const infer_model *model, const infer_preprocess *p, infer_input_spec *spec)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    *spec = (infer_input_spec){0};
    if (infer_model_input(model, 0, &info, NULL) != INFER_OK || info.rank != 4)
        return;
    const int down = p->layout == INFER_LAYOUT_NHWC ? 1 : 2;
    const int32_t width =
        p->fit == INFER_FIT_LINE && p->width > 4 * p->height ? 4 * p->height : p->width;
    spec->name = info.name;
    spec->rank = 4;
    memcpy(spec->dims, info.dims, sizeof spec->dims);
    if (info.free_dims & 1)
        spec->dims[0] = 1;
    if (info.free_dims >> down & 1)
        spec->dims[down] = p->fit == INFER_FIT_PAGE ? width : p->height;
    if (info.free_dims >> (down + 1) & 1)
        spec->dims[down + 1] = width;
}

static int make_session(const struct reader *r, struct reader_part *part, const char *path)
{
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_session_options o = r->session_args.options;
    infer_input_spec spec;
    infer_error err;
    if (infer_model_preprocess(part->model, &p, &err) != INFER_OK)
        return cli_fail(path, &err);
    first_shape(part->model, &p, &spec);
    o.inputs = &spec;
    o.ninputs = spec.name != NULL;
    return infer_session_create(part->model, &o, &part->session, &err) == INFER_OK
               ? CLI_OK
               : cli_fail(path, &err);
}

static void part_free(struct reader_part *part)
{
    const infer_allocator a = infer__allocator(NULL);
    infer_session_free(&part->session);
    if (!part->lent)
        infer_model_free(&part->model);
    infer__free(&a, part->bytes);
}

static int add(struct reader *r, struct reader_part *part, const char *path)
{
    infer_decoding d = INFER_DECODING_INIT;
    infer_error err;
    if (infer_model_decoding(part->model, &d, &err) != INFER_OK)
        return task_unknown(path, part->model, &err);
    part->task = d.task;
    if (d.task != INFER_TASK_TEXT_REGIONS && d.task != INFER_TASK_TEXT)
        return cli_usage("%s: it neither finds text nor reads it: --task of infer convert", path);
    if (d.task == INFER_TASK_TEXT && !infer_model_labels(part->model))
        return cli_usage("%s: it has no labels to write its text with: give them by --labels%s",
                         path, part->bytes ? "" : " of infer convert");
    struct reader_part *to = d.task == INFER_TASK_TEXT ? &r->text : &r->regions;
    if (to->model)
        return cli_usage("%s: a second model that %s text", path,
                         d.task == INFER_TASK_TEXT ? "reads" : "finds");
    const int status = make_session(r, part, path);
    if (status == CLI_OK) {
        *to = *part;
        *part = (struct reader_part){0};
    }
    return status;
}

int reader_add(struct reader *r, const char *path)
{
    struct reader_part part = {0};
    const struct convert_options o = {
        .task = "auto", .labels = (const char *const *)r->labels, .nlabels = r->nlabels};
    int status = open_model_with(path, &o, &part.model, &part.bytes);
    if (status == CLI_OK)
        status = add(r, &part, path);
    part_free(&part);
    return status;
}

int reader_lend(struct reader *r, infer_model *model, const char *path)
{
    struct reader_part part = {.model = model, .lent = 1};
    const int status = add(r, &part, path);
    part_free(&part);
    return status;
}

int reader_add_upright(struct reader *r, const char *path)
{
    /* What PaddleOCR's classifiers of direction take, for an .onnx file. */
    infer_preprocess p = INFER_PREPROCESS_INIT;
    const struct convert_options o = {.preprocess = &p};
    p.fit = INFER_FIT_LINE;
    p.width = 192;
    p.height = 48;
    p.fill = INFER_FILL_ZERO;
    p.color = INFER_COLOR_BGR;
    p.resampler = INFER_RESIZE_OPENCV;
    for (int c = 0; c < 3; c++) {
        p.mean[c] = 127.5F;
        p.scale[c] = 1 / 127.5F;
    }
    int status = open_model_with(path, &o, &r->upright.model, &r->upright.bytes);
    return status == CLI_OK ? make_session(r, &r->upright, path) : status;
}

void reader_free(struct reader *r)
{
    part_free(&r->regions);
    part_free(&r->text);
    part_free(&r->upright);
    session_args_free(&r->session_args);
    free(r->labels);
}

/* ---- reading -------------------------------------------------------------------------------- */

static infer_status make_room(const struct reader *r, struct reading *a, infer_error *err)
{
    const size_t most = r->regions.model ? r->most : 1;
    a->lines = calloc(most, sizeof *a->lines);
    a->text = r->text.model ? calloc(most, ROOM) : NULL;
    if (!a->lines || (r->text.model && !a->text))
        return infer__no_memory(err, most * ROOM);
    return INFER_OK;
}

static infer_status find(const struct reader *r, const infer_picture *p, infer_quad *quads,
                         struct reading *a, infer_error *err)
{
    if (r->regions.model)
        return infer_text_regions(r->regions.session, p, &r->how, quads, r->most, &a->found, err);
    const float w = (float)p->width, h = (float)p->height;
    quads[0] = (infer_quad){.x = {0, w, w, 0}, .y = {0, 0, h, h}, .score = 1};
    a->found = 1;
    return INFER_OK;
}

/* A line that is more likely than 0.9 upside down begins at the opposite corner. */
static infer_status set_upright(const struct reader *r, const infer_picture *p, infer_quad *quad,
                                int *turned, infer_error *err)
{
    infer_image part;
    infer_class classes[2];
    size_t found = 0;
    TRY(infer_quad_cut(p, quad, NULL, &part, err));
    const infer_picture line = {.data = part.pixels,
                                .pixels = part.channels == 1 ? INFER_PIXELS_GRAY : INFER_PIXELS_RGB,
                                .width = part.width,
                                .height = part.height};
    infer_status status =
        infer_classify_pictures(r->upright.session, &line, 1, NULL, classes, 2, &found, err);
    infer_image_free(&part);
    *turned = found > 0 && classes[0].index == 1 && classes[0].score > 0.9F;
    for (int k = 0; *turned && k < 2; k++) {
        const float x = quad->x[k], y = quad->y[k];
        quad->x[k] = quad->x[k + 2];
        quad->y[k] = quad->y[k + 2];
        quad->x[k + 2] = x;
        quad->y[k + 2] = y;
    }
    return status;
}

static infer_status read_all(const struct reader *r, const infer_picture *p, infer_quad *quads,
                             infer_text *texts, struct reading *a, infer_error *err)
{
    TRY(find(r, p, quads, a, err));
    for (size_t i = 0; i < a->found && r->upright.model; i++)
        TRY(set_upright(r, p, &quads[i], &a->lines[i].turned, err));
    for (size_t i = 0; i < a->found && r->text.model; i++)
        texts[i] = (infer_text){.text = a->text + i * ROOM, .room = ROOM};
    if (r->text.model)
        TRY(infer_read_text(r->text.session, p, quads, a->found, NULL, texts, err));
    for (size_t i = 0; i < a->found; i++) {
        a->lines[i].quad = quads[i];
        a->lines[i].text = texts[i];
    }
    return INFER_OK;
}

infer_status reader_run(struct reader *r, const infer_picture *picture, struct reading *a,
                        infer_error *err)
{
    const size_t most = r->regions.model ? r->most : 1;
    infer__error_clear(err);
    TRY(make_room(r, a, err));
    const double start = cli_now_ms();
    infer_quad *quads = calloc(most, sizeof *quads);
    infer_text *texts = calloc(most, sizeof *texts);
    infer_status status = quads && texts ? read_all(r, picture, quads, texts, a, err)
                                         : infer__no_memory(err, most * sizeof *quads);
    if (status != INFER_OK)
        a->found = 0;
    a->ms = cli_now_ms() - start;
    free(texts);
    free(quads);
    return status;
}

void reading_free(struct reading *a)
{
    free(a->lines);
    free(a->text);
    *a = (struct reading){0};
}

/* ---- drawing -------------------------------------------------------------------------------- */

static void draw_line(infer_image *image, const struct read_line *l, size_t number)
{
    const infer_rgba colour = infer_draw_palette((int64_t)number);
    const infer_quad *q = &l->quad;
    infer_point corners[4];
    for (int k = 0; k < 4; k++)
        corners[k] = (infer_point){.x = q->x[k], .y = q->y[k]};
    infer_draw_lines(image, corners, 4, 1, colour, NULL, NULL);
    if (l->text.length)
        infer_draw_label(image, q->x[0], q->y[0], l->text.text, colour, NULL, NULL);
}

void reader_paint(const struct reading *a, infer_image *image)
{
    for (size_t i = 0; i < a->found; i++)
        draw_line(image, &a->lines[i], i);
}
