/* Transposed convolution in f32: the definition, in gather form.
 *
 * y[o][m] = bias[m] + sum over taps k with o + pad - k * dilation = i * stride of x[i] * w[k],
 * summed in double, tap by tap (D, then H, then W) and within a tap input channel by input channel
 * of the group. Then the residual is added and the activation applied. Weights are C, M/groups,
 * k..., read as they are, so they need not be constant.
 */
#include "kernels/linear/linear.h"

/* See infer__linear_output. */
static float one_output(const struct infer__linear *s, const struct infer__buffers *b, int64_t n,
                        const int64_t at[3], int64_t m)
{
    const float *x = b->in[0], *weights = b->in[1];
    int64_t first = m / s->mg * s->cg;
    double sum = s->bias ? ((const float *)b->in[2])[m] : 0;
    for (int64_t tap = 0; tap < s->taps; tap++) {
        const int64_t i = infer__linear_input(s, n, at, tap);
        if (i < 0)
            continue;
        const float *from = x + i;
        for (int64_t c = first; c < first + s->cg; c++)
            sum += (double)from[c] * weights[(c * s->mg + m % s->mg) * s->taps + tap];
    }
    return (float)sum;
}

static void conv_transpose_run(const struct infer__task *t, const struct infer__buffers *b,
                               uint32_t begin, uint32_t end)
{
    infer__linear_rows(t, b, begin, end, one_output);
}

INFER__APART static double conv_transpose_estimate(const struct infer__task *t)
{
    struct infer__linear s;
    if (t->op != INFER__OP_CONV_TRANSPOSE || !infer__linear_f32(t, &s))
        return -1;
    double outputs = (double)s.y.n * (double)s.y.d * (double)s.y.h * (double)s.y.w;
    return 1000 + 2 * infer__linear_products(&s) / 1.0 +
           8 * outputs * (double)s.y.c * (double)s.taps;
}

const struct infer__kernel infer__conv_transpose_f32_c = {
    .name = "conv_transpose_f32_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .cut_bytes = sizeof(struct infer__linear),
    .estimate = conv_transpose_estimate,
    .prepare = infer__linear_rows_prepare,
    .run = conv_transpose_run,
};
