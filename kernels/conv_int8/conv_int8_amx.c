/* Int8 convolution, AMX. RATE is half of what tile instructions reach at their best on Sapphire
 * Rapids, as the loads beside them and the tails take time; it has not been measured. */
#if defined(__x86_64__)
#define RATE 1000.0
#define LOAD 8.0
#define CONV8_NAME "conv_int8_amx"
#include "kernels/conv_int8/conv_int8_amx.inc"
#endif
