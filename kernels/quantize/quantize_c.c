/* QuantizeLinear and DequantizeLinear, per tensor or along an axis.
 *
 * Quantising: x / scale in f32, rounded half to even, plus the zero point, saturated; NaN gives
 * the zero point. Dequantising: the difference to the zero point, taken exactly, becomes f32 and
 * is multiplied by the scale.
 */
#include "kernels/convert.h"
#include "kernels/nd.h"

/* Where output element i has its scale: (i / inner) % axis. */
struct scales {
    int64_t axis, inner;
};

static struct scales scales_of(const struct infer__task *t)
{
    struct scales s = {infer__operand_elements(&t->in[1]), 1};
    for (int i = t->p.axis.axis + 1; i < t->in[0].rank; i++)
        s.inner *= t->in[0].dims[i];
    if (s.axis <= 1)
        s.inner = infer__operand_elements(&t->in[0]);
    return s;
}

static int fits(const struct infer__task *t)
{
    int64_t n = infer__operand_elements(&t->in[1]);
    if (!infer__no_epilogue(t) || t->in[1].type != INFER_F32)
        return 0;
    if (infer__has_in(t, 2) && infer__operand_elements(&t->in[2]) != n)
        return 0;
    return n == 1 || (t->p.axis.axis >= 0 && t->p.axis.axis < t->in[0].rank &&
                      t->in[0].dims[t->p.axis.axis] == n);
}

static int is_quantized(unsigned type)
{
    return type == INFER_U8 || type == INFER_S8 || type == INFER_U16 || type == INFER_S16;
}

INFER__APART static double estimate_quantize(const struct infer__task *t)
{
    if (t->op != INFER__OP_QUANTIZE_LINEAR || t->in[0].type != INFER_F32 ||
        !is_quantized(t->out[0].type) || (infer__has_in(t, 2) && t->in[2].type != t->out[0].type) ||
        !fits(t))
        return -1;
    return infer__bytes_ns(t) + 1 * (double)infer__operand_elements(&t->in[0]);
}

INFER__APART static double estimate_dequantize(const struct infer__task *t)
{
    if (t->op != INFER__OP_DEQUANTIZE_LINEAR || t->out[0].type != INFER_F32 ||
        (!is_quantized(t->in[0].type) && t->in[0].type != INFER_S32) ||
        (infer__has_in(t, 2) && t->in[2].type != t->in[0].type) || !fits(t))
        return -1;
    return infer__bytes_ns(t) + 0.5 * (double)infer__operand_elements(&t->in[0]);
}

/* A block of elements with a scale and a zero point each. */
struct block {
    int64_t i, n;
    float scale[INFER__BLOCK];
    union infer__wide_block zero; /* as doubles */
};

/* Rounds half to even: from 3 * 2^22 on f32 has no digits behind the point. |x| is below 2^21. */
static inline float round_even(float x)
{
    return (x + 0x1.8p23f) - 0x1.8p23f;
}

#define NARROW(enumerator, type)                                                                   \
    case enumerator: {                                                                             \
        type *restrict y = (type *)b->out[0] + k->i;                                               \
        for (int64_t j = 0; j < n; j++)                                                            \
            y[j] = (type)q[j];                                                                     \
        break;                                                                                     \
    }

/* Beyond 2^18 every quotient saturates, whatever the 16-bit zero point; sums up to there are exact
 * in f32. */
static void quantize(const struct infer__task *t, const struct infer__buffers *b,
                     const struct block *k)
{
    const float *x = (const float *)b->in[0] + k->i;
    unsigned type = t->out[0].type;
    int bits = (int)infer__operand_size(&t->out[0]) * 8;
    int is_signed = type == INFER_S8 || type == INFER_S16;
    float low = is_signed ? (float)-(1 << (bits - 1)) : 0, high = low + (float)((1 << bits) - 1);
    int32_t q[INFER__BLOCK];
    int64_t n = k->n;
    for (int64_t j = 0; j < n; j++) {
        float d = x[j] / k->scale[j];
        d = d == d ? d : 0;
        d = d < -0x1p18f ? -0x1p18f : d;
        d = round_even(d > 0x1p18f ? 0x1p18f : d) + (float)k->zero.f[j];
        d = d < low ? low : d;
        q[j] = (int32_t)(d > high ? high : d);
    }
    switch (type) {
        NARROW(INFER_U8, uint8_t)
        NARROW(INFER_S8, int8_t)
        NARROW(INFER_U16, uint16_t)
        NARROW(INFER_S16, int16_t)
    default:
        break;
    }
}

/* Of 8 and 16 bits the difference is exact in f32, too, and needs no double. */
#define WIDEN(enumerator, type)                                                                    \
    case enumerator:                                                                               \
        for (int64_t j = 0; j < k->n; j++)                                                         \
            y[j] = ((float)((const type *)x)[k->i + j] - (float)k->zero.f[j]) * k->scale[j];       \
        break;

static void dequantize(const struct infer__task *t, const struct infer__buffers *b,
                       const struct block *k)
{
    float *y = (float *)b->out[0] + k->i;
    const void *x = b->in[0];
    switch (t->in[0].type) {
        WIDEN(INFER_U8, uint8_t)
        WIDEN(INFER_S8, int8_t)
        WIDEN(INFER_U16, uint16_t)
        WIDEN(INFER_S16, int16_t)
    case INFER_S32:
        for (int64_t j = 0; j < k->n; j++)
            y[j] = (float)((double)((const int32_t *)x)[k->i + j] - k->zero.f[j]) * k->scale[j];
        break;
    default:
        break;
    }
}

/* Scales and zero points of a block from place `place` on: `step` 0 for one place, 1 for many. */
static void load(const struct infer__task *t, const struct infer__buffers *b, int64_t place,
                 int64_t step, struct block *k)
{
    const float *scale = (const float *)b->in[1] + place;
    union infer__wide_block zero = {.f = {0}};
    if (infer__has_in(t, 2)) {
        unsigned type = t->in[2].type;
        int64_t n = step ? k->n : 1;
        size_t size = infer__operand_size(&t->in[2]);
        infer__wide_load(type, (const char *)b->in[2] + (size_t)place * size, n, &zero);
        infer__wide_to_float(infer__wide_of(type), &zero, n);
    }
    for (int64_t j = 0; j < k->n; j++) {
        k->scale[j] = scale[j * step];
        k->zero.f[j] = zero.f[j * step];
    }
}

static void quantize_run(const struct infer__task *t, const struct infer__buffers *b,
                         uint32_t begin, uint32_t end)
{
    struct scales s = scales_of(t);
    struct block k;
    int64_t last, loaded = -1, filled = 0; /* what the block holds of one place */
    infer__elements_range(t, begin, end, &k.i, &last);
    for (k.n = 0; k.i < last; k.i += k.n) {
        int64_t place = s.axis > 1 ? k.i / s.inner % s.axis : 0, step = s.axis > 1 && s.inner == 1;
        k.n = step ? s.axis - place : s.inner - k.i % s.inner;
        k.n = k.n < last - k.i ? k.n : last - k.i;
        k.n = k.n < INFER__BLOCK ? k.n : INFER__BLOCK;
        if (step || place != loaded || k.n > filled)
            load(t, b, place, step, &k);
        loaded = step ? -1 : place;
        filled = k.n;
        if (t->op == INFER__OP_QUANTIZE_LINEAR)
            quantize(t, b, &k);
        else
            dequantize(t, b, &k);
    }
}

const struct infer__kernel infer__quantize_c = {.name = "quantize_c",
                                                .isa = INFER_ISA_C,
                                                .estimate = estimate_quantize,
                                                .prepare = infer__elements_prepare,
                                                .run = quantize_run};

const struct infer__kernel infer__dequantize_c = {.name = "dequantize_c",
                                                  .isa = INFER_ISA_C,
                                                  .estimate = estimate_dequantize,
                                                  .prepare = infer__elements_prepare,
                                                  .run = quantize_run};
