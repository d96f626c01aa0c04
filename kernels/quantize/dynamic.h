/* Quantisation whose scale and zero point follow from the tensor's range, after ONNX:
 *
 *   scale = (high - low) / 255, or 1 where that range is 0, with low <= 0 <= high
 *   zero  = rint(clamp(-low / scale, 0, 255))
 *
 * A NaN counts for nothing in a range. */
#ifndef INFER_KERNELS_QUANTIZE_DYNAMIC_H
#define INFER_KERNELS_QUANTIZE_DYNAMIC_H

#include "kernels/quant.h"

struct infer__range {
    float low, high;
};

/* The range of `count` ranges. */
static inline struct infer__range infer__range_join(const struct infer__range *part, int64_t count)
{
    struct infer__range all = {0, 0};
    for (int64_t i = 0; i < count; i++) {
        all.low = part[i].low < all.low ? part[i].low : all.low;
        all.high = part[i].high > all.high ? part[i].high : all.high;
    }
    return all;
}

static inline float infer__range_scale(struct infer__range r)
{
    float range = r.high - r.low;
    return range > 0 ? range / 255 : 1;
}

static inline uint8_t infer__range_zero(struct infer__range r, float scale)
{
    return infer__q8_round(-r.low / scale, 0, 0, 255);
}

/* ---- units of the kernels ------------------------------------------------------------------- */

/* Ranges of parts: units are parts. */
static inline infer_status infer__range_prepare(const struct infer__task *t,
                                                struct infer__need *need, infer_error *err)
{
    (void)err;
    need->units = (uint32_t)t->out[0].dims[0];
    return INFER_OK;
}

/* Whether ranges of parts are there. Where they are not, one unit does everything. */
static inline int infer__dynamic_split(const struct infer__task *t)
{
    return infer__has_in(t, 1);
}

/* Stores scale and zero point where they are wanted. */
static inline void infer__dynamic_store(const struct infer__task *t, const struct infer__buffers *b,
                                        float scale, uint8_t zero)
{
    if (t->nout > 1 && t->out[1].type)
        *(float *)b->out[1] = scale;
    if (t->nout > 2 && t->out[2].type)
        *(uint8_t *)b->out[2] = zero;
}

#endif
