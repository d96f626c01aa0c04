/* Blocks of one width. The including file defines
 *   WIDTH       channels of a block: 64, 32, 16
 *   V, P, F     the vector, the prefix of its instructions, the suffix of this file's functions
 *   SPECIAL     1: 3 x 3 with strides 1 and 2 has code of its own; 2: 5 x 5, too
 * and, once, the level's BYTES (see depthwise_u8.h). `n` of a block's channels are there. */

#define VB ((int64_t)(WIDTH * BYTES)) /* bytes of a quad's vectors */

#if BYTES == 1
struct F(weights) {
    V w;
};
VEC_INLINE struct F(weights) F(weights_at)(const uint8_t *p)
{
    return (struct F(weights)){F(load)(p)};
}
VEC_INLINE V F(dot)(V sum, struct F(weights) x, struct F(weights) w)
{
#if WIDE
    return P(dpbusd_epi32)(sum, x.w, w.w);
#else
    return P(dpbusd_avx_epi32)(sum, x.w, w.w);
#endif
}
VEC_INLINE void F(store_quad)(uint8_t *to, V quad)
{
    F(store)(to, quad);
}
#else
struct F(weights) {
    V even, odd;
};
VEC_INLINE struct F(weights) F(weights_at)(const uint8_t *p)
{
    return (struct F(weights)){F(load)(p), F(load)(p + WIDTH)};
}
VEC_INLINE V F(dot)(V sum, struct F(weights) x, struct F(weights) w)
{
    sum = P(add_epi32)(sum, P(madd_epi16)(x.even, w.even));
    return P(add_epi32)(sum, P(madd_epi16)(x.odd, w.odd));
}
VEC_INLINE void F(store_quad)(uint8_t *to, V quad)
{
    F(store)(to, F(and)(quad, P(set1_epi16)(255)));
    F(store)(to + WIDTH, P(srli_epi16)(quad, 8));
}
#endif

/* Four rows of one column. */
VEC_INLINE void F(interleave)(V a, V b, V c, V d, uint8_t *to)
{
    V ab = P(unpacklo_epi8)(a, b), cd = P(unpacklo_epi8)(c, d);
    F(store_quad)(to, P(unpacklo_epi16)(ab, cd));
    F(store_quad)(to + VB, P(unpackhi_epi16)(ab, cd));
    ab = P(unpackhi_epi8)(a, b);
    cd = P(unpackhi_epi8)(c, d);
    F(store_quad)(to + 2 * VB, P(unpacklo_epi16)(ab, cd));
    F(store_quad)(to + 3 * VB, P(unpackhi_epi16)(ab, cd));
}

/* `count` columns of one row of quads, from input column `at` on. */
static void F(quad_columns)(const struct infer__dw8_strip *p, const uint8_t *const x[4],
                            const int64_t step[4], int64_t at, int64_t count, int n, uint8_t *to)
{
    const V pad = P(set1_epi8)((char)p->d->s.x_zero);
    const uint8_t *end = to + count * 4 * VB;
    for (; at < 0 && to < end; at++, to += 4 * VB)
        F(interleave)(pad, pad, pad, pad, to);
    const uint8_t *x0 = x[0] + at * step[0], *x1 = x[1] + at * step[1];
    const uint8_t *x2 = x[2] + at * step[2], *x3 = x[3] + at * step[3];
    for (; at < p->d->s.x.w && to < end; at++, to += 4 * VB) {
        F(interleave)(F(load_n)(x0, n), F(load_n)(x1, n), F(load_n)(x2, n), F(load_n)(x3, n), to);
        x0 += step[0];
        x1 += step[1];
        x2 += step[2];
        x3 += step[3];
    }
    for (; to < end; to += 4 * VB)
        F(interleave)(pad, pad, pad, pad, to);
}

/* The quads of all columns of a chunk. */
static void F(quads)(const struct infer__dw8_strip *p, int64_t c, int n)
{
    const struct infer__dw8 *d = p->d;
    const int64_t count =
        (p->count - 1) * d->s.w.stride[2] + (d->kernel_w - 1) * d->s.w.dilation[2] + 1;
    for (int g = 0; g < d->quads; g++) {
        const uint8_t *x[4];
        for (int i = 0; i < 4; i++)
            x[i] = p->x[4 * g + i] + (p->step[4 * g + i] ? c : 0);
        F(quad_columns)
        (p, x, p->step + 4 * g, p->in, count, n, p->scratch + g * d->columns * 4 * VB);
    }
}

/* Quads of one row by the weights of one row of them, for `R` rows by `T` columns. With KW, the
 * columns of the kernel, and S, their stride, known to the compiler, and no dilation, each column
 * is loaded once. KW is 0 in general. */
VEC_INLINE void F(products)(int R, int T, int KW, int S, const struct infer__dw8 *d,
                            const uint8_t *w, const uint8_t *x, V out[2][DW8_TILE])
{
    if (KW) {
        struct F(weights) all[2][5];
        VEC_UNROLL
        for (int k = 0; k < KW; k++) {
            all[0][k] = F(weights_at)(w + k * (R == 2 ? 2 : d->rows) * VB);
            if (R == 2)
                all[1][k] = F(weights_at)(w + (k * 2 + 1) * VB);
        }
        DW8_UNROLL
        for (int j = 0; j < (T - 1) * S + KW; j++) {
            const struct F(weights) column = F(weights_at)(x + j * 4 * VB);
            VEC_UNROLL
            for (int m = 0; m < T; m++) {
                const int k = j - m * S;
                if (k < 0 || k >= KW)
                    continue;
                out[0][m] = F(dot)(out[0][m], column, all[0][k]);
                if (R == 2)
                    out[1][m] = F(dot)(out[1][m], column, all[1][k]);
            }
        }
        return;
    }
    const int64_t across = d->s.w.dilation[2] * 4 * VB, step = d->s.w.stride[2] * 4 * VB;
    for (int k = 0; k < d->kernel_w; k++, x += across, w += d->rows * VB) {
        struct F(weights) upper = F(weights_at)(w), lower = upper;
        if (R == 2)
            lower = F(weights_at)(w + VB);
        VEC_UNROLL
        for (int m = 0; m < T; m++) {
            const struct F(weights) column = F(weights_at)(x + m * step);
            out[0][m] = F(dot)(out[0][m], column, upper);
            if (R == 2)
                out[1][m] = F(dot)(out[1][m], column, lower);
        }
    }
}

/* All rows of quads; G of them, where that is not 0. */
VEC_INLINE void F(quads_sum)(int R, int T, int KW, int S, int G, const struct infer__dw8 *d,
                             const uint8_t *w, const uint8_t *quads, V out[2][DW8_TILE])
{
    const int64_t rows = G ? G : d->quads, each = (int64_t)(KW ? KW : d->kernel_w) * d->rows * VB;
    VEC_UNROLL
    for (int g = 0; g < G; g++)
        F(products)(R, T, KW, S, d, w + g * each, quads + g * d->columns * 4 * VB, out);
    for (int64_t g = 0; g < rows && !G; g++)
        F(products)(R, T, KW, S, d, w + g * each, quads + g * d->columns * 4 * VB, out);
}

/* Quarter q of the channels of `R` rows by `T` columns: the rounded s32. G: rows of quads. */
VEC_INLINE void F(quarter)(int R, int T, int KW, int S, int G, const struct infer__dw8 *d, int q,
                           int twice, const uint8_t *block, const uint8_t *quads,
                           V out[2][DW8_TILE])
{
    const int kw = KW ? KW : d->kernel_w, rows = G ? G : d->quads;
    const int64_t each = (int64_t)(rows * kw * d->rows) * VB;
    const uint8_t *w = block + 8 * WIDTH + q * each;
    const V start = F(load)(block + q * WIDTH);
    VEC_UNROLL
    for (int m = 0; m < T; m++)
        out[0][m] = out[1][m] = start;
    quads += q * VB;
    F(quads_sum)(R, T, KW, S, G, d, w, quads, out);
    if (BYTES == 1 && twice)
        F(quads_sum)(R, T, KW, S, G, d, w + 4 * each, quads, out);
    VEC_UNROLL
    for (int r = 0; r < R; r++) {
        VEC_UNROLL
        for (int m = 0; m < T; m++)
            out[r][m] = F(round)(out[r][m], block + (4 + q) * WIDTH);
    }
}

/* From s16 to bytes. `relu`: the lower bound is the zero point and there is no upper one, so that
 * saturation does all. */
VEC_INLINE void F(finish)(int relu, int R, int T, const struct infer__dw8_strip *p, int64_t column,
                          int n, V half[2][2][DW8_TILE])
{
    const struct infer__requant *rq = p->d->s.rq;
    const V zero = relu ? P(set1_epi8)((char)rq->zero) : P(set1_epi16)((short)rq->zero);
    const V low = P(set1_epi8)((char)rq->lo), high = P(set1_epi8)((char)rq->hi);
    VEC_UNROLL
    for (int i = 0; i < R * T; i++) {
        const int r = i / T, m = i % T;
        V a = half[0][r][m], b = half[1][r][m];
        if (relu) {
            a = P(adds_epu8)(P(packus_epi16)(a, b), zero);
        } else {
            a = P(packus_epi16)(P(adds_epi16)(a, zero), P(adds_epi16)(b, zero));
            a = P(min_epu8)(P(max_epu8)(a, low), high);
        }
        F(store_n)(p->y[r] + (column + m) * p->y_step, a, n);
    }
}

VEC_INLINE void F(tile)(int R, int T, int KW, int S, int G, const struct infer__dw8_strip *p,
                        int64_t column, int64_t c, int n)
{
    const struct infer__dw8 *d = p->d;
    const uint8_t *block = p->packed + c * d->per_channel;
    const uint8_t *quads = p->scratch + column * d->s.w.stride[2] * 4 * VB;
    const int twice = BYTES == 1 && p->twice ? p->twice[c / 16] : 0;
    V half[2][2][DW8_TILE]; /* of the channels, as s16 */
    DW8_ROLLED
    for (int h = 0; h < 2; h++) {
        V a[2][DW8_TILE], b[2][DW8_TILE];
        F(quarter)(R, T, KW, S, G, d, 2 * h, twice >> 2 * h & 1, block, quads, a);
        DW8_IN_ORDER;
        F(quarter)(R, T, KW, S, G, d, 2 * h + 1, twice >> (2 * h + 1) & 1, block, quads, b);
        VEC_UNROLL
        for (int i = 0; i < R * T; i++)
            half[h][i / T][i % T] = P(packs_epi32)(a[i / T][i % T], b[i / T][i % T]);
        DW8_IN_ORDER;
    }
    if (d->s.rq->lo == d->s.rq->zero && d->s.rq->hi == 255)
        F(finish)(1, R, T, p, column, n, half);
    else
        F(finish)(0, R, T, p, column, n, half);
}

/* A row's columns: tiles of LARGE, some of SMALL so that none is left over where that can be. */
VEC_INLINE void F(tiles)(int R, int LARGE, int SMALL, int KW, int S, int G,
                         const struct infer__dw8_strip *p, int64_t c, int n)
{
    int64_t i = 0;
    for (int64_t left = p->count; left > 0; left = p->count - i) {
        const int64_t lack = (LARGE - left % LARGE) % LARGE;
        if (left >= LARGE && (lack == 0 || LARGE != SMALL + 1 || left < SMALL * lack)) {
            F(tile)(R, LARGE, KW, S, G, p, i, c, n);
            i += LARGE;
        } else if (left >= SMALL) {
            F(tile)(R, SMALL, KW, S, G, p, i, c, n);
            i += SMALL;
        } else {
            F(tile)(R, 1, KW, S, G, p, i, c, n);
            i++;
        }
    }
}

/* Strips of two rows and of one. */
#define TILES(KW, S, G, SMALL)                                                                     \
    static void F(two_##KW##S)(const struct infer__dw8_strip *p, int64_t c, int n)                 \
    {                                                                                              \
        F(tiles)(2, DW8_TILE2, SMALL ? DW8_TILE2 - 1 : 1, KW, S, G, p, c, n);                      \
    }                                                                                              \
    static void F(one_##KW##S)(const struct infer__dw8_strip *p, int64_t c, int n)                 \
    {                                                                                              \
        F(tiles)(1, DW8_TILE, SMALL ? DW8_TILE / 2 + 1 : 1, KW, S, G, p, c, n);                    \
    }
TILES(0, 0, 0, 0)
#if SPECIAL > 0
TILES(3, 1, 1, 1)
TILES(3, 2, 1, 1)
#endif
#if SPECIAL > 1
TILES(5, 1, 2, 1)
TILES(5, 2, 2, 1)
#endif
#undef TILES

/* The strip's y points to channel c. */
static void F(block)(const struct infer__dw8_strip *p, int64_t c, int n)
{
    const struct infer__dw8 *d = p->d;
    typedef void function(const struct infer__dw8_strip *p, int64_t c, int n);
    static function *const functions[5][2] = {
        {F(one_00), F(two_00)},
#if SPECIAL > 0
        {F(one_31), F(two_31)},
        {F(one_32), F(two_32)},
#endif
#if SPECIAL > 1
        {F(one_51), F(two_51)},
        {F(one_52), F(two_52)},
#endif
    };
    const int64_t stride = d->s.w.stride[2];
    int kind = 0;
    if (d->s.w.dilation[2] == 1 && stride <= 2) {
        if (SPECIAL > 0 && d->kernel_w == 3 && d->quads == 1)
            kind = (int)stride;
        else if (SPECIAL > 1 && d->kernel_w == 5 && d->quads == 2)
            kind = (int)stride + 2;
    }
    F(quads)(p, c, n);
    functions[kind][p->rows - 1](p, c, n);
}

#undef VB
#undef WIDTH
#undef V
#undef P
#undef F
#undef SPECIAL
