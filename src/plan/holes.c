/* Best fit; see holes.h. Holes are the nodes of a binary tree that is ordered by the bits of their
 * keys: size, then address. The children of a node at depth d have a 0 and a 1 as bit d of their
 * keys; the key of the node itself has any. So no tree is deeper than a key has bits. */
#include "plan/holes.h"

#include <string.h>

void infer__holes_init(struct infer__holes *h, struct infer__region *region, uint64_t most)
{
    *h = (struct infer__holes){.region = region, .nranges = 1};
    while (h->bits < 64 && most >> h->bits)
        h->bits++;
}

void infer__holes_free(struct infer__holes *h)
{
    infer__region_drop(h->region, h->ranges, h->capacity * sizeof *h->ranges);
    *h = (struct infer__holes){.region = h->region, .nranges = 1, .bits = h->bits};
}

uint64_t infer__holes_begin(const struct infer__holes *h, uint32_t range)
{
    return h->ranges[range].begin;
}

static uint64_t bytes_of(const struct infer__holes *h, uint32_t x)
{
    const uint32_t after = h->ranges[x].after;
    return (after ? h->ranges[after].begin : h->end) - h->ranges[x].begin;
}

static int is_hole(const struct infer__holes *h, uint32_t x)
{
    return h->ranges[x].child[0] != x;
}

/* ---- the tree ------------------------------------------------------------------------------- */

/* Bit `depth` of a key, from the highest of the size to the lowest of the address. */
static unsigned key_bit(const struct infer__holes *h, uint64_t bytes, uint64_t begin,
                        unsigned depth)
{
    const uint64_t bit = depth < h->bits ? bytes >> (h->bits - 1 - depth) & 1
                                         : begin >> ((2 * h->bits - 1 - depth) & 63) & 1;
    return (unsigned)bit;
}

/* Where the number of the hole stands, or, if it is in no tree, where to put it. */
static uint32_t *place_of(struct infer__holes *h, uint32_t x)
{
    const uint64_t bytes = bytes_of(h, x), begin = h->ranges[x].begin;
    uint32_t *place = &h->root;
    for (unsigned depth = 0; *place && *place != x; depth++)
        place = &h->ranges[*place].child[key_bit(h, bytes, begin, depth)];
    return place;
}

static void add_hole(struct infer__holes *h, uint32_t x)
{
    *place_of(h, x) = x;
    h->ranges[x].child[0] = h->ranges[x].child[1] = 0;
}

/* The first child that a range has; where there is none, 0 stands. */
static uint32_t *first_child(struct infer__extent *r)
{
    return &r->child[r->child[0] ? 0 : 1];
}

/* A leaf below the hole takes its place; the hole is taken. */
static void remove_hole(struct infer__holes *h, uint32_t x)
{
    uint32_t *place = place_of(h, x), *leaf = place;
    while (*first_child(&h->ranges[*leaf]))
        leaf = first_child(&h->ranges[*leaf]);
    uint32_t by = *leaf;
    *leaf = 0;
    if (by != x) {
        memcpy(h->ranges[by].child, h->ranges[x].child, sizeof h->ranges[by].child);
        *place = by;
    }
    h->ranges[x].child[0] = x;
}

/* The lesser of hole x and the best one so far, if x has enough bytes. */
static uint32_t better(const struct infer__holes *h, uint32_t best, uint32_t x, uint64_t bytes)
{
    const uint64_t size = bytes_of(h, x), least = best ? bytes_of(h, best) : UINT64_MAX;
    if (size < bytes)
        return best;
    return !best || size < least || (size == least && h->ranges[x].begin < h->ranges[best].begin)
               ? x
               : best;
}

/* The least hole of at least `bytes` bytes, or 0. */
static uint32_t find_hole(struct infer__holes *h, uint64_t bytes)
{
    uint32_t best = 0, above = 0, x = h->root;
    for (unsigned depth = 0; x; depth++) {
        struct infer__extent *r = &h->ranges[x];
        unsigned bit = key_bit(h, bytes, 0, depth);
        best = better(h, best, x, bytes);
        if (!bit &&
            r->child[1]) /* all below it are large enough, and less than those found before */
            above = r->child[1];
        x = r->child[bit];
    }
    for (; above; above = *first_child(&h->ranges[above]))
        best = better(h, best, above, bytes);
    return best;
}

/* ---- ranges --------------------------------------------------------------------------------- */

static infer_status new_range(struct infer__holes *h, uint32_t *range, infer_error *err)
{
    void *ranges = h->ranges;
    *range = h->unused;
    if (h->unused) {
        h->unused = h->ranges[h->unused].after;
        return INFER_OK;
    }
    if (!infer__region_grow(h->region, &ranges, &h->capacity, h->nranges + 1, sizeof *h->ranges))
        return infer__no_memory(err, h->nranges * sizeof *h->ranges);
    h->ranges = ranges;
    *range = h->nranges++;
    return INFER_OK;
}

static void drop_range(struct infer__holes *h, uint32_t x)
{
    h->ranges[x].after = h->unused;
    h->unused = x;
}

/* Puts range x between two ranges, either of which may be 0. */
static void link_range(struct infer__holes *h, uint32_t x, uint32_t before, uint32_t after)
{
    h->ranges[x].before = before;
    h->ranges[x].after = after;
    if (before)
        h->ranges[before].after = x;
    if (after)
        h->ranges[after].before = x;
    else
        h->highest = x;
}

/* Joins a range with the one behind it, which goes. */
static void join(struct infer__holes *h, uint32_t x)
{
    uint32_t next = h->ranges[x].after;
    link_range(h, x, h->ranges[x].before, h->ranges[next].after);
    drop_range(h, next);
}

infer_status infer__holes_take(struct infer__holes *h, uint64_t bytes, uint32_t *range,
                               infer_error *err)
{
    uint32_t x = find_hole(h, bytes), rest;
    if (x && bytes_of(h, x) == bytes) {
        remove_hole(h, x);
    } else if (x) {
        TRY(new_range(h, &rest, err));
        remove_hole(h, x);
        h->ranges[rest].begin = h->ranges[x].begin + bytes;
        link_range(h, rest, x, h->ranges[x].after);
        add_hole(h, rest);
    } else {
        TRY(new_range(h, &x, err));
        h->ranges[x] = (struct infer__extent){.begin = h->end, .child = {x, 0}};
        link_range(h, x, h->highest, 0);
        h->end += bytes;
        h->peak = h->end > h->peak ? h->end : h->peak;
    }
    *range = x;
    return INFER_OK;
}

void infer__holes_give(struct infer__holes *h, uint32_t range)
{
    uint32_t x = range, before = h->ranges[x].before, after = h->ranges[x].after;
    if (after && is_hole(h, after)) {
        remove_hole(h, after);
        join(h, x);
    }
    if (before && is_hole(h, before)) {
        remove_hole(h, before);
        join(h, before);
        x = before;
    }
    if (h->ranges[x].after) {
        add_hole(h, x);
        return;
    }
    h->end = h->ranges[x].begin;
    h->highest = h->ranges[x].before;
    if (h->highest)
        h->ranges[h->highest].after = 0;
    drop_range(h, x);
}
