#include <math.h>

#include "answer/nms.h"
#include "base/memory.h"
#include "base/status.h"

/* Levels are exponents of 2^OCTAVES, counted from LEVEL_MIN; shorter sides are of the first. */
enum { OCTAVES = 2, LEVEL_MIN = -64, LEVELS = 128, WORDS = LEVELS / 64 };
#define FARTHEST 1e15 /* cells from the origin; what is beyond is in the last one */
#define SLACK 1e-9    /* of what was rounded on the way to a level or a cell */

/* Boxes of one cell, or of others with the same hash, and those behind them. */
enum { TOGETHER = 4 };
struct infer__kept_boxes {
    float x0[TOGETHER], y0[TOGETHER], x1[TOGETHER], y1[TOGETHER]; /* as in infer_box */
    float share[TOGETHER]; /* of the area: what any_likely compares with */
    int32_t index[TOGETHER];
    uint32_t count, next; /* as in heads */
};

struct infer__nms_levels {
    /* bit k of word j of row w: there are boxes of level w across and 64 * j + k down; bit k of
     * word j of `any`: row 64 * j + k has any */
    uint64_t row[LEVELS][WORDS], any[WORDS];
    double side[LEVELS]; /* what every side of a level is below */
    double cell[LEVELS]; /* length of its cells */
};

/* A box that is compared with those that stay, in floats: enough to tell most that can't matter. */
struct looked_at {
    const struct infer__extent *e; /* exact */
    float x0, y0, x1, y1, share, more, wider;
    int32_t index;
    int exact; /* 1: floats may lose it */
};

void infer__nms_free(struct infer__nms_grid *g, const infer_allocator *a)
{
    infer__free(a, g->levels);
    infer__free(a, g->heads);
    infer__free(a, g->kept);
}

/* ---- cells ---------------------------------------------------------------------------------- */

/* Whether a box can overlap any. */
static int has_area(const struct infer__extent *e)
{
    return e->x1 > e->x0 && e->y1 > e->y0 && isfinite(e->area);
}

static int level_of(double side)
{
    const int octave = isfinite(side) ? ilogb(side) - LEVEL_MIN : LEVELS * OCTAVES;
    const int level = octave / OCTAVES;
    return octave < 0 ? 0 : level < LEVELS ? level : LEVELS - 1;
}

/* A cell is half as long again as two centres of boxes of its level may at most be apart, so that
 * few cells are looked at, with few boxes in them: measured. */
static void set_sizes(struct infer__nms_grid *g)
{
    for (int i = 0; i < LEVELS; i++) {
        g->levels->side[i] = ldexp(1, (i + 1) * OCTAVES + LEVEL_MIN);
        g->levels->cell[i] = g->levels->side[i] * (g->reach > SLACK ? 3 * g->reach : 1);
    }
}

infer_status infer__nms_init(struct infer__nms_grid *g, uint32_t room, const infer_nms_options *o,
                             infer_error *err)
{
    uint32_t cells = 64;
    while (cells < room)
        cells *= 2;
    const infer_allocator *a = &o->allocator;
    const double t = (double)o->iou_threshold;
    *g = (struct infer__nms_grid){.mask = cells - 1,
                                  .room = room,
                                  .threshold = t,
                                  .reach = t < 1 ? (1 - t) / (1 + t) / 2 : 0,
                                  .agnostic = o->agnostic,
                                  .inclusive = o->inclusive};
    g->kept = infer__calloc(a, room, sizeof *g->kept);
    g->heads = infer__calloc(a, cells, sizeof *g->heads);
    g->levels = infer__calloc(a, 1, sizeof *g->levels);
    if (g->kept && g->heads && g->levels) {
        set_sizes(g);
        return INFER_OK;
    }
    infer__nms_free(g, a);
    return infer__no_memory(err, room * sizeof *g->kept);
}

static int64_t cell_of(double x, double size)
{
    const double at = x / size;
    if (!(at > -FARTHEST && at < FARTHEST))
        return at > 0 ? (int64_t)FARTHEST : -(int64_t)FARTHEST;
    const int64_t whole = (int64_t)at;
    return whole - (at < (double)whole);
}

static uint32_t hash(const struct infer__nms_grid *g, uint64_t group, int64_t x, int64_t y)
{
    uint64_t h = group * 0x9e3779b97f4a7c15;
    h = (h ^ h >> 29 ^ (uint64_t)x) * 0xbf58476d1ce4e5b9;
    h = (h ^ h >> 32 ^ (uint64_t)y) * 0x94d049bb133111eb;
    return (uint32_t)(h >> 32) & g->mask;
}

/* Boxes that are compared with each other, as far as class and levels go. */
static uint64_t group_of(const struct infer__nms_grid *g, int32_t index, int across, int down)
{
    return (uint64_t)(g->agnostic ? 0 : (uint32_t)index) << 16 | (uint64_t)(across << 8 | down);
}

/* Areas and thresholds of which floats can tell: products stay within their range. */
#define LEAST_AREA 1e-25
#define MOST_AREA 1e35
#define LEAST_THRESHOLD 1e-5
#define ROUNDED 1e-5 /* of a sum or product, at most, and more */

/* A kept box whose area floats can't hold may always overlap. */
static float share_of(const struct infer__nms_grid *g, const struct infer__extent *e)
{
    const int fits = e->area >= LEAST_AREA && e->area <= MOST_AREA;
    return fits ? (float)(e->area * g->threshold * (1 - ROUNDED)) : -INFINITY;
}

static struct looked_at look_at(const struct infer__nms_grid *g, const struct infer__extent *e,
                                int32_t index)
{
    struct looked_at l = {.e = e, .index = index, .wider = (float)g->inclusive};
    l.share = share_of(g, e);
    l.more = (float)(1 + g->threshold);
    l.x0 = (float)e->x0; /* as they were in the box */
    l.y0 = (float)e->y0;
    l.x1 = (float)(e->x1 - g->inclusive);
    l.y1 = (float)(e->y1 - g->inclusive);
    l.exact = !(l.share >= 0) || g->threshold < LEAST_THRESHOLD;
    return l;
}

void infer__nms_add(struct infer__nms_grid *g, const struct infer__extent *e, const infer_box *b)
{
    if (!has_area(e) || g->count == g->room)
        return;
    const int across = level_of(e->x1 - e->x0), down = level_of(e->y1 - e->y0);
    const uint32_t cell = hash(g, group_of(g, b->index, across, down),
                               cell_of((e->x0 + e->x1) / 2, g->levels->cell[across]),
                               cell_of((e->y0 + e->y1) / 2, g->levels->cell[down]));
    struct infer__kept_boxes *k = g->heads[cell] ? &g->kept[g->heads[cell] - 1] : NULL;
    if (!k || k->count == TOGETHER) {
        const uint32_t next = g->heads[cell];
        k = &g->kept[g->blocks++];
        *k = (struct infer__kept_boxes){.next = next};
        g->heads[cell] = g->blocks;
    }
    const uint32_t i = k->count++;
    k->x0[i] = b->x0;
    k->y0[i] = b->y0;
    k->x1[i] = b->x1;
    k->y1[i] = b->y1;
    k->share[i] = share_of(g, e);
    k->index[i] = b->index;
    g->count++;
    g->levels->row[across][down / 64] |= (uint64_t)1 << down % 64;
    g->levels->any[across / 64] |= (uint64_t)1 << across % 64;
}

/* ---- looking -------------------------------------------------------------------------------- */

static int overlaps(const struct infer__nms_grid *g, const struct infer__kept_boxes *k, uint32_t i,
                    const struct looked_at *l)
{
    if (!g->agnostic && k->index[i] != l->index)
        return 0;
    const infer_box b = {.x0 = k->x0[i], .y0 = k->y0[i], .x1 = k->x1[i], .y1 = k->y1[i]};
    const struct infer__extent other = infer__extent_of(&b, g->inclusive);
    return infer__iou(&other, l->e) > g->threshold;
}

/* Whether one of a block may overlap: in common * (1 + t) > t * (both areas), floats are off by
 * less than what the shares leave out. */
static int any_likely(const struct infer__kept_boxes *k, const struct looked_at *l)
{
    int32_t is[TOGETHER], any = 0;
    for (int i = 0; i < TOGETHER; i++) {
        const float x0 = k->x0[i] > l->x0 ? k->x0[i] : l->x0;
        const float x1 = k->x1[i] < l->x1 ? k->x1[i] : l->x1;
        const float y0 = k->y0[i] > l->y0 ? k->y0[i] : l->y0;
        const float y1 = k->y1[i] < l->y1 ? k->y1[i] : l->y1;
        const float w = x1 - x0 + l->wider, h = y1 - y0 + l->wider;
        is[i] = (w > 0) & (h > 0) & (w * h * l->more >= k->share[i] + l->share);
    }
    for (int i = 0; i < TOGETHER; i++)
        any |= is[i];
    return any;
}

static int block_overlaps(const struct infer__nms_grid *g, const struct infer__kept_boxes *k,
                          const struct looked_at *l)
{
    if (!l->exact && !any_likely(k, l))
        return 0;
    for (uint32_t i = 0; i < k->count; i++)
        if (overlaps(g, k, i, l))
            return 1;
    return 0;
}

static int any_overlaps(const struct infer__nms_grid *g, const struct looked_at *l)
{
    for (uint32_t i = 0; i < g->blocks; i++)
        if (block_overlaps(g, &g->kept[i], l))
            return 1;
    return 0;
}

/* Cells of a level along an axis in which the centre of a box may be that overlaps one from `low`
 * to `high` by more than the threshold. */
struct span {
    int64_t first, last;
};

static struct span span_of(const struct infer__nms_grid *g, int level, double low, double high)
{
    const double size = g->levels->cell[level], centre = (low + high) / 2;
    const double far = (high - low + g->levels->side[level]) * (g->reach + SLACK);
    return (struct span){cell_of(centre - far, size), cell_of(centre + far, size)};
}

/* Cells that are looked at together, so that memory is asked for all of them at once. */
enum { SOME_CELLS = 32 };
struct cells {
    uint32_t first[SOME_CELLS]; /* as in heads; of those that are not empty */
    int count;
};

static int cells_overlap(const struct infer__nms_grid *g, struct cells *c,
                         const struct looked_at *l)
{
    const int n = c->count;
    c->count = 0;
    for (int k = 0; k < n; k++)
        for (uint32_t i = c->first[k]; i; i = g->kept[i - 1].next)
            if (block_overlaps(g, &g->kept[i - 1], l))
                return 1;
    return 0;
}

/* Looks at the cells of two levels, or leaves some of them in `c`. */
static int levels_overlap(const struct infer__nms_grid *g, int across, int down, struct cells *c,
                          const struct looked_at *l)
{
    const struct span x = span_of(g, across, l->e->x0, l->e->x1);
    const struct span y = span_of(g, down, l->e->y0, l->e->y1);
    const uint64_t group = group_of(g, l->index, across, down);
    if ((double)(x.last - x.first + 1) * (double)(y.last - y.first + 1) > g->blocks)
        return any_overlaps(g, l);
    for (int64_t cy = y.first; cy <= y.last; cy++)
        for (int64_t cx = x.first; cx <= x.last; cx++) {
            const uint32_t first = g->heads[hash(g, group, cx, cy)];
            if (!first)
                continue;
            __builtin_prefetch(&g->kept[first - 1]);
            __builtin_prefetch((const char *)&g->kept[first - 1] + 64);
            c->first[c->count++] = first;
            if (c->count == SOME_CELLS && cells_overlap(g, c, l))
                return 1;
        }
    return 0;
}

/* The first bit that is set, from bit `from` on; LEVELS: none is. */
static int next(const uint64_t words[WORDS], int from)
{
    while (from < LEVELS) {
        const uint64_t rest = words[from / 64] >> from % 64;
        if (rest)
            return from + __builtin_ctzll(rest);
        from = (from / 64 + 1) * 64;
    }
    return LEVELS;
}

/* An IoU above t asks for as much along each axis: for sides a and b that have more than t of their
 * union in common. So their ratio is above t, and their centres are nearer to each other than
 * (a + b) / 2 - t (a + b) / (1 + t), which is (a + b) * reach. */
int infer__nms_overlaps(const struct infer__nms_grid *g, const struct infer__extent *e,
                        int32_t index)
{
    if (!has_area(e) || !g->count || g->threshold >= 1)
        return 0;
    const struct looked_at l = look_at(g, e, index);
    const double w = e->x1 - e->x0, h = e->y1 - e->y0, t = g->threshold;
    const double least = t * (1 - SLACK), most = (1 + SLACK) / t;
    const int left = t > 0 ? level_of(w * least) : 0, top = t > 0 ? level_of(h * least) : 0;
    const int right = t > 0 ? level_of(w * most) : LEVELS - 1;
    const int bottom = t > 0 ? level_of(h * most) : LEVELS - 1;
    struct cells cells = {.count = 0};
    if (levels_overlap(g, level_of(w), level_of(h), &cells, &l) || cells_overlap(g, &cells, &l))
        return 1; /* the most likely ones first */
    for (int across = next(g->levels->any, left); across <= right;
         across = next(g->levels->any, across + 1))
        for (int down = next(g->levels->row[across], top); down <= bottom;
             down = next(g->levels->row[across], down + 1))
            if (levels_overlap(g, across, down, &cells, &l))
                return 1;
    return cells_overlap(g, &cells, &l);
}
