#if defined(__x86_64__)
#define WIDTH 64
#define ISA avx512
#include "bench/machine_loops.inc"
#endif
