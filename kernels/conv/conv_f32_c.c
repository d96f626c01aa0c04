/* Convolution in f32: the definition.
 *
 * y[m] = bias[m] + sum of x * w, in f32, each product rounded before it is added; the order is tap
 * by tap (D, then H, then W) and within a tap input channel by input channel of the group. Taps in
 * the padding are left out. Then the residual is added and the activation applied.
 *
 * Weights are read as ONNX has them, so they need not be constant.
 */
#include "kernels/conv/conv_shape.h"

/* One output: channel m of the pixel `at` of image n. */
static float one_output(const struct infer__conv_shape *s, const struct infer__buffers *b,
                        int64_t n, const int64_t at[3], int64_t m)
{
    const struct infer__window *w = s->w;
    const float *x = (const float *)b->in[0] + m / s->mg * s->cg;
    const float *weights = (const float *)b->in[1] + m * s->cg * s->taps;
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
        for (int64_t c = 0; c < s->cg; c++)
            sum += from[c] * weights[c * s->taps + tap];
    }
    return sum;
}

static void run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                uint32_t end)
{
    struct infer__conv_shape s;
    if (!infer__conv_shape(t, &s))
        return;
    int64_t rows = s.y.n * s.y.d * s.y.h;
    uint32_t units = infer__units(rows, 1, 8 * t->threads);
    int64_t last = infer__unit_begin(rows, units, end);
    for (int64_t r = infer__unit_begin(rows, units, begin); r < last; r++) {
        int64_t at[3] = {r / s.y.h % s.y.d, r % s.y.h, 0}, n = r / s.y.h / s.y.d;
        for (; at[2] < s.y.w; at[2]++) {
            int64_t i = (r * s.y.w + at[2]) * s.y.c;
            float *y = (float *)b->out[0] + i;
            const float *residual = s.residual ? (const float *)b->in[s.residual] + i : NULL;
            for (int64_t m = 0; m < s.y.c; m++) {
                float sum = one_output(&s, b, n, at, m);
                y[m] = residual ? sum + residual[m] : sum;
            }
            infer__epilogue_apply(&t->epi, y, NULL, s.y.c);
        }
    }
}

static infer_status prepare(const struct infer__task *t, struct infer__need *need, infer_error *err)
{
    struct infer__conv_shape s;
    (void)err;
    infer__conv_shape(t, &s);
    need->units = infer__units(s.y.n * s.y.d * s.y.h, 1, 8 * t->threads);
    return INFER_OK;
}

static double estimate(const struct infer__task *t)
{
    struct infer__conv_shape s;
    if (t->op != INFER__OP_CONV || !infer__conv_shape(t, &s))
        return -1;
    return 1000 + infer__conv_flops(&s) / 1.5; /* 1.5 flops per ns */
}

const struct infer__kernel infer__conv_f32_c = {
    .name = "conv_f32_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = estimate,
    .prepare = prepare,
    .run = run,
};
