#include "kernels/convert.h"

#include <math.h>
#include <string.h>

enum infer__wide infer__wide_of(unsigned type)
{
    switch (type) {
    case INFER_S8:
    case INFER_S16:
    case INFER_S32:
    case INFER_S64:
        return INFER__WIDE_SIGNED;
    case INFER_U8:
    case INFER_U16:
    case INFER_U32:
    case INFER_U64:
    case INFER_BOOL:
        return INFER__WIDE_UNSIGNED;
    default:
        return INFER__WIDE_FLOAT;
    }
}

/* ---- half precision ------------------------------------------------------------------------- */

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static uint32_t to_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

float infer__f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, digits = h & 0x3ff;
    if (exponent == 31)
        return from_bits(sign | 0x7f800000 | digits << 13);
    if (exponent)
        return from_bits(sign | (exponent + 112) << 23 | digits << 13);
    float f = (float)digits * 0x1p-24f; /* a subnormal or 0: exact */
    return from_bits(sign | to_bits(f));
}

float infer__bf16_to_f32(uint16_t h)
{
    return from_bits((uint32_t)h << 16);
}

/* Rounds to odd: towards zero, and if digits were lost the last one kept becomes 1. Rounding the
 * result to at least two digits fewer is as good as rounding d itself. */
static float f64_to_f32_odd(double d)
{
    float f = (float)d;
    if ((double)f == d || isnan(d))
        return f;
    uint32_t u = to_bits(f);
    if (fabs((double)f) > fabs(d)) /* an infinity, too, becomes the largest number */
        u--;
    return from_bits(u | 1);
}

uint16_t infer__f64_to_f16(double d)
{
    float f = f64_to_f32_odd(d);
    uint32_t u = to_bits(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
    if (a > 0x7f800000) /* NaN: quiet, with the upper digits of its payload */
        return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    if (a >= 0x477ff000) /* from 65520, half a step beyond the largest, to infinity */
        return (uint16_t)(sign | 0x7c00);
    if (a < 0x38800000) { /* below 2^-14: multiples of 2^-24; 2^23 added rounds to an integer */
        float steps = from_bits(a) * 0x1p24f + 0x1p23f;
        return (uint16_t)(sign | (to_bits(steps) & 0x7fffff));
    }
    uint32_t odd = a >> 13 & 1;
    return (uint16_t)(sign | (a - (112u << 23) + 0xfff + odd) >> 13);
}

uint16_t infer__f64_to_bf16(double d)
{
    uint32_t u = to_bits(f64_to_f32_odd(d));
    if ((u & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* ---- loading -------------------------------------------------------------------------------- */

#define LOAD(enumerator, type, member)                                                             \
    case enumerator:                                                                               \
        for (int64_t i = 0; i < count; i++)                                                        \
            to->member[i] = ((const type *)src)[i];                                                \
        break;

void infer__wide_load(unsigned type, const void *src, int64_t count, union infer__wide_block *to)
{
    const uint16_t *half = src;
    switch (type) {
        LOAD(INFER_F32, float, f)
        LOAD(INFER_F64, double, f)
        LOAD(INFER_S8, int8_t, s)
        LOAD(INFER_S16, int16_t, s)
        LOAD(INFER_S32, int32_t, s)
        LOAD(INFER_S64, int64_t, s)
        LOAD(INFER_U8, uint8_t, u)
        LOAD(INFER_U16, uint16_t, u)
        LOAD(INFER_U32, uint32_t, u)
        LOAD(INFER_U64, uint64_t, u)
    case INFER_BOOL:
        for (int64_t i = 0; i < count; i++)
            to->u[i] = ((const uint8_t *)src)[i] != 0;
        break;
    case INFER_F16:
        for (int64_t i = 0; i < count; i++)
            to->f[i] = (double)infer__f16_to_f32(half[i]);
        break;
    case INFER_BF16:
        for (int64_t i = 0; i < count; i++)
            to->f[i] = (double)infer__bf16_to_f32(half[i]);
        break;
    default:
        break;
    }
}

/* ---- storing -------------------------------------------------------------------------------- */

/* Integers of at most 32 bits: the bounds are exact as doubles. */
static inline double cut(double d, double low, double high)
{
    d = d > low ? d : low; /* NaN becomes `low` here and 0 below */
    return d < high ? d : high;
}

static inline int64_t cut_s64(double d)
{
    if (d >= 0x1p63)
        return INT64_MAX;
    return d >= -0x1p63 ? (int64_t)d : d < 0 ? INT64_MIN : 0;
}

static inline uint64_t cut_u64(double d)
{
    if (d >= 0x1p64)
        return UINT64_MAX;
    return d >= 1 ? (uint64_t)d : 0;
}

#define STORE_CUT(enumerator, type, low, high)                                                     \
    case enumerator:                                                                               \
        for (int64_t i = 0; i < count; i++)                                                        \
            ((type *)dst)[i] = f[i] == f[i] ? (type)cut(f[i], low, high) : 0;                      \
        break;
#define STORE(enumerator, type, expression)                                                        \
    case enumerator:                                                                               \
        for (int64_t i = 0; i < count; i++)                                                        \
            ((type *)dst)[i] = (type)(expression);                                                 \
        break;

static void store_float(const double *f, unsigned type, int64_t count, void *dst)
{
    switch (type) {
        STORE(INFER_F32, float, f[i])
        STORE(INFER_F16, uint16_t, infer__f64_to_f16(f[i]))
        STORE(INFER_BF16, uint16_t, infer__f64_to_bf16(f[i]))
        STORE(INFER_F64, double, f[i])
        STORE_CUT(INFER_S8, int8_t, -128, 127)
        STORE_CUT(INFER_U8, uint8_t, 0, 255)
        STORE_CUT(INFER_S16, int16_t, -32768, 32767)
        STORE_CUT(INFER_U16, uint16_t, 0, 65535)
        STORE_CUT(INFER_S32, int32_t, -2147483648.0, 2147483647.0)
        STORE_CUT(INFER_U32, uint32_t, 0, 4294967295.0)
        STORE(INFER_S64, int64_t, cut_s64(f[i]))
        STORE(INFER_U64, uint64_t, cut_u64(f[i]))
        STORE(INFER_BOOL, uint8_t, f[i] != 0)
    default:
        break;
    }
}

/* Converting to a narrower integer keeps the low bits (gcc and clang both define it so). */
static void store_signed(const int64_t *s, unsigned type, int64_t count, void *dst)
{
    switch (type) {
        STORE(INFER_F32, float, s[i])
        STORE(INFER_F64, double, s[i])
        STORE(INFER_S8, int8_t, s[i])
        STORE(INFER_U8, uint8_t, s[i])
        STORE(INFER_S16, int16_t, s[i])
        STORE(INFER_U16, uint16_t, s[i])
        STORE(INFER_S32, int32_t, s[i])
        STORE(INFER_U32, uint32_t, s[i])
        STORE(INFER_S64, int64_t, s[i])
        STORE(INFER_U64, uint64_t, s[i])
        STORE(INFER_BOOL, uint8_t, s[i] != 0)
    default:
        break;
    }
}

static void store_unsigned(const uint64_t *u, unsigned type, int64_t count, void *dst)
{
    switch (type) {
        STORE(INFER_F32, float, u[i])
        STORE(INFER_F64, double, u[i])
    default: /* the bits of other types are the same as a signed number's */
        store_signed((const int64_t *)u, type, count, dst);
        break;
    }
}

static double odd_u64(uint64_t u)
{
    return (double)(u >> 53 && (u & 2047) ? (u & ~(uint64_t)2047) | 2048 : u);
}

void infer__wide_to_float(enum infer__wide wide, union infer__wide_block *block, int64_t count)
{
    if (wide == INFER__WIDE_SIGNED)
        for (int64_t i = 0; i < count; i++) {
            int64_t s = block->s[i];
            block->f[i] = s < 0 ? -odd_u64(0 - (uint64_t)s) : odd_u64((uint64_t)s);
        }
    if (wide == INFER__WIDE_UNSIGNED)
        for (int64_t i = 0; i < count; i++)
            block->f[i] = odd_u64(block->u[i]);
}

void infer__wide_store(enum infer__wide wide, const union infer__wide_block *from, unsigned type,
                       int64_t count, void *dst)
{
    if (wide != INFER__WIDE_FLOAT && (type == INFER_F16 || type == INFER_BF16)) {
        union infer__wide_block block = *from;
        infer__wide_to_float(wide, &block, count);
        store_float(block.f, type, count, dst);
        return;
    }
    if (wide == INFER__WIDE_FLOAT)
        store_float(from->f, type, count, dst);
    else if (wide == INFER__WIDE_SIGNED)
        store_signed(from->s, type, count, dst);
    else
        store_unsigned(from->u, type, count, dst);
}
