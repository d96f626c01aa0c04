/* Attention as its kernels see it: for each of `batches` matrices (heads of images)
 *   y = Softmax(q k * scale + mask) v,    q [m][d], k [d][n], v [n][e], y [m][e]
 * A row of weights is NaN as a whole or not at all. */
#ifndef INFER_KERNELS_ATTENTION_ATTENTION_H
#define INFER_KERNELS_ATTENTION_ATTENTION_H

#include "kernels/nd.h"

struct infer__attention_shape {
    int64_t batches, m, n, d, e;
    float scale;
    int masked, or_zero;
    struct infer__nd mask;      /* its matrices, one row for each batch */
    int64_t mask_row, mask_col; /* strides in elements; 0 where it is broadcast */
};

/* Whether a task is that of f32 tensors, and its description. */
int infer__attention_of(const struct infer__task *t, struct infer__attention_shape *s);
/* The mask of row `row` of batch `batch`, or NULL. */
const float *infer__attention_mask(const struct infer__attention_shape *s,
                                   const struct infer__buffers *b, int64_t batch, int64_t row);

#endif
