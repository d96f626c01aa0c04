/* A chain of convolutions as its kernels see it: the inverted residual of MobileNetV2 and its kin,
 * or a part of it.
 *
 *   1x1 (expand) -> depthwise -> 1x1 (project)     or only the first two, or only the last two
 *
 * The plan makes it of three (two) nodes where that is faster: what is expanded then never leaves
 * the second-level cache. Work goes by bands of output rows. In a band, round by round: the input
 * rows that `group` output rows need and that are not there yet are expanded into a ring of rows,
 * the depthwise rows are computed from it, and projected. Where there is no projection, the
 * expanded channels are cut into parts of 64 and each part goes through alone.
 *
 * Bands would all read all weights. Where those are many and the picture is small, several threads
 * share out the expanded channels first, as if there was no projection, and then the panels of the
 * projection, for all pixels: each weight is read by one thread.
 *
 * Each value is computed as the kernels of its single convolution would, in an order that depends
 * on nothing but its place: bands and rounds, and so threads, change no bit. Rows that two bands
 * need are expanded by both.
 */
#ifndef INFER_KERNELS_CHAIN_CHAIN_SHAPE_H
#define INFER_KERNELS_CHAIN_CHAIN_SHAPE_H

#include "kernels/kernel.h"

enum { CHAIN_BLOCK = 16, CHAIN_PART = 4 }; /* channels of a block, blocks of a part */

/* Operands of a task; weights and biases are constants; absent ones have no type. */
enum {
    CHAIN_X,
    CHAIN_DEPTHWISE,
    CHAIN_DEPTHWISE_BIAS,
    CHAIN_EXPAND,
    CHAIN_EXPAND_BIAS,
    CHAIN_PROJECT,
    CHAIN_PROJECT_BIAS,
    CHAIN_RESIDUAL
};

struct infer__chain_shape {
    const struct infer__window *w; /* the depthwise's */
    struct infer__spatial x, y;
    int expand, project; /* 1: there is one */
    int residual;        /* 1: it is added behind the projection */
    int64_t middle;      /* channels of the depthwise */
    int64_t padded;      /* the same in whole blocks */

    int apart;      /* 1: the projection is in units of its own, which wait for all others */
    int64_t group;  /* output rows of a round, even unless there is but one */
    int64_t ring;   /* rows of the ring, 0 if there is none */
    int64_t step;   /* floats of a pixel in the ring */
    int64_t strips; /* of pixels, that a projection which is apart is shared out in; else 0 */
    int64_t parts;  /* of the channels, 1 if there is a projection that is not apart */
    int64_t bands;  /* of a picture */
    int64_t items;  /* pictures * bands * parts; panels of a projection that is apart are more */
    uint32_t units, barrier;            /* as in struct infer__need */
    int64_t ring_floats, middle_floats; /* of scratch; what is in the middle is common to all units
                                           where the projection is apart */
    /* where each part of the packed weights begins, in floats, and their end */
    int64_t at_expand, at_expand_bias, at_depthwise, at_depthwise_bias, at_project, at_project_bias,
        packed_floats;
};

/* Parts of at most CHAIN_PART blocks that so many blocks are cut into: of any number of threads,
 * since packed weights follow them; an even one where there are more than a few, which two threads
 * and more share out evenly. */
int64_t infer__chain_parts(int64_t blocks);

/* 1 if `t` is a chain that the kernels serve, and fills *s. */
int infer__chain_shape(const struct infer__task *t, struct infer__chain_shape *s);

#endif
