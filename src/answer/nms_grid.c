#include <math.h>

#include "answer/nms.h"
#include "base/memory.h"
#include "base/status.h"

/* Levels are exponents of two, counted from LEVEL_MIN; shorter sides count as of the first. */
enum { LEVEL_MIN = -64, LEVELS = 256, WORDS = LEVELS / 64 };
#define FARTHEST 1e15 /* cells from the origin; what is beyond is in the last one */
#define SLACK 1e-9    /* of what was rounded on the way to a level or a cell */

struct infer__kept_box {
    float x0, y0, x1, y1; /* as in infer_box */
    int32_t index;
    uint32_t next; /* of the same cell, or one with the same hash; as in heads */
};

struct infer__nms_levels {
    /* bit k of word j of row w: there are boxes of level w across and 64 * j + k down; bit k of
     * word j of `any`: row 64 * j + k has any */
    uint64_t row[LEVELS][WORDS], any[WORDS];
    double side[LEVELS]; /* what every side of a level is below */
    double cell[LEVELS]; /* length of its cells */
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
    const int level = isfinite(side) ? ilogb(side) - LEVEL_MIN : LEVELS;
    return level < 0 ? 0 : level < LEVELS ? level : LEVELS - 1;
}

/* A cell is half as long again as two centres of boxes of its level may at most be apart, so that
 * few cells are looked at, with few boxes in them: measured. */
static void set_sizes(struct infer__nms_grid *g)
{
    for (int i = 0; i < LEVELS; i++) {
        g->levels->side[i] = ldexp(2, i + LEVEL_MIN);
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

void infer__nms_add(struct infer__nms_grid *g, const struct infer__extent *e, const infer_box *b)
{
    if (!has_area(e) || g->count == g->room)
        return;
    const int across = level_of(e->x1 - e->x0), down = level_of(e->y1 - e->y0);
    const uint32_t cell = hash(g, group_of(g, b->index, across, down),
                               cell_of((e->x0 + e->x1) / 2, g->levels->cell[across]),
                               cell_of((e->y0 + e->y1) / 2, g->levels->cell[down]));
    g->kept[g->count] =
        (struct infer__kept_box){b->x0, b->y0, b->x1, b->y1, b->index, g->heads[cell]};
    g->heads[cell] = ++g->count;
    g->levels->row[across][down / 64] |= (uint64_t)1 << down % 64;
    g->levels->any[across / 64] |= (uint64_t)1 << across % 64;
}

/* ---- looking -------------------------------------------------------------------------------- */

static int overlaps(const struct infer__nms_grid *g, const struct infer__kept_box *k,
                    const struct infer__extent *e, int32_t index)
{
    if (!g->agnostic && k->index != index)
        return 0;
    const infer_box b = {.x0 = k->x0, .y0 = k->y0, .x1 = k->x1, .y1 = k->y1};
    const struct infer__extent other = infer__extent_of(&b, g->inclusive);
    return infer__iou(&other, e) > g->threshold;
}

static int any_overlaps(const struct infer__nms_grid *g, const struct infer__extent *e,
                        int32_t index)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (overlaps(g, &g->kept[i], e, index))
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

static int levels_overlap(const struct infer__nms_grid *g, int across, int down,
                          const struct infer__extent *e, int32_t index)
{
    const struct span x = span_of(g, across, e->x0, e->x1), y = span_of(g, down, e->y0, e->y1);
    const uint64_t group = group_of(g, index, across, down);
    if ((double)(x.last - x.first + 1) * (double)(y.last - y.first + 1) > g->count)
        return any_overlaps(g, e, index);
    for (int64_t cy = y.first; cy <= y.last; cy++)
        for (int64_t cx = x.first; cx <= x.last; cx++)
            for (uint32_t i = g->heads[hash(g, group, cx, cy)]; i; i = g->kept[i - 1].next)
                if (overlaps(g, &g->kept[i - 1], e, index))
                    return 1;
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
    const double w = e->x1 - e->x0, h = e->y1 - e->y0, t = g->threshold;
    const double least = t * (1 - SLACK), most = (1 + SLACK) / t;
    const int left = t > 0 ? level_of(w * least) : 0, top = t > 0 ? level_of(h * least) : 0;
    const int right = t > 0 ? level_of(w * most) : LEVELS - 1;
    const int bottom = t > 0 ? level_of(h * most) : LEVELS - 1;
    if (levels_overlap(g, level_of(w), level_of(h), e, index)) /* the most likely ones first */
        return 1;
    for (int across = next(g->levels->any, left); across <= right;
         across = next(g->levels->any, across + 1))
        for (int down = next(g->levels->row[across], top); down <= bottom;
             down = next(g->levels->row[across], down + 1))
            if (levels_overlap(g, across, down, e, index))
                return 1;
    return 0;
}
