/* The requantisation behind a sum, after docs/quantization.md: the definition, for files that are
 * compiled without contraction of floating-point expressions. */
#ifndef INFER_KERNELS_CONV_INT8_REQUANTISE_H
#define INFER_KERNELS_CONV_INT8_REQUANTISE_H

#include <math.h>

#include "graph/graph.h"

/* x between low and high, where a NaN becomes low. */
static inline float infer__clamp_low(float x, float low, float high)
{
    x = x > low ? x : low;
    return x < high ? x : high;
}

/* `residual` is NULL where there is none. */
static inline uint8_t infer__requantise(const struct infer__requant *q, int32_t sum, float factor,
                                        const uint8_t *residual)
{
    float low = (float)(q->lo - q->zero), high = (float)(q->hi - q->zero);
    float a = rintf(infer__clamp_low((float)sum * factor, low, high)) + (float)q->zero;
    if (q->table)
        a = (float)q->table[(int)a];
    if (residual) {
        a = q->residual_inner
                ? fmaf(a, q->ratio, fmaf((float)*residual, q->residual_ratio, q->fixed))
                : fmaf((float)*residual, q->residual_ratio, fmaf(a, q->ratio, q->fixed));
        a = rintf(infer__clamp_low(a, (float)q->add_lo, (float)q->add_hi));
    }
    return (uint8_t)a;
}

#endif
