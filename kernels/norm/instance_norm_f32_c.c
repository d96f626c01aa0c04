/* InstanceNormalization in f32: each channel of each image to mean 0 and variance 1, then
 * * scale + shift. Mean and variance are taken in double over the pixels in their order, the
 * variance as the mean square of differences from the mean; the output is
 * (x - mean) * (scale / sqrt(variance + epsilon)) + shift in f32. */
#include <math.h>

#include "kernels/kernel.h"

#define BLOCK 16 /* channels at once: a unit's smallest piece */

struct shape {
    int64_t n, pixels, c, blocks; /* blocks of channels */
    uint32_t units;
};

static struct shape shape_of(const struct infer__task *t)
{
    struct infer__spatial x = infer__operand_spatial(&t->in[0]);
    struct shape s = {x.n, x.d * x.h * x.w, x.c, (x.c + BLOCK - 1) / BLOCK, 1};
    s.units = infer__units(s.n * s.blocks, 1, t->threads > 1 ? 4 * t->threads : 1);
    return s;
}

/* `width` channels, a constant for whole blocks; scale and shift are the first channel's. */
static inline __attribute__((always_inline)) void normalise(const struct shape *s, int width,
                                                            float epsilon, const float *scale,
                                                            const float *shift, const float *x,
                                                            float *y)
{
    double mean[BLOCK] = {0}, variance[BLOCK] = {0};
    float m[BLOCK], factor[BLOCK];
    for (int64_t p = 0; p < s->pixels; p++)
        for (int c = 0; c < width; c++)
            mean[c] += (double)x[p * s->c + c];
    for (int c = 0; c < width; c++)
        mean[c] /= (double)s->pixels;
    for (int64_t p = 0; p < s->pixels; p++)
        for (int c = 0; c < width; c++) {
            double d = (double)x[p * s->c + c] - mean[c];
            variance[c] += d * d;
        }
    for (int c = 0; c < width; c++) {
        m[c] = (float)mean[c];
        factor[c] =
            (float)((double)scale[c] / sqrt(variance[c] / (double)s->pixels + (double)epsilon));
    }
    for (int64_t p = 0; p < s->pixels; p++)
        for (int c = 0; c < width; c++)
            y[p * s->c + c] = (x[p * s->c + c] - m[c]) * factor[c] + shift[c];
}

static void instance_norm_run(const struct infer__task *t, const struct infer__buffers *b,
                              uint32_t begin, uint32_t end)
{
    const struct shape *s = b->cut;
    int64_t last = infer__unit_begin(s->n * s->blocks, s->units, end);
    for (int64_t i = infer__unit_begin(s->n * s->blocks, s->units, begin); i < last; i++) {
        int64_t c = i % s->blocks * BLOCK, at = i / s->blocks * s->pixels * s->c + c;
        const float *x = (const float *)b->in[0] + at;
        const float *scale = (const float *)b->in[1] + c, *shift = (const float *)b->in[2] + c;
        float *y = (float *)b->out[0] + at;
        int width = s->c - c < BLOCK ? (int)(s->c - c) : BLOCK;
        if (width == BLOCK)
            normalise(s, BLOCK, t->p.norm.epsilon, scale, shift, x, y);
        else
            normalise(s, width, t->p.norm.epsilon, scale, shift, x, y);
        for (int64_t p = 0; t->epi.act != INFER__OP_NONE && p < s->pixels; p++)
            infer__epilogue_apply(&t->epi, y + p * s->c, NULL, width);
    }
}

static infer_status instance_norm_prepare(const struct infer__task *t, struct infer__need *need,
                                          infer_error *err)
{
    struct shape *s = need->cut;
    (void)err;
    *s = shape_of(t);
    need->units = s->units;
    return INFER_OK;
}

INFER__APART static double instance_norm_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_INSTANCE_NORMALIZATION || t->nin != 3 || t->epi.residual ||
        t->in[0].rank < 3 || t->in[0].rank > 5 || !t->in[0].clast || t->out[0].type != INFER_F32)
        return -1;
    for (uint32_t i = 0; i < t->nin; i++)
        if (t->in[i].type != INFER_F32)
            return -1;
    return 500 + 0.75 * (double)infer__operand_elements(&t->in[0]);
}

const struct infer__kernel infer__instance_norm_f32_c = {
    .name = "instance_norm_f32_c",
    .isa = INFER_ISA_C,
    .cut_bytes = sizeof(struct shape),
    .estimate = instance_norm_estimate,
    .prepare = instance_norm_prepare,
    .run = instance_norm_run,
};
