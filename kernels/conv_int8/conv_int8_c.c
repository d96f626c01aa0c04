/* Convolution and dense layers in int8: the definition, after docs/quantization.md. Weights and
 * bias are read as the graph has them, so they need not be constant.
 *
 * Sums are s32 modulo 2^32. Padding counts as the input's zero point, so its products are 0. */
#include "kernels/conv_int8/conv_int8.h"
#include "kernels/conv_int8/requantise.h"

/* The sum of channel m of the pixel `at` of image n. */
static int32_t one_sum(const struct infer__linear *s, const struct infer__buffers *b, int64_t n,
                       const int64_t at[3], int64_t m)
{
    const uint8_t *x = (const uint8_t *)b->in[0] + m / s->mg * s->cg;
    const int8_t *weights = (const int8_t *)b->in[1] + m * s->w_m;
    uint32_t sum = s->bias ? (uint32_t)((const int32_t *)b->in[2])[m] : 0;
    int32_t w_zero = infer__conv8_w_zero(s, m);
    for (int64_t tap = 0; tap < s->taps; tap++) {
        const int64_t i = infer__linear_input(s, n, at, tap);
        if (i < 0)
            continue;
        const uint8_t *from = x + i;
        for (int64_t c = 0; c < s->cg; c++)
            sum +=
                (uint32_t)((from[c] - s->x_zero) * (weights[c * s->w_c + tap * s->w_tap] - w_zero));
    }
    return (int32_t)sum;
}

static void run_pixel(const struct infer__task *t, const struct infer__linear *s,
                      const struct infer__buffers *b, int64_t pixel)
{
    int64_t row = pixel / s->y.w, n = row / s->y.h / s->y.d, i = pixel * s->y.c;
    int64_t at[3] = {row / s->y.h % s->y.d, row % s->y.h, pixel % s->y.w};
    const uint8_t *residual = s->residual ? (const uint8_t *)b->in[s->residual] : NULL;
    for (int64_t m = 0; m < s->y.c; m++, i++) {
        int32_t sum = one_sum(s, b, n, at, m);
        float factor = infer__conv8_factor(s, m);
        if (s->f32)
            ((float *)b->out[0])[i] =
                infer__activate(t->epi.act, t->epi.alpha, t->epi.beta, (float)sum * factor);
        else
            ((uint8_t *)b->out[0])[i] =
                infer__requantise(s->rq, sum, factor, residual ? residual + i : NULL);
    }
}

static int64_t pixels_of(const struct infer__linear *s)
{
    return s->y.n * s->y.d * s->y.h * s->y.w;
}

static uint32_t units_of(const struct infer__linear *s)
{
    return infer__units(pixels_of(s), 1, 64);
}

static void conv_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end)
{
    const struct infer__linear *s = b->cut;
    int64_t last = infer__unit_begin(pixels_of(s), units_of(s), end);
    for (int64_t i = infer__unit_begin(pixels_of(s), units_of(s), begin); i < last; i++)
        run_pixel(t, s, b, i);
}

static infer_status conv_prepare(const struct infer__task *t, struct infer__need *need,
                                 infer_error *err)
{
    struct infer__linear *s = need->cut;
    FAIL_IF(!infer__linear_int8(t, s), INFER_ERROR_INTERNAL, "not an int8 convolution");
    need->units = units_of(s);
    return INFER_OK;
}

INFER__APART static double conv_estimate(const struct infer__task *t)
{
    struct infer__linear s;
    if (!infer__linear_int8(t, &s) || s.integer)
        return -1;
    return 1000 + 2 * infer__linear_products(&s) / 1.5; /* 1.5 operations per ns */
}

const struct infer__kernel infer__conv_int8_c = {
    .name = "conv_int8_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .cut_bytes = sizeof(struct infer__linear),
    .estimate = conv_estimate,
    .prepare = conv_prepare,
    .run = conv_run,
};
