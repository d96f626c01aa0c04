/* BatchNormalization in f32: y = (x - mean) * (scale / sqrt(variance + epsilon)) + shift, each
 * step rounded to f32, channel by channel; then residual and activation. Works on any tensor whose
 * last axis is the channels: channels-last ones, and N, C. */
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
    int64_t grain = 1 + 4096 / (channels(t) + 1);
    return infer__units(pixels(t), grain, t->threads > 1 ? 8 * t->threads : 1);
}

static void batch_norm_run(const struct infer__task *t, const struct infer__buffers *b,
                           uint32_t begin, uint32_t end)
{
    int64_t count = channels(t), all = pixels(t);
    const float *scale = b->in[1], *shift = b->in[2], *mean = b->in[3], *variance = b->in[4];
    float *factor = b->scratch;
    for (int64_t c = 0; c < count; c++)
        factor[c] = scale[c] / sqrtf(variance[c] + t->p.norm.epsilon);
    int64_t last = infer__unit_begin(all, units(t), end);
    for (int64_t i = infer__unit_begin(all, units(t), begin); i < last; i++) {
        const float *x = (const float *)b->in[0] + i * count;
        const float *residual = t->epi.residual ? (const float *)b->in[5] + i * count : NULL;
        float *y = (float *)b->out[0] + i * count;
        for (int64_t c = 0; c < count; c++) {
            float v = (x[c] - mean[c]) * factor[c] + shift[c];
            y[c] = residual ? v + residual[c] : v;
        }
        if (t->epi.act != INFER__OP_NONE)
            infer__epilogue_apply(&t->epi, y, NULL, count);
    }
}

static infer_status batch_norm_prepare(const struct infer__task *t, struct infer__need *need,
                                       infer_error *err)
{
    (void)err;
    need->scratch_bytes = infer__bytes_of(channels(t), sizeof(float));
    need->units = units(t);
    return INFER_OK;
}

INFER__APART static double batch_norm_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_BATCH_NORMALIZATION || t->nin != (t->epi.residual ? 6u : 5u) ||
        t->in[0].rank < 2 || (t->in[0].rank > 2 && !t->in[0].clast) || t->out[0].type != INFER_F32)
        return -1;
    for (uint32_t i = 0; i < t->nin; i++)
        if (t->in[i].type != INFER_F32)
            return -1;
    return 500 + 0.17 * (double)infer__operand_elements(&t->in[0]);
}

const struct infer__kernel infer__batch_norm_f32_c = {
    .name = "batch_norm_f32_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .estimate = batch_norm_estimate,
    .prepare = batch_norm_prepare,
    .run = batch_norm_run,
};
