/* The tiles of int8 convolutions and dense layers on the vectors of vec_int8.h; see conv_int8.h and
 * conv_int8.c. */
#ifndef INFER_KERNELS_CONV_INT8_CONV_INT8_VECTORS_H
#define INFER_KERNELS_CONV_INT8_CONV_INT8_VECTORS_H

/* Pixels of a tile: TILE * 2 sums, two vectors of weights and one or two more must fit in the
 * registers. Under a sanitizer all sizes up to 14 would take the compiler minutes. */
#if VEC_LEVEL == 256 || defined(__SANITIZE_ADDRESS__)
#define TILE 6
#elif LEVEL == LEVEL_avx512
#define TILE 12
#else
#define TILE 14
#endif
/* See infer__conv8_level; measured. */
#define RATE (LEVEL_DOT ? PER_LEVEL(0, 190.0, 233.0) : PER_LEVEL(0, 93.0, 103.0))
#define LOAD 1.0

#include <math.h>

#include "kernels/conv_int8/finish_int8.h"

static const struct infer__conv8_level conv8_level = {.vec = VEC,
                                                      .dot = VEC_DOT,
                                                      .step = VEC_DOT,
                                                      .wide = VEC_DOT < 4,
                                                      .skips = VEC_DOT == 4,
                                                      .chunk = 8,
                                                      .tile = TILE,
                                                      .rate = RATE,
                                                      .load = LOAD};

/* The addresses of a tile's pixels, three to a base register: base, base + step, base + 2 step. */
#define PIXEL(x, m) ((x)[(m) / 3] + ((m) % 3) * step)
#define BASES ((TILE + 2) / 3)

/* One pixel takes weights as fast as they come: they are fetched this many bytes ahead. */
enum { AHEAD = 16384 };

/* `steps` steps of a run that begins at `from`, of pixels m0 .. m1 - 1. */
VEC_INLINE const int8_t *tile_run(const int m0, const int m1, const int nv, const uint8_t *from,
                                  int64_t step, const int8_t *w, int64_t steps, vec sum[TILE][2])
{
    const uint8_t *x[BASES];
    VEC_UNROLL
    for (int b = 0; b < (m1 + 2) / 3; b++)
        x[b] = from + 3 * b * step;
    for (int64_t k = 0; k < steps; k++, w += nv * VEC * VEC_DOT) {
        vec weight[2];
        for (int v = 0; v < nv; v++)
            weight[v] = vec_step_w(w + v * VEC * VEC_DOT);
        for (int v = 0; v < nv && m1 == 1; v++)
            __builtin_prefetch((const void *)((uintptr_t)(w + v * VEC * VEC_DOT) + AHEAD), 0, 2);
        VEC_UNROLL
        for (int m = m0; m < m1; m++) {
            vec a = vec_step_x(PIXEL(x, m));
            for (int v = 0; v < nv; v++)
                sum[m][v] = vec_dot(sum[m][v], a, weight[v]);
        }
        VEC_UNROLL
        for (int b = 0; b < (m1 + 2) / 3; b++)
            x[b] += 4;
    }
    return w;
}

VEC_INLINE void tile_sums(const int mr, const int nv, const struct job *j, vec sum[TILE][2])
{
    const struct infer__conv8_tile *tile = j->tile;
    const struct infer__conv8_starts *start = &j->starts;
    const int64_t step = tile->step, run_step = tile->run_step, steps = tile->run / VEC_DOT;
    if (tile->nrows == 1 && tile->runs == 1 && !tile->skips && !j->zero) {
        VEC_UNROLL
        for (int m = 0; m < mr; m++)
            for (int v = 0; v < nv; v++)
                sum[m][v] = vec_load(start->each + v * VEC);
        tile_run(0, mr, nv, tile->row[0], step, j->weights + tile->before[0] * nv * VEC, steps,
                 sum);
        return;
    }
    VEC_UNROLL
    for (int m = 0; m < mr; m++)
        for (int v = 0; v < nv; v++) {
            const int32_t *from = m == 0 ? start->first : m == mr - 1 ? start->last : start->each;
            sum[m][v] = vec_load(from + v * VEC);
        }
    if (j->zero) {
        const vec zero0 = vec_load(j->zero), zero1 = nv == 2 ? vec_load(j->zero + VEC) : zero0;
        VEC_UNROLL
        for (int m = 0; m < mr; m++)
            for (int v = 0; v < nv; v++)
                sum[m][v] = vec_less(sum[m][v], v ? zero1 : zero0, j->pixels[m]);
    }
    for (int r = 0; r < tile->nrows && !tile->skips; r++) {
        const uint8_t *from = tile->row[r];
        const int8_t *w = j->weights + tile->before[r] * nv * VEC;
        for (int64_t i = 0; i < tile->runs; i++, from += run_step)
            w = tile_run(0, mr, nv, from, step, w, steps, sum);
    }
    for (int r = 0; r < tile->nrows && tile->skips && mr > 1 && VEC_DOT == 4; r++) {
        const uint8_t *from = tile->row[r];
        const int8_t *w = j->weights + tile->before[r] * nv * VEC;
        for (int64_t i = 0; i < tile->runs; i++, from += run_step)
            if (!tile->skip[i])
                w = tile_run(0, mr, nv, from, step, w, steps, sum);
            else if (tile->skip[i] == CONV8_SKIP_FIRST)
                w = tile_run(1, mr, nv, from, step, w, steps, sum);
            else
                w = tile_run(0, mr - 1, nv, from, step, w, steps, sum);
    }
}

static __attribute__((noinline)) void tile_finish(const struct job *j, const int32_t *sums, int nv)
{
    if (nv == 2)
        finish_tile(j->finish, &j->to, j->tile->count, 2, sums);
    else
        finish_tile(j->finish, &j->to, j->tile->count, 1, sums);
}

#define LAST(m) ((m) < mr ? (m) : mr - 1) /* behind the last pixel it is stored again */

/* `mr` pixels by `nv` vectors, both constants. A plain requantisation is done in registers; what
 * needs more of them goes by way of memory. */
VEC_INLINE void tile_body(const int mr, const int nv, const struct job *j)
{
    const struct finish_to *to = &j->to;
    const struct finish *f = j->finish;
    vec sum[TILE][2];
    tile_sums(mr, nv, j, sum);
    if (!f->plain) {
        int32_t sums[TILE * 2 * VEC];
        VEC_UNROLL
        for (int m = 0; m < mr; m++)
            for (int v = 0; v < nv; v++)
                vec_store(sums + (m * nv + v) * VEC, sum[m][v]);
        tile_finish(j, sums, nv);
        return;
    }
    const vec low = bytes_set(f->byte_low), high = bytes_set(f->byte_high);
    const vecf factor0 = vec_loadf(to->factor);
    const vecf factor1 = nv == 2 ? vec_loadf(to->factor + VEC) : factor0;
    const int each = 4 / nv; /* pixels that are stored at once */
    const int pair = 3 - nv; /* and those of a vector of words */
    vec words[TILE + 2];
    VEC_UNROLL
    for (int m = 0; m < mr; m += pair) {
        vec second = nv == 2 ? sum[m][1] : sum[LAST(m + 1)][0];
        words[m] = finish_plain(f, sum[m][0], second, factor0, factor1);
    }
    VEC_UNROLL
    for (int m = 0; m < mr; m += each) {
        int other = m + pair < mr ? m + pair : m;
        vec bytes = bytes_pack(words[m], words[other], low, high);
        uint8_t *y[4];
        for (int i = 0; i < each; i++)
            y[i] =
                to->y + (m + pair < mr || i < pair ? LAST(m + i) : LAST(m + i - pair)) * to->y_step;
        if (nv == 2)
            bytes_store_2(y, bytes, to->valid);
        else
            bytes_store_4(y, bytes, to->valid);
    }
}

typedef void tile_function(const struct job *j);

#define TILE_FUNCTION(mr, nv)                                                                      \
    static void tile_##mr##x##nv(const struct job *j)                                              \
    {                                                                                              \
        tile_body(mr, nv, j);                                                                      \
    }
#define NAME_OF(mr, nv) tile_##mr##x##nv,
#define FOR_6(X, nv) X(1, nv) X(2, nv) X(3, nv) X(4, nv) X(5, nv) X(6, nv)
#define FOR_12(X, nv) FOR_6(X, nv) X(7, nv) X(8, nv) X(9, nv) X(10, nv) X(11, nv) X(12, nv)
#define FOR_14(X, nv) FOR_12(X, nv) X(13, nv) X(14, nv)
#if TILE == 14
#define FOR_ALL FOR_14
#elif TILE == 12
#define FOR_ALL FOR_12
#else
#define FOR_ALL FOR_6
#endif
FOR_ALL(TILE_FUNCTION, 1)
FOR_ALL(TILE_FUNCTION, 2)
static tile_function *const tile_functions[2][TILE] = {{FOR_ALL(NAME_OF, 1)},
                                                       {FOR_ALL(NAME_OF, 2)}};

struct tile_state {
    int none;
};

static void tile_begin(struct tile_state *state)
{
    state->none = 0;
}

static void tile_one(struct tile_state *state, const struct job *j, int nv)
{
    (void)state;
    tile_functions[nv - 1][j->tile->count - 1](j);
}

static void tile_flush(struct tile_state *state)
{
    (void)state;
}

static void tile_end(struct tile_state *state)
{
    (void)state;
}

static infer_status tile_prepare(infer_error *err)
{
    (void)err;
    return INFER_OK;
}

#endif
