/* Convolutions and dense layers whose operands are rounded to bf16 (to nearest, ties to even), with
 * sums in f32: what the task says, and how the vector kernel cuts it. Input, output and residual
 * are tensors of f32 or, where a plan keeps them so, of bf16; the vector kernel takes f32 alone,
 * and conv_bf16_tiles.h any.
 *
 * Gemm, MatMul and Dense with one constant matrix are taken as 1x1 convolutions of a picture that
 * is one row high.
 *
 * The output is cut into chunks of some of its rows (of pixels, where all pixels are one row). What
 * a chunk reads of the input is turned into bf16 once, in scratch, with zeros for the padding left
 * and right; kernel rows in the padding above and below are left out. Then one panel of up to four
 * vectors of output channels after the other goes over the chunk's tiles, each a few neighbours in
 * a row. For each kernel row the inputs of a pixel are runs of consecutive bf16: one run of kernel
 * width * channels where taps touch, else one per tap. Runs are padded to pairs with weights of 0.
 *
 * What stands behind a run of an odd number of bf16 is the next pixel's: where that is infinite or
 * NaN, the output is NaN.
 */
#ifndef INFER_KERNELS_CONV_BF16_H
#define INFER_KERNELS_CONV_BF16_H

#include <string.h>

#include "kernels/linear/linear.h"

/* ---- the type ------------------------------------------------------------------------------- */

/* To nearest, ties to even; NaN stays NaN. */
static inline uint16_t infer__to_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float infer__from_bf16(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline float infer__round_bf16(float x)
{
    return infer__from_bf16(infer__to_bf16(x));
}

/* ---- what the task says --------------------------------------------------------------------- */

/* 1 if none of its tensors is of bf16. */
static inline int infer__conv16_is_f32(const struct infer__linear *s)
{
    return !s->half_x && !s->half_y && !s->half_residual;
}

/* ---- how it is cut -------------------------------------------------------------------------- */

/* Channels of a vector, vectors of a panel, kernel rows at most. */
enum { CONV16_VEC = 16, CONV16_PANEL = 4, CONV16_ROWS = 64 };

/* Pixels of a tile at most, by the panel's vectors: 24 sums, and registers for a step's weights. */
static inline int infer__conv16_tile(int vectors)
{
    return vectors < 3 ? 12 : vectors == 3 ? 8 : 6;
}

struct infer__conv16_cut {
    struct infer__linear s;
    int flat; /* 1: all pixels are one row (1x1, stride 1, no padding) */
    /* the copy, in bf16: of a chunk, rows * columns pixels of `channels`, for each kernel depth */
    int64_t channels, columns, rows;
    int64_t column_step;      /* input columns from one column of the copy to the next */
    int64_t row_step;         /* the same of rows */
    int64_t row_of, row_tap;  /* rows of the copy by output row of the chunk and by kernel row */
    int64_t row_bytes;        /* of the copy */
    int64_t step, run_step;   /* bf16 from pixel to pixel of a tile, and from run to run */
    int64_t krows, runs, run; /* kernel rows; runs of each; bf16 of a run */
    int64_t pairs;            /* of a run */
    int64_t k;                /* pairs of all runs */
    int64_t vectors, panels;  /* of a group */
    int64_t chunk, chunks;    /* output rows (pixels where flat) of a chunk; of all planes */
    int64_t planes, plane_chunks; /* n * d (1 where flat), chunks of one */
    int64_t parts;                /* a chunk's panels go to this many items */
    int64_t items;                /* chunks * groups * parts */
    uint32_t units;
    int64_t packed_bytes, scratch_bytes;
};

/* 1 if the vector kernel can do it, and fills *c. */
int infer__conv16_cut(const struct infer__task *t, struct infer__conv16_cut *c);
/* Predicted time on a machine; NULL: a Zen 4. */
double infer__conv16_ns(const struct infer__conv16_cut *c, const struct infer__machine *m);

/* One panel: channels channel .. channel + valid - 1 of the output; where its weights begin, in
 * bf16. */
struct infer__conv16_panel {
    int64_t channel, weights;
    int vectors, valid;
};
struct infer__conv16_panel infer__conv16_panel(const struct infer__conv16_cut *c, int64_t group,
                                               int64_t index);
/* Packs panels first .. last - 1 of all groups: [panel][kernel row][run][pair][channel][2]. */
void infer__conv16_pack(const struct infer__task *t, const struct infer__conv16_cut *c,
                        int64_t first, int64_t last, void *packed);

#endif
