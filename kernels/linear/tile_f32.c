/* levels: c avx2 avx512 bf16 */
/* The register tile of f32 products; see tile_f32.h. */
#include "kernels/linear/tile_f32.h"

#include "kernels/integers.h"
#include "kernels/vec_transpose.h"

#define LINE 64 /* bytes of a cache line */

/* Half a vector: with AVX-512, 8 floats. */
#if VEC_LEVEL == 512
typedef __m256 half;
#define half_load(p) _mm256_loadu_ps(p)
#define half_load_n(p, n) _mm256_maskz_loadu_ps((__mmask8)((1u << (n)) - 1), p)
#define half_store_n(p, x, n) _mm256_mask_storeu_ps(p, (__mmask8)((1u << (n)) - 1), x)
#define half_set(x) _mm256_set1_ps(x)
#define half_of(x) _mm512_castps512_ps256(x)
#define half_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define half_add(a, b) _mm256_add_ps(a, b)
#define half_at_least(low, x) _mm256_max_ps(low, x)
#define half_at_most(high, x) _mm256_min_ps(high, x)
#else
typedef char half; /* unused */
#endif

#if LEVEL == LEVEL_bf16
VEC_INLINE vec tile_fma(vec a, vec b, vec sum)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}
#else
#define tile_fma vec_fma
#endif

/* Everything below is for `mr` rows by `nv` vectors and, if `nh`, half a vector: constants. So is
 * `fixed`: 0, rows are `step` apart, three to a base register (base, base + step, base + 2 step);
 * above 0, the step itself, all rows on one base; below 0, each row has a base. */
#define BASES TILE_ROWS
#define BASES_OF(mr, fixed) ((fixed) > 0 ? 1 : (fixed) < 0 ? (mr) : ((mr) + 2) / 3)
#define INPUT(x, m)                                                                                \
    (fixed > 0 ? (x)[0] + (m)*fixed : fixed < 0 ? (x)[m] : (x)[(m) / 3] + (m) % 3 * step)

struct sums {
    vec whole[TILE_ROWS][TILE_VECTORS];
    half last[TILE_ROWS];
};

VEC_INLINE void tile_start(const int mr, const int nv, const int nh,
                           const struct infer__tile_f32 *t, struct sums *s)
{
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
        const float *start = t->start + m * t->start_step;
        VEC_UNROLL
        for (int v = 0; v < nv; v++)
            s->whole[m][v] = vec_load(start + v * VEC);
#if VEC_LEVEL == 512
        if (nh)
            s->last[m] = half_load(start + nv * VEC);
#endif
    }
    (void)nh;
}

/* Inputs x[.][c] times the weights at w. */
VEC_INLINE void tile_step(const int mr, const int nv, const int nh, const int fixed,
                          const float *const x[BASES], int64_t step, int64_t c, const float *w,
                          struct sums *s)
{
    vec weight[TILE_VECTORS];
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        weight[v] = vec_load(w + v * VEC);
#if VEC_LEVEL == 512
    half rest;
    if (nh)
        rest = half_load(w + nv * VEC);
#endif
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
#if VEC_LEVEL == 512
        if (!nv) { /* half a load as well */
            s->last[m] = half_fma(half_set(INPUT(x, m)[c]), rest, s->last[m]);
            continue;
        }
#endif
        vec a = vec_set(INPUT(x, m)[c]);
        VEC_UNROLL
        for (int v = 0; v < nv; v++)
            s->whole[m][v] = tile_fma(a, weight[v], s->whole[m][v]);
#if VEC_LEVEL == 512
        if (nh)
            s->last[m] = half_fma(half_of(a), rest, s->last[m]);
#endif
    }
    (void)nh, (void)step;
}

/* The inputs `by` further on. Where there are `many` rows the compiler is to forget where they came
 * from: it would keep a register for every sum of a step and a constant. */
VEC_INLINE void tile_next(const int bases, const int many, const int by, const float *x[BASES])
{
    VEC_UNROLL
    for (int b = 0; b < bases; b++) {
        x[b] += by;
        if (many)
            __asm__("" : "+r"(x[b]));
    }
}

VEC_INLINE uintptr_t tile_fetch(uintptr_t at, int64_t bytes)
{
    for (int64_t b = 0; b < bytes; b += LINE)
        __builtin_prefetch((const void *)(at + (uintptr_t)b), 0, 2);
    return at + (uintptr_t)bytes;
}

/* Adds the residual. The first `sure` vectors are there, of the others what t->valid says. */
VEC_INLINE void tile_residual(const int mr, const int nv, const int nh, const int sure,
                              const struct infer__tile_f32 *t, struct sums *s)
{
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
        const float *more = t->residual + m * t->residual_step;
        VEC_UNROLL
        for (int v = 0; v < nv; v++) {
            const int n = t->valid - v * VEC;
            if (v < sure || n >= VEC)
                s->whole[m][v] = vec_add(s->whole[m][v], vec_load(more + v * VEC));
            else if (n > 0)
                s->whole[m][v] = vec_add(s->whole[m][v], vec_load_n(more + v * VEC, n));
        }
#if VEC_LEVEL == 512
        if (nh)
            s->last[m] = half_add(s->last[m], half_load_n(more + nv * VEC, t->valid - nv * VEC));
#endif
    }
    (void)nh;
}

VEC_INLINE void tile_store(const int mr, const int nv, const int nh, const int sure,
                           const int clamp, const struct infer__tile_f32 *t, struct sums *s)
{
    const vec low = vec_set(t->low), high = vec_set(t->high);
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
        float *y = t->y + m * t->y_step;
        VEC_UNROLL
        for (int v = 0; v < nv; v++) {
            const int n = t->valid - v * VEC;
            vec x = clamp ? vec_at_most(high, vec_at_least(low, s->whole[m][v])) : s->whole[m][v];
            if (v < sure || n >= VEC)
                vec_store(y + v * VEC, x);
            else if (n > 0)
                vec_store_n(y + v * VEC, x, n);
        }
#if VEC_LEVEL == 512
        if (nh) {
            half x = s->last[m];
            if (clamp)
                x = half_at_most(half_of(high), half_at_least(half_of(low), x));
            half_store_n(y + nv * VEC, x, t->valid - nv * VEC);
        }
#endif
    }
    (void)nh;
}

VEC_INLINE void tile_end(const int mr, const int nv, const int nh, const int sure,
                         const struct infer__tile_f32 *t, struct sums *s)
{
    if (t->residual)
        tile_residual(mr, nv, nh, sure, t, s);
    if (t->clamp)
        tile_store(mr, nv, nh, sure, 1, t, s);
    else
        tile_store(mr, nv, nh, sure, 0, t, s);
}

VEC_INLINE uintptr_t tile_body(const int mr, const int nv, const int nh, const int fixed,
                               const struct infer__tile_f32 *t)
{
    const int64_t step = t->step;
    const int steps = TILE_STEPS(nv, nh), bases = BASES_OF(mr, fixed);
    const int many = !fixed && nv + nh == 1; /* rows, so that registers are few */
    const int floats = nv * VEC + nh * TILE_HALF;
    uintptr_t fetch = t->fetch;
    struct sums s;
    tile_start(mr, nv, nh, t, &s);
    for (int r = 0; r < t->nrows; r++) {
        const float *w = t->weights + t->rows[r].before * floats, *from = t->rows[r].x;
        for (int64_t i = 0; i < t->runs; i++, from += t->run_step) {
            const float *x[BASES];
            int64_t c = 0;
            VEC_UNROLL
            for (int b = 0; b < bases; b++)
                x[b] = from + 3 * b * step;
            for (; c + steps <= t->run; c += steps, w += steps * floats) {
                VEC_UNROLL
                for (int u = 0; u < steps; u++) {
                    tile_step(mr, nv, nh, fixed, x, step, many ? 0 : u, w + u * floats, &s);
                    if (many)
                        tile_next(bases, many, 1, x);
                }
                fetch = tile_fetch(fetch, t->bytes);
                if (!many)
                    tile_next(bases, many, steps, x);
            }
            for (; c < t->run; c++, w += floats) {
                tile_step(mr, nv, nh, fixed, x, step, 0, w, &s);
                tile_next(bases, many, 1, x);
            }
        }
    }
    /* half a block, which is two of the compiler's vectors, may be partly there */
    tile_end(mr, nv, nh, nh ? nv : VEC == 4 ? nv - 2 : nv - 1, t, &s);
    return fetch;
}

VEC_INLINE uintptr_t apart_body(const int mr, const int nv, const struct infer__tile_f32 *t)
{
    const float *w = t->weights, *const *entry = t->table;
    uintptr_t fetch = t->fetch;
    struct sums s;
    tile_start(mr, nv, 0, t, &s);
    for (int r = 0; r < t->nrows; r++, entry += t->apart) {
        const float *x[BASES];
        if (!entry[0]) {
            w += t->run * nv * VEC;
            continue;
        }
        VEC_UNROLL
        for (int m = 0; m < mr; m++)
            x[m] = entry[m] + t->offset;
        for (int64_t c = 0; c < t->run; c++, w += nv * VEC) {
            fetch = tile_fetch(fetch, t->bytes);
            tile_step(mr, nv, 0, -1, x, 0, c, w, &s);
        }
    }
    tile_end(mr, nv, 0, nv - 16 / VEC, t, &s); /* of whole blocks the last one */
    return fetch;
}

/* ---- all sizes ------------------------------------------------------------------------------ */

#define TILE(mr, nv, nh)                                                                           \
    static uintptr_t tile_##mr##x##nv##_##nh(const struct infer__tile_f32 *t)                      \
    {                                                                                              \
        return tile_body(mr, nv, nh, 0, t);                                                        \
    }
/* First layers, whose pixels have three channels, with stride 1 or 2: all pixels hang on one
 * register, and a product takes its input from memory without an instruction of its own. That shows
 * where a panel is but one vector. */
#define FIRST(mr, nv, nh)                                                                          \
    static uintptr_t first_3_##mr##x##nv##_##nh(const struct infer__tile_f32 *t)                   \
    {                                                                                              \
        return tile_body(mr, nv, nh, 3, t);                                                        \
    }                                                                                              \
    static uintptr_t first_6_##mr##x##nv##_##nh(const struct infer__tile_f32 *t)                   \
    {                                                                                              \
        return tile_body(mr, nv, nh, 6, t);                                                        \
    }
#define APART(mr, nv, nh)                                                                          \
    static uintptr_t apart_##mr##x##nv(const struct infer__tile_f32 *t)                            \
    {                                                                                              \
        return apart_body(mr, nv, t);                                                              \
    }
#define TILE_OF(mr, nv, nh) tile_##mr##x##nv##_##nh,
#define FIRST_3_OF(mr, nv, nh) first_3_##mr##x##nv##_##nh,
#define FIRST_6_OF(mr, nv, nh) first_6_##mr##x##nv##_##nh,
#define APART_OF(mr, nv, nh) apart_##mr##x##nv,
#define ROWS_3(X, nv, nh) X(1, nv, nh) X(2, nv, nh) X(3, nv, nh)
#define ROWS_4(X, nv, nh) ROWS_3(X, nv, nh) X(4, nv, nh)
#define ROWS_6(X, nv, nh) ROWS_4(X, nv, nh) X(5, nv, nh) X(6, nv, nh)
#define ROWS_8(X, nv, nh) ROWS_6(X, nv, nh) X(7, nv, nh) X(8, nv, nh)
#define ROWS_12(X, nv, nh) ROWS_8(X, nv, nh) X(9, nv, nh) X(10, nv, nh) X(11, nv, nh) X(12, nv, nh)
#define ROWS_14(X, nv, nh) ROWS_12(X, nv, nh) X(13, nv, nh) X(14, nv, nh)

#if VEC_LEVEL == 512
ROWS_14(TILE, 1, 0)
ROWS_12(TILE, 2, 0)
ROWS_8(TILE, 3, 0)
ROWS_6(TILE, 4, 0)
ROWS_14(TILE, 0, 1)
ROWS_12(TILE, 1, 1)
ROWS_8(TILE, 2, 1)
ROWS_6(TILE, 3, 1)
ROWS_14(FIRST, 1, 0)
ROWS_14(FIRST, 0, 1)
ROWS_6(APART, 1, 0)
ROWS_6(APART, 2, 0)
ROWS_6(APART, 3, 0)
ROWS_6(APART, 4, 0)
infer__tile_function *const LEVEL_NAME(infer__tile_f32)[2][TILE_VECTORS][TILE_ROWS] = {
    {{ROWS_14(TILE_OF, 1, 0)},
     {ROWS_12(TILE_OF, 2, 0)},
     {ROWS_8(TILE_OF, 3, 0)},
     {ROWS_6(TILE_OF, 4, 0)}},
    {{ROWS_14(TILE_OF, 0, 1)},
     {ROWS_12(TILE_OF, 1, 1)},
     {ROWS_8(TILE_OF, 2, 1)},
     {ROWS_6(TILE_OF, 3, 1)}}};
infer__tile_function *const LEVEL_NAME(infer__tile_first)[2][2][TILE_ROWS] = {
    {{ROWS_14(FIRST_3_OF, 1, 0)}, {ROWS_14(FIRST_3_OF, 0, 1)}},
    {{ROWS_14(FIRST_6_OF, 1, 0)}, {ROWS_14(FIRST_6_OF, 0, 1)}}};
infer__tile_function *const LEVEL_NAME(infer__tile_apart)[TILE_VECTORS][TILE_APART] = {
    {ROWS_6(APART_OF, 1, 0)},
    {ROWS_6(APART_OF, 2, 0)},
    {ROWS_6(APART_OF, 3, 0)},
    {ROWS_6(APART_OF, 4, 0)}};
#else
ROWS_12(TILE, 1, 0)
ROWS_6(TILE, 2, 0)
ROWS_4(TILE, 3, 0)
ROWS_12(FIRST, 1, 0)
#if VEC_LEVEL == 256
ROWS_6(APART, 2, 0)
#else
ROWS_3(TILE, 4, 0)
ROWS_3(APART, 4, 0)
#endif
infer__tile_function *const LEVEL_NAME(infer__tile_f32)[2][TILE_VECTORS][TILE_ROWS] = {{
    {ROWS_12(TILE_OF, 1, 0)},
    {ROWS_6(TILE_OF, 2, 0)},
    {ROWS_4(TILE_OF, 3, 0)},
#if VEC_LEVEL == 0
    {ROWS_3(TILE_OF, 4, 0)},
#endif
}};
infer__tile_function *const LEVEL_NAME(infer__tile_first)[2][2][TILE_ROWS] = {
    {{ROWS_12(FIRST_3_OF, 1, 0)}}, {{ROWS_12(FIRST_6_OF, 1, 0)}}};
infer__tile_function *const LEVEL_NAME(infer__tile_apart)[TILE_VECTORS][TILE_APART] = {
#if VEC_LEVEL == 256
    [1] = {ROWS_6(APART_OF, 2, 0)},
#else
    [3] = {ROWS_3(APART_OF, 4, 0)},
#endif
};
#endif

/* ---- long sums ------------------------------------------------------------------------------ */

/* The chain of `t` that begins with run `u` and its product `c`; `row` is for where that is. */
static void tile_part(infer__tile_function *f, struct infer__tile_f32 *t,
                      const struct infer__tile_f32 *whole, const struct infer__tile_chain *n,
                      int64_t u, int64_t c, struct infer__tile_row *row)
{
    t->runs = whole->runs - u < n->runs ? whole->runs - u : n->runs;
    t->run = whole->run - c < n->run ? whole->run - c : n->run;
    if (u || c || t->runs < whole->runs || t->run < whole->run) {
        row->x = t->rows->x + u * whole->run_step + c;
        row->before = t->rows->before + u * whole->run + c;
        t->rows = row;
    }
    t->fetch = f(t);
}

uintptr_t LEVEL_NAME(infer__tile_chains)(infer__tile_function *f, const struct infer__tile_f32 *t,
                                         const struct infer__tile_chain *n)
{
    static const float zeros[TILE_VECTORS * VEC];
    struct infer__tile_f32 part = *t;
    struct infer__tile_row row;
    const int64_t of_row = t->run * t->runs;
    part.clamp = 0;
    for (int r = 0, last; r < t->nrows; r = last) {
        const int64_t chain = t->rows[r].before / of_row / n->rows;
        for (last = r + 1; last < t->nrows; last++)
            if (t->rows[last].before / of_row / n->rows != chain)
                break;
        for (int64_t u = 0; u < t->runs; u += n->runs)
            for (int64_t c = 0; c < t->run; c += n->run) {
                part.rows = t->rows + r;
                part.nrows = last - r;
                if (last == t->nrows && u + n->runs >= t->runs && c + n->run >= t->run)
                    part.clamp = t->clamp;
                tile_part(f, &part, t, n, u, c, &row);
                part.start = zeros;
                part.start_step = 0;
                part.residual = t->y;
                part.residual_step = t->y_step;
            }
    }
    return part.fetch;
}

/* ---- packing -------------------------------------------------------------------------------- */

void LEVEL_NAME(infer__tile_pack)(const float *weights, int64_t step, int64_t valid, int floats,
                                  int64_t taps, int64_t channels, float *packed)
{
    const int64_t row = taps * channels;
    for (int at = 0; at < floats; at += VEC) {
        const int rows = valid - at < 0 ? 0 : valid - at < VEC ? (int)(valid - at) : VEC;
        const int width = floats - at;
        int64_t c = 0, tap = 0; /* of the next weight */
        for (int64_t i = 0; i < row; i += VEC) {
            int count = row - i < VEC ? (int)(row - i) : VEC;
            vec v[VEC];
            vec_load_transposed(rows ? weights + at * step + i : NULL, step, rows, count, v);
            for (int j = 0; j < count; j++) {
                float *to = packed + (tap * channels + c) * floats + at;
                if (width < VEC)
                    vec_store_n(to, v[j], width);
                else
                    vec_store(to, v[j]);
                if (++tap == taps) {
                    tap = 0;
                    c++;
                }
            }
        }
    }
}
