/* Add, Sub and Mul of quantised tensors, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define KERNEL_NAME "binary_u8_avx512"
#define ADD_NS 0.095
#define MUL_NS 0.095
#include "kernels/binary_int8/binary_u8.inc"
#endif
