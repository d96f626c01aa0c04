/* What tests and fuzz targets of the flat file share: a small random generator, a counting
 * allocator, checksums made right. */
#ifndef INFER_TESTS_FILE_BYTES_H
#define INFER_TESTS_FILE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file/checksum.h"
#include "file/layout.h"
#include "infer.h"

#define FIXTURE __attribute__((unused)) static

/* ---- random numbers ------------------------------------------------------------------------- */

struct rng {
    uint64_t state;
};

/* splitmix64 (Steele, Lea, Flood 2014) */
FIXTURE uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* 0 to n - 1. */
FIXTURE uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)(rng_next(r) % n);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Counts what is held, and fails where it is told to. */
struct counter {
    size_t calls, blocks, bytes, peak;
    size_t fail_from; /* 0: never; k: the k-th call and all after it */
    size_t fail_only; /* 0: never; k: the k-th call alone */
};

FIXTURE void *counter_alloc(void *ctx, size_t bytes)
{
    struct counter *c = ctx;
    c->calls++;
    if ((c->fail_from && c->calls >= c->fail_from) || c->calls == c->fail_only)
        return NULL;
    size_t *p = malloc(bytes + 64);
    if (!p)
        return NULL;
    *p = bytes;
    c->blocks++;
    c->bytes += bytes;
    c->peak = c->bytes > c->peak ? c->bytes : c->peak;
    return (char *)p + 64;
}

FIXTURE void counter_free(void *ctx, void *memory)
{
    struct counter *c = ctx;
    size_t *p = (void *)((char *)memory - 64);
    c->blocks--;
    c->bytes -= *p;
    free(p);
}

FIXTURE infer_allocator counting(struct counter *c)
{
    memset(c, 0, sizeof *c);
    return (infer_allocator){c, counter_alloc, counter_free};
}

/* ---- files ---------------------------------------------------------------------------------- */

FIXTURE uint64_t get_le(const unsigned char *p, size_t width)
{
    uint64_t v = 0;
    memcpy(&v, p, width);
    return v;
}

FIXTURE void put_le(unsigned char *p, size_t width, uint64_t v)
{
    memcpy(p, &v, width);
}

/* Makes the checksums right again after a change, as far as the table can be followed. */
FIXTURE void reseal(unsigned char *p, size_t size)
{
    if (size < 64)
        return;
    uint64_t n = get_le(p + 20, 4), table = 64 + 32 * n;
    for (uint64_t i = 0; i < n && 96 + 32 * i <= size; i++) {
        unsigned char *e = p + 64 + 32 * i;
        uint64_t offset = get_le(e + 8, 8), bytes = get_le(e + 16, 8);
        if (bytes <= size && offset <= size - bytes)
            put_le(e + 24, 8, infer__checksum(p + offset, (size_t)bytes));
    }
    if (table <= size)
        put_le(p + 8, 8, infer__checksum(p + 16, (size_t)table - 16));
}

#endif
