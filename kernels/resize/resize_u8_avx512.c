/* Linear and cubic Resize of quantised tensors, AVX-512. */
#if defined(__x86_64__)
#define KERNEL_NAME "resize_u8_avx512"
#define KERNEL_SYMBOL infer__resize_u8_avx512
#define KERNEL_ISA INFER_ISA_AVX512
#define SPEED 0.08
#include "kernels/resize/resize_u8.inc"
#endif
