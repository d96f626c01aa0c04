/* The same pseudo-random tensors on every machine, for `infer run --random` and infer-bench. A
 * header of its own, since infer-bench links nothing of tools/. */
#ifndef INFER_TOOLS_RANDOM_FILL_H
#define INFER_TOOLS_RANDOM_FILL_H

#include <string.h>

#include "infer.h"

/* splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
static inline uint64_t random_fill_bits(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* Floats are uniform in [-1, 1); f16 and bf16 have a random sign and mantissa and a size of 1/16
 * to 1. s8 and u8 take their whole range. Wider integers and bool are 0 or 1, which is a valid
 * index into almost anything. */
static inline void random_fill(const infer_tensor *t, uint64_t seed)
{
    size_t n = infer_tensor_elements(t), size = infer_type_size(t->type);
    char *at = t->data;
    for (size_t i = 0; i < n; i++, at += size) {
        uint64_t r = random_fill_bits(&seed), bits;
        double d = (double)(r >> 40) / (double)(1 << 23) - 1.0; /* 24 bits: exact in f32 too */
        float f = (float)d;
        switch (t->type) {
        case INFER_F32:
            memcpy(at, &f, 4);
            continue;
        case INFER_F64:
            memcpy(at, &d, 8);
            continue;
        case INFER_F16: /* sign, exponent 11..14 of 31, 10 bits of mantissa */
            bits = (r & 0x8000) | (11 + (r >> 16 & 3)) << 10 | (r & 0x3FF);
            break;
        case INFER_BF16: /* sign, exponent 123..126 of 255, 7 bits */
            bits = (r & 0x8000) | (123 + (r >> 16 & 3)) << 7 | (r & 0x7F);
            break;
        case INFER_S8:
        case INFER_U8:
            bits = r >> 56;
            break;
        default:
            bits = r >> 63;
            break;
        }
        /* `bits` is little-endian where this runs, or it is one byte */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        bits <<= 64 - 8 * size;
#endif
        memcpy(at, &bits, size);
    }
}

#endif
