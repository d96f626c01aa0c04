/* ScaleShift in f32, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define KERNEL_NAME "scale_shift_f32_avx2"
#include "kernels/scale_shift/scale_shift_f32.inc"
#endif
