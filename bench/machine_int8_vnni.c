#if defined(__x86_64__)
#define NAME int8_vnni
#define VECTOR __m512i
#define SUM __m512i
#define SET _mm512_set1_epi32
#define DOT(sum, x) _mm512_dpbusd_epi32(sum, x, x)
#define OPS 128
#include "bench/machine_dot.inc"
#endif
