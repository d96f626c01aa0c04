/* GlobalAveragePool and GlobalMaxPool of bf16 tensors; results are f32. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define POOL_BF16 1
#define POOL_ISA INFER_ISA_AVX512BF16
#define POOL_NAME(name) infer__##name##_bf16
#define AVERAGE_NAME "global_average_pool_bf16"
#define MAX_NAME "global_max_pool_bf16"
#include "kernels/pool/global_pool_f32.inc"
#endif
