/* A sketch as bytes, little-endian: docs/format.md has the fields. */
#include <math.h>
#include <stdlib.h>

#include "tools/monitor/sketch.h"

enum { HEAD = 48, MOST_OF_A_LEVEL = 4 * SKETCH_K };

size_t sketch_bytes(const struct sketch *s)
{
    size_t bytes = HEAD + s->levels * sizeof *s->count;
    for (uint32_t i = 0; i < s->levels; i++)
        bytes += s->count[i] * sizeof(float);
    return bytes;
}

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void sketch_write(struct sketch *s, struct infer__writer *w)
{
    const float low = s->n ? s->low : 0, high = s->n ? s->high : 0;
    infer__write_u64(w, s->n);
    infer__write_u64(w, s->bad);
    infer__write_bytes(w, &low, sizeof low);
    infer__write_bytes(w, &high, sizeof high);
    infer__write_bytes(w, &s->sum, sizeof s->sum);
    infer__write_bytes(w, &s->squares, sizeof s->squares);
    infer__write_u32(w, SKETCH_K);
    infer__write_u32(w, s->levels);
    infer__write_bytes(w, s->count, s->levels * sizeof *s->count);
    for (uint32_t i = 0; i < s->levels; i++) {
        if (s->count[i])
            qsort(s->items[i], s->count[i], sizeof(float), ascending);
        infer__write_bytes(w, s->items[i], s->count[i] * sizeof(float));
    }
}

static float read_f32(struct infer__reader *r)
{
    const uint32_t bits = infer__read_u32(r);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static double read_f64(struct infer__reader *r)
{
    const uint64_t bits = infer__read_u64(r);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Counts stand before items, so that no more memory is taken than there are bytes. */
static int read_counts(struct sketch *s, struct infer__reader *r)
{
    uint64_t n = 0, items = 0;
    for (uint32_t i = 0; i < s->levels; i++) {
        const uint32_t count = infer__read_u32(r);
        if (count > MOST_OF_A_LEVEL)
            return 0;
        s->count[i] = count;
        n += (uint64_t)count << i;
        items += count;
    }
    return !r->failed && n == s->n && items * sizeof(float) <= infer__read_left(r);
}

static int read_level(struct sketch *s, uint32_t level, struct infer__reader *r)
{
    const uint32_t n = s->count[level];
    s->items[level] = malloc((n + 1) * sizeof(float));
    if (!s->items[level])
        return 0;
    s->room[level] = n + 1;
    for (uint32_t i = 0; i < n; i++) {
        const float v = read_f32(r);
        if (!(v >= s->low && v <= s->high) || (i && v < s->items[level][i - 1]))
            return 0;
        s->items[level][i] = v;
    }
    return 1;
}

int sketch_read(struct sketch *s, struct infer__reader *r)
{
    int ok;
    s->n = infer__read_u64(r);
    s->bad = infer__read_u64(r);
    s->low = read_f32(r);
    s->high = read_f32(r);
    s->sum = read_f64(r);
    s->squares = read_f64(r);
    ok = infer__read_u32(r) == SKETCH_K;
    s->levels = infer__read_u32(r);
    ok &= !r->failed && s->levels >= 1 && s->levels <= SKETCH_LEVELS && s->n <= UINT64_MAX / 2 &&
          s->bad <= UINT64_MAX / 2 && isfinite(s->low) && isfinite(s->high) && isfinite(s->sum) &&
          isfinite(s->squares) && s->squares >= 0;
    if (!ok || !read_counts(s, r)) {
        s->levels = 1; /* what was read of it is not used */
        return 0;
    }
    for (uint32_t i = 0; i < s->levels; i++)
        if (!read_level(s, i, r))
            return 0;
    s->low = s->n ? s->low : INFINITY;
    s->high = s->n ? s->high : -INFINITY;
    return 1;
}
