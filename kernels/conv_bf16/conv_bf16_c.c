/* The definition of bf16 convolutions and dense layers: operands rounded to bf16, each product
 * exact, f32 sums that begin with the bias and go tap by tap (D, H, W), channel by channel; taps in
 * the padding are left out. Residual and activation are f32; a bf16 result is rounded once. Vector
 * kernels add pairs of products in the CPU's way and take denormals as 0. */
#include "kernels/conv_bf16/conv_bf16.h"

static uint32_t units_of(const struct infer__task *t, int64_t rows)
{
    return infer__units(rows, 1, 8 * t->threads);
}

static int64_t rows_of(const struct infer__linear *s)
{
    return s->y.n * s->y.d * s->y.h;
}

struct place {
    int64_t n, at[3];
};

/* Element i of a tensor of f32 or, `half`, of bf16. */
static float element(const void *tensor, int half, int64_t i)
{
    return half ? infer__from_bf16(((const uint16_t *)tensor)[i]) : ((const float *)tensor)[i];
}

static float one_output(const struct infer__linear *s, const struct infer__task *t, const void *x,
                        const float *bias, const struct place *p, int64_t m)
{
    const float *weights = (const float *)t->in[1].data + m * s->w_m;
    float sum = bias ? bias[m] : 0;
    for (int64_t tap = 0; tap < s->taps; tap++) {
        int64_t from = infer__linear_input(s, p->n, p->at, tap);
        if (from < 0)
            continue;
        from += m / s->mg * s->cg;
        for (int64_t c = 0; c < s->cg; c++)
            sum += infer__round_bf16(element(x, s->half_x, from + c)) *
                   infer__round_bf16(weights[c * s->w_c + tap * s->w_tap]);
    }
    return sum;
}

static void conv_bf16_run(const struct infer__task *t, const struct infer__buffers *b,
                          uint32_t begin, uint32_t end)
{
    const struct infer__linear *s = b->cut;
    const float *bias = s->bias ? b->in[2] : NULL;
    const void *more = s->residual ? b->in[s->residual] : NULL;
    int64_t rows = rows_of(s), last = infer__unit_begin(rows, units_of(t, rows), end);
    for (int64_t r = infer__unit_begin(rows, units_of(t, rows), begin); r < last; r++)
        for (int64_t i = 0; i < s->y.w; i++) {
            struct place p = {r / s->y.h / s->y.d, {r / s->y.h % s->y.d, r % s->y.h, i}};
            int64_t at = (r * s->y.w + i) * s->y.c;
            for (int64_t m = 0; m < s->y.c; m++) {
                float sum = one_output(s, t, b->in[0], bias, &p, m);
                sum = more ? sum + element(more, s->half_residual, at + m) : sum;
                infer__epilogue_apply(&t->epi, &sum, NULL, 1);
                if (s->half_y)
                    ((uint16_t *)b->out[0])[at + m] = infer__to_bf16(sum);
                else
                    ((float *)b->out[0])[at + m] = sum;
            }
        }
}

static infer_status conv_bf16_prepare(const struct infer__task *t, struct infer__need *need,
                                      infer_error *err)
{
    struct infer__linear *s = need->cut;
    FAIL_IF(!infer__linear_bf16(t, s), INFER_ERROR_UNSUPPORTED, "not a bf16 convolution");
    need->units = units_of(t, rows_of(s));
    return INFER_OK;
}

INFER__APART static double conv_bf16_estimate(const struct infer__task *t)
{
    struct infer__linear s;
    if (!infer__linear_bf16(t, &s))
        return -1;
    return 1000 + infer__linear_products(&s) * 5;
}

const struct infer__kernel infer__conv_bf16_c = {
    .name = "conv_bf16_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .cut_bytes = sizeof(struct infer__linear),
    .estimate = conv_bf16_estimate,
    .prepare = conv_bf16_prepare,
    .run = conv_bf16_run,
};
