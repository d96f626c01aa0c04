/* What kernels of quantised tensors share; docs/quantization.md has the arithmetic. For files that
 * are compiled without contraction of floating-point expressions (the definitions). */
#ifndef INFER_KERNELS_QUANT_H
#define INFER_KERNELS_QUANT_H

#include "kernels/nd.h"

/* u8 with one scale and zero point. */
static inline int infer__is_q8(const struct infer__operand *o)
{
    return o->type == INFER_U8 && o->quant && o->quant->count == 1;
}

/* Whether two operands' integers mean the same, or neither is quantised. */
static inline int infer__same_quant(const struct infer__operand *a, const struct infer__operand *b)
{
    return infer__quant_same(a->quant, b->quant);
}

/* Whether integers can be moved as they are: they mean the same on both sides, or on one nothing
 * in particular, as in a table of u8 whose rows are dequantised once they are gathered. */
static inline int infer__may_move(const struct infer__operand *from,
                                  const struct infer__operand *to)
{
    return !from->quant || !to->quant || infer__same_quant(from, to);
}

/* The same from all operands of a task to all results, as far as they have one type. */
static inline int infer__one_quant(const struct infer__task *t)
{
    for (uint32_t k = 0; k < t->nout; k++)
        for (uint32_t i = 0; i < t->nin; i++)
            if (t->in[i].type == t->out[k].type && !infer__may_move(&t->in[i], &t->out[k]))
                return 0;
    return 1;
}

/* Whether any operand is quantised. */
static inline int infer__any_quant(const struct infer__task *t)
{
    for (uint32_t i = 0; i < t->nin; i++)
        if (t->in[i].quant)
            return 1;
    for (uint32_t i = 0; i < t->nout; i++)
        if (t->out[i].quant)
            return 1;
    return 0;
}

/* rint for |x| below 2^22, half to even: from 3 * 2^22 on f32 has no digits behind the point. */
static inline float infer__rint_small(float x)
{
    return (x + 0x1.8p23f) - 0x1.8p23f;
}

/* clamp(rint(x) + zero, lo, hi) for integers of 0 to 255; NaN gives lo. */
static inline uint8_t infer__q8_round(float x, int32_t zero, int32_t lo, int32_t hi)
{
    float low = (float)(lo - zero), high = (float)(hi - zero);
    x = x > low ? x : low;
    x = x < high ? x : high;
    return (uint8_t)((int32_t)infer__rint_small(x) + zero);
}

/* QuantizeLinear: NaN gives the zero point. */
static inline uint8_t infer__q8_quantize(float x, const struct infer__quant *q)
{
    float d = x / q->scale[0];
    return infer__q8_round(d == d ? d : 0, q->zero[0], 0, 255);
}

static inline float infer__q8_real(int32_t q, const struct infer__quant *quant)
{
    return (float)(q - quant->zero[0]) * quant->scale[0];
}

#endif
