/* Where GridSample reads: for each pixel of the output a list of pixels of the input with weights,
 * the same for all channels. Coordinates are what the standard says: unnormalised in the grid's own
 * type, folded into the picture where the padding asks for that, and then so is each pixel that
 * they touch; cubic ones are not folded before (as in PyTorch and ONNX Runtime). */
#ifndef INFER_KERNELS_GRID_SAMPLE_H
#define INFER_KERNELS_GRID_SAMPLE_H

#include <math.h>

#include "kernels/nd.h"

/* Pixels that one of the output comes of: at most 4 along each of three axes. */
struct grid_taps {
    int count;
    int64_t at[64]; /* pixels, counted through the image */
    float weight[64];
};

/* The same along one axis; -1: outside, where all is 0. */
struct grid_axis {
    int count;
    int64_t at[4];
    float weight[4];
};

/* Spatial axes of the operand, and pixels of an image of input and output. */
struct grid_shape {
    int spatial;
    int64_t size[3]; /* from the first axis on */
    int64_t channels, in_pixels, out_pixels, pixels;
};

static inline struct grid_shape grid_shape_of(const struct infer__task *t)
{
    const struct infer__operand *x = &t->in[0], *y = &t->out[0];
    struct grid_shape s = {.spatial = x->rank - 2, .in_pixels = 1, .out_pixels = 1};
    for (int i = 0; i < s.spatial; i++) {
        s.size[i] = x->dims[1 + i];
        s.in_pixels *= x->dims[1 + i];
        s.out_pixels *= y->dims[1 + i];
    }
    s.channels = x->dims[x->rank - 1];
    s.pixels = s.out_pixels * y->dims[0];
    return s;
}

static inline uint32_t grid_units(const struct infer__task *t, const struct grid_shape *s)
{
    return infer__task_units(t, s->pixels, 4096 / (s->channels + 1) + 1);
}

static inline infer_status grid_prepare(const struct infer__task *t, struct infer__need *need,
                                        infer_error *err)
{
    struct grid_shape s = grid_shape_of(t);
    (void)err;
    need->units = grid_units(t, &s);
    return INFER_OK;
}

static inline int grid_serves(const struct infer__task *t, unsigned type)
{
    return t->op == INFER__OP_GRID_SAMPLE && t->in[0].type == type && t->out[0].type == type &&
           (t->in[1].type == INFER_F32 || t->in[1].type == INFER_F64) && t->in[0].clast &&
           t->out[0].clast && t->in[0].rank == t->out[0].rank && infer__no_epilogue(t);
}

/* x reflected at `low` and `high` until it lies between them. */
static inline double grid_reflect(double x, double low, double high)
{
    double range = high - low, beyond = x < low ? low - x : x > high ? x - high : 0;
    if (beyond == 0)
        return x;
    if (!(range > 0) || !(beyond < 0x1p52))
        return low;
    double turns = floor(beyond / range), rest = beyond - turns * range;
    int even = fmod(turns, 2) == 0;
    return (x < low) == even ? low + rest : high - rest;
}

/* The pixel that a tap reads, -1 for none. x is a whole number. */
static inline int64_t grid_tap(const struct infer__grid *p, double x, int64_t size, double low,
                               double high)
{
    if (x >= 0 && x < (double)size)
        return (int64_t)x;
    if (p->padding == INFER__GRID_ZEROS)
        return -1;
    if (p->padding == INFER__GRID_REFLECT)
        x = grid_reflect(x, low, high);
    return x > 0 ? (x < (double)size ? (int64_t)x : size - 1) : 0;
}

static inline double grid_unnormalise(const struct infer__grid *p, const void *grid, unsigned type,
                                      int64_t i, int64_t size)
{
    if (type == INFER_F32) {
        float g = ((const float *)grid)[i], n = (float)size;
        return (double)(p->align_corners ? (g + 1) / 2 * (n - 1) : ((g + 1) * n - 1) / 2);
    }
    double g = ((const double *)grid)[i], n = (double)size;
    return p->align_corners ? (g + 1) / 2 * (n - 1) : ((g + 1) * n - 1) / 2;
}

/* Keys' cubic convolution with -0.75, at distances 1 + d, d, 1 - d and 2 - d. */
static inline void grid_cubic(double d, float w[4])
{
    const double a = -0.75;
    const double far[2] = {1 + d, 2 - d}, near[2] = {d, 1 - d};
    for (int i = 0; i < 2; i++) {
        w[3 * i] = (float)(((a * far[i] - 5 * a) * far[i] + 8 * a) * far[i] - 4 * a);
        w[1 + i] = (float)(((a + 2) * near[i] - (a + 3)) * near[i] * near[i] + 1);
    }
}

static inline void grid_axis_at(const struct infer__grid *p, double x, int64_t size,
                                struct grid_axis *a)
{
    const double low = p->align_corners ? 0 : -0.5, high = (double)size - 1 - low;
    if (p->mode == INFER__NEAREST)
        x = rint(x);
    if (p->mode != INFER__CUBIC && (x < low || x > high)) {
        if (p->padding == INFER__GRID_BORDER)
            x = x < low ? 0 : (double)(size - 1);
        else if (p->padding == INFER__GRID_REFLECT)
            x = grid_reflect(x, low, high);
    }
    if (!(fabs(x) < 0x1p52)) /* far outside */
        x = -0x1p40;
    const double first = floor(x) - (p->mode == INFER__CUBIC), d = x - floor(x);
    a->count = p->mode == INFER__NEAREST ? 1 : p->mode == INFER__LINEAR ? 2 : 4;
    if (p->mode == INFER__CUBIC) {
        grid_cubic(d, a->weight);
    } else {
        a->weight[0] = (float)(1 - d);
        a->weight[1] = (float)d;
    }
    for (int k = 0; k < a->count; k++)
        a->at[k] = grid_tap(p, first + k, size, low, high);
}

/* The taps of pixel `pixel` of the output, counted through the batch. */
static inline void grid_taps_of(const struct infer__task *t, const struct grid_shape *s,
                                const void *grid, int64_t pixel, struct grid_taps *taps)
{
    struct grid_axis axis[3];
    taps->count = 1;
    taps->at[0] = 0;
    taps->weight[0] = 1;
    for (int i = 0; i < s->spatial; i++) {
        int64_t at = pixel * s->spatial + s->spatial - 1 - i;
        double x = grid_unnormalise(&t->p.grid, grid, t->in[1].type, at, s->size[i]);
        if (x != x) { /* no place: no number */
            taps->weight[0] = NAN;
            return;
        }
        grid_axis_at(&t->p.grid, x, s->size[i], &axis[i]);
    }
    for (int i = 0; i < s->spatial; i++) { /* each tap so far becomes those along one axis more */
        struct grid_taps before = *taps;
        taps->count = 0;
        for (int k = 0; k < before.count; k++)
            for (int j = 0; j < axis[i].count; j++)
                if (axis[i].at[j] >= 0) {
                    taps->at[taps->count] = before.at[k] * s->size[i] + axis[i].at[j];
                    taps->weight[taps->count++] = before.weight[k] * axis[i].weight[j];
                }
    }
}

#endif
