/* Winograd's minimal filtering for convolutions of stride 1 (Lavin and Gray, "Fast algorithms for
 * convolutional neural networks", 2015): an output tile of m x m pixels of a r x r kernel costs
 * (m + r - 1)^2 multiplications per pair of channels in place of m^2 r^2, and some additions per
 * channel. F(4x4, 3x3) has 4 times fewer, F(2x2, 3x3) 2.25, F(4x4, 5x5) 6.25; kernels of one row or
 * column go the same way along one axis: F(4, 3) has 2 times fewer, F(4, 7) 2.8.
 *
 *   V = B' d B    per input channel, of a tile's (m + r - 1)^2 input pixels d
 *   U = G g G'    per pair of channels, of the weights g, when they are packed
 *   M = sum over input channels of U .* V: one matrix product for each of the (m + r - 1)^2 points
 *   y = A' M A    per output channel
 *
 * Work goes group by group: the tiles of a group are transformed for all input channels, then for
 * one panel of output channels after another multiplied and transformed back. An output's
 * arithmetic does not depend on the group or the panel that it falls into.
 *
 * The points along an axis are 0, +-x of some pairs, and infinity. Those of F(4, 3) are 0, +-5/8,
 * +-3/2 and infinity: all coefficients of B and A made of them are exact in f32, and the largest
 * error is a third to a fifth of that of the usual 0, +-1, +-2 (measured on random data; its mean
 * square root is twice that of a direct f32 convolution). The points of more pairs were chosen by
 * such measurements, too: F(4x4, 5x5) has some 4 times the error of a direct convolution, F(4, 7) 5
 * times.
 *
 * With operands in bf16 it is V and U that are rounded; M and all else stay f32. The error is then
 * twice, F(4x4) five times, that of a direct convolution with its operands in bf16.
 *
 * What Winograd does differently from a direct convolution: an input that is infinite or NaN
 * spreads to all outputs of its tiles, and inputs near the largest float may overflow, as V is up
 * to 28 times as large as d.
 */
#ifndef INFER_KERNELS_CONV_WINOGRAD_CONV_WINOGRAD_H
#define INFER_KERNELS_CONV_WINOGRAD_CONV_WINOGRAD_H

#include "kernels/linear/linear.h"

/* The tile of a kernel, along H and W: its outputs; pairs of points, 0 where the kernel is one
 * pixel wide, else there are 2 * pairs + 2 points, as many as input pixels.
 *
 * With stride 2 (kernels of three, 4 outputs) the even input pixels meet the outer two taps, which
 * is F(4, 2) with the points 0 and +-x alone, and the odd ones meet the middle tap, each as it is:
 * 5 + 4 points in place of 12 products, 1.8 times fewer along both axes. */
struct infer__winograd_tile {
    int out[2], pairs[2], stride;
    int bf16; /* 1: V and U are rounded to bf16, which stand in pairs of channels, each in the place
                 of a float */
};

enum { WINOGRAD_PAIRS = 4, WINOGRAD_LINE = 10, WINOGRAD_TAPS = 7 }; /* at most, on one axis */

/* The positive point of pair p out of `pairs`. */
static inline double infer__winograd_point(int pairs, int p)
{
    if (pairs == 1)
        return 1;
    if (pairs == 2)
        return p == 0 ? 0.625 : 1.5;
    if (pairs == 3)
        return p == 0 ? 0.5 : p == 1 ? 1 : 1.75;
    return p == 0 ? 0.4375 : p == 1 ? 0.8125 : p == 2 ? 1.25 : 1.75;
}

/* Output channels of a panel at most. */
#define WINOGRAD_PANEL (CONV_PANEL_MAX * CONV_BLOCK)

struct infer__winograd {
    struct infer__linear s; /* its first part only */
    struct infer__winograd_tile tile;
    int in[2], kernel[2];     /* input pixels of a tile and taps, along H and W */
    int lines[2];             /* different weights along an axis: as many as points, or 6 */
    int points;               /* in[0] * in[1] */
    int64_t across, down;     /* tiles of a picture */
    int64_t tiles;            /* of all pictures */
    int64_t passes;           /* groups of tiles that one thread would make */
    int64_t groups, group;    /* groups of tiles; tiles of one at most */
    int64_t blocks, panels;   /* of output channels */
    int64_t parts;            /* a group's panels go to this many items */
    uint32_t units;           /* of groups * parts items */
    int64_t channels;         /* input channels, filled up to a multiple of CONV_BLOCK */
    int64_t v_row;            /* floats of a tile in V at one point: channels, or pairs of them */
    int64_t depth;            /* steps of the products: input channels, or pairs of them */
    int64_t v_point, m_point; /* floats from one point to the next in V and in M */
};

/* 1 if the task is a convolution of stride 1 with constant weights and a kernel of this tile's
 * size. Sets everything of *w. */
int infer__winograd_shape(const struct infer__task *t, const struct infer__winograd_tile *tile,
                          struct infer__winograd *w);

/* First block of panel p, p = 0 .. panels. */
int64_t infer__winograd_panel(const struct infer__winograd *w, int64_t p);

/* Floats of scratch: a pixel of zeros, V, M. */
int64_t infer__winograd_scratch(const struct infer__winograd *w);

/* Floats of U, which is [panel][point][strip][step][channels of the strip]; a strip is a few blocks
 * of a panel, the last one perhaps fewer. */
int64_t infer__winograd_packed(const struct infer__winograd *w);
/* G of both axes; with stride 2, that of the outer taps. */
void infer__winograd_weights(const struct infer__winograd *w,
                             double g[2][WINOGRAD_LINE][WINOGRAD_TAPS]);

/* How fast a kernel's parts are. */
struct infer__winograd_speed {
    double products; /* multiply-adds per ns, and bytes of U from memory: on a Zen 4 */
    double weight_bytes;
    double input, output; /* ns of transforms, per point and channel of a tile */
    double activation;    /* ns of an output */
    int rows;             /* tiles that a product takes at once */
};

/* Predicted ns on one thread. */
double infer__winograd_estimate(const struct infer__winograd *w,
                                const struct infer__winograd_speed *v,
                                const struct infer__machine *m);

#endif
