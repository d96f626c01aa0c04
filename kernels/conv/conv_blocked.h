/* How the blocked kernels cut a convolution or transposed convolution.
 *
 * The output's pixels are cut into tiles of a few pixels, its channels (of one group) into panels
 * of one to four blocks of 16. One tile by one panel is computed in registers: for every tap (one
 * position of the kernel) and input channel, the tile's inputs times the panel's weights. A table
 * says where the input pixel of each tap and tile pixel is, so that padding, strides, dilations
 * and transposed convolution are all a matter of filling the table.
 *
 * A residual may be the output's own memory: each of its elements is read before the output's
 * element is written, in every convolution kernel here.
 *
 * A pixel in the padding is read from a row of zeros behind the packed weights; hence a weight
 * that is not finite gives NaN at the border, which the reference, leaving those taps out, does
 * not.
 */
#ifndef INFER_KERNELS_CONV_CONV_BLOCKED_H
#define INFER_KERNELS_CONV_CONV_BLOCKED_H

#include "kernels/linear/linear.h"

#define CONV_CHUNK_MAX 16 /* tiles of a chunk at most */

struct infer__blocked {
    struct infer__linear s;
    int tile;              /* pixels of a tile at most */
    int flat;              /* 1: all pixels are one row (there is no padding) */
    int64_t rows, width;   /* rows of pixels, pixels of a row that share their taps */
    int64_t phases;        /* sets of pixels of a row with the same taps (transposed), else 1 */
    int64_t tiles_per_row; /* of one phase */
    int64_t tiles;
    int64_t blocks, panels; /* of one group */
    int merge;              /* 1: taps of a kernel row are one run of inputs, away from borders */
    int64_t chunk, chunks;  /* tiles that share one pass over a panel's weights */
    int64_t items;          /* chunks * groups * panels: what units are made of */
    uint32_t units;
};

/* One tile: `count` pixels from number `pixel` on, `step` apart. */
struct infer__conv_tile {
    int64_t pixel, step;
    int count;
    int merged; /* the table has one entry per kernel row, each a run of kernel[2] * cg inputs */
};

/* Cuts s->s into tiles of `tile` pixels and panels of at most `panel` blocks. */
void infer__conv_cut(struct infer__blocked *s, uint32_t threads, int tile, int panel);
/* First block of panel `p` in its group, p = 0 .. panels. */
int64_t infer__conv_panel(const struct infer__blocked *s, int64_t p);

/* Bytes of the packed weights, zeros included, and floats before the zeros. */
struct infer__bytes infer__conv_packed_bytes(const struct infer__blocked *s);
int64_t infer__conv_packed_floats(const struct infer__blocked *s);
/* Describes tile number `i` and fills its part of the table: entry [tap * s->tile + pixel] is
 * where the first channel of the input pixel is; entry [tap * s->tile] is NULL if no pixel of the
 * tile has that tap. */
void infer__conv_table(const struct infer__blocked *s, int64_t i, const float *x,
                       const float *zeros, const float **table, struct infer__conv_tile *tile);

#endif
