/* ChannelShuffle of elements of four bytes, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define KERNEL_NAME "shuffle_4_avx2"
#include "kernels/shuffle/shuffle_4.inc"
#endif
