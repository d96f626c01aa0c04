#if defined(__x86_64__)
#define WIDTH 32
#define ISA avx2
#include "bench/machine_loops.inc"
#endif
