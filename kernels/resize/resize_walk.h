/* Linear and cubic Resize of f32: the walk over slices. The file that includes this has defined
 *
 *   blend(x, w, taps, n, y)          y = sum of w[k] * x[k * n ..], n floats, in the order of k
 *   blend_scalars(axis, x, out, y)   a whole row along an axis behind which there is nothing
 */
#ifndef INFER_KERNELS_RESIZE_WALK_H
#define INFER_KERNELS_RESIZE_WALK_H

#include "kernels/resize/resize_taps.h"

struct work {
    const struct infer__task *t;
    const struct infer__resizing *r;
    float *scratch;
};

static void along(const struct work *w, int level, const float *x, float *y);

/* Output slice `o` along axis `level`, into y. */
static void slice(const struct work *w, int level, int64_t o, const float *x, float *y)
{
    const struct infer__resize_axis *a = &w->r->axis[level];
    const float *weights = a->weights + o * a->taps;
    if (a->first[o] < 0) {
        for (int64_t i = 0; i < a->rest_out; i++)
            y[i] = w->t->p.resize.extrapolation;
        return;
    }
    x += a->first[o] * a->rest_in;
    if (level + 1 == w->r->axes) {
        blend(x, weights, a->taps, a->rest_in, y);
        return;
    }
    const struct infer__resize_axis *next = a + 1;
    float *tmp = w->scratch + a->tmp_floats;
    blend(x, weights, a->taps, a->rest_in, tmp);
    for (int64_t i = 0; i < a->between; i++)
        along(w, level + 1, tmp + i * next->in * next->rest_in, y + i * next->out * next->rest_out);
}

static void along(const struct work *w, int level, const float *x, float *y)
{
    const struct infer__resize_axis *a = &w->r->axis[level];
    if (level + 1 == w->r->axes && a->rest_in == 1) {
        blend_scalars(a, x, w->t->p.resize.extrapolation, y);
        return;
    }
    if (level + 1 < w->r->axes) {
        for (int64_t o = 0; o < a->out; o++)
            slice(w, level, o, x, y + o * a->rest_out);
        return;
    }
    const int64_t *first = a->first, n = a->rest_in, taps = a->taps;
    for (int64_t o = 0; o < a->out; o++, y += n)
        if (first[o] < 0)
            slice(w, level, o, x, y);
        else
            blend(x + first[o] * n, a->weights + o * taps, taps, n, y);
}

static void run_f32(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    /* The tables are only read. */
    struct infer__resizing r = infer__resize_at(b->cut, (void *)(uintptr_t)b->packed);
    const struct infer__resize_axis *a = &r.axis[0];
    struct work w = {t, &r, b->scratch};
    uint32_t units = infer__resize_units(t, &r);
    int64_t last = infer__unit_begin(infer__resize_items(&r), units, end);
    for (int64_t i = infer__unit_begin(infer__resize_items(&r), units, begin); i < last; i++)
        slice(&w, 0, i % a->out, (const float *)b->in[0] + i / a->out * a->in * a->rest_in,
              (float *)b->out[0] + i * a->rest_out);
}

#endif
