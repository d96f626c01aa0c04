/* Windows over quantised tensors: what the levels share beside pool_shape.h. */
#ifndef INFER_KERNELS_POOL_INT8_POOL_U8_H
#define INFER_KERNELS_POOL_INT8_POOL_U8_H

#include "kernels/pool/pool_shape.h"

int infer__average_pool_u8_serves(const struct infer__task *t);
/* Taps of an axis that an average divides by: of a window that begins at `begin` and has `inside`
 * taps in the input. */
int64_t infer__pool_counted(const struct infer__window *w, int axis, int64_t begin, int64_t inside,
                            int64_t size);

#endif
