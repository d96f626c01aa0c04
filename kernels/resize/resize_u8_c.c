/* Linear and cubic Resize of quantised tensors. */
#define KERNEL_NAME "resize_u8_c"
#define KERNEL_SYMBOL infer__resize_u8_c
#define KERNEL_ISA INFER_ISA_C
#define SPEED 0.4
#include "kernels/resize/resize_u8.inc"
