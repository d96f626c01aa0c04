/* Shapes, cutting and weights of int8 Winograd convolutions; see winograd_int8.h. */
#include <math.h>
#include <string.h>

#include "kernels/conv_int8/winograd_int8.h"
#include "kernels/share_out.h"

/* ---- cutting -------------------------------------------------------------------------------- */

static int is_served(const struct infer__linear *s)
{
    const struct infer__window *w = &s->w;
    const int64_t most = (int64_t)1 << 28;
    for (int a = 0; a < 3; a++)
        if (w->kernel[a] != (a ? 3 : 1) || w->stride[a] != 1 || w->dilation[a] != 1)
            return 0;
    return s->groups == 1 && !w->pad_begin[0] && !w->pad_end[0] && s->x.d == s->y.d &&
           s->x.n * s->x.d > 0 && s->y.h > 0 && s->y.w > 0 && s->x.h > 0 && s->x.w > 0 &&
           s->cg > 0 && s->mg > 0 && s->cg <= 1 << 14 && s->mg <= 1 << 14 &&
           s->y.h <= most / s->y.w && s->x.n * s->x.d <= most / (s->y.h * s->y.w);
}

static int64_t u_bytes(const struct infer__wino8 *w)
{
    return INFER__PRODUCT(2, WINO8_POINTS, w->channels, w->vectors, w->level->vec);
}

/* V and M of a group stay in the second-level cache with room for U to pass; but where U comes from
 * afar, more tiles share a pass over it. With several threads there are some items for each, first
 * by smaller groups, then by splitting a group's panels; each part transforms the input anew. */
static void cut_groups(struct infer__wino8 *w, uint32_t threads)
{
    const int64_t near = 256 << 10, tile = w->level->tile;
    const int64_t least = (u_bytes(w) > 4 << 20 ? 4 : 2) * tile;
    const int64_t wanted = threads > 1 ? 3 * (int64_t)threads : 1;
    int64_t most = near / (WINO8_POINTS * (2 * w->channels + 8 * w->level->vec));
    most = most > least ? most : least;
    w->passes = w->groups = ceil_div(w->tiles, most);
    if (w->groups < wanted) {
        int64_t more = min64(wanted, ceil_div(w->tiles, tile));
        w->groups = more > w->groups ? more : w->groups;
    }
    w->parts = min64(ceil_div(wanted, w->groups), ceil_div(w->panels, 4));
    infer__cut_for_many(w->tiles, w->panels, tile, 1.0 / 3, threads, w->passes, &w->groups,
                        &w->parts);
    w->group = ceil_div(w->tiles, w->groups);
    w->units = infer__units(w->groups * w->parts, 1, threads > 1 ? 8 * threads : 1);
}

int infer__wino8_cut(const struct infer__task *t, const struct infer__wino8_level *level,
                     struct infer__wino8 *w)
{
    *w = (struct infer__wino8){.level = level};
    if (t->op != INFER__OP_CONV || !infer__linear_int8(t, &w->s) || !is_served(&w->s))
        return 0;
    const int64_t vec = level->vec;
    w->across = ceil_div(w->s.y.w, WINO8_OUT);
    w->down = ceil_div(w->s.y.h, WINO8_OUT);
    w->tiles = w->s.y.n * w->s.y.d * w->down * w->across;
    w->channels = round_up(w->s.cg, 2 * vec);
    w->vectors = ceil_div(w->s.mg, vec);
    w->panels = ceil_div(w->vectors, 2);
    cut_groups(w, t->threads);
    /* an odd number of cache lines, so that the points of a tile do not share a cache set */
    w->v_point = INFER__PRODUCT(ceil_div(INFER__PRODUCT(2, w->group, w->channels), 64) | 1, 64);
    w->m_point = INFER__PRODUCT(ceil_div(INFER__PRODUCT(4, w->group, 2, vec), 64) | 1, 64);
    w->scratch_bytes = INFER__PRODUCT(WINO8_POINTS, INFER__SUM(w->v_point, w->m_point));
    const int64_t each = infer__count_align(INFER__PRODUCT(4, vec, w->vectors), 64);
    w->at_small = infer__count_align(u_bytes(w), 64);
    w->at_start = INFER__SUM(w->at_small, 64);
    w->at_factor = INFER__SUM(w->at_start, each);
    w->at_line = INFER__SUM(w->at_factor, each);
    w->packed_bytes = INFER__SUM(w->at_line, infer__count_align(w->s.cg, 64));
    return 1;
}

/* Products, U from memory, transforms. */
double infer__wino8_ns(const struct infer__wino8 *w)
{
    const double bytes_per_ns = 20, tiles = (double)w->tiles, vec = w->level->vec;
    const double group = tiles / (double)w->passes, rows = group / ceil(group / w->level->tile);
    double step = 2 * rows + 1 < 5 ? 5 : 2 * rows + 1; /* sums wait for themselves */
    double products = tiles / rows * WINO8_POINTS * (double)w->channels * ((double)w->vectors / 2) *
                      step * vec / w->level->rate;
    double weights = (double)w->passes * (double)u_bytes(w) / bytes_per_ns;
    double in = (double)w->channels / (2 * vec), out = (double)w->vectors;
    double transforms = tiles * WINO8_POINTS * (in + 1.3 * out) * w->level->transform;
    double pixels = (double)w->s.y.n * (double)w->s.y.d * (double)w->s.y.h * (double)w->s.y.w;
    int slow = w->s.residual || (w->s.rq && w->s.rq->table);
    transforms += pixels * out * (0.02 * vec + (slow ? 1.9 : 0.6));
    return 2000 + transforms +
           (products > weights ? products + weights / 3 : weights + products / 3);
}

/* ---- weights -------------------------------------------------------------------------------- */

enum { STRETCH = 128 };

static int32_t weight_at(const struct infer__task *t, const struct infer__wino8 *w, int64_t m,
                         int64_t c, int tap)
{
    const int8_t *weights = t->in[1].data;
    return weights[(m * w->s.cg + c) * 9 + tap] - infer__conv8_w_zero(&w->s, m);
}

/* What `n` weights less their zero point add up to, those above 0 and those below it. A stretch of
 * 128 of at most 255 each fits 16 bits, of which a vector has many. */
static void sum_weights(const int8_t *w, int64_t n, int32_t zero, int64_t *up, int64_t *down)
{
    *up = *down = 0;
    for (int64_t at = 0; at < n; at += STRETCH) {
        const int count = n - at < STRETCH ? (int)(n - at) : STRETCH;
        uint16_t above = 0, below = 0;
        for (int i = 0; i < count; i++) {
            const int16_t v = (int16_t)(w[at + i] - zero);
            above = (uint16_t)(above + (v > 0 ? v : 0));
            below = (uint16_t)(below + (v < 0 ? -v : 0));
        }
        *up += above;
        *down += below;
    }
}

int infer__wino8_is_exact(const struct infer__task *t, const struct infer__wino8 *w)
{
    const int8_t *weights = t->in[1].data;
    const int64_t limit = (int64_t)1 << 25, taps = w->s.cg * 9;
    for (int64_t m = 0; m < w->s.mg; m++) {
        const int32_t zero = infer__conv8_w_zero(&w->s, m);
        int64_t up, down;
        sum_weights(weights + m * taps, taps, zero, &up, &down);
        /* inputs less their zero point are -x_zero to 255 - x_zero */
        const int64_t below = w->s.x_zero, above = 255 - w->s.x_zero;
        if (up * above + down * below >= limit || up * below + down * above >= limit)
            return 0;
    }
    return 1;
}

/* G times 4, 6, 6, 24, 24 and 1. */
static void weight_line(const int32_t g[3], int32_t u[WINO8_IN])
{
    u[0] = g[0];
    u[1] = -(g[0] + g[1] + g[2]);
    u[2] = -(g[0] - g[1] + g[2]);
    u[3] = g[0] + 2 * g[1] + 4 * g[2];
    u[4] = g[0] - 2 * g[1] + 4 * g[2];
    u[5] = g[2];
}

static void transform_weight(const struct infer__task *t, const struct infer__wino8 *w, int64_t m,
                             int64_t c, int32_t u[WINO8_IN][WINO8_IN])
{
    int32_t half[3][WINO8_IN];
    for (int j = 0; j < 3; j++)
        weight_line((int32_t[3]){weight_at(t, w, m, c, j), weight_at(t, w, m, c, 3 + j),
                                 weight_at(t, w, m, c, 6 + j)},
                    half[j]);
    for (int i = 0; i < WINO8_IN; i++)
        weight_line((int32_t[3]){half[0][i], half[1][i], half[2][i]}, u[i]);
}

void infer__wino8_pack_panel(const struct infer__task *t, const struct infer__wino8 *w, int64_t p,
                             void *packed)
{
    const int64_t vec = w->level->vec, first = 2 * p * vec;
    const int64_t width = vec * (2 * p + 1 == w->vectors ? 1 : 2);
    int16_t *to = (int16_t *)packed + WINO8_POINTS * w->channels * first;
    memset(to, 0, (size_t)(2 * WINO8_POINTS * w->channels * width));
    for (int64_t i = 0; i < width && first + i < w->s.mg; i++)
        for (int64_t c = 0; c < w->s.cg; c++) {
            int32_t u[WINO8_IN][WINO8_IN];
            int16_t *at = to + (c / 2 * width + i) * 2 + c % 2;
            transform_weight(t, w, first + i, c, u);
            for (int x = 0; x < WINO8_POINTS; x++)
                at[x * w->channels * width] = (int16_t)u[x / WINO8_IN][x % WINO8_IN];
        }
}

void infer__wino8_pack_rest(const struct infer__task *t, const struct infer__wino8 *w, void *packed)
{
    uint8_t *to = packed;
    int32_t *start = (void *)(to + w->at_start);
    float *factor = (void *)(to + w->at_factor);
    memset(to + w->at_small, 0, (size_t)(w->at_line - w->at_small));
    memset(to + w->at_line, w->s.x_zero, (size_t)(w->packed_bytes - w->at_line));
    to[w->at_small] = (uint8_t)infer__conv8_small(&w->s);
    for (int64_t m = 0; m < w->s.mg; m++) {
        start[m] = w->s.bias ? ((const int32_t *)t->in[2].data)[m] : 0;
        factor[m] = infer__conv8_factor(&w->s, m);
    }
}

/* ---- tiles ---------------------------------------------------------------------------------- */

void infer__wino8_pixels(const struct infer__wino8 *w, int64_t i, const uint8_t *x,
                         const uint8_t *line, const uint8_t *at[WINO8_POINTS])
{
    const struct infer__spatial *in = &w->s.x;
    const int64_t column = i % w->across * WINO8_OUT - w->s.w.pad_begin[2];
    const int64_t row = i / w->across % w->down * WINO8_OUT - w->s.w.pad_begin[1];
    x += i / w->across / w->down * in->h * in->w * in->c;
    for (int64_t a = 0; a < WINO8_IN; a++)
        for (int64_t b = 0; b < WINO8_IN; b++) {
            const int64_t h = row + a, v = column + b;
            const int inside = h >= 0 && h < in->h && v >= 0 && v < in->w;
            *at++ = inside ? x + (h * in->w + v) * in->c : line;
        }
}
