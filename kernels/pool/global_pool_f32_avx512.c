/* GlobalAveragePool and GlobalMaxPool in f32, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define AVERAGE_NAME "global_average_pool_f32_avx512"
#define MAX_NAME "global_max_pool_f32_avx512"
#include "kernels/pool/global_pool_f32.inc"
#endif
