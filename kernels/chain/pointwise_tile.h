/* 1x1 convolution of a run of pixels, at one of the levels of vec_f32.h: tiles of a few pixels by
 * panels of up to PW_PANEL blocks of 16 output channels are computed in registers, bias, residual
 * and activation included. The last panel may end with half a block.
 *
 * Each output is bias + the products channel by channel, whichever tile it is in.
 */
#ifndef INFER_KERNELS_CHAIN_POINTWISE_TILE_H
#define INFER_KERNELS_CHAIN_POINTWISE_TILE_H

#include "kernels/vec_epilogue.h"

#define PW_BLOCK 16
#define PW_HALF 8
/* Pixels of a tile by the halves of blocks that a panel has: as many sums as the registers hold. */
#if VEC_LEVEL == 512
#define PW_PANEL 4
#define PW_TILE 12
static const int pw_pixels[2 * PW_PANEL] = {12, 12, 12, 12, 8, 8, 6, 6};
#elif VEC_LEVEL == 256
#define PW_PANEL 1
#define PW_TILE 6
static const int pw_pixels[2 * PW_PANEL] = {6, 6};
#else
#define PW_PANEL 1
#define PW_TILE 3
static const int pw_pixels[2 * PW_PANEL] = {3, 3};
#endif
#define PW_VECTORS (PW_PANEL * PW_BLOCK / VEC)

/* Half a vector of AVX-512; the other levels make half blocks of whole vectors. */
#if VEC_LEVEL == 512
typedef __m256 pw_half;
#define pw_half_load(p) _mm256_loadu_ps(p)
#define pw_half_fma(a, b, c) _mm256_fmadd_ps(_mm512_castps512_ps256(a), b, c)
#define pw_half_whole(x) _mm512_castps256_ps512(x)
#else
typedef vec pw_half;
#define pw_half_load(p) vec_load(p)
#define pw_half_fma(a, b, c) vec_fma(a, b, c)
#define pw_half_whole(x) (x)
#endif

struct pw_run {
    const float *x; /* first pixel */
    int64_t pixels, x_step, k;
    const float *weights, *bias; /* of the first block; as pw_pack left them; whole blocks */
    int64_t blocks, valid;       /* blocks to compute; channels of them, all of which are stored */
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

/* Halves of blocks of a panel of `blocks` before which there are `valid` channels left. */
VEC_INLINE int pw_halves(int64_t blocks, int64_t valid)
{
    return (int)(valid < blocks * PW_BLOCK ? (valid + PW_HALF - 1) / PW_HALF : 2 * blocks);
}

/* From [channel out][channel in] to [panel][channel in][8 * halves of the panel], with zeros from
 * channel `m` to channel n, n >= m. */
static void pw_pack(const float *weights, int64_t m, int64_t n, int64_t k, float *packed)
{
    int64_t blocks = (n + PW_BLOCK - 1) / PW_BLOCK, panels = (blocks + PW_PANEL - 1) / PW_PANEL;
    for (int64_t p = 0; p < panels; p++) {
        int64_t b0 = pw_panel(blocks, panels, p), b1 = pw_panel(blocks, panels, p + 1);
        int64_t first = b0 * PW_BLOCK, width = pw_halves(b1 - b0, n - first) * PW_HALF;
        for (int64_t c = 0; c < k; c++)
            for (int64_t i = first; i < first + width; i++)
                *packed++ = i < m ? weights[i * k + c] : 0;
    }
}

/* ---- the tile ------------------------------------------------------------------------------- */

/* The first n channels, n > 0, of one vector of a pixel. */
VEC_INLINE void pw_store(const struct pw_tile *t, int m, int at, int n, vec low, vec high, vec x)
{
    const float *residual = t->residual ? t->residual + m * t->y_step + at : NULL;
    if (residual)
        x = vec_add(x, n >= VEC ? vec_load(residual) : vec_load_n(residual, n));
    x = vec_at_most(high, vec_at_least(low, x));
    if (n >= VEC)
        vec_store(t->y[m] + at, x);
    else
        vec_store_n(t->y[m] + at, x, n);
}

/* Input pixels, three to a base register. */
#define PW_AT(x, m) ((x)[(m) / 3] + (m) % 3 * step)

/* `mr` pixels by `halves` half blocks, both constants. */
VEC_INLINE void pw_body(const int mr, const int halves, const struct pw_tile *t)
{
    const int nv = halves * PW_HALF / VEC, nh = halves * PW_HALF % VEC != 0;
    /* only what the last half block has may be partly there */
    const int whole = nh ? nv : (halves - 1) * PW_HALF / VEC;
    const int64_t step = t->x_step;
    const float *w = t->weights, *x[(PW_TILE + 2) / 3];
    vec sum[PW_TILE][PW_VECTORS];
    pw_half last[PW_TILE];
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
        x[m / 3] = t->x + m / 3 * 3 * step;
        VEC_UNROLL
        for (int v = 0; v < nv; v++)
            sum[m][v] = vec_load(t->bias + v * VEC);
        if (nh)
            last[m] = pw_half_load(t->bias + nv * VEC);
    }
    for (int64_t c = 0; c < t->k; c++, w += halves * PW_HALF) {
        vec weight[PW_VECTORS];
        pw_half rest;
        VEC_UNROLL
        for (int v = 0; v < nv; v++)
            weight[v] = vec_load(w + v * VEC);
        if (nh)
            rest = pw_half_load(w + nv * VEC);
        VEC_UNROLL
        for (int m = 0; m < mr; m++) {
            vec a = vec_set(PW_AT(x, m)[c]);
            VEC_UNROLL
            for (int v = 0; v < nv; v++)
                sum[m][v] = vec_fma(a, weight[v], sum[m][v]);
            if (nh)
                last[m] = pw_half_fma(a, rest, last[m]);
        }
    }
    const vec low = vec_set(t->low), high = vec_set(t->high);
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
        VEC_UNROLL
        for (int v = 0; v < nv; v++) {
            const int n = v < whole ? VEC : t->valid - v * VEC;
            if (n > 0)
                pw_store(t, m, v * VEC, n, low, high, sum[m][v]);
        }
        if (nh)
            pw_store(t, m, nv * VEC, t->valid - nv * VEC, low, high, pw_half_whole(last[m]));
    }
}

typedef void pw_function(const struct pw_tile *t);

#define PW_FUNCTION(mr, halves)                                                                    \
    static void pw_##mr##x##halves(const struct pw_tile *t)                                        \
    {                                                                                              \
        pw_body(mr, halves, t);                                                                    \
    }
#define PW_NAME(mr, halves) pw_##mr##x##halves,
#define PW_3(X, halves) X(1, halves) X(2, halves) X(3, halves)
#define PW_6(X, halves) PW_3(X, halves) X(4, halves) X(5, halves) X(6, halves)
#define PW_8(X, halves) PW_6(X, halves) X(7, halves) X(8, halves)
#define PW_12(X, halves) PW_8(X, halves) X(9, halves) X(10, halves) X(11, halves) X(12, halves)

#if VEC_LEVEL == 512
PW_12(PW_FUNCTION, 1)
PW_12(PW_FUNCTION, 2)
PW_12(PW_FUNCTION, 3)
PW_12(PW_FUNCTION, 4)
PW_8(PW_FUNCTION, 5)
PW_8(PW_FUNCTION, 6)
PW_6(PW_FUNCTION, 7)
PW_6(PW_FUNCTION, 8)
static pw_function *const pw_functions[2 * PW_PANEL][PW_TILE] = {
    {PW_12(PW_NAME, 1)}, {PW_12(PW_NAME, 2)}, {PW_12(PW_NAME, 3)}, {PW_12(PW_NAME, 4)},
    {PW_8(PW_NAME, 5)},  {PW_8(PW_NAME, 6)},  {PW_6(PW_NAME, 7)},  {PW_6(PW_NAME, 8)}};
#elif VEC_LEVEL == 256
PW_6(PW_FUNCTION, 1)
PW_6(PW_FUNCTION, 2)
static pw_function *const pw_functions[2 * PW_PANEL][PW_TILE] = {{PW_6(PW_NAME, 1)},
                                                                 {PW_6(PW_NAME, 2)}};
#else
PW_3(PW_FUNCTION, 1)
PW_3(PW_FUNCTION, 2)
static pw_function *const pw_functions[2 * PW_PANEL][PW_TILE] = {{PW_3(PW_NAME, 1)},
                                                                 {PW_3(PW_NAME, 2)}};
#endif

/* ---- a run of pixels ------------------------------------------------------------------------ */

/* One panel, whose weights and bias begin where `t` says and whose first channel is `channel`. */
static void pw_run_panel(const struct pw_run *r, struct pw_tile *t, int halves, int64_t channel)
{
    const unsigned act = r->epi->act;
    const int simple = !act || act == INFER__OP_RELU || act == INFER__OP_CLIP;
    const int64_t most = pw_pixels[halves - 1];
    uint32_t tiles = (uint32_t)((r->pixels + most - 1) / most);
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
        pw_functions[halves - 1][n - 1](t);
        for (int m = 0, rows; !simple && m < n; m += rows) { /* as many as stand in a row */
            for (rows = 1; m + rows < n && t->y[m + rows] == t->y[m] + rows * r->y_step; rows++)
                ;
            vec_activate_rows(r->epi, t->y[m], r->y_step, rows, t->valid);
        }
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
        pw_run_panel(r, &t, pw_halves(b1 - b0, rest), b0 * PW_BLOCK);
    }
}

#endif
