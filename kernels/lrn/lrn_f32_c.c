/* LRN in f32, across channels: y[c] = x[c] / (bias + alpha / size * sum of squares of channels
 * c - (size - 1) / 2 .. c + size / 2, where they exist) ^ beta. The sum is in f32 from the lowest
 * channel up. A beta of 0.75, which every published network has, is s^0.75 = sqrt(s) * s^0.25. */
#include <math.h>

#include "kernels/kernel.h"

static int64_t channels(const struct infer__task *t)
{
    return t->in[0].dims[t->in[0].rank - 1];
}

static int64_t pixels(const struct infer__task *t)
{
    int64_t n = 1;
    for (int i = 0; i + 1 < t->in[0].rank; i++)
        n *= t->in[0].dims[i];
    return n;
}

static uint32_t units(const struct infer__task *t)
{
    return infer__units(pixels(t), 1, t->threads > 1 ? 8 * t->threads : 1);
}

static float power(float s, float beta)
{
    if (beta == 0.75f) {
        float root = sqrtf(s);
        return root * sqrtf(root);
    }
    return powf(s, beta);
}

static void one_pixel(const struct infer__norm *p, int64_t count, const float *x, float *y)
{
    int64_t below = (p->size - 1) / 2, above = p->size / 2;
    float alpha = p->alpha / (float)p->size;
    for (int64_t c = 0; c < count; c++) {
        int64_t from = c > below ? c - below : 0;
        int64_t to = count - c > above ? c + above : count - 1;
        float sum = 0;
        for (int64_t i = from; i <= to; i++)
            sum += x[i] * x[i];
        y[c] = x[c] / power(p->bias + alpha * sum, p->beta);
    }
}

static void lrn_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    int64_t count = channels(t), all = pixels(t), last = infer__unit_begin(all, units(t), end);
    for (int64_t i = infer__unit_begin(all, units(t), begin); i < last; i++)
        one_pixel(&t->p.norm, count, (const float *)b->in[0] + i * count,
                  (float *)b->out[0] + i * count);
}

static infer_status lrn_prepare(const struct infer__task *t, struct infer__need *need,
                                infer_error *err)
{
    (void)err;
    need->units = units(t);
    return INFER_OK;
}

INFER__APART static double lrn_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_LRN || t->nin != 1 || t->in[0].type != INFER_F32 ||
        t->out[0].type != INFER_F32 || t->in[0].rank < 2 ||
        (t->in[0].rank > 2 && !t->in[0].clast) || t->epi.residual || t->epi.act != INFER__OP_NONE ||
        t->p.norm.size < 1)
        return -1;
    int64_t count = channels(t), size = t->p.norm.size;
    double each = 0.3 * (double)(size < count ? size : count) + (t->p.norm.beta == 0.75f ? 3 : 8);
    return 500 + each * (double)infer__operand_elements(&t->in[0]);
}

const struct infer__kernel infer__lrn_f32_c = {
    .name = "lrn_f32_c",
    .isa = INFER_ISA_C,
    .estimate = lrn_estimate,
    .prepare = lrn_prepare,
    .run = lrn_run,
};
