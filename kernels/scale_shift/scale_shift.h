/* ScaleShift: its operands joined along the channels, times a factor and plus a number for each
 * channel, then an activation. The last axis is the channels; work is shared out by pixels. */
#ifndef INFER_KERNELS_SCALE_SHIFT_H
#define INFER_KERNELS_SCALE_SHIFT_H

#include "kernels/nd.h"

static inline int64_t scale_shift_channels(const struct infer__task *t)
{
    return t->out[0].dims[t->out[0].rank - 1];
}

static inline int64_t scale_shift_pixels(const struct infer__task *t)
{
    int64_t n = 1;
    for (int i = 0; i + 1 < t->out[0].rank; i++)
        n *= t->out[0].dims[i];
    return n;
}

static inline uint32_t scale_shift_units(const struct infer__task *t)
{
    return infer__task_units(t, scale_shift_pixels(t), 1 + 8192 / (scale_shift_channels(t) + 1));
}

static inline infer_status scale_shift_prepare(const struct infer__task *t,
                                               struct infer__need *need, infer_error *err)
{
    (void)err;
    need->units = scale_shift_units(t);
    return INFER_OK;
}

static inline int scale_shift_serves(const struct infer__task *t)
{
    return t->op == INFER__OP_SCALE_SHIFT && t->in[0].type == INFER_F32 && !t->epi.residual &&
           (t->out[0].rank <= 2 || t->out[0].clast);
}

#endif
