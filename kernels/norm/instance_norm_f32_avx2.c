/* InstanceNormalization in f32, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define KERNEL_NAME "instance_norm_f32_avx2"
#include "kernels/norm/instance_norm_f32.inc"
#endif
