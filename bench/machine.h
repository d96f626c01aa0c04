/* What this machine can do at most, measured: the limits that a kernel's time is held against. */
#ifndef INFER_BENCH_MACHINE_H
#define INFER_BENCH_MACHINE_H

#include "infer.h"

enum { MACHINE_SIZES = 6 };

struct machine {
    infer_isa isa;
    unsigned threads;
    double gflops;                /* f32 multiply-adds in registers, two operations each */
    double gbytes[MACHINE_SIZES]; /* reading a working set of machine_sizes[i] bytes again and
                                     again: from the first-level cache up to memory */
};

extern const double machine_sizes[MACHINE_SIZES];

/* Measures with vectors of `isa` on `threads` threads at once; takes about half a second. */
void machine_measure(infer_isa isa, unsigned threads, struct machine *m);
/* GB/s for a step that touches so many bytes once: memory's if they pass the caches. */
double machine_bandwidth(const struct machine *m, double bytes);
/* Nanoseconds below which this machine can't do it: the larger of the two limits. */
double machine_floor_ns(const struct machine *m, double flops, double bytes);

/* ---- the loops, one file for each width of vectors ------------------------------------------ */

/* Multiply-adds in `loops` rounds; *flops is how many operations that was. The result is a number
 * that depends on all of them. */
typedef float machine_fma(uint64_t loops, double *flops);
/* A number that depends on every byte; `bytes` is a multiple of 1024, `p` 64-byte aligned. */
typedef uint64_t machine_read(const void *p, size_t bytes);

machine_fma machine_fma_c, machine_fma_avx2, machine_fma_avx512;
machine_read machine_read_c, machine_read_avx2, machine_read_avx512;

#endif
