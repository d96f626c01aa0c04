#if defined(__x86_64__)
#define NAME bf16
#define VECTOR __m512bh
#define SUM __m512
#define SET _mm512_set1_epi32
#define DOT(sum, x) _mm512_dpbf16_ps(sum, x, x)
#define OPS 64
#include "bench/machine_dot.inc"
#endif
