/* ChannelShuffle of elements of four bytes, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define KERNEL_NAME "shuffle_4_avx512"
#include "kernels/shuffle/shuffle_4.inc"
#endif
