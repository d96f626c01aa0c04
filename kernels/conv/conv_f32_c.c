/* Convolution in f32: the definition.
 *
 * y[m] = bias[m] + sum of x * w, in double; the order is tap by tap (D, then H, then W) and within
 * a tap input channel by input channel of the group. Taps in the padding are left out. Then the
 * residual is added and the activation applied. ScaledConv first multiplies each x by its channel's
 * scale, and rounds.
 *
 * Weights are read as ONNX has them, so they need not be constant.
 */
#include "kernels/linear/linear.h"

/* See infer__linear_output. */
static float one_output(const struct infer__linear *s, const struct infer__buffers *b, int64_t n,
                        const int64_t at[3], int64_t m)
{
    const float *x = (const float *)b->in[0] + m / s->mg * s->cg;
    const float *weights = (const float *)b->in[1] + m * s->cg * s->taps;
    const float *scale = NULL;
    if (s->scale)
        scale = (const float *)b->in[s->scale] + n * s->x.c + m / s->mg * s->cg;
    double sum = s->bias ? ((const float *)b->in[2])[m] : 0;
    for (int64_t tap = 0; tap < s->taps; tap++) {
        const int64_t i = infer__linear_input(s, n, at, tap);
        if (i < 0)
            continue;
        const float *from = x + i;
        for (int64_t c = 0; c < s->cg; c++) {
            float value = scale ? from[c] * scale[c] : from[c];
            sum += (double)value * weights[c * s->taps + tap];
        }
    }
    return (float)sum;
}

static void conv_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end)
{
    infer__linear_rows(t, b, begin, end, one_output);
}

INFER__APART static double conv_estimate(const struct infer__task *t)
{
    struct infer__linear s;
    if ((t->op != INFER__OP_CONV && t->op != INFER__OP_SCALED_CONV) || !infer__linear_f32(t, &s))
        return -1;
    return 1000 + 2 * infer__linear_products(&s) / 1.5; /* 1.5 flops per ns */
}

const struct infer__kernel infer__conv_f32_c = {
    .name = "conv_f32_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .cut_bytes = sizeof(struct infer__linear),
    .estimate = conv_estimate,
    .prepare = infer__linear_rows_prepare,
    .run = conv_run,
};
