/* ChannelShuffle: operands joined along the channels, which are the last axis; channel c of the
 * result is channel c % groups * (C / groups) + c / groups of the whole; the result is cut evenly
 * into the outputs. Work is shared out by pixels. */
#ifndef INFER_KERNELS_SHUFFLE_H
#define INFER_KERNELS_SHUFFLE_H

#include "kernels/quant.h"

static inline int64_t shuffle_last(const struct infer__operand *o)
{
    return o->dims[o->rank - 1];
}

static inline int64_t shuffle_pixels(const struct infer__task *t)
{
    int64_t n = 1;
    for (int i = 0; i + 1 < t->out[0].rank; i++)
        n *= t->out[0].dims[i];
    return n;
}

static inline uint32_t shuffle_units(const struct infer__task *t)
{
    int64_t channels = shuffle_last(&t->out[0]) * t->nout;
    return infer__task_units(t, shuffle_pixels(t), 1 + 8192 / (channels + 1));
}

static inline infer_status shuffle_prepare(const struct infer__task *t, struct infer__need *need,
                                           infer_error *err)
{
    (void)err;
    need->units = shuffle_units(t);
    return INFER_OK;
}

static inline int shuffle_serves(const struct infer__task *t)
{
    return t->op == INFER__OP_CHANNEL_SHUFFLE && infer__no_epilogue(t) && infer__one_quant(t) &&
           (t->out[0].rank <= 2 || t->out[0].clast);
}

#endif
