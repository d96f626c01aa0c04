/* What the kernels of two or more operands share: rows of one operator and type. */
#ifndef INFER_KERNELS_BINARY_H
#define INFER_KERNELS_BINARY_H

#include "kernels/nd.h"

/* y[i] = a[i] op b[i] for `count` elements; y may be equal to a or b. */
typedef void infer__binary_row(const void *a, const void *b, void *y, int64_t count);

/* The row function of an operator on operands of `type`, NULL where it is not defined. Greater and
 * GreaterOrEqual have none: they are Less and LessOrEqual with operands changed. f16 and bf16 have
 * none: they are f32 on the way. */
infer__binary_row *infer__binary_row_find(unsigned op, unsigned type);

#endif
