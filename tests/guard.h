/* Memory between two pages that can't be touched, for tests of code that must stay inside its
 * buffers: an access before or after the pages is a fault, a write into the margins that alignment
 * leaves is found by guard_check. Also a small random generator with a printed, settable seed
 * (environment variable INFER_SEED). */
#ifndef INFER_TESTS_GUARD_H
#define INFER_TESTS_GUARD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_BYTE 0xA5

struct guard {
    unsigned char *data; /* `bytes` bytes, all 0xA5 at first */
    size_t bytes;
    unsigned char *map; /* page, pages of data, page */
    size_t inner;       /* bytes between the two pages */
};

/* `at_end`: data ends at the protected page, or as close as `align` (a power of two) allows; else
 * it begins right behind the page before it. */
static inline struct guard guard_new(size_t bytes, size_t align, int at_end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct guard g = {.bytes = bytes, .inner = (bytes + page) / page * page};
    void *map =
        mmap(NULL, g.inner + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map, page, PROT_NONE) ||
        mprotect((unsigned char *)map + page + g.inner, page, PROT_NONE)) {
        perror("guard pages");
        exit(1);
    }
    g.map = map;
    memset(g.map + page, GUARD_BYTE, g.inner);
    g.data = g.map + page + (at_end ? (g.inner - bytes) & ~(align - 1) : 0);
    return g;
}

/* A guarded copy of `bytes` bytes. */
static inline struct guard guard_copy(const void *from, size_t bytes, size_t align, int at_end)
{
    struct guard g = guard_new(bytes, align, at_end);
    if (bytes)
        memcpy(g.data, from, bytes);
    return g;
}

/* 1 if nothing was written around the data. */
static inline int guard_check(const struct guard *g)
{
    const unsigned char *p = g->map + sysconf(_SC_PAGESIZE), *end = p + g->inner;
    for (; p < end; p++)
        if ((p < g->data || p >= g->data + g->bytes) && *p != GUARD_BYTE)
            return 0;
    return 1;
}

static inline void guard_free(struct guard *g)
{
    if (g->map)
        munmap(g->map, g->inner + 2 * (size_t)sysconf(_SC_PAGESIZE));
    memset(g, 0, sizeof *g);
}

/* ---- random numbers ------------------------------------------------------------------------- */

/* splitmix64 */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* low .. high, both included. */
static inline int64_t random_int(uint64_t *state, int64_t low, int64_t high)
{
    return low + (int64_t)(random_next(state) % (uint64_t)(high - low + 1));
}

/* -1 .. 1 */
static inline float random_float(uint64_t *state)
{
    return (float)random_int(state, -(1 << 23), 1 << 23) / (1 << 23);
}

/* The seed: INFER_SEED, or a fixed one; printed. */
static inline uint64_t random_seed(void)
{
    const char *text = getenv("INFER_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 20240601;
    printf("seed %llu\n", (unsigned long long)seed);
    return seed;
}

#endif
