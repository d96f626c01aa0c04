/* levels: avx2 avx2vnni avx512 vnni exact */
/* Int8 Winograd convolution on the vectors of vec_int8.h; see winograd_int8.h. */
#include "kernels/levels.h"

/* Tiles that a product takes at once: TILE * 2 sums, two vectors of weights and one more must fit
 * in the registers. Under a sanitizer all sizes up to 14 would take the compiler minutes. */
#if VEC_LEVEL == 256 || defined(__SANITIZE_ADDRESS__)
#define TILE 6
#elif LEVEL == LEVEL_avx512
#define TILE 12
#else
#define TILE 14
#endif
/* See infer__wino8_level; measured. */
#define RATE (LEVEL_DOT ? PER_LEVEL(0, 100.0, 118.0) : PER_LEVEL(0, 93.0, 99.0))
#define TRANSFORM (LEVEL_DOT ? PER_LEVEL(0, 0.8, 1.3) : PER_LEVEL(0, 0.8, 1.0))

#include <math.h>

#include "kernels/conv_int8/finish_int8.h"
#include "kernels/conv_int8/winograd_int8.h"

#define AHEAD 2048 /* bytes that weights are fetched ahead of their use */

static const struct infer__wino8_level wino8_level = {LEVEL_ISA, VEC, TILE, RATE, TRANSFORM};

/* ---- input ---------------------------------------------------------------------------------- */

/* What one run of units works with. */
struct work {
    struct finish finish;
    const struct infer__wino8 *w;
    const uint8_t *x, *residual, *packed;
    uint8_t *y, *v, *m;
    int64_t first, tiles; /* of the group */
};

/* B' of words. */
VEC_INLINE void input_line(const vec d[WINO8_IN], vec v[WINO8_IN])
{
    const vec a = words_less(d[4], words_four(d[2])), b = words_less(d[3], words_four(d[1]));
    const vec c = words_less(d[4], d[2]), e = words_less(d[3], d[1]), e2 = words_plus(e, e);
    v[0] = words_plus(words_four(words_less(d[0], d[2])), c);
    v[1] = words_plus(a, b);
    v[2] = words_less(a, b);
    v[3] = words_plus(c, e2);
    v[4] = words_less(c, e2);
    v[5] = words_less(words_less(d[5], d[3]), words_four(e));
}

/* V of 2 VEC channels from c on, of which n exist. */
VEC_INLINE void input_vector(const struct infer__wino8 *w, const uint8_t *const at[WINO8_POINTS],
                             int64_t c, int n, uint8_t *v)
{
    const vec zero = words_set(w->s.x_zero);
    vec half[WINO8_IN][WINO8_IN];
    VEC_UNROLL
    for (int j = 0; j < WINO8_IN; j++) {
        vec d[WINO8_IN], out[WINO8_IN];
        VEC_UNROLL
        for (int i = 0; i < WINO8_IN; i++)
            d[i] = words_less(words_load_bytes(at[i * WINO8_IN + j] + c, n), zero);
        input_line(d, out);
        VEC_UNROLL
        for (int i = 0; i < WINO8_IN; i++)
            half[i][j] = out[i];
    }
    VEC_UNROLL
    for (int i = 0; i < WINO8_IN; i++) {
        vec out[WINO8_IN];
        input_line(half[i], out);
        VEC_UNROLL
        for (int j = 0; j < WINO8_IN; j++)
            vec_store((void *)(v + (i * WINO8_IN + j) * w->v_point + 2 * c), out[j]);
    }
}

static void transform_input(const struct work *k)
{
    const struct infer__wino8 *w = k->w;
    const int64_t channels = w->s.cg, whole = channels - channels % (2 * VEC);
    for (int64_t i = 0; i < k->tiles; i++) {
        const uint8_t *at[WINO8_POINTS];
        uint8_t *v = k->v + 2 * i * w->channels;
        infer__wino8_pixels(w, k->first + i, k->x, k->packed + w->at_line, at);
        for (int64_t c = 0; c < whole; c += 2 * VEC)
            input_vector(w, at, c, 2 * VEC, v);
        if (whole < channels)
            input_vector(w, at, whole, (int)(channels - whole), v);
    }
}

/* ---- products ------------------------------------------------------------------------------- */

/* Some tiles by a panel at one point. */
struct product {
    const uint8_t *v;
    int64_t step; /* bytes from tile to tile, in V */
    const uint8_t *u;
    int64_t pairs; /* of input channels */
    int32_t *m;
};

/* `mr` tiles by `nv` vectors, both constants. Three tiles share a base register. */
VEC_INLINE void product_body(const int mr, const int nv, const struct product *p)
{
    const uint8_t *v[(TILE + 2) / 3], *u = p->u;
    const int64_t step = p->step;
    vec sum[TILE][2];
    VEC_UNROLL
    for (int b = 0; b < (mr + 2) / 3; b++)
        v[b] = p->v + 3 * b * step;
    VEC_UNROLL
    for (int m = 0; m < mr; m++)
        sum[m][0] = sum[m][1] = words_set(0);
    for (int64_t k = 0; k < p->pairs; k++, u += nv * VEC * 4) {
        vec weight[2];
        for (int i = 0; i < nv; i++)
            weight[i] = vec_load((const void *)(u + i * VEC * 4));
        for (int i = 0; i < nv * VEC * 4; i += 64)
            __builtin_prefetch((const void *)((uintptr_t)u + (uintptr_t)(AHEAD + i)), 0, 3);
        VEC_UNROLL
        for (int m = 0; m < mr; m++) {
            const vec a = vec_step_x(v[m / 3] + m % 3 * step);
            for (int i = 0; i < nv; i++)
                sum[m][i] = words_dot(sum[m][i], a, weight[i]);
        }
        VEC_UNROLL
        for (int b = 0; b < (mr + 2) / 3; b++)
            v[b] += 4;
    }
    VEC_UNROLL
    for (int m = 0; m < mr; m++)
        for (int i = 0; i < nv; i++)
            vec_store(p->m + (m * nv + i) * VEC, sum[m][i]);
}

typedef void product_function(const struct product *p);

#define PRODUCT(mr, nv)                                                                            \
    static void product_##mr##x##nv(const struct product *p)                                       \
    {                                                                                              \
        product_body(mr, nv, p);                                                                   \
    }
#define NAME_OF(mr, nv) product_##mr##x##nv,
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
FOR_ALL(PRODUCT, 1)
FOR_ALL(PRODUCT, 2)
static product_function *const products[2][TILE] = {{FOR_ALL(NAME_OF, 1)}, {FOR_ALL(NAME_OF, 2)}};

/* M of the group for panel `index`: by point and tile. */
static void multiply(const struct work *k, int64_t index, int nv)
{
    const struct infer__wino8 *w = k->w;
    const int64_t point = 2 * w->channels * nv * VEC; /* bytes of U */
    const uint8_t *u = k->packed + 2 * WINO8_POINTS * w->channels * 2 * index * VEC;
    const uint32_t rows = (uint32_t)((k->tiles + TILE - 1) / TILE);
    for (int x = 0; x < WINO8_POINTS; x++, u += point)
        for (uint32_t r = 0; r < rows; r++) {
            const int64_t i = infer__unit_begin(k->tiles, rows, r);
            const int64_t n = infer__unit_begin(k->tiles, rows, r + 1) - i;
            uint8_t *m = k->m + x * w->m_point + i * nv * VEC * 4;
            const struct product p = {.v = k->v + x * w->v_point + 2 * i * w->channels,
                                      .step = 2 * w->channels,
                                      .u = u,
                                      .pairs = w->channels / 2,
                                      .m = (void *)m};
            products[nv - 1][n - 1](&p);
        }
}

/* ---- output --------------------------------------------------------------------------------- */

/* A' where what comes in still lacks the factors 6, 4, 4, 1, 1 and 24. */
VEC_INLINE void output_line(const vec m[WINO8_IN], vec y[WINO8_OUT])
{
    const vec a = vec_plus(m[1], m[2]), b = vec_minus(m[1], m[2]);
    const vec c = vec_plus(m[3], m[4]), d = vec_minus(m[3], m[4]);
    const vec d3 = vec_plus(d, vec_plus(m[5], vec_plus(m[5], m[5])));
    const vec a2 = vec_plus(a, a), d2 = vec_plus(d, d);
    y[0] = vec_plus(vec_plus(c, m[0]), vec_plus(vec_four(m[0]), vec_plus(m[0], vec_plus(a2, a2))));
    y[1] = vec_plus(vec_four(b), d2);
    y[2] = vec_four(vec_plus(a, c));
    y[3] = vec_four(vec_plus(b, vec_plus(d3, d3)));
}

/* A vector of a tile's sums, from 576 times them modulo 2^32. */
VEC_INLINE void output_vector(const uint8_t *m, int64_t m_point, vec start, int nv, int32_t *sums)
{
    const vec ninth = vec_set(0x38e38e39); /* 9 times that is 1 */
    vec half[WINO8_OUT][WINO8_IN];
    VEC_UNROLL
    for (int j = 0; j < WINO8_IN; j++) {
        vec in[WINO8_IN], out[WINO8_OUT];
        VEC_UNROLL
        for (int i = 0; i < WINO8_IN; i++)
            in[i] = vec_load((const void *)(m + (i * WINO8_IN + j) * m_point));
        output_line(in, out);
        VEC_UNROLL
        for (int i = 0; i < WINO8_OUT; i++)
            half[i][j] = out[i];
    }
    VEC_UNROLL
    for (int i = 0; i < WINO8_OUT; i++) {
        vec out[WINO8_OUT];
        output_line(half[i], out);
        VEC_UNROLL
        for (int j = 0; j < WINO8_OUT; j++) {
            const vec sum = vec_64th(vec_times(out[j], ninth));
            vec_store(sums + (i * WINO8_OUT + j) * nv * VEC, vec_plus(sum, start));
        }
    }
}

static int at_most(int64_t n, int most)
{
    return n < most ? (int)n : most;
}

static void transform_output(const struct work *k, int64_t index, int nv)
{
    const struct infer__wino8 *w = k->w;
    const struct infer__spatial *y = &w->s.y;
    const int64_t channel = 2 * index * VEC, size = w->s.f32 ? 4 : 1;
    const int32_t *start = (const int32_t *)(const void *)(k->packed + w->at_start) + channel;
    int32_t sums[WINO8_OUT * WINO8_OUT * 2 * VEC];
    struct finish_to to = {.y_step = y->c * size, .valid = at_most(y->c - channel, nv * VEC)};
    to.factor = (const float *)(const void *)(k->packed + w->at_factor) + channel;
    for (int64_t i = 0; i < k->tiles; i++) {
        const int64_t tile = k->first + i, picture = tile / w->across / w->down;
        const int64_t row = tile / w->across % w->down * WINO8_OUT;
        const int64_t column = tile % w->across * WINO8_OUT;
        const int rows = at_most(y->h - row, WINO8_OUT), count = at_most(y->w - column, WINO8_OUT);
        int64_t at = ((picture * y->h + row) * y->w + column) * y->c + channel;
        for (int v = 0; v < nv; v++)
            output_vector(k->m + (i * nv + v) * VEC * 4, w->m_point, vec_load(start + v * VEC), nv,
                          sums + v * VEC);
        for (int r = 0; r < rows; r++, at += y->w * y->c) {
            to.y = k->y + at * size;
            to.residual = k->residual ? k->residual + at : NULL;
            if (nv == 2)
                finish_tile(&k->finish, &to, count, 2, sums + r * WINO8_OUT * 2 * VEC);
            else
                finish_tile(&k->finish, &to, count, 1, sums + r * WINO8_OUT * VEC);
        }
    }
}

/* ---- the kernel ----------------------------------------------------------------------------- */

static void wino8_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end)
{
    const struct infer__wino8 *w = b->cut;
    struct work k = {.w = w, .x = b->in[0], .packed = b->packed, .y = b->out[0]};
    finish_init(&k.finish, t, &w->s, k.packed[w->at_small]);
    k.residual = w->s.residual ? b->in[w->s.residual] : NULL;
    k.v = b->scratch;
    k.m = k.v + WINO8_POINTS * w->v_point;
    k.first = -1;
    const int64_t items = w->groups * w->parts, last = infer__unit_begin(items, w->units, end);
    for (int64_t i = infer__unit_begin(items, w->units, begin); i < last; i++) {
        const uint32_t group = (uint32_t)(i / w->parts), part = (uint32_t)(i % w->parts);
        const int64_t first = infer__unit_begin(w->tiles, w->groups, group);
        k.tiles = infer__unit_begin(w->tiles, w->groups, group + 1) - first;
        if (first != k.first) {
            k.first = first;
            transform_input(&k);
        }
        const int64_t end_panel = infer__unit_begin(w->panels, w->parts, part + 1);
        for (int64_t p = infer__unit_begin(w->panels, w->parts, part); p < end_panel; p++) {
            const int nv = 2 * p + 1 == w->vectors ? 1 : 2;
            multiply(&k, p, nv);
            transform_output(&k, p, nv);
        }
    }
}

static infer_status wino8_prepare(const struct infer__task *t, struct infer__need *need,
                                  infer_error *err)
{
    struct infer__wino8 *w = need->cut;
    FAIL_IF(!infer__wino8_cut(t, &wino8_level, w), INFER_ERROR_UNSUPPORTED,
            "not an int8 convolution of this kernel");
    /* not asked before the kernel is the cheapest one: it reads all weights */
    FAIL_IF(!infer__wino8_is_exact(t, w), INFER_ERROR_UNSUPPORTED,
            "sums that are too large for Winograd's transform");
    need->layout = INFER__SAME_LAYOUT;
    need->packed_bytes = infer__bytes_of(w->packed_bytes, 1);
    need->scratch_bytes = infer__bytes_of(w->scratch_bytes, 1);
    need->units = w->units;
    need->pack_pieces = (uint32_t)w->panels;
    return INFER_OK;
}

static void wino8_pack_piece(const struct infer__task *t, const void *cut, void *packed,
                             uint32_t piece, uint32_t pieces)
{
    const struct infer__wino8 *w = cut;
    const int64_t last = infer__unit_begin(w->panels, pieces, piece + 1);
    for (int64_t p = infer__unit_begin(w->panels, pieces, piece); p < last; p++)
        infer__wino8_pack_panel(t, w, p, packed);
    if (piece == 0)
        infer__wino8_pack_rest(t, w, packed);
}

static void wino8_pack(const struct infer__task *t, const void *cut, void *packed)
{
    wino8_pack_piece(t, cut, packed, 0, 1);
}

INFER__APART static double wino8_estimate(const struct infer__task *t)
{
    struct infer__wino8 w;
    if (!infer__isa_has(t->isa, LEVEL_ISA) || t->nin < 2 || !t->in[1].is_const ||
        !infer__wino8_cut(t, &wino8_level, &w) || (w.s.bias && !t->in[2].is_const))
        return -1;
    return infer__wino8_ns(&w);
}

const struct infer__kernel LEVEL_NAME(infer__winograd_int8) = {
    .name = LEVEL_STRING("winograd_int8"),
    .isa = LEVEL_ISA,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__wino8),
    .estimate = wino8_estimate,
    .prepare = wino8_prepare,
    .pack = wino8_pack,
    .pack_piece = wino8_pack_piece,
    .run = wino8_run,
};
