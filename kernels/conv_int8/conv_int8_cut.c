/* How the vector kernels cut an int8 convolution, and what time that takes; see conv_int8.h. */
#include <math.h>

#include "kernels/conv_int8/conv_int8.h"
#include "kernels/share_out.h"

/* A chunk's copies stay in the second-level cache; a single tile's may be this large. */
enum { FIRST_CACHE = 1 << 14 };
enum {
    CHUNK_COPIES = 1 << 18,
    MOST_COPY = 1 << 26,
    LEAST_ITEMS = 16,
    FEWER_ITEMS = 8,
    MOST_UNITS = 64
};

static int is_servable(const struct infer__linear *s)
{
    if (!infer__linear_countable(s) ||
        (s->groups > 1 && s->cg == 1 && s->mg == 1 && !s->integer)) /* it has its own kernels */
        return 0;
    return s->cg * s->taps <= MOST_COPY / 64 && s->x.c <= MOST_COPY / 64;
}

/* Pixels of an input row that a tile reads. */
static int64_t tile_reach(const struct infer__conv8_cut *c)
{
    const struct infer__window *w = &c->s.w;
    return (c->level->tile - 1) * w->stride[2] + (w->kernel[2] - 1) * w->dilation[2] + 1;
}

static void cut_runs(struct infer__conv8_cut *c)
{
    const struct infer__linear *s = &c->s;
    int merged = s->groups == 1 && s->w.dilation[2] == 1;
    c->krows = c->runs = 1;
    c->run = s->cg * s->taps;
    if (c->way == CONV8_BY_ROWS) {
        c->krows = s->w.kernel[0] * s->w.kernel[1];
        c->runs = merged ? 1 : s->w.kernel[2];
        c->run = merged ? s->w.kernel[2] * s->cg : s->cg;
    }
    if (c->way == CONV8_PLANES) { /* taps touch in their copy, of whatever group */
        merged = s->w.dilation[2] == 1 && s->w.stride[2] == 1;
        c->krows = merged ? s->w.kernel[1] : s->taps;
        c->run = merged ? s->w.kernel[2] * s->cg : s->cg;
    }
    if (c->way == CONV8_BLOCKS) {
        c->krows = ceil_div(s->w.kernel[1], s->w.stride[1]);
        c->run = ceil_div(s->w.kernel[2], s->w.stride[2]) * s->w.stride[1] * s->w.stride[2] * s->cg;
    }
    c->padded = round_up(c->run, c->level->step);
    c->k = c->krows * c->runs * c->padded;
}

static void cut_pixels(struct infer__conv8_cut *c)
{
    const struct infer__linear *s = &c->s;
    int64_t reach = tile_reach(c);
    c->rows = s->y.n * s->y.d * s->y.h;
    c->width = s->y.w;
    if (c->way != CONV8_BY_ROWS) {
        c->width *= c->rows;
        c->rows = 1;
    }
    c->tiles_per_row = ceil_div(c->width, c->level->tile);
    c->tiles = c->rows * c->tiles_per_row;
    c->least = c->width / c->tiles_per_row;
    c->larger = c->width % c->tiles_per_row;
    c->copy = c->level->tile * c->padded;
    if (c->way == CONV8_BY_ROWS)
        c->copy = c->krows * (reach * s->cg + c->level->step);
    c->copy = round_up(c->copy * c->x_bytes, 64);
}

static void cut_chunks(struct infer__conv8_cut *c)
{
    int64_t across = c->s.groups * c->panels, least = c->level->halves ? FEWER_ITEMS : LEAST_ITEMS;
    c->chunk = c->level->chunk;
    if (c->level->halves) /* large chunks are for planes, lest too many rows are copied twice */
        c->chunk /= 2;
    while (c->chunk > 1 &&
           (ceil_div(c->tiles, c->chunk) * across < least || c->chunk * c->copy > CHUNK_COPIES))
        c->chunk /= 2;
    c->chunks = ceil_div(c->tiles, c->chunk);
    c->copies = c->chunk * c->copy + (infer__conv8_gathers(c) ? CONV8_OVER : 0);
}

/* A panel is used for all tiles of a chunk, one after the other. With few channels, where storing
 * takes longer than the products, that would be too long for the output's lines to stay in the
 * first-level cache until all panels have written to them: then a few panels whose weights stay
 * there too take turns. */
static void cut_bunches(struct infer__conv8_cut *c)
{
    int64_t panel = 2 * c->level->vec * c->k, pixels = c->level->tile;
    c->together = c->level->halves ? FIRST_CACHE / panel / 2 * 2 : 1;
    c->together = c->together < 1 ? 1 : c->together < c->panels ? c->together : c->panels;
    c->bunches = ceil_div(c->panels, c->together);
    c->block = c->chunk;
    if (c->together > 1)
        c->block = FIRST_CACHE / (pixels * (c->k + 2 * c->together * c->level->vec));
    c->block = c->block < 1 ? 1 : c->block;
}

/* Enough items that two or a few threads end at the same time. Where tiles are copied each unit
 * copies its chunks: then they are no smaller than chunks, unless those are fewer than threads. */
static void cut_items(struct infer__conv8_cut *c, uint32_t threads)
{
    const double ns = infer__conv8_ns(c), usual = c->way >= CONV8_PLANES ? 20000 : 6000;
    const double most = ns / infer__unit_ns(ns, threads, usual);
    const int64_t whole = c->chunks > (int64_t)threads ? c->chunks : (int64_t)threads;
    c->items = c->chunks * c->s.groups * c->bunches;
    c->units = infer__units(c->items, 1, most > MOST_UNITS ? MOST_UNITS : (uint32_t)most + 1);
    if (c->level->halves && c->way != CONV8_FLAT && c->units > whole)
        c->units = (uint32_t)whole;
    c->units = infer__even_units(c->units, threads);
}

/* Panels that take turns are fewer where many threads would not have an item each. */
static void cut_for_many(struct infer__conv8_cut *c, uint32_t threads)
{
    while (threads >= INFER__MANY_THREADS && c->together > 2 && c->items < (int64_t)threads) {
        c->together = c->together < 4 ? 2 : c->together / 2 / 2 * 2; /* halves want pairs */
        c->bunches = ceil_div(c->panels, c->together);
        cut_items(c, threads);
    }
}

static int has_padding(const struct infer__window *w)
{
    for (int a = 0; a < 3; a++)
        if (w->pad_begin[a] || w->pad_end[a])
            return 1;
    return 0;
}

static void place_memory(struct infer__conv8_cut *c)
{
    int64_t each = infer__count_align(INFER__PRODUCT(c->channels, 4), 64);
    int by_rows = c->way == CONV8_BY_ROWS && has_padding(&c->s.w);
    c->at_small = infer__count_align(INFER__PRODUCT(c->channels, c->k), 64);
    c->at_start = INFER__SUM(c->at_small, 64);
    c->at_factor = INFER__SUM(c->at_start, each);
    c->at_zero = INFER__SUM(c->at_factor, each);
    c->at_taps = INFER__SUM(c->at_zero, c->w_zero ? each : 0);
    c->packed_bytes = INFER__SUM(c->at_taps, by_rows ? INFER__PRODUCT(c->s.taps, each) : 0);
    c->at_starts = INFER__SUM(c->copies, c->w_zero ? INFER__PRODUCT(c->chunk, CONV8_TILE, 4) : 0);
    c->scratch_bytes =
        INFER__SUM(c->at_starts, by_rows ? INFER__PRODUCT(3, 2, c->level->vec, 4) : 0);
}

int infer__conv8_gathers(const struct infer__conv8_cut *c)
{
    const struct infer__linear *s = &c->s;
    return c->way == CONV8_GATHERED && c->level->gather && s->groups == 1 &&
           s->w.dilation[2] == 1 && s->w.kernel[2] * s->cg <= CONV8_OVER;
}

/* 1 if it can be cut this way. */
static int cut_way(struct infer__conv8_cut *c, int way, uint32_t threads)
{
    c->way = way;
    cut_runs(c);
    if (way >= CONV8_PLANES) {
        if (!infer__conv8_cut_planes(c))
            return 0;
    } else {
        cut_pixels(c);
        cut_chunks(c);
    }
    cut_bunches(c);
    cut_items(c, threads);
    return c->krows <= CONV8_ROWS && c->copies <= MOST_COPY;
}

int infer__conv8_cut(const struct infer__task *t, const struct infer__conv8_level *level,
                     struct infer__conv8_cut *c)
{
    struct infer__conv8_cut best = {.level = level};
    double best_ns = INFINITY;
    if (!infer__linear_int8(t, &best.s) || !is_servable(&best.s))
        return 0;
    best.own_mg = best.s.mg;
    best.w_zero = infer__conv8_any_zero(&best.s);
    best.merge = infer__linear_merge_groups(&best.s, level->vec, INT64_MAX);
    best.x_bytes = level->wide ? 2 : 1;
    best.vectors = ceil_div(best.s.mg, level->vec);
    best.panels = ceil_div(best.vectors, 2);
    best.channels = best.s.groups * best.vectors * level->vec;
    int flat = infer__window_is_point(&best.s.w);
    *c = best;
    for (int way = flat ? CONV8_FLAT : CONV8_BY_ROWS; way <= (flat ? CONV8_FLAT : CONV8_BLOCKS);
         way++) {
        double ns = cut_way(c, way, t->threads) ? infer__conv8_ns(c) : INFINITY;
        if (ns < best_ns) {
            best_ns = ns;
            best = *c;
        }
    }
    *c = best;
    if (!(best_ns < INFINITY))
        return 0;
    cut_for_many(c, t->threads);
    place_memory(c);
    return 1;
}

struct infer__conv8_panel infer__conv8_panel(const struct infer__conv8_cut *c, int64_t group,
                                             int64_t index)
{
    int64_t vec = c->level->vec, first = 2 * index * vec, rest = c->s.mg - first;
    struct infer__conv8_panel p = {.group = group, .vectors = 2};
    if (2 * index + 1 == c->vectors)
        p.vectors = 1;
    p.valid = (int)(rest < p.vectors * vec ? rest : p.vectors * vec);
    p.channel = group * c->s.mg + first;
    p.at = group * c->vectors * vec + first;
    p.weights = p.at * c->k;
    return p;
}

/* ---- time ----------------------------------------------------------------------------------- */

double infer__conv8_ns(const struct infer__conv8_cut *c)
{
    if (c->level->halves)
        return infer__conv8_halves_ns(c);
    const struct infer__linear *s = &c->s;
    double vec = c->level->vec, vectors = (double)s->groups * (double)c->vectors;
    double panels = (double)s->groups * (double)c->panels, tiles = (double)c->tiles;
    double pixels = (double)c->rows * (double)c->width, mean = pixels / tiles;
    double step = mean * vectors / panels, k = (double)c->k; /* vector products of a tile's step */
    int has_table = s->rq && s->rq->table;
    step = step + c->level->load < 4 ? 4 : step + c->level->load; /* sums wait for themselves */
    if (c->way == CONV8_BY_ROWS)
        k *= infer__linear_inside(s, 0) * infer__linear_inside(s, 1);
    if (c->way == CONV8_BY_ROWS && c->level->skips && s->cg % c->level->step == 0)
        k *= infer__linear_inside(s, 2);
    double ns = tiles * panels * k * step * vec / c->level->rate;
    ns += tiles * panels * (15 + 2 * (double)(c->krows * c->runs));
    ns += pixels * vectors * (0.02 * vec + (s->residual ? 1.9 : 0) + (has_table ? 1.9 : 0));
    double copied = c->way == CONV8_GATHERED || c->level->wide ? tiles : 0;
    if (c->way == CONV8_BY_ROWS && !c->level->wide)
        copied = (double)c->rows * (double)(c->tiles_per_row < 2 ? 1 : 2);
    ns += copied * (double)s->groups * mean / c->level->tile * (double)c->copy * 0.04;
    if (c->way == CONV8_GATHERED)
        ns += pixels * (double)s->groups * (double)(s->w.kernel[0] * s->w.kernel[1]) * 4;
    return 800 + ns;
}

/* Halves of pixels by vectors of channels are what the tile instructions work on: a product with
 * its loads takes 7 ns, and up to 25 where the core's other hyperthread is busy, while everything
 * else takes about twice as long then (conv_int8_amx.h). The figures are a compromise in
 * proportion to those of the other kernels. */
double infer__conv8_halves_ns(const struct infer__conv8_cut *c)
{
    const struct infer__linear *s = &c->s;
    const double product = 10, around = 14, panel = 25;
    double vectors = (double)s->groups * (double)c->vectors, k = (double)c->k / c->level->step;
    double panels = (double)s->groups * (double)c->panels;
    double halves = (double)c->rows * (double)ceil_div(c->width, CONV8_HALF);
    double pixels = infer__linear_pixels(s);
    double copied = 0;
    if (c->way == CONV8_BY_ROWS)
        k *= infer__linear_inside(s, 0) * infer__linear_inside(s, 1);
    double ns = halves * vectors * (k * product + around) + (double)c->tiles * panels * panel;
    ns += pixels * vectors * c->level->vec *
          (0.08 + (s->residual ? 0.1 : 0) + (s->rq && s->rq->table ? 0.1 : 0));
    if (c->way == CONV8_BY_ROWS)
        copied = (double)c->rows * (double)(c->tiles_per_row < 2 ? 1 : 2) * (double)c->krows *
                 (20 + (double)(c->copy / c->krows) * 0.04);
    if (c->way == CONV8_GATHERED)
        copied = pixels * (double)(s->w.kernel[0] * s->w.kernel[1]) *
                 (infer__conv8_gathers(c) ? 2.5 : 6 + (double)(s->w.kernel[2] * s->cg) * 0.04);
    if (c->way == CONV8_PLANES)
        copied = (double)c->chunks * (double)(c->planes.high * c->planes.wide * c->planes.rows) *
                     (s->w.stride[2] > 1 || s->groups > 1 ? 6 * (double)c->planes.pitch : 20) +
                 (double)c->chunks * (double)c->copies * 0.04;
    if (c->way == CONV8_BLOCKS)
        copied = (double)c->chunks * (double)(c->planes.rows * c->planes.pitch) *
                 (double)s->w.stride[1] * (s->w.stride[2] * s->cg <= 8 ? 1 : 6);
    return 800 + ns + copied * (double)s->groups;
}
