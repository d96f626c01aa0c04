/* What a tile of linear layers reads of one kernel row, and how its sums are cut into chains
 * (kernels/linear/tile_f32.h). */
#ifndef INFER_KERNELS_LINEAR_TILE_ROW_H
#define INFER_KERNELS_LINEAR_TILE_ROW_H

#include <stdint.h>

/* Where the first tile row's inputs begin, and how many products of a sum come before. */
struct infer__tile_row {
    const float *x;
    int64_t before;
};

/* Products of a chain: those of so many kernel rows, or of so many runs of one row, or so many of
 * one run. rows = 0: all are one chain. */
struct infer__tile_chain {
    int64_t rows, runs, run;
};

/* For sums of `rows` kernel rows of `runs` runs of `run` products; shorter chains if `strict`. */
struct infer__tile_chain infer__tile_chain(int strict, int64_t rows, int64_t runs, int64_t run);

#endif
