/* A convolution or transposed convolution as its kernels see it, and how the blocked kernels cut
 * it into pieces. Everything is worked out from the task; nothing is kept.
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
#ifndef INFER_KERNELS_CONV_CONV_SHAPE_H
#define INFER_KERNELS_CONV_CONV_SHAPE_H

#include "kernels/kernel.h"

/* Output channels of a block, blocks of a panel at most, tiles of a chunk at most. */
#define CONV_BLOCK 16
#define CONV_PANEL_MAX 4
#define CONV_CHUNK_MAX 16

struct infer__conv_shape {
    const struct infer__window *w;
    struct infer__spatial x, y;
    int64_t y_step; /* floats from one output pixel to the next: y.c or more */
    int transposed;
    int has_bias;           /* in[2] */
    uint32_t scale;         /* number of the operand that scales x by image and channel, 0: none */
    uint32_t residual;      /* number of the residual's operand, 0 for none */
    int64_t groups, cg, mg; /* groups; input and output channels of each */
    int64_t taps;           /* kernel positions */

    /* cut, set by infer__conv_cut */
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

/* 1 if `t` is a well-formed f32 (transposed, scaled) convolution, and sets the first part of *s. */
int infer__conv_shape(const struct infer__task *t, struct infer__conv_shape *s);
/* 1 if the blocked kernels can do it: nothing is empty, and the table of a tile is of sane size. */
int infer__conv_servable(const struct infer__conv_shape *s);
/* 2 per multiply-add. */
double infer__conv_flops(const struct infer__conv_shape *s);
/* Products that take `ns` on a Zen 4 with `bytes` of weights, of which the next are fetched while
 * some are used: what `m` takes. */
double infer__conv_ns(const struct infer__machine *m, double ns, double bytes);

/* One output before residual and activation: channel m of the pixel at[] (D, H, W) of image n. */
typedef float infer__conv_output(const struct infer__conv_shape *s, const struct infer__buffers *b,
                                 int64_t n, const int64_t at[3], int64_t m);
/* The definitions' walk over the output: a unit is a run of its rows, which `one` fills output by
 * output, in order; then residual and activation. */
void infer__conv_rows(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end, infer__conv_output *one);
infer_status infer__conv_rows_prepare(const struct infer__task *t, struct infer__need *need,
                                      infer_error *err);

/* First and past-the-last tap k of an axis with 0 <= begin + k * dilation < size; `begin` is the
 * input coordinate of tap 0. An empty range is out[0] == out[1]. */
void infer__tap_range(int64_t begin, int64_t dilation, int64_t kernel, int64_t size,
                      int64_t out[2]);

/* Sets the second part for tiles of `tile` pixels and panels of at most `panel` blocks. */
void infer__conv_cut(struct infer__conv_shape *s, uint32_t threads, int tile, int panel);
/* First block of panel `p` in its group, p = 0 .. panels. */
int64_t infer__conv_panel(const struct infer__conv_shape *s, int64_t p);

/* Bytes of the packed weights, zeros included, and floats before the zeros. */
struct infer__bytes infer__conv_packed_bytes(const struct infer__conv_shape *s);
int64_t infer__conv_packed_floats(const struct infer__conv_shape *s);
/* Packs panels first .. last - 1 of all groups as [group][panel][tap][input channel][16 * blocks of
 * the panel], behind the last one x.c zeros. */
void infer__conv_pack(const struct infer__conv_shape *s, const float *weights, int64_t first,
                      int64_t last, float *packed);

/* Describes tile number `i` and fills its part of the table: entry [tap * s->tile + pixel] is
 * where the first channel of the input pixel is; entry [tap * s->tile] is NULL if no pixel of the
 * tile has that tap. */
void infer__conv_table(const struct infer__conv_shape *s, int64_t i, const float *x,
                       const float *zeros, const float **table, struct infer__conv_tile *tile);

#endif
