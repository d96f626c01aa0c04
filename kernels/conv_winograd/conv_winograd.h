/* Winograd's minimal filtering for 3 x 3 convolutions of stride 1, F(2x2, 3x3) and F(4x4, 3x3)
 * (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015): an output tile of
 * m x m pixels costs (m + 2)^2 multiplications per pair of channels in place of 9 m^2, that is
 * 2.25 (m = 2) or 4 times (m = 4) fewer, and some additions per channel.
 *
 *   V = B' d B    per input channel, of a tile's (m + 2) x (m + 2) input pixels d
 *   U = G g G'    per pair of channels, of the 3 x 3 weights g, when they are packed
 *   M = sum over input channels of U .* V: one matrix product for each of the (m + 2)^2 points
 *   y = A' M A    per output channel
 *
 * Work goes group by group: the tiles of a group are transformed for all input channels, then for
 * one panel of output channels after another multiplied and transformed back. An output's
 * arithmetic does not depend on the group or the panel that it falls into.
 *
 * The points of F(4x4) are 0, +-5/8, +-3/2 and infinity. All coefficients of B and A made of them
 * are exact in f32, and the largest error is a third to a fifth of that of the usual 0, +-1, +-2
 * (measured on random data; its mean square root is twice that of a direct f32 convolution).
 *
 * What Winograd does differently from a direct convolution: an input that is infinite or NaN
 * spreads to all outputs of its tiles, and inputs near the largest float may overflow, as V is up
 * to 28 times as large as d.
 */
#ifndef INFER_KERNELS_CONV_WINOGRAD_CONV_WINOGRAD_H
#define INFER_KERNELS_CONV_WINOGRAD_CONV_WINOGRAD_H

#include "kernels/conv/conv_shape.h"

/* Points of F(4x4): 0, +-A, +-B, infinity. */
#define WINOGRAD_A 0.625f
#define WINOGRAD_B 1.5f

/* Output channels of a panel at most. */
#define WINOGRAD_PANEL (CONV_PANEL_MAX * CONV_BLOCK)

struct infer__winograd {
    struct infer__conv_shape s; /* its first part only */
    int out, in;                /* pixels of a tile's side: 4 and 6, or 2 and 4 */
    int points;                 /* in * in */
    int64_t across, down;       /* tiles of a picture */
    int64_t tiles;              /* of all pictures */
    int64_t passes;             /* groups of tiles that one thread would make */
    int64_t groups, group;      /* groups of tiles; tiles of one at most */
    int64_t blocks, panels;     /* of output channels */
    int64_t parts;              /* a group's panels go to this many items */
    uint32_t units;             /* of groups * parts items */
    int64_t channels;           /* input channels, filled up to a multiple of CONV_BLOCK */
    int64_t v_point, m_point;   /* floats from one point to the next in V and in M */
};

/* 1 if the task is a 3 x 3 convolution of stride 1 with constant weights. Sets everything of *w,
 * for tiles of `out` x `out` pixels. */
int infer__winograd_shape(const struct infer__task *t, int out, struct infer__winograd *w);

/* First block of panel p, p = 0 .. panels. */
int64_t infer__winograd_panel(const struct infer__winograd *w, int64_t p);

/* Floats of scratch: a pixel of zeros, V, M. */
int64_t infer__winograd_scratch(const struct infer__winograd *w);

/* Floats of U, and U itself: [panel][point][strip][input channel][channels of the strip]; a strip
 * is `strip` blocks of a panel, the last one perhaps fewer. Worked out in double, rounded once. */
int64_t infer__winograd_packed(const struct infer__winograd *w);
void infer__winograd_pack(const struct infer__winograd *w, int strip, const float *weights,
                          float *packed);

/* How fast a kernel's parts are. */
struct infer__winograd_speed {
    double products;      /* multiply-adds per ns */
    double weight_bytes;  /* bytes of U from memory per ns */
    double input, output; /* ns of transforms, per point and channel of a tile */
    double activation;    /* ns of an output */
    int rows;             /* tiles that a product takes at once */
};

/* Predicted ns on one thread. */
double infer__winograd_estimate(const struct infer__winograd *w,
                                const struct infer__winograd_speed *v);

#endif
