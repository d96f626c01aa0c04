#include "tools/tensor_stats.h"

#include <math.h>
#include <string.h>

float bf16_to_f32(uint16_t v)
{
    uint32_t bits = (uint32_t)v << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

uint16_t f32_to_bf16(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    if (isnan(v))
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 mantissa bits. */
static double f16_value(uint16_t v)
{
    int exponent = v >> 10 & 31, mantissa = v & 0x3FF;
    double m = exponent == 0    ? ldexp(mantissa, -24)
               : exponent == 31 ? (mantissa ? (double)NAN : (double)INFINITY)
                                : ldexp(mantissa + 1024, exponent - 25);
    return v & 0x8000 ? -m : m;
}

#define ELEMENT(ctype)                                                                             \
    {                                                                                              \
        ctype v;                                                                                   \
        memcpy(&v, at, sizeof v);                                                                  \
        return (double)v;                                                                          \
    }

double tensor_element(const infer_tensor *t, size_t i)
{
    const char *at = (const char *)t->data + i * infer_type_size(t->type);
    uint16_t half;
    switch (t->type) {
    case INFER_F32:
        ELEMENT(float)
    case INFER_F64:
        ELEMENT(double)
    case INFER_F16:
        memcpy(&half, at, sizeof half);
        return f16_value(half);
    case INFER_BF16:
        memcpy(&half, at, sizeof half);
        return (double)bf16_to_f32(half);
    case INFER_S8:
        ELEMENT(int8_t)
    case INFER_U8:
    case INFER_BOOL:
        ELEMENT(uint8_t)
    case INFER_S16:
        ELEMENT(int16_t)
    case INFER_U16:
        ELEMENT(uint16_t)
    case INFER_S32:
        ELEMENT(int32_t)
    case INFER_U32:
        ELEMENT(uint32_t)
    case INFER_S64:
        ELEMENT(int64_t)
    case INFER_U64:
        ELEMENT(uint64_t)
    case INFER_TYPE_NONE:
        break;
    }
    return (double)NAN;
}

int tensor_is_float(infer_type type)
{
    return type == INFER_F32 || type == INFER_F64 || type == INFER_F16 || type == INFER_BF16;
}

void tensor_stats(const infer_tensor *t, struct tensor_stats *s)
{
    size_t n = infer_tensor_elements(t);
    double sum = 0;
    s->min = s->max = s->mean = (double)NAN;
    s->nans = 0;
    for (size_t i = 0; i < n; i++) {
        double v = tensor_element(t, i);
        if (isnan(v)) {
            s->nans++;
            continue;
        }
        sum += v;
        s->min = s->min <= v ? s->min : v;
        s->max = s->max >= v ? s->max : v;
    }
    if (n > s->nans)
        s->mean = sum / (double)(n - s->nans);
}
