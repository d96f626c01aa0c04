/* Linear and cubic Resize in f32, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define KERNEL_NAME "resize_f32_avx2"
#include "kernels/resize/resize_f32.inc"
#endif
