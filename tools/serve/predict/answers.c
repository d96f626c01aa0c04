#include "tools/serve/predict/answers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/convert.h"
#include "tools/base64.h"
#include "tools/palette_png.h"
#include "tools/serve/models/version.h"

static void add_label(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct version *v,
                      int64_t index)
{
    char text[40];
    const char *label = version_label(v, index);
    if (!label) {
        snprintf(text, sizeof text, "class %lld", (long long)index);
        label = text;
    }
    yyjson_mut_obj_add_strcpy(doc, o, "class", label);
}

static yyjson_mut_val *classes_json(yyjson_mut_doc *doc, const struct version *v,
                                    const struct job_answer *a)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < a->nclasses; i++) {
        yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
        yyjson_mut_obj_add_float(doc, o, "probability", a->classes[i].score);
        add_label(doc, o, v, a->classes[i].index);
    }
    return list;
}

static yyjson_mut_val *points_json(yyjson_mut_doc *doc, const infer_point *points, size_t n)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < n; i++) {
        yyjson_mut_val *p = yyjson_mut_arr_add_arr(doc, list);
        yyjson_mut_arr_add_float(doc, p, points[i].x);
        yyjson_mut_arr_add_float(doc, p, points[i].y);
        yyjson_mut_arr_add_float(doc, p, points[i].score);
    }
    return list;
}

/* Runs of equal values along rows: value, length, value, length ... */
static void add_runs(yyjson_mut_doc *doc, yyjson_mut_val *o, const infer_image *m)
{
    yyjson_mut_val *counts = yyjson_mut_obj_add_arr(doc, o, "counts");
    const size_t pitch = m->pitch ? m->pitch : (size_t)m->width;
    int value = -1;
    int64_t length = 0;
    for (int32_t y = 0; y < m->height; y++)
        for (int32_t x = 0; x < m->width; x++) {
            const int now = m->pixels[(size_t)y * pitch + (size_t)x];
            if (now != value && length) {
                yyjson_mut_arr_add_int(doc, counts, value);
                yyjson_mut_arr_add_int(doc, counts, length);
                length = 0;
            }
            value = now;
            length++;
        }
    if (length) {
        yyjson_mut_arr_add_int(doc, counts, value);
        yyjson_mut_arr_add_int(doc, counts, length);
    }
}

static void add_png(yyjson_mut_doc *doc, yyjson_mut_val *o, const infer_image *m)
{
    size_t bytes, length;
    void *png = palette_png(m, &bytes);
    char *text = png ? base64_encode(png, bytes, &length) : NULL;
    if (text)
        yyjson_mut_obj_add_strncpy(doc, o, "png", text, length);
    free(text);
    free(png);
}

static yyjson_mut_val *mask_json(yyjson_mut_doc *doc, const infer_image *m, enum answer_masks masks)
{
    yyjson_mut_val *o = yyjson_mut_obj(doc), *size = yyjson_mut_obj_add_arr(doc, o, "size");
    yyjson_mut_arr_add_int(doc, size, m->height);
    yyjson_mut_arr_add_int(doc, size, m->width);
    if (masks == ANSWER_PNG)
        add_png(doc, o, m);
    else
        add_runs(doc, o, m);
    return o;
}

static yyjson_mut_val *boxes_json(yyjson_mut_doc *doc, const struct version *v,
                                  const struct job_answer *a, enum answer_masks masks)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < a->nboxes; i++) {
        const infer_box *b = &a->boxes[i];
        yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
        add_label(doc, o, v, b->index);
        yyjson_mut_obj_add_float(doc, o, "score", b->score);
        const float corners[4] = {b->x0, b->y0, b->x1, b->y1};
        yyjson_mut_obj_add_val(doc, o, "box", yyjson_mut_arr_with_float(doc, corners, 4));
        if (v->decoding.angle >= 0)
            yyjson_mut_obj_add_float(doc, o, "angle", b->angle);
        if (a->points)
            yyjson_mut_obj_add_val(doc, o, "points",
                                   points_json(doc, a->points + i * a->npoints, a->npoints));
        if (a->masks && a->masks[i].pixels && masks != ANSWER_NO_MASK) {
            yyjson_mut_val *mask = mask_json(doc, &a->masks[i], masks);
            yyjson_mut_val *at = yyjson_mut_obj_add_arr(doc, mask, "at");
            yyjson_mut_arr_add_int(doc, at, b->x0 > 0 ? (int)floorf(b->x0) : 0);
            yyjson_mut_arr_add_int(doc, at, b->y0 > 0 ? (int)floorf(b->y0) : 0);
            yyjson_mut_obj_add_val(doc, o, "mask", mask);
        }
    }
    return list;
}

static yyjson_mut_val *segments_json(yyjson_mut_doc *doc, const struct version *v,
                                     const struct job_answer *a, enum answer_masks masks)
{
    const infer_image *m = &a->mask;
    const size_t pitch = m->pitch ? m->pitch : (size_t)m->width;
    uint64_t pixels[256] = {0};
    for (int32_t y = 0; y < m->height; y++)
        for (int32_t x = 0; x < m->width; x++)
            pixels[m->pixels[(size_t)y * pitch + (size_t)x]]++;
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    yyjson_mut_obj_add_int(doc, o, "width", m->width);
    yyjson_mut_obj_add_int(doc, o, "height", m->height);
    yyjson_mut_val *classes = yyjson_mut_obj_add_arr(doc, o, "classes");
    for (int i = 0; i < 256; i++)
        if (pixels[i]) {
            yyjson_mut_val *c = yyjson_mut_arr_add_obj(doc, classes);
            add_label(doc, c, v, i);
            yyjson_mut_obj_add_int(doc, c, "index", i);
            yyjson_mut_obj_add_real(doc, c, "share",
                                    (double)pixels[i] / ((double)m->width * m->height));
        }
    if (masks != ANSWER_NO_MASK)
        yyjson_mut_obj_add_val(doc, o, "mask", mask_json(doc, m, masks));
    return o;
}

static yyjson_mut_val *corners_json(yyjson_mut_doc *doc, const infer_quad *q)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (int k = 0; k < 4; k++) {
        const float corner[2] = {q->x[k], q->y[k]};
        yyjson_mut_arr_append(list, yyjson_mut_arr_with_float(doc, corner, 2));
    }
    return list;
}

/* What is found at a place, what it says, or both. */
static void add_line(yyjson_mut_doc *doc, yyjson_mut_val *o, const infer_text *t,
                     const infer_quad *q)
{
    if (t) {
        yyjson_mut_obj_add_strcpy(doc, o, "text", t->text ? t->text : "");
        yyjson_mut_obj_add_float(doc, o, "score", t->score);
    }
    if (q) {
        yyjson_mut_obj_add_float(doc, o, "region_score", q->score);
        yyjson_mut_obj_add_val(doc, o, "quad", corners_json(doc, q));
    }
}

static yyjson_mut_val *lines_json(yyjson_mut_doc *doc, const struct job_answer *a)
{
    if (!a->quads && a->ntexts == 1) { /* the picture is a line */
        yyjson_mut_val *o = yyjson_mut_obj(doc);
        add_line(doc, o, a->texts, NULL);
        return o;
    }
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < a->nquads; i++)
        add_line(doc, yyjson_mut_arr_add_obj(doc, list), a->texts ? &a->texts[i] : NULL,
                 &a->quads[i]);
    return list;
}

static yyjson_mut_val *vector_json(yyjson_mut_doc *doc, const struct job_answer *a)
{
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    yyjson_mut_obj_add_val(doc, o, "vector", yyjson_mut_arr_with_float(doc, a->vector, a->length));
    return o;
}

yyjson_mut_val *answer_json(yyjson_mut_doc *doc, const struct job *job, int picture,
                            enum answer_masks masks)
{
    const struct version *v = job->version;
    const struct job_answer *a = &job->answers[picture];
    if (a->vector)
        return vector_json(doc, a);
    switch (v->task) {
    case INFER_TASK_TEXT_REGIONS:
    case INFER_TASK_TEXT:
        return lines_json(doc, a);
    case INFER_TASK_DETECT:
        return boxes_json(doc, v, a, masks);
    case INFER_TASK_SEGMENT:
        return segments_json(doc, v, a, masks);
    case INFER_TASK_KEYPOINTS:
        return points_json(doc, a->points, a->npoints);
    default:
        return classes_json(doc, v, a);
    }
}

yyjson_mut_val *tensor_json(yyjson_mut_doc *doc, const struct job_tensor *t)
{
    const size_t n = t->bytes / infer_type_size(t->type);
    switch (t->type) {
    case INFER_F32:
        return yyjson_mut_arr_with_float(doc, t->data, n);
    case INFER_F64:
        return yyjson_mut_arr_with_double(doc, t->data, n);
    case INFER_S8:
        return yyjson_mut_arr_with_sint8(doc, t->data, n);
    case INFER_U8:
        return yyjson_mut_arr_with_uint8(doc, t->data, n);
    case INFER_S16:
        return yyjson_mut_arr_with_sint16(doc, t->data, n);
    case INFER_U16:
        return yyjson_mut_arr_with_uint16(doc, t->data, n);
    case INFER_S32:
        return yyjson_mut_arr_with_sint32(doc, t->data, n);
    case INFER_U32:
        return yyjson_mut_arr_with_uint32(doc, t->data, n);
    case INFER_S64:
        return yyjson_mut_arr_with_sint64(doc, t->data, n);
    case INFER_U64:
        return yyjson_mut_arr_with_uint64(doc, t->data, n);
    case INFER_BOOL:
        return yyjson_mut_arr_with_bool(doc, t->data, n);
    default:
        break;
    }
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    const uint16_t *half = t->data;
    for (size_t i = 0; i < n; i++)
        yyjson_mut_arr_add_float(doc, list,
                                 t->type == INFER_F16 ? infer__f16_to_f32(half[i])
                                                      : infer__bf16_to_f32(half[i]));
    return list;
}

yyjson_mut_val *outputs_json(yyjson_mut_doc *doc, const struct job *job)
{
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    for (int i = 0; i < job->noutputs; i++) {
        yyjson_mut_val *one = yyjson_mut_obj(doc),
                       *shape = yyjson_mut_obj_add_arr(doc, one, "shape");
        for (int32_t k = 0; k < job->outputs[i].rank; k++)
            yyjson_mut_arr_add_sint(doc, shape, job->outputs[i].dims[k]);
        yyjson_mut_obj_add_val(doc, one, "data", tensor_json(doc, &job->outputs[i]));
        yyjson_mut_obj_add_val(doc, o, job->version->outputs[i].name, one);
    }
    return o;
}
