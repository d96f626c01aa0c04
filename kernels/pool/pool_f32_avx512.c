/* MaxPool and AveragePool in f32, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define MAX_NAME "max_pool_f32_avx512"
#define AVERAGE_NAME "average_pool_f32_avx512"
#include "kernels/pool/pool_f32.inc"
#endif
