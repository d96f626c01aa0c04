/* The definition of ScaleShift: product and sum are rounded one by one. */
#include "kernels/scale_shift/scale_shift.h"

INFER__APART static double scale_shift_estimate(const struct infer__task *t)
{
    if (!scale_shift_serves(t))
        return -1;
    double each = 0.3 + (t->epi.act ? infer__activate_ns(t->epi.act) : 0);
    return infer__bytes_ns(t) + each * (double)infer__operand_elements(&t->out[0]);
}

static void scale_shift_run(const struct infer__task *t, const struct infer__buffers *b,
                            uint32_t begin, uint32_t end)
{
    const float *scale = b->in[t->nin - 2], *shift = b->in[t->nin - 1];
    int64_t pixels = scale_shift_pixels(t), channels = scale_shift_channels(t);
    uint32_t units = scale_shift_units(t);
    int64_t last = infer__unit_begin(pixels, units, end);
    for (int64_t p = infer__unit_begin(pixels, units, begin); p < last; p++) {
        float *y = (float *)b->out[0] + p * channels;
        int64_t c = 0;
        for (uint32_t k = 0; k < t->nin - 2; k++) {
            int64_t own = t->in[k].dims[t->in[k].rank - 1];
            const float *x = (const float *)b->in[k] + p * own;
            for (int64_t i = 0; i < own; i++, c++)
                y[c] = x[i] * scale[c] + shift[c];
        }
        infer__epilogue_apply(&t->epi, y, NULL, channels);
    }
}

const struct infer__kernel infer__scale_shift_f32_c = {.name = "scale_shift_f32_c",
                                                       .isa = INFER_ISA_C,
                                                       .estimate = scale_shift_estimate,
                                                       .prepare = scale_shift_prepare,
                                                       .run = scale_shift_run};
