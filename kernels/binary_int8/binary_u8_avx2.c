/* Add, Sub and Mul of quantised tensors, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define KERNEL_NAME "binary_u8_avx2"
#define ADD_NS 0.11
#define MUL_NS 0.115
#include "kernels/binary_int8/binary_u8.inc"
#endif
