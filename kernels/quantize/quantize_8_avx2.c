/* QuantizeLinear and DequantizeLinear of bytes, AVX2. */
#if defined(__x86_64__)
#define VEC_LEVEL 256
#define QUANTIZE_NAME "quantize_8_avx2"
#define DEQUANTIZE_NAME "dequantize_8_avx2"
#define RANGE_NAME "dynamic_range_avx2"
#define DYNAMIC_NAME "dynamic_quantize_avx2"
#include "kernels/quantize/quantize_8.inc"
#endif
