/* Without VNNI bytes are widened to 16 bits before they are multiplied. */
#if defined(__x86_64__)
#define NAME int8_avx2
#define VECTOR __m256i
#define SUM __m256i
#define SET _mm256_set1_epi32
#define DOT(sum, x) _mm256_add_epi32(sum, _mm256_madd_epi16((x) ^ (sum), x))
#define OPS 32
#include "bench/machine_dot.inc"
#endif
