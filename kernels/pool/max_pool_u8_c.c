/* MaxPool of u8. */
#define T uint8_t
#define T_TYPE INFER_U8
#define LOWEST 0
#define MASK int8_t
#define HAS_NAN 0
#define KERNEL_NAME "max_pool_u8_c"
#define KERNEL_SYMBOL infer__max_pool_u8_c
#include "kernels/pool/max_pool.inc"
