/* 3x3 convolutions of stride 1 in int8 by Winograd's minimal filtering F(4x4, 3x3), to the byte
 * what the definition gives: see conv_winograd/conv_winograd.h for the method.
 *
 * With the points 0, +-1, +-2 and infinity, and the rows of G times 4, 6, 6, 24, 24 and 1, every
 * transform is one of integers. A tile of 6 x 6 input pixels less their zero point gives V within
 * +-25500, weights less theirs give U within +-12495, so that both fit s16; the four times fewer
 * products are of s16, of which a vector has half as many as of bytes. What a sum of an output
 * becomes is 576 = 64 * 9 times what it should be. All of it is done modulo 2^32, where 9 has an
 * inverse: times that, the upper 26 bits are the sum. That is exact where no sum can leave
 * -2^25 .. 2^25 - 1, which is known from the weights and the input's zero point; layers of which it
 * is not are left to other kernels.
 *
 * Tiles go in groups. Those of a group are transformed, then for one panel of one or two vectors of
 * output channels after another multiplied at each of the 36 points and transformed back. */
#ifndef INFER_KERNELS_CONV_INT8_WINOGRAD_INT8_H
#define INFER_KERNELS_CONV_INT8_WINOGRAD_INT8_H

#include "kernels/conv_int8/conv_int8.h"

enum { WINO8_IN = 6, WINO8_OUT = 4, WINO8_POINTS = WINO8_IN * WINO8_IN };

struct infer__wino8_level {
    uint8_t isa;
    int vec;          /* s32 of a vector */
    int tile;         /* tiles that a product takes at once */
    double rate;      /* multiply-adds of s16 per ns */
    double transform; /* ns of a vector's load, transforms and store, per point */
};

struct infer__wino8 {
    struct infer__linear s;
    const struct infer__wino8_level *level;
    int64_t across, down, tiles;  /* tiles of a row, of a column, of all pictures */
    int64_t channels;             /* of the input, filled up to whole vectors of s16 */
    int64_t vectors, panels;      /* of the output: of s32; pairs of vectors */
    int64_t passes;               /* groups that one thread would make */
    int64_t groups, group, parts; /* groups, tiles of one at most, items of one */
    uint32_t units;
    int64_t v_point, m_point; /* bytes from one point to the next in V and in M */
    /* packed: U by panel, point, pair of input channels, output channel, channel of the pair; then
     * infer__conv8_small, biases, factors, a line of the input's zero point */
    int64_t at_small, at_start, at_factor, at_line, packed_bytes;
    int64_t scratch_bytes; /* V, M */
};

/* 1 if `t` is such a convolution, and fills *w. Whether its sums stay small is not asked. */
int infer__wino8_cut(const struct infer__task *t, const struct infer__wino8_level *level,
                     struct infer__wino8 *w);
/* 1 if no sum can leave 26 bits. Reads all weights. */
int infer__wino8_is_exact(const struct infer__task *t, const struct infer__wino8 *w);
double infer__wino8_ns(const struct infer__wino8 *w);
/* Writes the U of panel p; those of all panels may be written in any order. */
void infer__wino8_pack_panel(const struct infer__task *t, const struct infer__wino8 *w, int64_t p,
                             void *packed);
/* What follows the panels. */
void infer__wino8_pack_rest(const struct infer__task *t, const struct infer__wino8 *w,
                            void *packed);

/* Tile i: where its 36 input pixels are, in the padding at `line`. */
void infer__wino8_pixels(const struct infer__wino8 *w, int64_t i, const uint8_t *x,
                         const uint8_t *line, const uint8_t *at[WINO8_POINTS]);

#endif
