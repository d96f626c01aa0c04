/* The register tile of f32 products, which all linear layers are made of: some rows of inputs
 * (pixels) by some vectors of outputs, summed in registers, and the packed weights that it reads.
 *
 * A tile adds one chain: what a sum starts from, then products in the order of the weights. Long
 * sums are several chains of a few hundred products, added up in order, since each rounding of
 * a chain is as large as the chain: infer__tile_sum. So the bits of a sum depend neither on the
 * size of the tile nor on the row's place in it. At the level bf16 inputs and weights are pairs of
 * bf16, each in the place of a float. */
#ifndef INFER_KERNELS_LINEAR_TILE_F32_H
#define INFER_KERNELS_LINEAR_TILE_F32_H

#include <math.h>

#include "kernels/conv/vec_f32.h"
#include "kernels/kernel.h"
#include "kernels/linear/tile_row.h"

/* Rows and vectors of a tile, and rows where each has an address of its own, at most. */
enum { TILE_ROWS = 14, TILE_VECTORS = 4, TILE_APART = 6 };
/* Floats of half a vector, which a panel may end with; 0: there is none. */
#define TILE_HALF (VEC == 16 ? 8 : 0)
/* Rows by the vectors of the panel (half a one counts), less 1: as many sums as the registers hold
 * beside a vector of weights for each and an input. */
#define TILE_ROWS_OF                                                                               \
    {                                                                                              \
        PER_LEVEL(12, 12, 14), PER_LEVEL(6, 6, 12), PER_LEVEL(4, 4, 8), PER_LEVEL(3, 0, 6)         \
    }
/* Products of a sum between two fetches. Where two whole vectors share each input, more than one
 * made it slower. */
#define TILE_STEPS(vectors, half) ((vectors) == 2 && !(half) ? 1 : 3)

/* One tile. Inputs are `runs` runs of `run` floats for each kernel row, `run_step` apart, and
 * `step` from tile row to tile row. */
struct infer__tile_f32 {
    const struct infer__tile_row *rows;
    int nrows;
    int64_t run, runs, run_step, step;
    /* where tile rows have addresses of their own: nrows times `apart` of them; where the first is
     * NULL there are no inputs, else `run` of each from `offset` on */
    const float *const *table;
    int64_t apart, offset;

    const float *weights; /* of the first kernel row: [product][floats of the panel] */
    const float *start;   /* what sums begin with, `start_step` from tile row to tile row */
    int64_t start_step;
    uintptr_t fetch; /* what of the next weights is to be fetched, */
    int64_t bytes;   /* so many at each TILE_STEPS products, or each one of a table; 0: nothing */

    float *y;
    const float *residual;         /* added to the chain; NULL: none */
    int64_t y_step, residual_step; /* between tile rows */
    int valid;                     /* outputs of a row to store */
    int clamp;                     /* 1: the activation is one between `low` and `high` */
    float low, high;
};

/* Returns where fetching goes on. */
typedef uintptr_t infer__tile_function(const struct infer__tile_f32 *t);

/* By half a vector or none, vectors of the panel (half a one counts) less 1, rows less 1: NULL
 * above TILE_ROWS_OF. */
extern infer__tile_function *const LEVEL_NAME(infer__tile_f32)[2][TILE_VECTORS][TILE_ROWS];
/* The same for one vector where rows are 3 or 6 floats apart: first layers. By step / 6. */
extern infer__tile_function *const LEVEL_NAME(infer__tile_first)[2][2][TILE_ROWS];
/* With addresses of their own: by vectors and rows less 1. */
extern infer__tile_function *const LEVEL_NAME(infer__tile_apart)[TILE_VECTORS][TILE_APART];

/* A tile of sums in chains: what is summed so far waits in y. The residual is added to the first
 * chain, and may be y. */
uintptr_t LEVEL_NAME(infer__tile_chains)(infer__tile_function *f, const struct infer__tile_f32 *t,
                                         const struct infer__tile_chain *chain);
static inline uintptr_t infer__tile_sum(infer__tile_function *f, const struct infer__tile_f32 *t,
                                        const struct infer__tile_chain *chain)
{
    return chain->rows && t->nrows ? LEVEL_NAME(infer__tile_chains)(f, t, chain) : f(t);
}

/* An epilogue's activation as a tile's clamp, low and high; 0: it is none, or one that the tile
 * can't do. */
static inline int infer__tile_clamp(const struct infer__epilogue *e, float *low, float *high)
{
    infer__clamp_bounds(e, low, high);
    return e->act != INFER__OP_NONE && infer__is_clamp(e->act);
}

/* Packs a panel: outputs' weights are `step` apart, of `valid` outputs (0 or fewer: none), each
 * [channel][tap]; packed they are [tap][channel][floats], 0 behind the valid ones. */
void LEVEL_NAME(infer__tile_pack)(const float *weights, int64_t step, int64_t valid, int floats,
                                  int64_t taps, int64_t channels, float *packed);

#endif
