/* 1x1 convolution of a run of pixels, at one of the levels of vec_f32.h: tiles of PW_TILE pixels by
 * PW_PANEL blocks of 16 output channels are computed in registers, bias and activation included.
 *
 * Each output is bias + the products channel by channel, whichever tile it is in.
 */
#ifndef INFER_KERNELS_CHAIN_POINTWISE_TILE_H
#define INFER_KERNELS_CHAIN_POINTWISE_TILE_H

#include "kernels/vec_epilogue.h"

#define PW_BLOCK 16
#if VEC_LEVEL == 512
#define PW_PANEL 4
#define PW_TILE 6
#elif VEC_LEVEL == 256
#define PW_PANEL 1
#define PW_TILE 6
#else
#define PW_PANEL 1
#define PW_TILE 3
#endif
#define PW_VECTORS (PW_PANEL * PW_BLOCK / VEC)

struct pw_run {
    const float *x; /* first pixel */
    int64_t pixels, x_step, k;
    const float *weights, *bias; /* of the first block; as pw_pack left them; whole blocks */
    int64_t blocks, valid;       /* blocks to compute; channels to store, counted from the first */
    float *y;                    /* pixel 0 of a ring of `wrap` pixels */
    int64_t y_step, at, wrap;    /* the first pixel is number `at` of the ring */
    const float *residual;       /* first pixel, y_step from one to the next, or NULL */
    const struct infer__epilogue *epi;
};

/* What one tile works with: its pixels are x_step apart. */
struct pw_tile {
    const float *x;
    int64_t x_step, k;
    const float *weights, *bias;
    float *y[PW_TILE];
    const float *residual; /* of the first pixel, or NULL */
    int64_t y_step;
    int valid;       /* channels to store */
    float low, high; /* bounds of the activation, if it is a simple one */
};

/* ---- weights -------------------------------------------------------------------------------- */

/* First block of panel p of `panels`. */
VEC_INLINE int64_t pw_panel(int64_t blocks, int64_t panels, int64_t p)
{
    return infer__unit_begin(blocks, (uint32_t)panels, (uint32_t)p);
}

/* From [channel out][channel in] to [panel][channel in][16 * blocks of the panel], with zeros. */
static void pw_pack(const float *weights, int64_t n, int64_t k, float *packed)
{
    int64_t blocks = (n + PW_BLOCK - 1) / PW_BLOCK, panels = (blocks + PW_PANEL - 1) / PW_PANEL;
    for (int64_t p = 0; p < panels; p++) {
        int64_t m0 = pw_panel(blocks, panels, p) * PW_BLOCK;
        int64_t m1 = pw_panel(blocks, panels, p + 1) * PW_BLOCK;
        for (int64_t c = 0; c < k; c++)
            for (int64_t m = m0; m < m1; m++)
                *packed++ = m < n ? weights[m * k + c] : 0;
    }
}

/* ---- the tile ------------------------------------------------------------------------------- */

/* mr pixels by nb blocks, both constants. */
VEC_INLINE void pw_body(int mr, int nb, const struct pw_tile *t)
{
    const int nv = nb * (PW_BLOCK / VEC);
    const float *w = t->weights, *x[PW_TILE];
    vec sum[PW_TILE][PW_VECTORS];
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
        x[m] = t->x + m * t->x_step;
        VEC_UNROLL
        for (int v = 0; v < nv; v++)
            sum[m][v] = vec_load(t->bias + v * VEC);
    }
    for (int64_t c = 0; c < t->k; c++, w += nv * VEC) {
        vec weight[PW_VECTORS];
        VEC_UNROLL
        for (int v = 0; v < nv; v++)
            weight[v] = vec_load(w + v * VEC);
        VEC_UNROLL
        for (int m = 0; m < mr; m++) {
            vec a = vec_set(x[m][c]);
            VEC_UNROLL
            for (int v = 0; v < nv; v++)
                sum[m][v] = vec_fma(a, weight[v], sum[m][v]);
        }
    }
    const vec low = vec_set(t->low), high = vec_set(t->high);
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
        const float *residual = t->residual ? t->residual + m * t->y_step : NULL;
        VEC_UNROLL
        for (int v = 0; v < nv; v++) {
            const int n = t->valid - v * VEC;
            vec s = sum[m][v];
            if (n >= VEC) {
                if (residual)
                    s = vec_add(s, vec_load(residual + v * VEC));
                vec_store(t->y[m] + v * VEC, vec_at_most(high, vec_at_least(low, s)));
            } else if (n > 0) {
                if (residual)
                    s = vec_add(s, vec_load_n(residual + v * VEC, n));
                vec_store_n(t->y[m] + v * VEC, vec_at_most(high, vec_at_least(low, s)), n);
            }
        }
    }
}

typedef void pw_function(const struct pw_tile *t);

#define PW_FUNCTION(mr, nb)                                                                        \
    static void pw_##mr##x##nb(const struct pw_tile *t)                                            \
    {                                                                                              \
        pw_body(mr, nb, t);                                                                        \
    }
#if PW_TILE == 6
#define PW_FUNCTIONS(nb)                                                                           \
    PW_FUNCTION(1, nb)                                                                             \
    PW_FUNCTION(2, nb)                                                                             \
    PW_FUNCTION(3, nb)                                                                             \
    PW_FUNCTION(4, nb) PW_FUNCTION(5, nb) PW_FUNCTION(6, nb)
#define PW_ROW(nb) {pw_1x##nb, pw_2x##nb, pw_3x##nb, pw_4x##nb, pw_5x##nb, pw_6x##nb}
#else
#define PW_FUNCTIONS(nb) PW_FUNCTION(1, nb) PW_FUNCTION(2, nb) PW_FUNCTION(3, nb)
#define PW_ROW(nb) {pw_1x##nb, pw_2x##nb, pw_3x##nb}
#endif

PW_FUNCTIONS(1)
#if PW_PANEL > 1
PW_FUNCTIONS(2)
PW_FUNCTIONS(3)
PW_FUNCTIONS(4)
static pw_function *const pw_functions[PW_PANEL][PW_TILE] = {PW_ROW(1), PW_ROW(2), PW_ROW(3),
                                                             PW_ROW(4)};
#else
static pw_function *const pw_functions[PW_PANEL][PW_TILE] = {PW_ROW(1)};
#endif

/* ---- a run of pixels ------------------------------------------------------------------------ */

/* One panel: `nb` blocks whose weights, bias and outputs begin where `t` says. */
static void pw_run_panel(const struct pw_run *r, struct pw_tile *t, int nb, int64_t channel)
{
    const unsigned act = r->epi->act;
    const int simple = !act || act == INFER__OP_RELU || act == INFER__OP_CLIP;
    uint32_t tiles = (uint32_t)((r->pixels + PW_TILE - 1) / PW_TILE);
    int64_t at = r->at;
    for (uint32_t i = 0; i < tiles; i++) {
        int64_t begin = infer__unit_begin(r->pixels, tiles, i);
        int n = (int)(infer__unit_begin(r->pixels, tiles, i + 1) - begin);
        for (int m = 0; m < n; m++) {
            t->y[m] = r->y + at * r->y_step + channel;
            at = at + 1 == r->wrap ? 0 : at + 1;
        }
        t->x = r->x + begin * r->x_step;
        t->residual = r->residual ? r->residual + begin * r->y_step + channel : NULL;
        pw_functions[nb - 1][n - 1](t);
        for (int m = 0; !simple && m < n; m++)
            vec_epilogue_row(r->epi, t->y[m], NULL, t->y[m], t->valid);
    }
}

/* All pixels, blocks 0 .. blocks - 1, panel by panel: the weights of one stay in the cache. */
static void pw_run(const struct pw_run *r)
{
    struct pw_tile t = {.x_step = r->x_step, .k = r->k, .y_step = r->y_step};
    int64_t panels = (r->blocks + PW_PANEL - 1) / PW_PANEL;
    t.low = r->epi->act == INFER__OP_RELU   ? 0
            : r->epi->act == INFER__OP_CLIP ? r->epi->alpha
                                            : -INFINITY;
    t.high = r->epi->act == INFER__OP_CLIP ? r->epi->beta : INFINITY;
    for (int64_t p = 0; p < panels; p++) {
        int64_t b0 = pw_panel(r->blocks, panels, p), b1 = pw_panel(r->blocks, panels, p + 1);
        int64_t rest = r->valid - b0 * PW_BLOCK, width = (b1 - b0) * PW_BLOCK;
        t.valid = (int)(rest < width ? rest : width);
        t.weights = r->weights + b0 * PW_BLOCK * r->k;
        t.bias = r->bias + b0 * PW_BLOCK;
        pw_run_panel(r, &t, (int)(b1 - b0), b0 * PW_BLOCK);
    }
}

#endif
