/* GlobalAveragePool and GlobalMaxPool in f32, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define AVERAGE_NAME "global_average_pool_f32_avx2"
#define MAX_NAME "global_max_pool_f32_avx2"
#include "kernels/pool/global_pool_f32.inc"
#endif
