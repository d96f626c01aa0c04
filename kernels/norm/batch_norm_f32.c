/* levels: avx2 avx512 */
/* BatchNormalization in f32, channels last:
 * y = (x - mean) * (scale / sqrt(variance + epsilon)) + shift, then residual and activation. Works
 * in place. */
#include "kernels/levels.h"

#include "kernels/vec_epilogue.h"

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
    int64_t grain = 1 + 8192 / (channels(t) + 1);
    return infer__units(pixels(t), grain, t->threads > 1 ? 4 * t->threads : 1);
}

VEC_INLINE vec load(const float *p, int rest)
{
    return rest == VEC ? vec_load(p) : vec_load_n(p, rest);
}

struct work {
    const struct infer__epilogue *e;
    const float *mean, *factor, *shift;
};

VEC_INLINE void one_vector(const struct work *k, int64_t c, const float *x, const float *residual,
                           float *y, int rest)
{
    vec a = vec_sub(load(x + c, rest), load(k->mean + c, rest));
    a = vec_fma(a, load(k->factor + c, rest), load(k->shift + c, rest));
    if (residual)
        a = vec_add(a, load(residual + c, rest));
    a = vec_activate(k->e, a);
    if (rest == VEC)
        vec_store(y + c, a);
    else
        vec_store_n(y + c, a, rest);
}

static void batch_norm_run(const struct infer__task *t, const struct infer__buffers *b,
                           uint32_t begin, uint32_t end)
{
    int64_t count = channels(t), all = pixels(t), whole = count - count % VEC;
    const float *scale = b->in[1], *variance = b->in[4];
    float *factor = b->scratch;
    struct work k = {&t->epi, b->in[3], factor, b->in[2]};
    for (int64_t c = 0; c < count; c++)
        factor[c] = scale[c] / sqrtf(variance[c] + t->p.norm.epsilon);
    int64_t last = infer__unit_begin(all, units(t), end);
    for (int64_t i = infer__unit_begin(all, units(t), begin); i < last; i++) {
        const float *x = (const float *)b->in[0] + i * count;
        const float *residual = t->epi.residual ? (const float *)b->in[5] + i * count : NULL;
        float *y = (float *)b->out[0] + i * count;
        for (int64_t c = 0; c < whole; c += VEC)
            one_vector(&k, c, x, residual, y, VEC);
        if (whole < count)
            one_vector(&k, whole, x, residual, y, (int)(count - whole));
        if (!vec_is_simple(t->epi.act))
            vec_epilogue_row(&t->epi, y, NULL, y, count);
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
    if (t->op != INFER__OP_BATCH_NORMALIZATION || !infer__isa_has(t->isa, LEVEL_ISA) ||
        t->nin != (t->epi.residual ? 6u : 5u) || t->in[0].rank < 2 ||
        (t->in[0].rank > 2 && !t->in[0].clast) || t->out[0].type != INFER_F32)
        return -1;
    for (uint32_t i = 0; i < t->nin; i++)
        if (t->in[i].type != INFER_F32)
            return -1;
    double vectors = (double)pixels(t) * (double)((channels(t) + VEC - 1) / VEC);
    return 300 + vectors * (VEC_LEVEL == 512 ? 1.5 : 0.9);
}

const struct infer__kernel LEVEL_NAME(infer__batch_norm_f32) = {
    .name = LEVEL_STRING("batch_norm_f32"),
    .isa = LEVEL_ISA,
    .estimate = batch_norm_estimate,
    .prepare = batch_norm_prepare,
    .run = batch_norm_run};
