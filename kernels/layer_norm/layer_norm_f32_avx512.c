/* LayerNormalization in f32, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define KERNEL_NAME "layer_norm_f32_avx512"
#include "kernels/layer_norm/layer_norm_f32.inc"
#endif
