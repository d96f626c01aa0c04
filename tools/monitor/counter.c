#include "tools/monitor/counter.h"

#include <stdlib.h>

void counter_free(struct counter *c)
{
    free(c->rows);
    *c = (struct counter){0};
}

/* The first row whose key is not below. */
static uint32_t find(const struct counter *c, int64_t key)
{
    uint32_t low = 0, high = c->count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (c->rows[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int is_at(const struct counter *c, uint32_t at, int64_t key)
{
    return at < c->count && c->rows[at].key == key;
}

int counter_add(struct counter *c, int64_t key, uint64_t times)
{
    const uint32_t at = find(c, key);
    if (is_at(c, at, key)) {
        c->rows[at].times += times;
    } else if (c->count == COUNTER_MOST) {
        c->other += times;
    } else {
        if (c->count == c->room) {
            const uint32_t room = c->room ? 2 * c->room : 16;
            struct counted *rows = realloc(c->rows, room * sizeof *rows);
            if (!rows)
                return 0;
            c->rows = rows;
            c->room = room;
        }
        memmove(c->rows + at + 1, c->rows + at, (c->count - at) * sizeof *c->rows);
        c->rows[at] = (struct counted){key, times};
        c->count++;
    }
    c->n += times;
    return 1;
}

int counter_merge(struct counter *c, const struct counter *other)
{
    for (uint32_t i = 0; i < other->count; i++)
        if (!counter_add(c, other->rows[i].key, other->rows[i].times))
            return 0;
    c->other += other->other;
    c->n += other->other;
    return 1;
}

uint64_t counter_times(const struct counter *c, int64_t key)
{
    const uint32_t at = find(c, key);
    return is_at(c, at, key) ? c->rows[at].times : 0;
}

/* ---- as bytes -------------------------------------------------------------------------------- */

size_t counter_bytes(const struct counter *c)
{
    return 24 + c->count * sizeof *c->rows;
}

void counter_write(const struct counter *c, struct infer__writer *w)
{
    infer__write_u64(w, c->n);
    infer__write_u64(w, c->other);
    infer__write_u32(w, c->count);
    infer__write_u32(w, 0);
    infer__write_bytes(w, c->rows, c->count * sizeof *c->rows);
}

int counter_read(struct counter *c, struct infer__reader *r)
{
    const uint64_t n = infer__read_u64(r), other = infer__read_u64(r);
    const uint32_t count = infer__read_u32(r), reserved = infer__read_u32(r);
    if (r->failed || reserved || n > UINT64_MAX / 2 || other > n || count > COUNTER_MOST ||
        count * sizeof *c->rows > infer__read_left(r))
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        const int64_t key = (int64_t)infer__read_u64(r);
        const uint64_t times = infer__read_u64(r);
        if ((i && key <= c->rows[c->count - 1].key) || !times || times > n - other - c->n ||
            !counter_add(c, key, times))
            return 0;
    }
    c->other = other;
    c->n += other;
    return c->n == n;
}
