/* QuantizeLinear and DequantizeLinear, per tensor or along an axis.
 *
 * Quantising: x / scale in f32, rounded half to even, plus the zero point, saturated; NaN gives
 * the zero point. Dequantising: the difference to the zero point, taken exactly, becomes f32 and
 * is multiplied by the scale.
 */
#include <math.h>

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

static double estimate_quantize(const struct infer__task *t)
{
    if (t->op != INFER__OP_QUANTIZE_LINEAR || t->in[0].type != INFER_F32 ||
        !is_quantized(t->out[0].type) || (infer__has_in(t, 2) && t->in[2].type != t->out[0].type) ||
        !fits(t))
        return -1;
    return infer__bytes_ns(t) + 2 * (double)infer__operand_elements(&t->in[0]);
}

static double estimate_dequantize(const struct infer__task *t)
{
    if (t->op != INFER__OP_DEQUANTIZE_LINEAR || t->out[0].type != INFER_F32 ||
        (!is_quantized(t->in[0].type) && t->in[0].type != INFER_S32) ||
        (infer__has_in(t, 2) && t->in[2].type != t->in[0].type) || !fits(t))
        return -1;
    return infer__bytes_ns(t) + 1.5 * (double)infer__operand_elements(&t->in[0]);
}

/* Scales and zero points of a block: one for all of it, or one each. */
struct block {
    int64_t i, n;
    const float *scale;
    int64_t step; /* 0 or 1 */
    union infer__wide_block zero;
};

/* f32, 16-bit integers and their sums with a zero point are exact in double, so that only the
 * division rounds. */
static void quantize(const struct infer__task *t, const struct infer__buffers *b,
                     const struct block *k)
{
    const float *x = (const float *)b->in[0] + k->i;
    union infer__wide_block y;
    for (int64_t j = 0; j < k->n; j++) {
        float q = rintf(x[j] / k->scale[j * k->step]);
        double zero = k->zero.f[j * k->step];
        y.f[j] = q == q ? (double)q + zero : zero;
    }
    infer__wide_store(INFER__WIDE_FLOAT, &y, t->out[0].type, k->n,
                      (char *)b->out[0] + (size_t)k->i * infer__operand_size(&t->out[0]));
}

static void dequantize(const struct infer__task *t, const struct infer__buffers *b,
                       const struct block *k)
{
    unsigned type = t->in[0].type;
    float *y = (float *)b->out[0] + k->i;
    union infer__wide_block x;
    infer__wide_load(type, (const char *)b->in[0] + (size_t)k->i * infer__operand_size(&t->in[0]),
                     k->n, &x);
    infer__wide_to_float(infer__wide_of(type), &x, k->n);
    for (int64_t j = 0; j < k->n; j++)
        y[j] = (float)(x.f[j] - k->zero.f[j * k->step]) * k->scale[j * k->step];
}

static void load_zero(const struct infer__task *t, const struct infer__buffers *b, int64_t place,
                      int64_t n, union infer__wide_block *zero)
{
    if (!infer__has_in(t, 2)) {
        for (int64_t j = 0; j < n; j++)
            zero->f[j] = 0;
        return;
    }
    unsigned type = t->in[2].type;
    infer__wide_load(type, (const char *)b->in[2] + (size_t)place * infer_type_size(type), n, zero);
    infer__wide_to_float(infer__wide_of(type), zero, n);
}

static void run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                uint32_t end)
{
    struct scales s = scales_of(t);
    struct block k;
    int64_t last;
    infer__elements_range(t, begin, end, &k.i, &last);
    for (k.n = 0; k.i < last; k.i += k.n) {
        int64_t place = s.axis > 1 ? k.i / s.inner % s.axis : 0;
        k.step = s.axis > 1 && s.inner == 1;
        k.n = k.step ? s.axis - place : s.inner - k.i % s.inner;
        k.n = k.n < last - k.i ? k.n : last - k.i;
        k.n = k.n < INFER__BLOCK ? k.n : INFER__BLOCK;
        k.scale = (const float *)b->in[1] + place;
        load_zero(t, b, place, k.step ? k.n : 1, &k.zero);
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
                                                .run = run};

const struct infer__kernel infer__dequantize_c = {.name = "dequantize_c",
                                                  .isa = INFER_ISA_C,
                                                  .estimate = estimate_dequantize,
                                                  .prepare = infer__elements_prepare,
                                                  .run = run};
