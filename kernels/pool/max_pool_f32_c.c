/* MaxPool of f32. */
#include <math.h>

#define T float
#define T_TYPE INFER_F32
#define LOWEST -INFINITY
#define MASK int32_t
#define HAS_NAN 1
#define KERNEL_NAME "max_pool_f32_c"
#define KERNEL_SYMBOL infer__max_pool_f32_c
#include "kernels/pool/max_pool.inc"
