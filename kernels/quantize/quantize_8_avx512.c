/* QuantizeLinear and DequantizeLinear of bytes, AVX-512. */
#if defined(__x86_64__)
#define VEC_LEVEL 512
#define QUANTIZE_NAME "quantize_8_avx512"
#define DEQUANTIZE_NAME "dequantize_8_avx512"
#define RANGE_NAME "dynamic_range_avx512"
#define DYNAMIC_NAME "dynamic_quantize_avx512"
#include "kernels/quantize/quantize_8.inc"
#endif
