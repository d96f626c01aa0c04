/* ChannelShuffle of bytes, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define KERNEL_NAME "shuffle_1_avx2"
#include "kernels/shuffle/shuffle_1.inc"
#endif
