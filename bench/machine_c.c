#define WIDTH 16
#define ISA c
#include "bench/machine_loops.inc"
