/* Depthwise convolution of pictures of u8 by s8: what all levels share.
 *
 * A strip is one row of the output or, where rows are dense (stride 1), two that are a dilation
 * apart and so share all but one of their input rows. A strip is computed in chunks of columns and,
 * within one, in blocks of channels: 64, 32 or 16 of them, the last one perhaps not full.
 *
 * First every input column of the chunk is interleaved: the bytes of four rows that stand below
 * each other become one s32 lane, a quad, in scratch. Then each output is the sum of its quads'
 * products, one for each column and four rows of the kernel; of two rows of output, the lower one
 * has the same quads and weights that are shifted by a row:
 *
 *   rows of input      a  b  c  d       e.g. 3 rows of weights: w0 w1 w2
 *   upper output      w0 w1 w2  0
 *   lower output       0 w0 w1 w2
 *
 * Where weights are bytes, one less its zero point may need nine bits. It is then the sum of two
 * bytes, and quarters of blocks (below) that have such weights are summed twice.
 *
 * Interleaving leaves channels 16 l + 4 q + e of a block in lane l, element e of vector q, its
 * quarter q; packing the four vectors to bytes puts them in order again. Constants are stored in
 * the order of lanes.
 */
#ifndef INFER_KERNELS_DEPTHWISE_INT8_DEPTHWISE_U8_H
#define INFER_KERNELS_DEPTHWISE_INT8_DEPTHWISE_U8_H

#include "kernels/conv_int8/conv_int8.h"
#include "kernels/table/table_u8.h"

enum {
    DW8_ROWS = 16,  /* input rows of a strip at most */
    DW8_WIDEST = 64 /* channels of a block at most */
};

/* What differs between levels. */
struct infer__dw8_level {
    uint8_t isa;
    int widest;                /* channels of a block: 64 or 32 */
    int bytes;                 /* of a weight, and of an input byte in a quad: 1 or 2 */
    double rate, each, column; /* for the estimate: see infer__dw8_ns */
};

struct infer__dw8 {
    struct infer__linear s;
    const struct infer__dw8_level *level;
    int rows;  /* of output in a strip: 1 or 2 */
    int quads; /* below each other */
    int kernel_h, kernel_w;
    int64_t apart;         /* rows between the two of a strip */
    int64_t strips;        /* of all pictures */
    int64_t chunk;         /* output columns at once */
    int64_t columns;       /* input columns of a chunk */
    int64_t group, groups; /* channels that are one item's; items of a strip */
    uint32_t units;
    int64_t per_channel; /* packed bytes */
    double twice;        /* the part of the quarters that are summed twice */
    int64_t at_twice;    /* in the packed bytes, where, if there are such quarters, for each 16
                            channels bit q says that quarter q of the block that begins there is one
                          */
    infer__table_row *table_row; /* NULL where there is no table: asking the CPU takes time */
};

/* Before the packed weights. */
struct infer__dw8_packed {
    uint8_t line[DW8_WIDEST]; /* of the input's zero point */
};

/* 1 if `t` is such a convolution that the level can do, and fills *d. */
int infer__dw8_of(const struct infer__task *t, const struct infer__dw8_level *level,
                  struct infer__dw8 *d);
/* Whether the weights fit in one or two bytes and no sum times its factor can leave s32: the level
 * of bytes does not look. Fills d->twice. Reads all weights. */
int infer__dw8_fits_bytes(const struct infer__task *t, struct infer__dw8 *d);
/* The width of the block that begins where `channels` are left. */
int infer__dw8_width(const struct infer__dw8_level *level, int64_t channels);
double infer__dw8_ns(const struct infer__dw8 *d);
infer_status infer__dw8_prepare(const struct infer__task *t, struct infer__dw8 *d,
                                struct infer__need *need);
void infer__dw8_pack(const struct infer__task *t, const struct infer__dw8 *d, void *packed);

/* One strip of one chunk. */
struct infer__dw8_strip {
    const struct infer__dw8 *d;
    const uint8_t *x[DW8_ROWS]; /* input rows, column 0; rows in the padding are the line */
    int64_t step[DW8_ROWS];     /* bytes between columns: 0 for the line */
    int rows;                   /* 1 or 2 */
    uint8_t *y[2];              /* output rows, the chunk's first column */
    int64_t y_step;             /* bytes between columns */
    int64_t in;                 /* input column of the chunk's first */
    int64_t count;              /* output columns */
    const uint8_t *packed;      /* of channel 0 */
    const uint8_t *twice;       /* by 16 channels: see above; NULL: nothing is summed twice */
    uint8_t *scratch;
};

#endif
