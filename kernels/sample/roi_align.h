/* Where RoiAlign reads: each bin of a box is sampled at a regular grid of places, between four
 * pixels each. */
#ifndef INFER_KERNELS_ROI_ALIGN_H
#define INFER_KERNELS_ROI_ALIGN_H

#include <math.h>

#include "kernels/nd.h"

/* Rows and columns of the picture and of the result. */
struct roi_shape {
    int64_t images, h, w, channels, out_h, out_w, bins;
};

static inline struct roi_shape roi_shape_of(const struct infer__task *t)
{
    const int64_t *x = t->in[0].dims, *y = t->out[0].dims;
    struct roi_shape s = {x[0], x[1], x[2], x[3], y[1], y[2], y[0] * y[1] * y[2]};
    return s;
}

static inline uint32_t roi_units(const struct infer__task *t, const struct roi_shape *s)
{
    return infer__task_units(t, s->bins, 2048 / (s->channels + 1) + 1);
}

static inline infer_status roi_prepare(const struct infer__task *t, struct infer__need *need,
                                       infer_error *err)
{
    struct roi_shape s = roi_shape_of(t);
    (void)err;
    need->units = roi_units(t, &s);
    return INFER_OK;
}

static inline int roi_serves(const struct infer__task *t, unsigned op)
{
    return t->op == op && t->in[0].type == INFER_F32 && t->in[1].type == INFER_F32 &&
           t->out[0].type == INFER_F32 && t->in[0].clast && t->out[0].clast && t->in[0].rank == 4 &&
           infer__no_epilogue(t);
}

/* Samples of a bin along an axis: how many there are, and those of them that may be inside of the
 * picture. */
struct roi_axis {
    float start, step;
    double all;
    int64_t first, count;
};

/* One bin. */
struct roi_bin {
    int64_t image;
    struct roi_axis y, x;
};

/* `given` samples, or as many as the bin has pixels. Those are half a pixel apart at least, so that
 * whatever a box says no more are visited than the picture has room for. */
static inline struct roi_axis roi_axis_of(int32_t given, float start, float bin, int64_t size)
{
    struct roi_axis a = {.start = start};
    const float n = given > 0 ? (float)given : ceilf(bin);
    if (!(n > 0 && n < 0x1p40f && fabsf(start) < 0x1p40f)) {
        a.all = n > 0 ? (double)n : 0;
        if (start != start || bin != bin) /* no place: no number */
            a.all = NAN;
        return a;
    }
    a.all = (double)n;
    a.step = bin / n;
    double last = a.all;
    if (given <= 0) { /* one more on each side than are inside */
        double before = floor((-1 - (double)start) / (double)a.step) - 1;
        double behind = ceil(((double)size - (double)start) / (double)a.step) + 1;
        a.first = before > 0 ? (int64_t)(before < a.all ? before : a.all) : 0;
        last = behind > 0 ? (behind < a.all ? behind : a.all) : 0;
    }
    a.count = last > (double)a.first ? (int64_t)last - a.first : 0;
    return a;
}

static inline struct roi_bin roi_bin_of(const struct infer__task *t, const struct roi_shape *s,
                                        const float *boxes, const int64_t *images, int64_t i)
{
    const struct infer__roi *p = &t->p.roi;
    const int64_t roi = i / s->out_w / s->out_h, row = i / s->out_w % s->out_h;
    const float *box = boxes + roi * 4;
    const float offset = p->half_pixel ? 0.5f : 0.0f;
    float x = box[0] * p->scale - offset, y = box[1] * p->scale - offset;
    float w = box[2] * p->scale - offset - x, h = box[3] * p->scale - offset - y;
    if (!p->half_pixel) { /* a box is one pixel at least */
        w = w < 1 ? 1 : w;
        h = h < 1 ? 1 : h;
    }
    w /= (float)s->out_w;
    h /= (float)s->out_h;
    struct roi_bin b = {.image = images[roi]};
    b.image = b.image < 0 ? 0 : b.image < s->images ? b.image : s->images - 1;
    b.y = roi_axis_of(p->samples, y + (float)row * h, h, s->h);
    b.x = roi_axis_of(p->samples, x + (float)(i % s->out_w) * w, w, s->w);
    return b;
}

/* Samples that are visited, and whether there are others, which are all 0. */
static inline int64_t roi_visited(const struct roi_bin *b)
{
    return b->y.count * b->x.count;
}

static inline int roi_has_outside(const struct roi_bin *b)
{
    return (double)roi_visited(b) < b->y.all * b->x.all;
}

/* The two pixels beside a place, and the second one's weight; 0 where it is outside. */
static inline int roi_between(float at, int64_t size, int64_t pixel[2], float *weight)
{
    if (!(at >= -1 && at <= (float)size))
        return 0;
    at = at > 0 ? at : 0;
    pixel[0] = (int64_t)at;
    pixel[1] = pixel[0] + 1;
    if (pixel[0] >= size - 1) {
        pixel[0] = pixel[1] = size - 1;
        at = (float)(size - 1);
    }
    *weight = at - (float)pixel[0];
    return 1;
}

/* Visited sample number `k` of a bin: four pixels of its image and their weights. Returns 0 for one
 * that is outside. */
static inline int roi_sample(const struct roi_shape *s, const struct roi_bin *b, int64_t k,
                             int64_t at[4], float weight[4])
{
    const int64_t i = b->y.first + k / b->x.count, j = b->x.first + k % b->x.count;
    const float y = b->y.start + ((float)i + 0.5f) * b->y.step;
    const float x = b->x.start + ((float)j + 0.5f) * b->x.step;
    int64_t row[2], column[2];
    float below, right;
    if (!roi_between(y, s->h, row, &below) || !roi_between(x, s->w, column, &right))
        return 0;
    for (int q = 0; q < 4; q++) {
        at[q] = row[q / 2] * s->w + column[q % 2];
        weight[q] = (q / 2 ? below : 1 - below) * (q % 2 ? right : 1 - right);
    }
    return 1;
}

#endif
