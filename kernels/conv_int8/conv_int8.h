/* Convolutions and dense layers of u8 activations and s8 weights: what the task says, and how the
 * vector kernels cut it. The arithmetic is that of docs/quantization.md; sums are s32 modulo 2^32,
 * so their order is of no consequence and every kernel gives the same bytes.
 *
 * Gemm and MatMul are taken as 1x1 convolutions of a picture that is one row high.
 *
 * The output's pixels are cut into tiles, a group's output channels into panels of one or two
 * vectors of s32. A tile by a panel is summed in registers over all of the reduction, which for
 * each kernel row is one run of kernel width * channels bytes where taps touch (one group, no
 * dilation), else one run per tap. Runs are padded with weights of 0 to whole steps. Neighbouring
 * pixels' runs are a constant step apart. There are these ways to find them:
 *
 * - flat: all pixels are one row and are read in place (1x1, stride 1, no padding).
 * - by rows: a tile is of neighbours in an output row. Kernel rows in the padding are left out, and
 *   so are single taps where the first or the last pixel of the tile has none. Tiles that reach
 *   farther into the padding read a copy with the input's zero point around.
 * - gathered: a tile is of any neighbours; each pixel's whole reduction is copied side by side.
 * - by planes (tiles of AMX): the rows of the picture that a chunk of tiles reads are copied with
 *   the zero point around them, for strides above 1 into one plane for each remainder of the
 *   coordinates. Neighbours in a plane are then a constant step apart also where a row of the
 *   output ends, and a tile is of any 32 of them; what stands between two rows is computed and not
 *   stored.
 * - by blocks: the same for few channels and strides above 1, as a convolution of stride 1 of one
 *   plane whose pixels are blocks of stride by stride pixels.
 *
 * Zero points go into the value that sums start with:
 *   sum (x - xz)(w - wz) = sum x w - xz sum w + K xz wz - wz sum x
 * of which only the last term depends on the pixel: where a wz is not 0, each pixel's activations
 * are summed once for all panels. What taps that are left out have in it is taken out again.
 *
 * ConvInteger and MatMulInteger have the zero point of x, and what sums are multiplied by, as
 * operands that are known at run time only: packed weights are those of zero point 1, and starts
 * are multiplied by the real one.
 */
#ifndef INFER_KERNELS_CONV_INT8_H
#define INFER_KERNELS_CONV_INT8_H

#include "kernels/linear/linear.h"

/* ---- what the task says --------------------------------------------------------------------- */

static inline float infer__conv8_w_scale(const struct infer__linear *s, int64_t m)
{
    return s->wq->scale[s->wq->count > 1 ? m : 0];
}

static inline int32_t infer__conv8_w_zero(const struct infer__linear *s, int64_t m)
{
    return s->wq->zero[s->wq->count > 1 ? m : 0];
}

/* What a sum of channel m is multiplied by. */
static inline float infer__conv8_factor(const struct infer__linear *s, int64_t m)
{
    float product = s->x_scale * infer__conv8_w_scale(s, m);
    return s->rq ? product / s->rq->scale : product;
}

/* What the sum of channel m starts with so that all taps can be summed without zero points:
 * bias - x_zero * sum of (w - w_zero). */
int32_t infer__conv8_start(const struct infer__linear *s, const struct infer__task *t, int64_t m);
/* x_zero * sum of (w - w_zero) of channel m's taps `tap` .. `end` - 1, modulo 2^32. */
uint32_t infer__conv8_taps(const struct infer__linear *s, const struct infer__task *t, int64_t m,
                           int64_t tap, int64_t end);

/* 1 if a zero point of the weights is not 0; all are within s8. */
int infer__conv8_any_zero(const struct infer__linear *s);
/* 1 if every factor is below 1/2. */
int infer__conv8_small(const struct infer__linear *s);

/* ---- how it is cut -------------------------------------------------------------------------- */

/* Tiles of a chunk, kernel rows, taps of one where taps are left out, pixels of a tile: at most. */
enum { CONV8_CHUNK = 32, CONV8_ROWS = 32, CONV8_TAPS = 16, CONV8_TILE = 32, CONV8_HALF = 16 };

enum infer__conv8_way { CONV8_FLAT, CONV8_BY_ROWS, CONV8_GATHERED, CONV8_PLANES, CONV8_BLOCKS };

struct infer__conv8_cut;

/* Copies the reduction of `count` pixels from number `pixel` on, c->padded bytes apart; up to
 * CONV8_OVER bytes behind them may be overwritten. */
typedef void infer__conv8_gather(const struct infer__conv8_cut *c, const uint8_t *x, int64_t pixel,
                                 int count, uint8_t *to);
enum { CONV8_OVER = 64 };

/* Interleaves two rows from `from` on, `row` bytes apart, to blocks: `n` bytes of one and `n` of
 * the other, and so on, where n is even and at most 16. At most `count` blocks, as many as can be
 * read before `end` in the first row; up to CONV8_OVER bytes behind them are overwritten. Returns
 * how many it has done. */
typedef int64_t infer__conv8_interleave(const uint8_t *from, const uint8_t *end, int64_t row,
                                        int64_t n, int64_t count, uint8_t *to);

/* A level's registers. */
struct infer__conv8_level {
    int vec;    /* s32 of a vector, a multiple of 4 */
    int dot;    /* products that an s32 takes at once: neighbours in the packed weights */
    int step;   /* runs are padded to a multiple of this many channels */
    int wide;   /* 1: activations are copied as s16 before use */
    int skips;  /* 1: tiles can leave out a tap of their first or last pixel */
    int halves; /* 1: tiles of AMX: halves of 16 pixels, for which pixels are computed twice */
    int chunk;  /* tiles of a chunk at most */
    int tile;   /* pixels of a tile at most */
    infer__conv8_gather *gather; /* for kernel rows of at most 64 bytes that touch; NULL: none */
    infer__conv8_interleave *interleave; /* NULL: none */
    /* Of levels without halves: multiply-adds per ns when all goes well, and the time of a step's
     * loads for one tile, in multiply-adds. */
    double rate, load;
};

/* Planes: `high` by `wide` of them, each of `pitch` pixels of `pixel` bytes by at most `rows` rows,
 * `bytes` apart; `more` rows than the output's are read. The first `shared` pixels of a row, in the
 * padding, are the padding behind the row before it. */
struct infer__conv8_planes {
    int64_t high, wide, pitch, pixel, rows, bytes, more, shared;
};

struct infer__conv8_cut {
    struct infer__linear s; /* groups, cg and mg after merging */
    const struct infer__conv8_level *level;
    int64_t merge, own_mg; /* groups that were made one; output channels of each before */
    int way;
    int w_zero;               /* 1: a zero point of the weights is not 0 */
    int x_bytes;              /* of an activation in a tile */
    int64_t rows, width;      /* rows of pixels and their pixels */
    int64_t krows, runs, run; /* kernel rows, runs of each, channels of a run */
    int64_t padded;           /* channels of a run, padded to steps */
    int64_t k;                /* krows * runs * padded */
    int64_t vectors, panels;  /* of a group */
    int64_t tiles_per_row, tiles;
    int64_t copies;        /* of all copies of a chunk */
    int64_t chunk, chunks; /* tiles that use a panel one after the other */
    union {                /* by way */
        struct {           /* flat, by rows, gathered */
            int64_t least,
                larger;   /* a row's tiles have `least` pixels, the first `larger` one more */
            int64_t copy; /* bytes of a tile's copy; 0: none is ever made */
        };
        struct infer__conv8_planes planes; /* by planes, by blocks */
    };
    int64_t together; /* panels of an item, */
    int64_t block;    /* of which each is done for this many tiles before the next */
    int64_t bunches;  /* of panels in a group */
    int64_t items;    /* chunks * groups * bunches */
    uint32_t units;
    /* offsets in the packed memory: weights are at 0; infer__conv8_small; per padded channel a
     * start and a factor, the zero point of its weights, and for each tap x_zero * sum (w - w_zero)
     */
    int64_t at_small, at_start, at_factor, at_zero, at_taps, packed_bytes;
    int64_t channels; /* padded channels of all groups */
    /* scratch: copies of a chunk's tiles, where w_zero the sums of their pixels' activations, and
     * at_starts a tile's starts */
    int64_t at_starts, scratch_bytes;
};

/* 1 if the vector kernels can do it, and fills *c. */
int infer__conv8_cut(const struct infer__task *t, const struct infer__conv8_level *level,
                     struct infer__conv8_cut *c);
/* Predicted time, and that of a level with halves. */
double infer__conv8_ns(const struct infer__conv8_cut *c);
double infer__conv8_halves_ns(const struct infer__conv8_cut *c);
/* 1 if level->gather serves it. */
int infer__conv8_gathers(const struct infer__conv8_cut *c);
/* Fills packed memory. */
void infer__conv8_pack(const struct infer__task *t, const struct infer__conv8_cut *c, void *packed);

/* One panel: channels channel .. channel + valid - 1 of the output, its vectors, where its weights
 * begin and, in s32, its starts and factors. */
struct infer__conv8_panel {
    int64_t group, channel, weights, at;
    int vectors, valid;
};
struct infer__conv8_panel infer__conv8_panel(const struct infer__conv8_cut *c, int64_t group,
                                             int64_t index);

enum infer__conv8_skip { CONV8_SKIP_FIRST = 1, CONV8_SKIP_LAST = 2 };

/* `count` of a tile's pixels of sums from number `from` on go to the output's from `pixel` of the
 * tile and `to` on. */
struct infer__conv8_part {
    uint8_t from, count;
    int32_t to;
};

/* One tile: where it reads and writes. Run i of kernel row r of pixel m begins at
 * row[r] + m * step + i * run_step; its weights follow those of channel before[r] of the panel. */
struct infer__conv8_tile {
    int64_t pixel; /* its first pixel in the output */
    int count, nrows;
    int skips;                /* 1: runs are taps, and skip[] says which pixel has none */
    uint8_t skip[CONV8_TAPS]; /* by run; 0: all pixels have it, else enum infer__conv8_skip */
    int64_t runs, run;        /* of a kernel row; padded channels of one */
    int64_t step, run_step;
    const uint8_t *row[CONV8_ROWS];
    int64_t before[CONV8_ROWS];
    /* Of levels with halves: the second half's sums begin with pixel `second`. The parts are what
     * is stored of the sums; in all they are vectors[0] or [1] vectors of bytes, where the panel
     * has one or two vectors. */
    int second, nparts, vectors[2];
    struct infer__conv8_part part[CONV8_TILE + 1]; /* the last one is empty */
};

/* Describes the tiles of a chunk for `group` and says how many there are. `copies` is c->copies
 * bytes. */
int infer__conv8_tiles(const struct infer__conv8_cut *c, int64_t chunk, int64_t group,
                       const uint8_t *x, uint8_t *copies, struct infer__conv8_tile *tiles);
/* The same by planes, and where there are halves what they are. */
int infer__conv8_plane_tiles(const struct infer__conv8_cut *c, int64_t chunk, int64_t group,
                             const uint8_t *x, uint8_t *copies, struct infer__conv8_tile *tiles);
void infer__conv8_halves(struct infer__conv8_tile *tile, int skip);
/* Cuts by planes; 0: it can't be. */
int infer__conv8_cut_planes(struct infer__conv8_cut *c);
/* What the sums of a tile by a panel start with, vectors * vec of them: those of the first pixel,
 * the last, and those in between. */
struct infer__conv8_starts {
    const int32_t *first, *each, *last;
};
/* `start` is the panel's, for all taps. `room` is in the scratch, behind the copies and the sums of
 * pixels. */
struct infer__conv8_starts infer__conv8_starts(const struct infer__conv8_cut *c,
                                               const uint8_t *packed, const int32_t *start,
                                               const struct infer__conv8_tile *tile,
                                               const struct infer__conv8_panel *p, int32_t *room);

#endif
