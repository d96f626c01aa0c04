/* Blocks of any element type as one of three wide types, and back.
 *
 * f32, f16, bf16 and f64 become double; signed integers int64_t; unsigned ones and bool uint64_t.
 * All of these are exact. The way back rounds half to even; what a type can't hold is:
 *
 *   float to integer    cut towards zero; beyond the range: the nearest value of the range; NaN: 0
 *   float to float      beyond the range: infinity; NaN stays a NaN
 *   integer to integer  modulo 2^bits
 *   anything to bool    1 unless it is 0 (NaN: 1)
 */
#ifndef INFER_KERNELS_CONVERT_H
#define INFER_KERNELS_CONVERT_H

#include "infer.h"

enum infer__wide { INFER__WIDE_FLOAT, INFER__WIDE_SIGNED, INFER__WIDE_UNSIGNED };

enum infer__wide infer__wide_of(unsigned type);

union infer__wide_block {
    double f[512];
    int64_t s[512];
    uint64_t u[512];
};

/* Loads `count` (at most 512) elements of `type` from `src`, the wide type being its own. */
void infer__wide_load(unsigned type, const void *src, int64_t count, union infer__wide_block *to);
/* Stores a block of wide type `wide` as `type`. */
void infer__wide_store(enum infer__wide wide, const union infer__wide_block *from, unsigned type,
                       int64_t count, void *dst);
/* Turns a block into doubles in place; integers beyond 2^53 are rounded to odd, so that rounding
 * once more, to fewer digits, gives what rounding once would have. */
void infer__wide_to_float(enum infer__wide wide, union infer__wide_block *block, int64_t count);

float infer__f16_to_f32(uint16_t h);
float infer__bf16_to_f32(uint16_t h);
uint16_t infer__f64_to_f16(double d);
uint16_t infer__f64_to_bf16(double d);

#endif
