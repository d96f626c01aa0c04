/* What this machine can do at most, measured: the limits that a kernel's time is held against. */
#ifndef INFER_BENCH_MACHINE_H
#define INFER_BENCH_MACHINE_H

#include "infer.h"

enum { MACHINE_SIZES = 6 };

/* What numbers are multiplied. */
enum machine_kind {
    MACHINE_F32,
    MACHINE_BF16,
    MACHINE_INT8,
    MACHINE_BF16_TILES, /* of AMX */
    MACHINE_INT8_TILES,
    MACHINE_KINDS
};

struct machine {
    infer_isa isa;
    unsigned threads;
    double gflops[MACHINE_KINDS]; /* multiply-adds in registers, two operations each; of kinds that
                                     the level does not have: f32's */
    double gbytes[MACHINE_SIZES]; /* reading a working set of machine_sizes[i] bytes again and
                                     again: from the first-level cache up to memory */
};

extern const double machine_sizes[MACHINE_SIZES];

/* Measures with vectors of `isa` on `threads` threads at once; takes about half a second. */
void machine_measure(infer_isa isa, unsigned threads, struct machine *m);
/* GFLOP/s of f32 multiply-adds of so many threads together. */
double machine_products(infer_isa isa, unsigned threads);
/* GB/s that so many threads together get from memory. */
double machine_memory(infer_isa isa, unsigned threads);
/* GB/s for a step that touches so many bytes once: memory's if they pass the caches. */
double machine_bandwidth(const struct machine *m, double bytes);
/* What a kernel of this name multiplies. */
enum machine_kind machine_kind_of(const char *kernel);
/* Nanoseconds below which this machine can't do it: the larger of the two limits. */
double machine_floor_ns(const struct machine *m, enum machine_kind kind, double flops,
                        double bytes);

/* ---- the loops, one file for each width of vectors ------------------------------------------ */

/* Multiply-adds in `loops` rounds; *flops is how many operations that was. The result is a number
 * that depends on all of them. */
typedef float machine_fma(uint64_t loops, double *flops);
/* A number that depends on every byte; `bytes` is a multiple of 1024, `p` 64-byte aligned. */
typedef uint64_t machine_read(const void *p, size_t bytes);

/* The best for a level. */
machine_read *machine_reader(infer_isa isa);

machine_fma machine_fma_c, machine_fma_avx2, machine_fma_avx512;
machine_fma machine_dot_int8_avx2, machine_dot_int8_avx512, machine_dot_int8_vnni, machine_dot_bf16;
machine_fma machine_tiles_int8, machine_tiles_bf16;
machine_read machine_read_c, machine_read_avx2, machine_read_avx512;

#endif
