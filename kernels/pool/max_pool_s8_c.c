/* MaxPool of s8. */
#define T int8_t
#define T_TYPE INFER_S8
#define LOWEST INT8_MIN
#define MASK int8_t
#define HAS_NAN 0
#define KERNEL_NAME "max_pool_s8_c"
#define KERNEL_SYMBOL infer__max_pool_s8_c
#include "kernels/pool/max_pool.inc"
