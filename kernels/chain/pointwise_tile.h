/* 1x1 convolution of a run of pixels, at one of the levels of vec_f32.h: tiles of a few pixels by
 * panels of up to PW_PANEL blocks of 16 output channels are computed in registers, bias, residual
 * and activation included. The last panel may end with half a block.
 *
 * Each output is bias + the products channel by channel, whichever tile it is in.
 */
#ifndef INFER_KERNELS_CHAIN_POINTWISE_TILE_H
#define INFER_KERNELS_CHAIN_POINTWISE_TILE_H

#include "kernels/integers.h"
#include "kernels/vec_epilogue.h"

#define PW_BLOCK 16
#define PW_HALF 8
#define PW_LINE 64 /* bytes of a cache line */
/* Input channels of one round of the inner loop. Where two whole vectors share each input, more
 * than one made it slower. */
#define PW_STEPS(halves) ((halves) == 4 ? 1 : 4)
#define PW_SOME 8 /* tiles between two passes of an activation that is not a clamp */
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
    int64_t panels;              /* that the blocks are cut into */
    float *y;                    /* pixel 0 of a ring of `wrap` pixels */
    int64_t y_step, at, wrap;    /* the first pixel is number `at` of the ring */
    const float *residual;       /* first pixel, y_step from one to the next, or NULL */
    const struct infer__epilogue *epi;
    int far; /* 1: weights are not in the second-level cache yet, or do not stay there */
};

/* What one tile works with: its pixels are x_step apart, and y_step in y and the residual. */
struct pw_tile {
    const float *x;
    int64_t x_step, k;
    const float *weights, *bias;
    uintptr_t fetch; /* what of the next panel's weights is to be fetched, */
    int64_t bytes;   /* so many in each round of the inner loop; 0: nothing */
    float *y;
    const float *residual; /* NULL: none */
    int64_t y_step;
    int valid; /* channels to store */
    int clamp; /* 0: there is no activation; 1: one between `low` and `high`; 2: `low` alone */
    float low, high;
};

/* ---- weights -------------------------------------------------------------------------------- */

/* Panels of so many blocks, at least. */
VEC_INLINE int64_t pw_panels(int64_t blocks)
{
    return ceil_div(blocks, PW_PANEL);
}

/* First block of panel p of `panels`. */
VEC_INLINE int64_t pw_panel(int64_t blocks, int64_t panels, int64_t p)
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
static void pw_pack(const float *weights, int64_t m, int64_t n, int64_t k, int64_t panels,
                    float *packed)
{
    int64_t blocks = ceil_div(n, PW_BLOCK);
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
VEC_INLINE void pw_store(const struct pw_tile *t, const int clamp, int m, int at, int n, vec x)
{
    float *y = t->y + m * t->y_step + at;
    const float *residual = t->residual ? t->residual + m * t->y_step + at : NULL;
    if (residual)
        x = vec_add(x, n >= VEC ? vec_load(residual) : vec_load_n(residual, n));
    if (clamp)
        x = vec_at_least(vec_set(t->low), x);
    if (clamp == 1)
        x = vec_at_most(vec_set(t->high), x);
    if (n >= VEC)
        vec_store(y, x);
    else
        vec_store_n(y, x, n);
}

/* The sums of `mr` pixels by `halves` half blocks, the last of them in `last` if it is no vector.
 */
VEC_INLINE void pw_finish(const int mr, const int halves, const struct pw_tile *t, const int clamp,
                          vec sum[PW_TILE][PW_VECTORS], const pw_half last[PW_TILE])
{
    const int nv = halves * PW_HALF / VEC, nh = halves * PW_HALF % VEC != 0;
    /* only what the last half block has may be partly there */
    const int whole = nh ? nv : (halves - 1) * PW_HALF / VEC;
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
        VEC_UNROLL
        for (int v = 0; v < nv; v++) {
            const int n = v < whole ? VEC : t->valid - v * VEC;
            if (n > 0)
                pw_store(t, clamp, m, v * VEC, n, sum[m][v]);
        }
        if (nh)
            pw_store(t, clamp, m, nv * VEC, t->valid - nv * VEC, pw_half_whole(last[m]));
    }
}

/* Input pixels, three to a base register. */
#define PW_AT(x, m) ((x)[(m) / 3] + (m) % 3 * step)

/* Inputs x[.][c] times the weights at w: `mr` pixels by `halves` half blocks, both constants. */
VEC_INLINE void pw_step(const int mr, const int halves, const float *const x[(PW_TILE + 2) / 3],
                        int64_t step, int64_t c, const float *w, vec sum[PW_TILE][PW_VECTORS],
                        pw_half last[PW_TILE])
{
    const int nv = halves * PW_HALF / VEC, nh = halves * PW_HALF % VEC != 0;
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

/* The inputs `by` channels further on. Where there are `many` pixels the compiler is to forget
 * where they came from: it would keep a register for every sum of a step and a constant. */
VEC_INLINE void pw_next(const int mr, const int many, const int by,
                        const float *x[(PW_TILE + 2) / 3])
{
    VEC_UNROLL
    for (int b = 0; b < (mr + 2) / 3; b++) {
        x[b] += by;
        if (many)
            __asm__("" : "+r"(x[b]));
    }
}

VEC_INLINE void pw_body(const int mr, const int halves, const struct pw_tile *t)
{
    const int nv = halves * PW_HALF / VEC, nh = halves * PW_HALF % VEC != 0;
    const int floats = halves * PW_HALF, steps = PW_STEPS(halves);
    const int many = halves <= 2; /* pixels, so that registers are few */
    const int64_t step = t->x_step;
    const float *w = t->weights, *x[(PW_TILE + 2) / 3];
    uintptr_t fetch = t->fetch;
    vec sum[PW_TILE][PW_VECTORS];
    pw_half last[PW_TILE];
    int64_t c = 0;
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
        x[m / 3] = t->x + m / 3 * 3 * step;
        VEC_UNROLL
        for (int v = 0; v < nv; v++)
            sum[m][v] = vec_load(t->bias + v * VEC);
        if (nh)
            last[m] = pw_half_load(t->bias + nv * VEC);
    }
    for (; c + steps <= t->k; c += steps, w += steps * floats) {
        VEC_UNROLL
        for (int u = 0; u < steps; u++) {
            pw_step(mr, halves, x, step, many ? 0 : u, w + u * floats, sum, last);
            if (many)
                pw_next(mr, many, 1, x);
        }
        if (!many)
            pw_next(mr, many, steps, x);
        for (int64_t b = 0; b < t->bytes; b += PW_LINE)
            __builtin_prefetch((const void *)(fetch + (uintptr_t)b), 0, 2);
        fetch += (uintptr_t)t->bytes;
    }
    for (; c < t->k; c++, w += floats) {
        pw_step(mr, halves, x, step, 0, w, sum, last);
        pw_next(mr, many, 1, x);
    }
    if (t->clamp == 2)
        pw_finish(mr, halves, t, 2, sum, last);
    else if (t->clamp)
        pw_finish(mr, halves, t, 1, sum, last);
    else
        pw_finish(mr, halves, t, 0, sum, last);
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

/* One panel of pixels that stand one behind the other in x and y, where `t` says. */
static void pw_run_pixels(struct pw_tile *t, int halves, int64_t pixels)
{
    const int64_t tiles = ceil_div(pixels, pw_pixels[halves - 1]);
    const int64_t least = pixels / tiles, larger = pixels % tiles;
    for (int64_t i = 0; i < tiles; i++) {
        const int64_t n = least + (i < larger);
        pw_functions[halves - 1][n - 1](t);
        t->x += n * t->x_step;
        t->y += n * t->y_step;
        t->residual = t->residual ? t->residual + n * t->y_step : NULL;
        t->fetch += (uintptr_t)(t->k / PW_STEPS(halves) * t->bytes);
    }
}

/* One panel, whose weights and bias begin where `t` says and whose first channel is `channel`. */
static void pw_run_panel(const struct pw_run *r, struct pw_tile *t, int halves, int64_t channel)
{
    const int64_t tiles = ceil_div(r->pixels, pw_pixels[halves - 1]);
    const int64_t floats = halves * PW_HALF, some = PW_SOME * pw_pixels[halves - 1];
    int64_t at = r->at, n;
    t->x = r->x;
    t->residual = r->residual ? r->residual + channel : NULL;
    /* the tiles fetch the weights of the next panel, in equal shares */
    t->bytes = r->far ? share_of(PW_STEPS(halves) * floats * (int64_t)sizeof(float), tiles) : 0;
    t->fetch = (uintptr_t)(t->weights + floats * r->k);
    for (int64_t done = 0; done < r->pixels; done += n) {
        n = r->pixels - done < some ? r->pixels - done : some;
        n = n < r->wrap - at ? n : r->wrap - at;
        float *y = r->y + at * r->y_step + channel;
        t->y = y;
        pw_run_pixels(t, halves, n);
        if (!infer__is_clamp(r->epi->act)) /* some tiles, that are in the first-level cache still */
            vec_activate_rows(r->epi, y, r->y_step, n, t->valid);
        at = at + n == r->wrap ? 0 : at + n;
    }
}

/* All pixels, panels begin .. end - 1 one by one: the weights of one stay in the cache. */
static void pw_run_panels(const struct pw_run *r, int64_t begin, int64_t end)
{
    struct pw_tile t = {.x_step = r->x_step, .k = r->k, .y_step = r->y_step};
    t.clamp = r->epi->act != INFER__OP_NONE && infer__is_clamp(r->epi->act);
    infer__clamp_bounds(r->epi, &t.low, &t.high);
    if (t.clamp && t.high == INFINITY)
        t.clamp = 2;
    for (int64_t p = begin; p < end; p++) {
        int64_t b0 = pw_panel(r->blocks, r->panels, p);
        int64_t b1 = pw_panel(r->blocks, r->panels, p + 1);
        int64_t rest = r->valid - b0 * PW_BLOCK, width = (b1 - b0) * PW_BLOCK;
        t.valid = (int)(rest < width ? rest : width);
        t.weights = r->weights + b0 * PW_BLOCK * r->k;
        t.bias = r->bias + b0 * PW_BLOCK;
        pw_run_panel(r, &t, pw_halves(b1 - b0, rest), b0 * PW_BLOCK);
    }
}

#endif
