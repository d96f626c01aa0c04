/* Grouped int8 convolutions of 4, 8 or 16 channels in and out: what fills a vector is several
 * groups. Blocks of 16 channels are 16 bytes of a pixel, which are broadcast to the four parts of a
 * vector, so that a group's inputs meet the weights of one of its outputs in each part:
 *
 * - 4 channels: four groups, and s32 number 4 l + q is output l of group q.
 * - 8 channels: two groups, and two vectors of sums; number 4 l + q of vector v has the part of
 *   output 4 v + l of group q / 2 that comes from input channels 4 (q % 2) .. + 3, so that pairs
 * are added at the end.
 * - 16 channels: one group, whose inputs are broadcast four by four.
 *
 * A tile is of pixels in their order in memory, whatever row they are in: a table says where each
 * tap of each pixel is, in the padding a line of the input's zero point. */
#ifndef INFER_KERNELS_CONV_GROUPS_INT8_H
#define INFER_KERNELS_CONV_GROUPS_INT8_H

#include "kernels/conv_int8/conv_int8.h"

enum { GROUPS8_TILE = 14, GROUPS8_BLOCK = 16, GROUPS8_TAPS = 64 };

struct infer__groups8 {
    struct infer__linear s;
    int kind;              /* channels of a group */
    int tile;              /* pixels of a tile that are computed, at most GROUPS8_TILE */
    int64_t pixels, tiles; /* tiles have nearly the same number of pixels, at most `tile` */
    int64_t blocks, parts; /* blocks of 16 channels; sets of them that are items of their own */
    int64_t items;         /* tiles * parts */
    int64_t block_bytes;   /* packed weights of a block, [tap][kind / 4][16][4] */
    int64_t at_small, at_start, at_factor, at_line, packed_bytes;
    uint32_t units;
};

/* 1 if the kernel can do it, and fills *g. */
int infer__groups8_cut(const struct infer__task *t, struct infer__groups8 *g);
/* Predicted time; `rate` in multiply-adds per ns. */
double infer__groups8_ns(const struct infer__groups8 *g, double rate);
/* Fills packed memory: weights, infer__conv8_small, starts as the sums are, factors in the order of
 * channels, line. */
void infer__groups8_pack(const struct infer__task *t, const struct infer__groups8 *g, void *packed);
/* Fills table[tap * tile + pixel] for `count` pixels from number `first` on; those up to `tile`
 * repeat the last one. */
void infer__groups8_table(const struct infer__groups8 *g, int64_t first, int count,
                          const uint8_t *x, const uint8_t *line, const uint8_t **table);

#endif
