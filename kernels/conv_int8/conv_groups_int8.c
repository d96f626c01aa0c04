/* Cutting and packing of grouped int8 convolutions; see conv_groups_int8.h. */
#include <string.h>

#include "kernels/conv_int8/conv_groups_int8.h"
#include "kernels/integers.h"

static int is_servable(const struct infer__linear *s)
{
    return s->groups > 1 && s->cg == s->mg && (s->cg == 4 || s->cg == 8 || s->cg == 16) &&
           !s->f32 && s->taps <= GROUPS8_TAPS && s->x.c <= 1 << 20 && !infer__conv8_any_zero(s) &&
           infer__linear_countable(s);
}

/* The size of tile, of those there are functions for, that computes the fewest pixels in vain. */
static int best_tile(int64_t pixels)
{
    static const int sizes[] = {14, 13, 12, 10};
    int best = sizes[0];
    for (int i = 1; i < 4; i++)
        if (ceil_div(pixels, sizes[i]) * (sizes[i] + 1) < ceil_div(pixels, best) * (best + 1))
            best = sizes[i];
    return best;
}

int infer__groups8_cut(const struct infer__task *t, struct infer__groups8 *g)
{
    memset(g, 0, sizeof *g);
    if (t->op != INFER__OP_CONV || !infer__linear_int8(t, &g->s) || !is_servable(&g->s))
        return 0;
    const struct infer__linear *s = &g->s;
    g->kind = (int)s->cg;
    g->pixels = s->y.n * s->y.d * s->y.h * s->y.w;
    g->tile = best_tile(g->pixels);
    g->tiles = ceil_div(g->pixels, g->tile);
    g->blocks = ceil_div(s->y.c, GROUPS8_BLOCK);
    g->parts = 1;
    while (g->tiles * g->parts < 16 && 2 * g->parts <= g->blocks)
        g->parts *= 2;
    g->items = g->tiles * g->parts;
    const int64_t channels = INFER__PRODUCT(g->blocks, GROUPS8_BLOCK);
    g->block_bytes = INFER__PRODUCT(s->taps, g->kind, GROUPS8_BLOCK);
    g->at_small = INFER__PRODUCT(g->blocks, g->block_bytes);
    g->at_start = INFER__SUM(g->at_small, 64);
    g->at_factor = INFER__SUM(g->at_start, INFER__PRODUCT(2, channels, 4));
    g->at_line = INFER__SUM(g->at_factor, INFER__PRODUCT(channels, 4));
    g->packed_bytes = INFER__SUM(g->at_line, channels);
    double most = infer__groups8_ns(g, 230) / 6000;
    g->units = infer__units(g->items, 1, most > 64 ? 64 : (uint32_t)most + 1);
    return 1;
}

double infer__groups8_ns(const struct infer__groups8 *g, double rate)
{
    double pixels = (double)(g->tiles * g->tile), blocks = (double)g->blocks;
    double each = g->kind == 4 ? 3.5 : g->kind == 8 ? 2.5 : 1.5; /* loads and the end of a block */
    int more = (g->s.residual != 0) + (g->s.rq->table != NULL);
    return 800 + pixels * blocks * ((double)g->block_bytes / rate + each + 1.9 * more) +
           pixels * (double)g->parts * 0.4 * (double)g->s.taps;
}

/* ---- packing -------------------------------------------------------------------------------- */

/* The output channel of the block to which s32 `i` of vector v belongs, and the first of the four
 * input channels of its group that it meets. */
static int sum_channel(int kind, int v, int i, int *from)
{
    int part = i / 4, q = i % 4;
    *from = kind == 4 ? 0 : kind == 8 ? q % 2 * 4 : v * 4;
    return kind == 4 ? q * 4 + part : kind == 8 ? q / 2 * 8 + v * 4 + part : i;
}

static void pack_block(const struct infer__groups8 *g, const int8_t *weights, int64_t block,
                       int8_t *to)
{
    const struct infer__linear *s = &g->s;
    for (int64_t tap = 0; tap < s->taps; tap++)
        for (int v = 0; v < g->kind / 4; v++)
            for (int i = 0; i < GROUPS8_BLOCK; i++) {
                int from;
                int64_t m = block * GROUPS8_BLOCK + sum_channel(g->kind, v, i, &from);
                for (int k = 0; k < 4; k++, to++)
                    *to = m < s->y.c ? weights[m * s->w_m + (from + k) * s->w_c + tap] : 0;
            }
}

void infer__groups8_pack(const struct infer__task *t, const struct infer__groups8 *g, void *packed)
{
    const struct infer__linear *s = &g->s;
    uint8_t *to = packed;
    int32_t *start = (void *)(to + g->at_start);
    float *factor = (void *)(to + g->at_factor);
    memset(to + g->at_small, 0, (size_t)(g->at_line - g->at_small));
    to[g->at_small] = (uint8_t)infer__conv8_small(s);
    memset(to + g->at_line, s->x_zero, (size_t)(g->packed_bytes - g->at_line));
    for (int64_t b = 0; b < g->blocks; b++) {
        pack_block(g, t->in[1].data, b, (int8_t *)to + b * g->block_bytes);
        for (int v = 0; v < (g->kind == 8 ? 2 : 1); v++)
            for (int i = 0; i < GROUPS8_BLOCK; i++) {
                int from;
                int64_t m = b * GROUPS8_BLOCK + sum_channel(g->kind, v, i, &from);
                if (m < s->y.c && !from)
                    start[(b * 2 + v) * GROUPS8_BLOCK + i] = infer__conv8_start(s, t, m);
            }
        for (int64_t m = b * GROUPS8_BLOCK; m < (b + 1) * GROUPS8_BLOCK && m < s->y.c; m++)
            factor[m] = infer__conv8_factor(s, m);
    }
}

/* ---- the table ------------------------------------------------------------------------------ */

/* A kernel row's taps of `count` pixels from column `column` on; `from`: the input row, or NULL in
 * the padding. */
static void fill_row(const struct infer__groups8 *g, const uint8_t *from, int64_t column, int count,
                     const uint8_t *line, const uint8_t **entry)
{
    const struct infer__window *w = &g->s.w;
    const int64_t step = w->stride[2], channels = g->s.x.c;
    const uint64_t width = from ? (uint64_t)g->s.x.w : 0;
    int64_t first = column * step - w->pad_begin[2];
    for (int64_t k = 0; k < w->kernel[2]; k++, first += w->dilation[2], entry += g->tile)
        for (int64_t m = 0, v = first; m < count; m++, v += step)
            entry[m] = (uint64_t)v < width ? from + v * channels : line;
}

/* `count` pixels of output row `row` from column `column` on. */
static void fill_pixels(const struct infer__groups8 *g, int64_t row, int64_t column, int count,
                        const uint8_t *x, const uint8_t *line, const uint8_t **entry)
{
    const struct infer__linear *s = &g->s;
    const struct infer__window *w = &s->w;
    int64_t n = row / s->y.h / s->y.d;
    int64_t d = row / s->y.h % s->y.d * w->stride[0] - w->pad_begin[0];
    for (int64_t kd = 0; kd < w->kernel[0]; kd++, d += w->dilation[0]) {
        int64_t h = row % s->y.h * w->stride[1] - w->pad_begin[1];
        for (int64_t kh = 0; kh < w->kernel[1]; kh++, h += w->dilation[1]) {
            int inside = d >= 0 && d < s->x.d && h >= 0 && h < s->x.h;
            const uint8_t *from = x + ((n * s->x.d + d) * s->x.h + h) * s->x.w * s->x.c;
            fill_row(g, inside ? from : NULL, column, count, line, entry);
            entry += w->kernel[2] * g->tile;
        }
    }
}

void infer__groups8_table(const struct infer__groups8 *g, int64_t first, int count,
                          const uint8_t *x, const uint8_t *line, const uint8_t **table)
{
    for (int m = 0; m < count;) {
        int64_t row = (first + m) / g->s.y.w, column = (first + m) % g->s.y.w;
        int n = count - m;
        if (n > g->s.y.w - column)
            n = (int)(g->s.y.w - column);
        fill_pixels(g, row, column, n, x, line, table + m);
        m += n;
    }
    for (int64_t tap = 0; tap < g->s.taps; tap++)
        for (int m = count; m < g->tile; m++)
            table[tap * g->tile + m] = table[tap * g->tile + count - 1];
}
