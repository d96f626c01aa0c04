/* Bf16 convolution and dense layers, AMX. */
#if defined(__x86_64__)
#include "kernels/conv_bf16/conv_bf16_amx.inc"
#endif
