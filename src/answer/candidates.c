#include "answer/candidates.h"

#include <math.h>

#include "base/memory.h"
#include "base/status.h"

/* Candidates that are looked at together: their best scores stay in the first-level cache. */
enum { SOME = 256 };

infer_status infer__reading_of(const infer_decoding *d, const infer_tensor *outputs,
                               size_t noutputs, int64_t image, double width, double height,
                               struct infer__reading *r, infer_error *err)
{
    *r = (struct infer__reading){.d = d, .width = width, .height = height};
    TRY(infer__fields_of(outputs, noutputs, d->scores, d->scores_order, d->scores_first, d->classes,
                         image, "scores", &r->scores, err));
    TRY(infer__fields_of(outputs, noutputs, d->boxes, d->boxes_order, d->boxes_first, 4, image,
                         "boxes", &r->boxes, err));
    r->candidates = r->scores.candidates;
    if (d->objectness >= 0)
        TRY(infer__fields_of(outputs, noutputs, d->scores, d->scores_order, d->objectness, 1, image,
                             "objectness", &r->objectness, err));
    if (d->class_field >= 0)
        TRY(infer__fields_of(outputs, noutputs, d->scores, d->scores_order, d->class_field, 1,
                             image, "classes", &r->classes, err));
    if (d->angle >= 0)
        TRY(infer__fields_of(outputs, noutputs, d->boxes, d->boxes_order, d->angle, 1, image,
                             "angles", &r->angles, err));
    if (d->points >= 0)
        TRY(infer__fields_of(outputs, noutputs, d->points, d->boxes_order, d->points_first,
                             (int64_t)d->points_count * d->point_fields, image, "points",
                             &r->points, err));
    FAIL_IF(r->boxes.candidates != r->candidates ||
                (r->points.data && r->points.candidates != r->candidates) ||
                r->candidates > INT32_MAX,
            INFER_ERROR_SHAPE, "decoding: scores of %lld candidates, boxes of %lld",
            (long long)r->candidates, (long long)r->boxes.candidates);
    return INFER_OK;
}

/* ---- scores --------------------------------------------------------------------------------- */

static float at(const struct infer__fields *f, int64_t candidate, int64_t field)
{
    return f->data[candidate * f->candidate + field * f->field];
}

/* What a candidate's scores are multiplied by. */
static float factor_of(const struct infer__reading *r, int64_t candidate)
{
    return r->objectness.data ? at(&r->objectness, candidate, 0) : 1;
}

/* The class that the network tells as a number; -1: what it says is none. */
static int32_t class_of(const struct infer__reading *r, int64_t candidate)
{
    const float v = at(&r->classes, candidate, 0);
    return v >= 0 && v < INFER__MOST_CLASSES ? (int32_t)v : -1;
}

/* The highest score of each of `n` candidates from `first` on, and its class; equals: the lowest.
 * NaN is no score. */
static void best_of(const struct infer__reading *r, int64_t first, int64_t n, float *best,
                    int32_t *index)
{
    const int32_t classes = r->d->classes;
    for (int64_t i = 0; i < n; i++) {
        best[i] = -INFINITY;
        index[i] = -1;
    }
    for (int32_t c = 0; c < classes; c++) {
        if (c == r->d->background)
            continue;
        const float *s = r->scores.data + first * r->scores.candidate + c * r->scores.field;
        for (int64_t i = 0; i < n; i++) {
            const float v = s[i * r->scores.candidate];
            index[i] = v > best[i] ? c : index[i];
            best[i] = v > best[i] ? v : best[i];
        }
    }
}

/* The same where a candidate's scores lie side by side. */
static void best_of_rows(const struct infer__reading *r, int64_t first, int64_t n, float *best,
                         int32_t *index)
{
    const int32_t classes = r->d->classes;
    for (int64_t i = 0; i < n; i++) {
        const float *s = r->scores.data + (first + i) * r->scores.candidate;
        float most = -INFINITY;
        int32_t which = -1;
        for (int32_t c = 0; c < classes; c++)
            if (s[c] > most && c != r->d->background) {
                most = s[c];
                which = c;
            }
        best[i] = most;
        index[i] = which;
    }
}

/* ---- boxes ---------------------------------------------------------------------------------- */

/* Corners in pixels of the network's input. */
static void corners_of(const struct infer__reading *r, int64_t candidate, double c[4])
{
    double v[4];
    for (int k = 0; k < 4; k++)
        v[k] = (double)at(&r->boxes, candidate, k);
    const int32_t form = r->d->box_form;
    const int turned = form == INFER_BOX_CORNERS_YX || form == INFER_BOX_CENTRE_YX;
    for (int axis = 0; axis < 2; axis++) {
        const double a = v[axis ^ turned], b = v[2 + (axis ^ turned)];
        const double scale = !r->d->relative ? 1 : axis ? r->height : r->width;
        const int centre = form == INFER_BOX_CENTRE || form == INFER_BOX_CENTRE_YX;
        const double low = centre ? a - b / 2 : a;
        const double high = centre ? a + b / 2 : form == INFER_BOX_ORIGIN ? a + b : b;
        c[axis] = low * scale;
        c[2 + axis] = high * scale;
    }
}

static double clamped(double x, double most)
{
    return x < 0 ? 0 : x > most ? most : x; /* NaN stays */
}

/* In the picture, of a box with corners `c` in the input: the sides' directions are mapped, and its
 * angle is that of its width. With another ratio of x and y it would be no rectangle any more;
 * ratios differ by less than a pixel of a letterbox. */
static void turn(const infer_transform *t, double angle, double c[4], double *turned)
{
    const double x = (c[0] + c[2]) / 2 * t->scale_x + t->offset_x;
    const double y = (c[1] + c[3]) / 2 * t->scale_y + t->offset_y;
    const double wx = cos(angle) * t->scale_x, wy = sin(angle) * t->scale_y;
    const double hx = sin(angle) * t->scale_x, hy = cos(angle) * t->scale_y;
    const double w = (c[2] - c[0]) * sqrt(wx * wx + wy * wy) / 2;
    const double h = (c[3] - c[1]) * sqrt(hx * hx + hy * hy) / 2;
    c[0] = x - w;
    c[1] = y - h;
    c[2] = x + w;
    c[3] = y + h;
    *turned = t->scale_x == t->scale_y ? angle : atan2(wy, wx);
}

static void map(const struct infer__reading *r, const infer_transform *t, double c[4])
{
    for (int k = 0; k < 4; k++) {
        if (r->d->clip == 2)
            c[k] = clamped(c[k], k & 1 ? r->height : r->width);
        c[k] = k & 1 ? c[k] * t->scale_y + t->offset_y : c[k] * t->scale_x + t->offset_x;
    }
}

static infer_box box_of(const struct infer__reading *r, int64_t candidate, int32_t index,
                        float score, const infer_transform *t)
{
    double c[4], angle = r->angles.data ? (double)at(&r->angles, candidate, 0) : 0;
    corners_of(r, candidate, c);
    if (angle != 0)
        turn(t, angle, c, &angle);
    else
        map(r, t, c);
    return (infer_box){.x0 = (float)c[0],
                       .y0 = (float)c[1],
                       .x1 = (float)c[2],
                       .y1 = (float)c[3],
                       .score = score,
                       .index = index,
                       .candidate = (int32_t)candidate,
                       .angle = (float)angle};
}

void infer__points_of(const struct infer__reading *r, int64_t candidate, const infer_transform *t,
                      infer_point *points)
{
    const int32_t fields = r->d->point_fields;
    const double w = r->d->relative ? r->width : 1, h = r->d->relative ? r->height : 1;
    for (int32_t i = 0; i < r->d->points_count; i++) {
        const double x = (double)at(&r->points, candidate, i * fields) * w;
        const double y = (double)at(&r->points, candidate, i * fields + 1) * h;
        points[i] = (infer_point){
            .x = (float)(x * t->scale_x + t->offset_x),
            .y = (float)(y * t->scale_y + t->offset_y),
            .score = fields == 3 ? at(&r->points, candidate, i * fields + 2) : 1,
        };
    }
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* Where candidates go; without boxes they are counted. */
struct sink {
    const struct infer__reading *r;
    const infer_transform *t;
    float threshold;
    infer_box *boxes;
    size_t count;
};

static void add(struct sink *k, int64_t candidate, int32_t index, float score)
{
    if (!(score > k->threshold))
        return;
    if (k->boxes) {
        if (k->r->classes.data)
            index = class_of(k->r, candidate);
        k->boxes[k->count] = box_of(k->r, candidate, index, score, k->t);
    }
    k->count++;
}

static void add_every(struct sink *k, int64_t candidate)
{
    const struct infer__reading *r = k->r;
    const float factor = factor_of(r, candidate);
    for (int32_t c = 0; c < r->d->classes; c++)
        if (c != r->d->background)
            add(k, candidate, c, factor * at(&r->scores, candidate, c));
}

/* Candidates without a class, all of whose scores are NaN, have none that passes. */
static void look(struct sink *k)
{
    const struct infer__reading *r = k->r;
    float best[SOME];
    int32_t index[SOME];
    for (int64_t first = 0; first < r->candidates; first += SOME) {
        const int64_t left = r->candidates - first, n = left < SOME ? left : SOME;
        if (r->scores.field == 1)
            best_of_rows(r, first, n, best, index);
        else
            best_of(r, first, n, best, index);
        for (int64_t i = 0; i < n; i++) {
            if (!(factor_of(r, first + i) * best[i] > k->threshold))
                continue;
            if (r->d->every_class)
                add_every(k, first + i);
            else
                add(k, first + i, index[i], factor_of(r, first + i) * best[i]);
        }
    }
}

infer_status infer__find_candidates(const struct infer__reading *r, float threshold,
                                    const infer_transform *t, const infer_allocator *a,
                                    infer_box **boxes, size_t *count, infer_error *err)
{
    struct sink k = {r, t, threshold, NULL, 0};
    *boxes = NULL;
    look(&k);
    *count = k.count;
    if (!k.count)
        return INFER_OK;
    k.boxes = infer__calloc(a, k.count, sizeof **boxes);
    if (!k.boxes)
        return infer__no_memory(err, k.count * sizeof **boxes);
    k.count = 0;
    look(&k);
    *boxes = k.boxes;
    return INFER_OK;
}
