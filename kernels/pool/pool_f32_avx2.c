/* MaxPool and AveragePool in f32, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define MAX_NAME "max_pool_f32_avx2"
#define AVERAGE_NAME "average_pool_f32_avx2"
#include "kernels/pool/pool_f32.inc"
#endif
