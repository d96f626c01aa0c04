/* levels: c */
/* AveragePool in f32: the sum of the window's pixels inside the input, in f32 and in order D, H,
 * W, divided by their number or, with count_include_pad, by the number of taps inside input and
 * padding. A window without any tap gives 0. */
#include "kernels/pool/pool_shape.h"

#include "kernels/conv/vec_f32.h"

#define WIDE 4 /* vectors at once */

/* Taps of an axis that count. */
static int64_t counted(const struct infer__window *w, const struct infer__pooling_window *p,
                       int axis, int64_t size)
{
    if (!w->count_include_pad)
        return p->to[axis] - p->from[axis];
    /* begin >= -pad_begin always; past the end are those of ceil mode */
    int64_t room = size + w->pad_end[axis] - p->begin[axis];
    if (room <= 0)
        return 0;
    int64_t n = (room - 1) / w->dilation[axis] + 1;
    return n < w->kernel[axis] ? n : w->kernel[axis];
}

/* `nv` vectors of channels (a constant), or `rest` channels of the only one. */
VEC_INLINE void average(int nv, int rest, const struct infer__task *t,
                        const struct infer__pooling_window *p, const struct infer__spatial *s,
                        float count, const float *x, float *y)
{
    const int64_t *dilation = t->p.window.dilation;
    vec sum[WIDE];
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        sum[v] = vec_set(0);
    for (int64_t d = p->from[0]; d < p->to[0]; d++)
        for (int64_t h = p->from[1]; h < p->to[1]; h++) {
            int64_t row = (p->n * s->d + p->begin[0] + d * dilation[0]) * s->h + p->begin[1] +
                          h * dilation[1];
            for (int64_t w = p->from[2]; w < p->to[2]; w++) {
                const float *at = x + (row * s->w + p->begin[2] + w * dilation[2]) * s->c;
                VEC_UNROLL
                for (int v = 0; v < nv; v++)
                    sum[v] = vec_add(sum[v],
                                     rest == VEC ? vec_load(at + v * VEC) : vec_load_n(at, rest));
            }
        }
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        vec_store_n(y + v * VEC, sum[v] / vec_set(count), rest);
}

static void pool_pixel(const struct infer__task *t, const struct infer__spatial *s, int64_t pixel,
                       const float *x, float *y)
{
    struct infer__pooling_window p = infer__pooling_window(t, pixel);
    const struct infer__window *w = &t->p.window;
    float count = (float)((double)counted(w, &p, 0, s->d) * (double)counted(w, &p, 1, s->h) *
                          (double)counted(w, &p, 2, s->w)); /* in double: no overflow */
    int64_t c = 0;
    if (count < 1)
        count = 1;
    for (; c + WIDE * VEC <= s->c; c += WIDE * VEC)
        average(WIDE, VEC, t, &p, s, count, x + c, y + c);
    for (; c + VEC <= s->c; c += VEC)
        average(1, VEC, t, &p, s, count, x + c, y + c);
    if (c < s->c)
        average(1, (int)(s->c - c), t, &p, s, count, x + c, y + c);
}

static void average_pool_run(const struct infer__task *t, const struct infer__buffers *b,
                             uint32_t begin, uint32_t end)
{
    struct infer__spatial s = infer__operand_spatial(&t->in[0]);
    int64_t pixels = infer__pooling_pixels(t);
    uint32_t units = infer__pooling_units(t);
    int64_t last = infer__unit_begin(pixels, units, end);
    for (int64_t i = infer__unit_begin(pixels, units, begin); i < last; i++)
        pool_pixel(t, &s, i, b->in[0], (float *)b->out[0] + i * s.c);
}

INFER__APART static double average_pool_estimate(const struct infer__task *t)
{
    if (!infer__pooling_serves(t, INFER__OP_AVERAGE_POOL, INFER_F32))
        return -1;
    return 500 + infer__pooling_reads(t) * 0.1 + 25 * (double)infer__pooling_pixels(t);
}

const struct infer__kernel infer__average_pool_f32_c = {
    .name = "average_pool_f32_c",
    .isa = INFER_ISA_C,
    .estimate = average_pool_estimate,
    .prepare = infer__pooling_prepare,
    .run = average_pool_run,
};
