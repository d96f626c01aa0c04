/* What a tile of linear layers reads of one kernel row (kernels/linear/tile_f32.h). */
#ifndef INFER_KERNELS_LINEAR_TILE_ROW_H
#define INFER_KERNELS_LINEAR_TILE_ROW_H

#include <stdint.h>

/* Where the first tile row's inputs begin, and how many products of a sum come before. */
struct infer__tile_row {
    const float *x;
    int64_t before;
};

#endif
