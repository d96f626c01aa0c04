/* Softmax of one row by its definition, in place where wanted. */
#ifndef INFER_KERNELS_SOFTMAX_SOFTMAX_H
#define INFER_KERNELS_SOFTMAX_SOFTMAX_H

#include <stdint.h>

void infer__softmax_row(const float *x, float *y, int64_t n);

#endif
