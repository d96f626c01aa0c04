/* Linear and cubic Resize in f32, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define KERNEL_NAME "resize_f32_avx512"
#include "kernels/resize/resize_f32.inc"
#endif
