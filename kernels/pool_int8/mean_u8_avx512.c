/* GlobalAveragePool and ReduceMean of quantised tensors, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define KERNEL_NAME "mean_u8_avx512"
#include "kernels/pool_int8/mean_u8.inc"
#endif
