/* Add, Sub and Mul of quantised tensors: what all levels share. */
#ifndef INFER_KERNELS_BINARY_INT8_BINARY_U8_H
#define INFER_KERNELS_BINARY_INT8_BINARY_U8_H

#include "kernels/kernel.h"

/* Add, Sub: clamp(rint(fma(a, a_ratio, fma(b, b_ratio, fixed))), lo, hi)
 * Mul:      clamp(rint((a - a_zero) * (b - b_zero) * m) + zero, lo, hi) */
struct infer__binary_u8 {
    float a_ratio, b_ratio, fixed;
    float m;
    int32_t a_zero, b_zero, zero, lo, hi;
};

/* Whether a task is one of them. */
int infer__binary_u8_serves(const struct infer__task *t);
struct infer__binary_u8 infer__binary_u8_of(const struct infer__task *t);
/* y[i] = a[i] + b[i], as Add has it; y may be a or b. */
void infer__add_u8_row_avx2(const struct infer__binary_u8 *p, const uint8_t *a, const uint8_t *b,
                            uint8_t *y, int64_t count);
void infer__add_u8_row_avx512(const struct infer__binary_u8 *p, const uint8_t *a, const uint8_t *b,
                              uint8_t *y, int64_t count);

#endif
