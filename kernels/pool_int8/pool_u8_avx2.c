/* MaxPool and AveragePool of u8, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define MAX_NAME "max_pool_u8_avx2"
#define AVERAGE_NAME "average_pool_u8_avx2"
#include "kernels/pool_int8/pool_u8.inc"
#endif
