/* levels: c avx2 avx512 exact */
/* Linear and cubic Resize of quantised tensors: differences to the zero point are resized in f32 as
 * resize_c.c has it and quantised anew. Plain loops, which the compiler turns into the vectors of
 * the level. */
#include "kernels/levels.h"

#define SPEED PER_LEVEL(0.4, 0.1, 0.08) /* nanoseconds of a tap of an element */

#include "kernels/quant.h"
#include "kernels/resize/resize_taps.h"

static int64_t items_of(const struct infer__resizing *r)
{
    return r->outer * r->axis[0].out;
}

static uint32_t units_of(const struct infer__task *t, const struct infer__resizing *r)
{
    return infer__task_units(t, items_of(r), 4096 / (r->axis[0].rest_out + 1) + 1);
}

/* Scratch: the f32 kernel's, one input slice, one output slice. */
static int64_t scratch_floats(const struct infer__resizing *r)
{
    return INFER__SUM(r->scratch_floats, r->axis[0].rest_in, r->axis[0].rest_out);
}

INFER__APART static double resize_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_RESIZE || !infer__isa_has(t->isa, LEVEL_ISA) || t->in[0].rank < 1 ||
        !infer__is_q8(&t->in[0]) || !infer__is_q8(&t->out[0]) ||
        t->p.resize.mode == INFER__NEAREST || !infer__no_epilogue(t) || t->epi.requant)
        return -1;
    struct infer__resizing r = infer__resize_of(t);
    double slices = (double)r.outer, ns = 200;
    for (int i = 0; i < r.axes; i++) {
        const struct infer__resize_axis *a = &r.axis[i];
        slices *= (double)a->out;
        ns +=
            slices * ((double)(a->taps * (i + 1 == r.axes ? a->rest_out : a->rest_in)) * SPEED + 6);
        slices *= (double)a->between;
    }
    return ns + 2 * SPEED * (double)infer__operand_elements(&t->out[0]);
}

static infer_status resize_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    struct infer__resizing *r = need->cut;
    (void)err;
    *r = infer__resize_of(t);
    need->packed_bytes = infer__bytes_of(r->table_bytes, 1);
    need->scratch_bytes = infer__bytes_of(scratch_floats(r), sizeof(float));
    need->units = units_of(t, r);
    return INFER_OK;
}

static void resize_pack(const struct infer__task *t, const void *cut, void *packed)
{
    struct infer__resizing r = infer__resize_at(cut, packed);
    infer__resize_fill(t, &r);
}

/* y = sum of w[k] * (x[k * n ..] - zero), in the order of k. */
static void blend_bytes(const uint8_t *restrict x, const float *restrict w, int64_t taps, int64_t n,
                        int32_t zero, float *restrict y)
{
    if (taps == 2) {
        for (int64_t i = 0; i < n; i++)
            y[i] = w[0] * (float)(x[i] - zero) + w[1] * (float)(x[n + i] - zero);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        y[i] = w[0] * (float)(x[i] - zero);
    for (int64_t k = 1; k < taps; k++)
        for (int64_t i = 0; i < n; i++)
            y[i] += w[k] * (float)(x[k * n + i] - zero);
}

/* clamp(rint(x * m) + zero, 0, 255), where a NaN becomes 0. */
static void finish(const float *restrict x, float m, int32_t zero, int64_t n, uint8_t *restrict y)
{
    const float low = (float)-zero, high = (float)(255 - zero);
    for (int64_t i = 0; i < n; i++) {
        float d = x[i] * m;
        d = d > low ? d : low;
        d = d < high ? d : high;
        y[i] = (uint8_t)((int32_t)infer__rint_small(d) + zero);
    }
}

struct work {
    const struct infer__resizing *r;
    float *scratch;
    float outside; /* the extrapolation value */
};

/* y = sum of w[k] * x[k * n ..], in the order of k. */
static inline void blend(const float *restrict x, const float *restrict w, int64_t taps, int64_t n,
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

static void along(const struct work *w, int level, const float *x, float *y);

/* The next axis of each part of a slice along axis `level`. */
static void parts(const struct work *w, int level, const float *x, float *y)
{
    if (level + 1 >= w->r->axes || level + 1 >= INFER_MAX_RANK)
        return;
    const struct infer__resize_axis *next = &w->r->axis[level + 1];
    for (int64_t i = 0; i < w->r->axis[level].between; i++)
        along(w, level + 1, x + i * next->in * next->rest_in, y + i * next->out * next->rest_out);
}

/* All output slices along axis `level` (not the first one) of what is at x. */
static void along(const struct work *w, int level, const float *x, float *y)
{
    const struct infer__resize_axis *a = &w->r->axis[level];
    float *tmp = w->scratch + a->tmp_floats;
    for (int64_t o = 0; o < a->out; o++, y += a->rest_out) {
        const float *weights = a->weights + o * a->taps;
        if (a->first[o] < 0) {
            for (int64_t i = 0; i < a->rest_out; i++)
                y[i] = w->outside;
            continue;
        }
        const int last = level + 1 == w->r->axes;
        blend(x + a->first[o] * a->rest_in, weights, a->taps, a->rest_in, last ? y : tmp);
        if (!last)
            parts(w, level, tmp, y);
    }
}

/* An output slice along the first axis that changes, as f32. */
static void first_slice(const struct work *w, int64_t o, const uint8_t *x, int32_t zero, float *tmp,
                        float *y)
{
    const struct infer__resize_axis *a = &w->r->axis[0];
    if (a->first[o] < 0) {
        for (int64_t i = 0; i < a->rest_out; i++)
            y[i] = w->outside;
        return;
    }
    const int last = w->r->axes == 1;
    blend_bytes(x + a->first[o] * a->rest_in, a->weights + o * a->taps, a->taps, a->rest_in, zero,
                last ? y : tmp);
    if (!last)
        parts(w, 0, tmp, y);
}

static void resize_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    /* The tables are only read. */
    struct infer__resizing r = infer__resize_at(b->cut, (void *)(uintptr_t)b->packed);
    const struct infer__resize_axis *a = &r.axis[0];
    const struct infer__quant *from = t->in[0].quant, *to = t->out[0].quant;
    const struct work w = {&r, b->scratch, t->p.resize.extrapolation / from->scale[0]};
    const float m = from->scale[0] / to->scale[0];
    float *tmp = w.scratch + r.scratch_floats, *row = tmp + a->rest_in;
    uint32_t units = units_of(t, &r);
    int64_t last = infer__unit_begin(items_of(&r), units, end);
    for (int64_t i = infer__unit_begin(items_of(&r), units, begin); i < last; i++) {
        const uint8_t *x = (const uint8_t *)b->in[0] + i / a->out * a->in * a->rest_in;
        first_slice(&w, i % a->out, x, from->zero[0], tmp, row);
        finish(row, m, to->zero[0], a->rest_out, (uint8_t *)b->out[0] + i * a->rest_out);
    }
}

const struct infer__kernel LEVEL_NAME(infer__resize_u8) = {
    .name = LEVEL_STRING("resize_u8"),
    .isa = LEVEL_ISA,
    .cut_bytes = sizeof(struct infer__resizing),
    .estimate = resize_estimate,
    .prepare = resize_prepare,
    .pack = resize_pack,
    .run = resize_run};
