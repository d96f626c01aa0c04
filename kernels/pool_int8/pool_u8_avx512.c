/* MaxPool and AveragePool of u8, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define MAX_NAME "max_pool_u8_avx512"
#define AVERAGE_NAME "average_pool_u8_avx512"
#include "kernels/pool_int8/pool_u8.inc"
#endif
