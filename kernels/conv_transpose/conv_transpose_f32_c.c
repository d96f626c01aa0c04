/* Transposed convolution in f32: the definition, in gather form.
 *
 * y[o][m] = bias[m] + sum over taps k with o + pad - k * dilation = i * stride of x[i] * w[k], in
 * f32, each product rounded before it is added, tap by tap (D, then H, then W) and within a tap
 * input channel by input channel of the group. Then the residual is added and the activation
 * applied. Weights are C, M/groups, k..., read as they are, so they need not be constant.
 */
#include "kernels/conv/conv_shape.h"

/* The input coordinate that tap k of an axis takes to output `out`, or -1. */
static int64_t source(const struct infer__window *w, int axis, int64_t out, int64_t k, int64_t size)
{
    int64_t i = out + w->pad_begin[axis] - k * w->dilation[axis];
    if (i < 0 || i % w->stride[axis] || i / w->stride[axis] >= size)
        return -1;
    return i / w->stride[axis];
}

/* See infer__conv_output. */
static float one_output(const struct infer__conv_shape *s, const struct infer__buffers *b,
                        int64_t n, const int64_t at[3], int64_t m)
{
    const struct infer__window *w = s->w;
    const float *x = b->in[0], *weights = b->in[1];
    int64_t first = m / s->mg * s->cg;
    float sum = s->has_bias ? ((const float *)b->in[2])[m] : 0;
    for (int64_t tap = 0; tap < s->taps; tap++) {
        int64_t d = source(w, 0, at[0], tap / w->kernel[2] / w->kernel[1], s->x.d);
        int64_t h = source(w, 1, at[1], tap / w->kernel[2] % w->kernel[1], s->x.h);
        int64_t v = source(w, 2, at[2], tap % w->kernel[2], s->x.w);
        if (d < 0 || h < 0 || v < 0)
            continue;
        const float *from = x + (((n * s->x.d + d) * s->x.h + h) * s->x.w + v) * s->x.c;
        for (int64_t c = first; c < first + s->cg; c++)
            sum += from[c] * weights[(c * s->mg + m % s->mg) * s->taps + tap];
    }
    return sum;
}

static void run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                uint32_t end)
{
    infer__conv_rows(t, b, begin, end, one_output);
}

INFER__APART static double estimate(const struct infer__task *t)
{
    struct infer__conv_shape s;
    if (t->op != INFER__OP_CONV_TRANSPOSE || !infer__conv_shape(t, &s))
        return -1;
    double outputs = (double)s.y.n * (double)s.y.d * (double)s.y.h * (double)s.y.w;
    return 1000 + infer__conv_flops(&s) / 1.0 + 8 * outputs * (double)s.y.c * (double)s.taps;
}

const struct infer__kernel infer__conv_transpose_f32_c = {
    .name = "conv_transpose_f32_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = estimate,
    .prepare = infer__conv_rows_prepare,
    .run = run,
};
