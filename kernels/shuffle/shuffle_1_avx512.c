/* ChannelShuffle of bytes, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define KERNEL_NAME "shuffle_1_avx512"
#include "kernels/shuffle/shuffle_1.inc"
#endif
