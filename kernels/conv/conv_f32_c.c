/* Convolution in f32: the definition.
 *
 * y[m] = bias[m] + sum of x * w, in f32, each product rounded before it is added; the order is tap
 * by tap (D, then H, then W) and within a tap input channel by input channel of the group. Taps in
 * the padding are left out. Then the residual is added and the activation applied. ScaledConv first
 * multiplies each x by its channel's scale, and rounds.
 *
 * Weights are read as ONNX has them, so they need not be constant.
 */
#include "kernels/conv/conv_shape.h"

/* See infer__conv_output. */
static float one_output(const struct infer__conv_shape *s, const struct infer__buffers *b,
                        int64_t n, const int64_t at[3], int64_t m)
{
    const struct infer__window *w = s->w;
    const float *x = (const float *)b->in[0] + m / s->mg * s->cg;
    const float *weights = (const float *)b->in[1] + m * s->cg * s->taps;
    const float *scale = NULL;
    if (s->scale)
        scale = (const float *)b->in[s->scale] + n * s->x.c + m / s->mg * s->cg;
    float sum = s->has_bias ? ((const float *)b->in[2])[m] : 0;
    for (int64_t tap = 0; tap < s->taps; tap++) {
        int64_t d = at[0] * w->stride[0] - w->pad_begin[0] +
                    tap / w->kernel[2] / w->kernel[1] * w->dilation[0];
        int64_t h = at[1] * w->stride[1] - w->pad_begin[1] +
                    tap / w->kernel[2] % w->kernel[1] * w->dilation[1];
        int64_t v = at[2] * w->stride[2] - w->pad_begin[2] + tap % w->kernel[2] * w->dilation[2];
        if (d < 0 || d >= s->x.d || h < 0 || h >= s->x.h || v < 0 || v >= s->x.w)
            continue;
        const float *from = x + (((n * s->x.d + d) * s->x.h + h) * s->x.w + v) * s->x.c;
        for (int64_t c = 0; c < s->cg; c++) {
            float value = scale ? from[c] * scale[c] : from[c];
            sum += value * weights[c * s->taps + tap];
        }
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
    if ((t->op != INFER__OP_CONV && t->op != INFER__OP_SCALED_CONV) || !infer__conv_shape(t, &s))
        return -1;
    return 1000 + infer__conv_flops(&s) / 1.5; /* 1.5 flops per ns */
}

const struct infer__kernel infer__conv_f32_c = {
    .name = "conv_f32_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = estimate,
    .prepare = infer__conv_rows_prepare,
    .run = run,
};
