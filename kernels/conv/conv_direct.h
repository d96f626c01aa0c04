/* How the direct f32 convolutions cut a convolution: those whose sums stay in registers from the
 * first product to the store, because their reduction is short (first layers, thin 1x1, groups).
 *
 * The output's pixels are cut into tiles of neighbours in a row, a group's output channels into
 * panels of one to four vectors, the last of which may be half a vector. For each kernel row the
 * inputs of a pixel are runs of consecutive floats: one run of kernel width * channels where taps
 * touch (one group, no dilation), else one per tap. Neighbouring pixels' runs are a constant step
 * apart, so a tile needs no table. Tiles that reach into the padding left or right are first copied
 * with zeros around; kernel rows in the padding are left out. Where dilation is so wide that a good
 * part of all taps lies in the padding, a row is instead cut where the set of its taps changes, and
 * each tile has a run for every tap that it really has.
 */
#ifndef INFER_KERNELS_CONV_DIRECT_H
#define INFER_KERNELS_CONV_DIRECT_H

#include "kernels/linear/linear.h"
#include "kernels/linear/tile_row.h"

/* Vectors of a panel, tiles of a chunk, kernel rows, and parts of a row with their own taps at
 * most. */
enum { DIRECT_PANEL = 4, DIRECT_CHUNK = 8, DIRECT_ROWS = 64, DIRECT_CUTS = 16 };

/* Registers of a level. */
struct infer__direct_level {
    int vec;                /* floats of a vector */
    int half;               /* floats of half a vector, 0: there are no such operations */
    int tile[DIRECT_PANEL]; /* pixels of a tile, by the panel's number of vectors less 1 */
    double rate;            /* multiply-adds per ns when all goes well */
};

struct infer__direct {
    struct infer__linear s;
    const struct infer__direct_level *level;
    int flat;            /* all pixels are one row: 1x1, stride 1, no padding */
    int64_t rows, width; /* rows of pixels and their pixels */
    int64_t run, runs;   /* floats of a run, runs of a kernel row */
    int64_t kernel_rows; /* D times H */
    struct infer__tile_chain chain;
    int64_t vectors, panels; /* of a group; half a vector counts as one */
    int64_t floats;          /* packed floats of a group's channels, per tap and channel */
    int tile;                /* pixels of a tile at most */
    int64_t tiles_per_row, tiles;
    int64_t least, larger; /* a row's tiles have `least` pixels, the first `larger` one more */
    int64_t border;        /* floats of a copied or scaled tile; 0: no tile needs one */
    int cuts;              /* 0, or parts of a row that have their own taps: [cut[i], cut[i + 1]) */
    int64_t cut[DIRECT_CUTS + 1];
    double used;           /* share of the taps that are computed */
    int64_t chunk, chunks; /* tiles that use a panel one after the other, at most; runs of them */
    int64_t items;         /* chunks * groups * panels */
    int panel_major;       /* items of one panel stand together: weights are read once */
    uint32_t units;
};

/* 1 if the direct kernels can do it, and fills *d. */
int infer__direct_cut(const struct infer__task *t, const struct infer__direct_level *level,
                      struct infer__direct *d);
/* Predicted time. */
double infer__direct_ns(const struct infer__direct *d, const struct infer__machine *m);

/* One panel: its group, channels channel .. channel + valid - 1 of the output, its full vectors
 * and whether half a vector follows, and where its packed weights begin. */
struct infer__direct_panel {
    int64_t group, channel, weights;
    int full, half, valid;
};
struct infer__direct_panel infer__direct_panel(const struct infer__direct *d, int64_t group,
                                               int64_t index);

/* Packed weights are [group][panel][tap][input channel][floats of the panel]. */
struct infer__bytes infer__direct_packed_bytes(const struct infer__direct *d);

/* One tile of one group. */
struct infer__direct_tile {
    int64_t pixel; /* of the output */
    int count;
    int nrows;
    int64_t step;     /* from a pixel's runs to the next pixel's */
    int64_t run_step; /* from a run to the next */
    struct infer__tile_row rows[DIRECT_ROWS];
};

/* Describes tiles first .. first + count - 1 for a group; `copies` has d->border floats for each.
 * Nothing is scaled yet. */
void infer__direct_tiles(const struct infer__direct *d, int64_t first, int count, int64_t group,
                         const float *x, float *copies, struct infer__direct_tile *tiles);

#endif
