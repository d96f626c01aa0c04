/* Linear and cubic Resize of quantised tensors, AVX2. */
#if defined(__x86_64__)
#define KERNEL_NAME "resize_u8_avx2"
#define KERNEL_SYMBOL infer__resize_u8_avx2
#define KERNEL_ISA INFER_ISA_AVX2
#define SPEED 0.1
#include "kernels/resize/resize_u8.inc"
#endif
