/* Int8 convolution, AMX. */
#if defined(__x86_64__)
#define CONV8_NAME "conv_int8_amx"
#include "kernels/conv_int8/conv_int8_amx.inc"
#endif
