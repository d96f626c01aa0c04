/* RoundFloat: f32 to the nearest number of a smaller format, half to even, as f32; and BitCast. */
#include <math.h>
#include <string.h>

#include "kernels/nd.h"

/* Digits behind the point, the exponent of the smallest number with all digits, the largest number;
 * whether there are an infinity and a negative 0. The format of 4 bits has no NaN: 0 instead. */
struct format {
    int digits, least;
    float largest;
    int infinite, minus_zero;
};

static const struct format formats[] = {
    [INFER__E4M3FN] = {3, -6, 448, 0, 1},  [INFER__E4M3FNUZ] = {3, -7, 240, 0, 0},
    [INFER__E5M2] = {2, -14, 57344, 1, 1}, [INFER__E5M2FNUZ] = {2, -15, 57344, 0, 0},
    [INFER__E2M1] = {1, 0, 6, 0, 1},
};

static float round_to(const struct format *f, int overflows, float x)
{
    if (x != x)
        return f == &formats[INFER__E2M1] ? 0 : x;
    const float a = fabsf(x);
    float y = INFINITY;
    if (a < 0x1p127f) {
        int exponent = a > 0 ? ilogbf(a) : f->least;
        exponent = (exponent > f->least ? exponent : f->least) - f->digits;
        y = ldexpf(rintf(ldexpf(a, -exponent)), exponent);
    }
    if (y > f->largest)
        y = !overflows ? f->largest : f->infinite ? INFINITY : NAN;
    return y == 0 && !f->minus_zero ? 0 : copysignf(y, x);
}

/* A power of 2 by its exponent alone: 0 and what is smaller than the least of them becomes that. */
static float round_power(int format, int overflows, float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t exponent = bits >> 23 & 255, rest = bits & 0x7fffff, up = 0;
    if (exponent == 255)
        return NAN;
    if (format == INFER__E8M0_UP)
        up = rest != 0;
    else if (format == INFER__E8M0_NEAREST) /* half way: up, but from 0 */
        up = rest > 0x400000 || (rest == 0x400000 && exponent > 0);
    if (exponent + up == 255)
        return overflows ? NAN : 0x1p127f;
    exponent += up;
    bits = exponent ? exponent << 23 : 0x400000;
    memcpy(&x, &bits, sizeof x);
    return x;
}

INFER__APART static double round_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_ROUND_FLOAT || t->in[0].type != INFER_F32 ||
        t->out[0].type != INFER_F32 || !infer__no_epilogue(t))
        return -1;
    return infer__bytes_ns(t) + 15 * (double)infer__operand_elements(&t->out[0]);
}

static void round_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end)
{
    const struct infer__round_float *p = &t->p.round_float;
    const float *x = b->in[0];
    float *y = b->out[0];
    int64_t i, last;
    infer__elements_range(t, begin, end, &i, &last);
    for (; i < last; i++)
        y[i] = p->format <= INFER__E2M1 ? round_to(&formats[p->format], p->overflows, x[i])
                                        : round_power(p->format, p->overflows, x[i]);
}

const struct infer__kernel infer__round_float_c = {.name = "round_float_c",
                                                   .isa = INFER_ISA_C,
                                                   .in_place = INFER__IN_PLACE_FIRST,
                                                   .estimate = round_estimate,
                                                   .prepare = infer__elements_prepare,
                                                   .run = round_run};

/* ---- BitCast -------------------------------------------------------------------------------- */

INFER__APART static double bit_cast_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_BIT_CAST || !infer__no_epilogue(t) ||
        infer__operand_size(&t->in[0]) != infer__operand_size(&t->out[0]))
        return -1;
    return infer__bytes_ns(t);
}

static void bit_cast_run(const struct infer__task *t, const struct infer__buffers *b,
                         uint32_t begin, uint32_t end)
{
    const size_t size = infer__operand_size(&t->out[0]);
    int64_t first, last;
    infer__elements_range(t, begin, end, &first, &last);
    if (last > first && b->in[0] != b->out[0])
        memcpy((char *)b->out[0] + (size_t)first * size,
               (const char *)b->in[0] + (size_t)first * size, (size_t)(last - first) * size);
}

const struct infer__kernel infer__bit_cast_c = {.name = "bit_cast_c",
                                                .isa = INFER_ISA_C,
                                                .in_place = INFER__IN_PLACE_FIRST,
                                                .estimate = bit_cast_estimate,
                                                .prepare = infer__elements_prepare,
                                                .run = bit_cast_run};
