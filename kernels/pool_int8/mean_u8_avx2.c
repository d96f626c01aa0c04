/* GlobalAveragePool and ReduceMean of quantised tensors, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define KERNEL_NAME "mean_u8_avx2"
#include "kernels/pool_int8/mean_u8.inc"
#endif
