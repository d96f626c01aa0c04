/* Without VNNI bytes are widened to 16 bits before they are multiplied. */
#if defined(__x86_64__)
#define NAME int8_avx512
#define VECTOR __m512i
#define SUM __m512i
#define SET _mm512_set1_epi32
#define DOT(sum, x) _mm512_add_epi32(sum, _mm512_madd_epi16((x) ^ (sum), x))
#define OPS 64
#include "bench/machine_dot.inc"
#endif
