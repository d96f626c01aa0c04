/* MaxPool and AveragePool of bf16 tensors: what the f32 kernels make of the same numbers, rounded
 * to bf16. A maximum needs no rounding. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define POOL_BF16 1
#define POOL_ISA INFER_ISA_AVX512BF16
#define POOL_NAME(name) infer__##name##_bf16
#define MAX_NAME "max_pool_bf16"
#define AVERAGE_NAME "average_pool_bf16"
#include "kernels/pool/pool_f32.inc"
#endif
