/* ScaleShift in f32, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define KERNEL_NAME "scale_shift_f32_avx512"
#include "kernels/scale_shift/scale_shift_f32.inc"
#endif
