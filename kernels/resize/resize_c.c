/* Resize of any axes, separably: an output slice along the first axis that changes is a weighted
 * sum of input slices, in scratch; in it, the next axis is resized, and so on. The last one writes
 * the output. A unit is some slices along the first axis. */
#include <string.h>

#include "kernels/convert.h"
#include "kernels/quant.h"
#include "kernels/resize/resize_taps.h"

uint32_t infer__resize_units(const struct infer__task *t, const struct infer__resizing *r)
{
    return infer__task_units(t, infer__resize_items(r), 4096 / (r->axis[0].rest_out + 1) + 1);
}

int infer__resize_serves(const struct infer__task *t)
{
    return t->op == INFER__OP_RESIZE && t->in[0].rank > 0 && t->in[0].type == t->out[0].type &&
           infer__no_epilogue(t) && infer__may_move(&t->in[0], &t->out[0]);
}

/* Tables are of the axes that change, whatever the others are. */
static uint64_t layout_of(const struct infer__resizing *r)
{
    enum { NUMBERS = 4 };
    int64_t v[INFER_MAX_RANK * NUMBERS];
    size_t n = 0;
    for (int i = 0; i < r->axes; i++) {
        v[n++] = r->axis[i].axis;
        v[n++] = r->axis[i].in;
        v[n++] = r->axis[i].out;
        v[n++] = r->axis[i].taps;
    }
    return infer__layout(v, n);
}

infer_status infer__resize_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    struct infer__resizing *r = need->cut;
    (void)err;
    *r = infer__resize_of(t);
    need->packed_bytes = infer__bytes_of(r->table_bytes, 1);
    need->scratch_bytes = infer__bytes_of(r->scratch_floats, sizeof(float));
    need->units = infer__resize_units(t, r);
    need->layout = layout_of(r);
    return INFER_OK;
}

void infer__resize_pack(const struct infer__task *t, const void *cut, void *packed)
{
    struct infer__resizing r = infer__resize_at(cut, packed);
    infer__resize_fill(t, &r);
}

/* ---- linear and cubic, f32 ------------------------------------------------------------------ */

INFER__APART static double estimate_f32(const struct infer__task *t)
{
    if (!infer__resize_serves(t) || t->p.resize.mode == INFER__NEAREST ||
        t->in[0].type != INFER_F32)
        return -1;
    struct infer__resizing r = infer__resize_of(t);
    double ns = infer__bytes_ns(t), slices = (double)r.outer;
    for (int i = 0; i < r.axes; i++) {
        const struct infer__resize_axis *a = &r.axis[i];
        int last = i + 1 == r.axes;
        slices *= (double)a->out;
        ns += slices * ((double)(a->taps * (last ? a->rest_out : a->rest_in)) * 0.2 + 4);
        slices *= (double)a->between;
    }
    return ns;
}

/* y = sum of w[k] * x[k * n ..], in the order of k. */
static void blend(const float *restrict x, const float *restrict w, int64_t taps, int64_t n,
                  float *restrict y)
{
    if (taps == 2) {
        for (int64_t i = 0; i < n; i++)
            y[i] = w[0] * x[i] + w[1] * x[n + i];
        return;
    }
    for (int64_t i = 0; i < n; i++)
        y[i] = w[0] * x[i];
    for (int64_t k = 1; k < taps; k++)
        for (int64_t i = 0; i < n; i++)
            y[i] += w[k] * x[k * n + i];
}

static void blend_scalars(const struct infer__resize_axis *a, const float *restrict x, float out,
                          float *restrict y)
{
    for (int64_t o = 0; o < a->out; o++) {
        const float *w = a->weights + o * a->taps, *from = x + a->first[o];
        if (a->first[o] < 0) {
            y[o] = out;
            continue;
        }
        float sum = w[0] * from[0];
        for (int64_t k = 1; k < a->taps; k++)
            sum += w[k] * from[k];
        y[o] = sum;
    }
}

#include "kernels/resize/resize_walk.h"

const struct infer__kernel infer__resize_f32_c = {.name = "resize_f32_c",
                                                  .isa = INFER_ISA_C,
                                                  .cut_bytes = sizeof(struct infer__resizing),
                                                  .estimate = estimate_f32,
                                                  .prepare = infer__resize_prepare,
                                                  .pack = infer__resize_pack,
                                                  .run = run_f32};

/* ---- nearest, any type ---------------------------------------------------------------------- */

INFER__APART static double estimate_nearest(const struct infer__task *t)
{
    if (!infer__resize_serves(t) || t->p.resize.mode != INFER__NEAREST)
        return -1;
    struct infer__resizing r = infer__resize_of(t);
    double cells = (double)infer__operand_elements(&t->out[0]);
    if (r.axis[r.axes - 1].rest_out > 0)
        cells /= (double)r.axis[r.axes - 1].rest_out;
    return infer__bytes_ns(t) + cells * 2;
}

struct moves {
    const struct infer__resizing *r;
    size_t size;  /* of an element */
    uint64_t out; /* extrapolation value, its first `size` bytes */
};

/* Cells of one element or of many, picked along the last axis that changes. */
static void pick(const struct moves *m, const struct infer__resize_axis *a, const char *x, char *y)
{
    size_t cell = (size_t)a->rest_in * m->size;
    for (int64_t o = 0; o < a->out; o++) {
        const char *from = x + (size_t)a->first[o] * cell;
        if (cell == 4)
            *(infer__e4 *)(void *)(y + o * 4) = *(const infer__e4 *)(const void *)from;
        else if (cell == 1)
            y[o] = *from;
        else
            memcpy(y + (size_t)o * cell, from, cell);
    }
}

static void move_along(const struct moves *m, int level, const char *x, char *y);

static void move_slice(const struct moves *m, int level, int64_t o, const char *x, char *y)
{
    const struct infer__resize_axis *a = &m->r->axis[level], *next = a + 1;
    if (a->first[o] < 0) {
        for (int64_t i = 0; i < a->rest_out; i++)
            memcpy(y + (size_t)i * m->size, &m->out, m->size);
        return;
    }
    x += (size_t)(a->first[o] * a->rest_in) * m->size;
    if (level + 1 == m->r->axes) {
        memcpy(y, x, (size_t)a->rest_in * m->size);
        return;
    }
    for (int64_t i = 0; i < a->between; i++)
        move_along(m, level + 1, x + (size_t)(i * next->in * next->rest_in) * m->size,
                   y + (size_t)(i * next->out * next->rest_out) * m->size);
}

static void move_along(const struct moves *m, int level, const char *x, char *y)
{
    const struct infer__resize_axis *a = &m->r->axis[level];
    int outside = 0;
    for (int64_t o = 0; o < a->out; o++)
        outside |= a->first[o] < 0;
    if (level + 1 == m->r->axes && !outside) {
        pick(m, a, x, y);
        return;
    }
    for (int64_t o = 0; o < a->out; o++)
        move_slice(m, level, o, x, y + (size_t)(o * a->rest_out) * m->size);
}

static void run_nearest(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    struct infer__resizing r = infer__resize_at(b->cut, (void *)(uintptr_t)b->packed);
    const struct infer__resize_axis *a = &r.axis[0];
    struct moves m = {&r, infer__operand_size(&t->in[0]), 0};
    union infer__wide_block value;
    value.f[0] = (double)t->p.resize.extrapolation;
    infer__wide_store(INFER__WIDE_FLOAT, &value, t->out[0].type, 1, &m.out);
    uint32_t units = infer__resize_units(t, &r);
    int64_t last = infer__unit_begin(infer__resize_items(&r), units, end);
    for (int64_t i = infer__unit_begin(infer__resize_items(&r), units, begin); i < last; i++)
        move_slice(&m, 0, i % a->out,
                   (const char *)b->in[0] + (size_t)(i / a->out * a->in * a->rest_in) * m.size,
                   (char *)b->out[0] + (size_t)(i * a->rest_out) * m.size);
}

const struct infer__kernel infer__resize_nearest_c = {.name = "resize_nearest_c",
                                                      .isa = INFER_ISA_C,
                                                      .cut_bytes = sizeof(struct infer__resizing),
                                                      .estimate = estimate_nearest,
                                                      .prepare = infer__resize_prepare,
                                                      .pack = infer__resize_pack,
                                                      .run = run_nearest};
