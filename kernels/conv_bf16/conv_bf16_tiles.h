/* How a bf16 convolution or dense layer is cut for the tiles of AMX; what it means is in
 * conv_bf16.h.
 *
 * A tile of sums is 16 pixels by 16 output channels. A block is up to 32 pixels by a panel of 32
 * channels: four tiles of sums, and for each step of 32 products two tiles of inputs, whose rows
 * are the pixels, and two of weights.
 *
 * Neighbouring pixels must be a constant step apart. Where all pixels are one row (1x1, dense) and
 * the input is bf16 in whole steps, it is read where it is. Else a chunk of output rows begins with
 * a copy of what it reads, in bf16, with zeros for the padding. A stride splits the copy into
 * phases: plane (i, j) has the rows i, i + stride, ... and columns j, j + stride, ... of the padded
 * input. Tap (kh, kw) of output (row, column) is then pixel (row, column) + a constant of one
 * plane, and pixels across the ends of rows are neighbours too, if the few at a row's end that
 * belong to no output are computed with the others and left out: blocks need not end with a row.
 * Where a pixel has few channels, the taps of a kernel row are one run of products instead; columns
 * then have no phases, and with a stride blocks do end with their row.
 */
#ifndef INFER_KERNELS_CONV_BF16_TILES_H
#define INFER_KERNELS_CONV_BF16_TILES_H

#include "kernels/conv_bf16/conv_bf16.h"

/* Rows of a tile, products of a step, channels and pixels of a block, runs at most. */
enum {
    TILES16_ROWS = 16,
    TILES16_STEP = 32,
    TILES16_PANEL = 32,
    TILES16_BLOCK = 32,
    TILES16_RUNS = 128
};

/* Bytes of a layer's weights up to which the second-level cache is taken to hold them. */
enum { TILES16_CACHED = 1 << 20 };

/* One axis of the copy, rows or columns. */
struct infer__tiles16_axis {
    int64_t phases; /* 1, or the stride */
    int64_t step;   /* input rows or columns from one of a plane to the next */
    int64_t reach;  /* those of a plane beyond an output's own that its taps need */
};

struct infer__tiles16 {
    struct infer__linear s; /* groups, cg and mg after merging */
    int64_t merge;          /* groups that were made one, with weights of 0 in between */
    int flat;               /* 1: all pixels are one row (1x1, stride 1, no padding) */
    int in_place;           /* 1: the input is read where it is */
    int merged;             /* 1: runs are kernel rows, else taps */
    int64_t channels;       /* of a pixel of the copy, or of the input where in_place */
    struct infer__tiles16_axis h, w;
    int64_t pixel_step;      /* bf16 from pixel to pixel of a block */
    int64_t columns, rows;   /* of a plane of a chunk's copy */
    int64_t runs, steps;     /* runs; steps of each */
    int64_t vectors, panels; /* of a group: sixteens of output channels, panels */
    int64_t packed_panel;    /* bf16 of a whole panel's weights */
    int64_t lines;           /* output rows (pixels where flat) of a picture */
    int64_t chunk, chunks;   /* of them in a chunk; chunks of all pictures */
    int64_t plane_chunks;    /* chunks of one picture */
    int64_t parts;           /* a chunk's panels go to this many items */
    int64_t items;           /* chunks * groups * parts */
    uint32_t units;
    int64_t packed_bytes, scratch_bytes;
};

/* 1 if the kernel can do it, and fills *c. */
int infer__tiles16_cut(const struct infer__task *t, struct infer__tiles16 *c);
/* Predicted time. */
double infer__tiles16_ns(const struct infer__tiles16 *c);
/* Where each run begins, in bf16 from the pixel's own place in the first plane. */
void infer__tiles16_runs(const struct infer__tiles16 *c, int64_t at[TILES16_RUNS]);
/* Pixels of a line's output, and from the first of one line to the first of the next: they differ
 * where blocks go across the ends of rows. */
static inline int64_t infer__tiles16_pitch(const struct infer__tiles16 *c)
{
    return c->flat ? 1 : c->pixel_step == c->channels ? c->columns : c->s.y.w;
}
/* 1: a block stays within its line. */
static inline int infer__tiles16_by_line(const struct infer__tiles16 *c)
{
    return c->pixel_step != c->channels;
}

#endif
