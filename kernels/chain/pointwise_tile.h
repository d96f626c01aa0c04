/* 1x1 convolution of a run of pixels, at one of the levels of vec_f32.h: tiles of a few pixels by
 * panels of up to PW_PANEL blocks of 16 output channels, bias, residual and activation included.
 * The last panel may end with half a block.
 *
 * Each output is bias + the products channel by channel, whichever tile it is in.
 */
#ifndef INFER_KERNELS_CHAIN_POINTWISE_TILE_H
#define INFER_KERNELS_CHAIN_POINTWISE_TILE_H

#include "kernels/chain/chain_shape.h"
#include "kernels/integers.h"
#include "kernels/linear/tile_f32.h"
#include "kernels/vec_epilogue.h"

#define PW_BLOCK 16
#define PW_HALF 8
#define PW_SOME 8 /* tiles between two passes of an activation that is not a clamp */
#define PW_PANEL PER_LEVEL(1, 1, 4)

struct pw_run {
    const float *x; /* first pixel */
    int64_t pixels, x_step, k;
    const float *weights, *bias; /* of the first block; as pw_pack left them; whole blocks */
    int64_t blocks, valid;       /* blocks to compute; channels of them, all of which are stored */
    float *y;                    /* pixel 0 of a ring of `wrap` pixels */
    int64_t y_step, at, wrap;    /* the first pixel is number `at` of the ring */
    const float *residual;       /* first pixel, y_step from one to the next, or NULL */
    const struct infer__epilogue *epi;
    int strict; /* as a task's */
    int far;    /* 1: weights are not in the second-level cache yet, or do not stay there */
};

/* ---- weights -------------------------------------------------------------------------------- */

/* Panels that so many blocks are cut into: the same as the parts of a chain's channels, or parts of
 * them, so that a part has whole panels. */
VEC_INLINE int64_t pw_panels(int64_t blocks)
{
    return PW_PANEL == CHAIN_PART ? infer__chain_parts(blocks) : blocks;
}

/* First block of panel p of `panels`. */
VEC_INLINE int64_t pw_first(int64_t blocks, int64_t panels, int64_t p)
{
    return infer__unit_begin(blocks, panels, p);
}

/* Halves of blocks of a panel of `blocks` before which there are `valid` channels left. */
VEC_INLINE int pw_halves(int64_t blocks, int64_t valid)
{
    return (int)(valid < blocks * PW_BLOCK ? (valid + PW_HALF - 1) / PW_HALF : 2 * blocks);
}

/* From [channel out][channel in] to [panel][channel in][8 * halves of the panel], with zeros from
 * channel `m` to channel n, n >= m. */
static void pw_pack(const float *weights, int64_t m, int64_t n, int64_t k, float *packed)
{
    const int64_t blocks = ceil_div(n, PW_BLOCK), panels = pw_panels(blocks);
    for (int64_t p = 0; p < panels; p++) {
        int64_t b0 = pw_first(blocks, panels, p), b1 = pw_first(blocks, panels, p + 1);
        int64_t first = b0 * PW_BLOCK;
        int width = pw_halves(b1 - b0, n - first) * PW_HALF;
        LEVEL_NAME(infer__tile_pack)
        (weights + (first < m ? first : m) * k, k, m - first, width, 1, k, packed);
        packed += width * k;
    }
}

/* ---- a run of pixels ------------------------------------------------------------------------ */

/* A panel: its functions, and pixels of a tile at most. */
struct pw_panel {
    infer__tile_function *const *functions;
    int pixels, steps;
};

static struct pw_panel pw_panel_of(int halves)
{
    static const int rows[] = TILE_ROWS_OF;
    const int whole = halves * PW_HALF / VEC, half = halves * PW_HALF % VEC != 0;
    return (struct pw_panel){LEVEL_NAME(infer__tile_f32)[half][whole + half - 1],
                             rows[whole + half - 1], TILE_STEPS(whole, half)};
}

/* One panel of pixels that stand one behind the other in x and y, where `t` says. */
static void pw_run_pixels(struct infer__tile_f32 *t, struct infer__tile_row *row,
                          const struct pw_panel *p, const struct infer__tile_chain *chain,
                          int64_t pixels)
{
    const int64_t tiles = ceil_div(pixels, p->pixels);
    const int64_t least = pixels / tiles, larger = pixels % tiles;
    for (int64_t i = 0; i < tiles; i++) {
        const int64_t n = least + (i < larger);
        t->fetch = infer__tile_sum(p->functions[n - 1], t, chain);
        row->x += n * t->step;
        t->y += n * t->y_step;
        t->residual = t->residual ? t->residual + n * t->y_step : NULL;
    }
}

/* One panel, whose weights and bias begin where `t` says and whose first channel is `channel`;
 * `row` is t->rows. */
static void pw_run_panel(const struct pw_run *r, struct infer__tile_f32 *t,
                         struct infer__tile_row *row, int halves, int64_t channel)
{
    const struct pw_panel p = pw_panel_of(halves);
    const struct infer__tile_chain chain = infer__tile_chain(r->strict, 1, 1, t->run);
    const int64_t floats = halves * PW_HALF, some = PW_SOME * p.pixels;
    int64_t at = r->at, n;
    row->x = r->x;
    t->residual = r->residual ? r->residual + channel : NULL;
    /* the tiles fetch the weights of the next panel, in equal shares */
    t->bytes =
        r->far ? share_of(p.steps * floats * (int64_t)sizeof(float), ceil_div(r->pixels, p.pixels))
               : 0;
    t->fetch = (uintptr_t)(t->weights + floats * r->k);
    for (int64_t done = 0; done < r->pixels; done += n) {
        n = r->pixels - done < some ? r->pixels - done : some;
        n = n < r->wrap - at ? n : r->wrap - at;
        float *y = r->y + at * r->y_step + channel;
        t->y = y;
        pw_run_pixels(t, row, &p, &chain, n);
        if (!infer__is_clamp(r->epi->act)) /* some tiles, that are in the first-level cache still */
            vec_activate_rows(r->epi, y, r->y_step, n, t->valid);
        at = at + n == r->wrap ? 0 : at + n;
    }
}

/* All pixels, panels begin .. end - 1 one by one: the weights of one stay in the cache. */
static void pw_run_panels(const struct pw_run *r, int64_t begin, int64_t end)
{
    struct infer__tile_row row = {r->x, 0};
    struct infer__tile_f32 t = {
        .rows = &row, .nrows = 1, .run = r->k, .runs = 1, .step = r->x_step, .y_step = r->y_step};
    t.residual_step = r->y_step;
    t.clamp = infer__tile_clamp(r->epi, &t.low, &t.high);
    const int64_t panels = pw_panels(r->blocks);
    for (int64_t p = begin; p < end; p++) {
        int64_t b0 = pw_first(r->blocks, panels, p);
        int64_t b1 = pw_first(r->blocks, panels, p + 1);
        int64_t rest = r->valid - b0 * PW_BLOCK, width = (b1 - b0) * PW_BLOCK;
        t.valid = (int)(rest < width ? rest : width);
        t.weights = r->weights + b0 * PW_BLOCK * r->k;
        t.start = r->bias + b0 * PW_BLOCK;
        pw_run_panel(r, &t, &row, pw_halves(b1 - b0, rest), b0 * PW_BLOCK);
    }
}

#endif
