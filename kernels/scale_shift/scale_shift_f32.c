/* levels: avx2 avx512 */
/* ScaleShift on vectors; product and sum are rounded together. */
#include "kernels/levels.h"

#include "kernels/scale_shift/scale_shift.h"
#include "kernels/vec_blocks.h"
#include "kernels/vec_epilogue.h"

INFER__APART static double scale_shift_estimate(const struct infer__task *t)
{
    if (!scale_shift_serves(t) || !infer__isa_has(t->isa, LEVEL_ISA))
        return -1;
    double each = 1.0 / VEC + (t->epi.act ? vec_activation_ns(t->epi.act) : 0);
    return vec_bytes_ns(t) + each * (double)infer__operand_elements(&t->out[0]);
}

/* One operand's channels of a pixel. */
VEC_INLINE void piece(const float *x, const float *scale, const float *shift, float *y, int64_t n,
                      int relu)
{
    vec zero = vec_set(0);
    int64_t i = 0;
    for (; i + VEC <= n; i += VEC) {
        vec v = vec_fma(vec_load(x + i), vec_load(scale + i), vec_load(shift + i));
        vec_store(y + i, relu ? vec_at_least(zero, v) : v);
    }
    if (i < n) {
        int m = (int)(n - i);
        vec v = vec_fma(vec_load_n(x + i, m), vec_load_n(scale + i, m), vec_load_n(shift + i, m));
        vec_store_n(y + i, relu ? vec_at_least(zero, v) : v, m);
    }
}

static void scale_shift_run(const struct infer__task *t, const struct infer__buffers *b,
                            uint32_t begin, uint32_t end)
{
    const float *scale = b->in[t->nin - 2], *shift = b->in[t->nin - 1];
    int64_t pixels = scale_shift_pixels(t), channels = scale_shift_channels(t);
    uint32_t units = scale_shift_units(t);
    int relu = t->epi.act == INFER__OP_RELU;
    int64_t last = infer__unit_begin(pixels, units, end);
    for (int64_t p = infer__unit_begin(pixels, units, begin); p < last; p++) {
        float *y = (float *)b->out[0] + p * channels;
        int64_t c = 0;
        for (uint32_t k = 0; k < t->nin - 2; k++) {
            int64_t own = t->in[k].dims[t->in[k].rank - 1];
            const float *x = (const float *)b->in[k] + p * own;
            if (relu)
                piece(x, scale + c, shift + c, y + c, own, 1);
            else
                piece(x, scale + c, shift + c, y + c, own, 0);
            c += own;
        }
        if (t->epi.act && !relu)
            vec_epilogue_row(&t->epi, y, NULL, y, channels);
    }
}

const struct infer__kernel LEVEL_NAME(infer__scale_shift_f32) = {
    .name = LEVEL_STRING("scale_shift_f32"),
    .isa = LEVEL_ISA,
    .estimate = scale_shift_estimate,
    .prepare = scale_shift_prepare,
    .run = scale_shift_run};
