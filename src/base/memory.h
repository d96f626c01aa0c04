/* Memory: the allocator as it is handed around, and regions.
 *
 * memory.c is the only file that calls malloc. A region hands out memory that is freed all at
 * once, which is how graphs and plans own their many small parts.
 */
#ifndef INFER_BASE_MEMORY_H
#define INFER_BASE_MEMORY_H

#include "infer.h"

/* `a` itself, or malloc and free where a->alloc is NULL. */
infer_allocator infer__allocator(const infer_allocator *a);

/* At least `bytes` (0 gives a valid pointer too), aligned to `align` (a power of two, at most
 * 4096). NULL if there is no memory. */
void *infer__alloc(const infer_allocator *a, size_t bytes, size_t align);
/* Zeroed memory for `count` objects of `size` bytes, 64-byte aligned; NULL on overflow too. */
void *infer__calloc(const infer_allocator *a, size_t count, size_t size);
void infer__free(const infer_allocator *a, void *memory); /* NULL is fine */

/* An allocator that counts what is held and hands out no more than `limit` bytes. */
struct infer__meter {
    infer_allocator inner;
    uint64_t limit, held;
    int refused; /* 1: something was not handed out for the limit's sake */
};

/* Begins with nothing held. The meter must stay where it is while the allocator is used. */
infer_allocator infer__meter_start(struct infer__meter *m, const infer_allocator *inner,
                                   uint64_t limit);

/* Counts `now` bytes instead of `before` that are somebody else's: 1, or 0 where that would pass
 * the limit; fewer never do. */
int infer__meter_recount(struct infer__meter *m, uint64_t before, uint64_t now);

/* Whether malloc has `bytes` and the system `pages` bytes of pages at this moment: both are taken
 * and given back at once. Asked before a library is called that allocates by itself and ends the
 * process where it can't; another thread may of course be quicker. errno stays as it was. */
int infer__reserve(size_t bytes, size_t pages);

/* A region: blocks from an allocator, freed together. */
struct infer__region {
    infer_allocator allocator;
    struct infer__block *blocks;
    size_t total; /* bytes taken from the allocator */
};

void infer__region_init(struct infer__region *r, const infer_allocator *a);
void infer__region_free(struct infer__region *r);
/* Memory aligned to 64 bytes, or to 16 if it is smaller than that, contents undefined; NULL if
 * there is none. */
void *infer__region_take(struct infer__region *r, size_t bytes);
/* The same zeroed, for `count` objects of `size` bytes; NULL on overflow too. */
void *infer__region_calloc(struct infer__region *r, size_t count, size_t size);
/* A copy of `bytes` bytes at `from`. */
void *infer__region_copy(struct infer__region *r, const void *from, size_t bytes);
/* A copy of a string. */
char *infer__region_string(struct infer__region *r, const char *s);
/* Gives back an array of `bytes` bytes that nobody needs any more before all the rest, if it is a
 * large one; a small one stays as long as the region. */
void infer__region_drop(struct infer__region *r, void *memory, size_t bytes);
/* Grows an array in a region to room for `need` elements, at least doubling it; *capacity and
 * *array are updated, old elements copied, new ones undefined. The old array is dropped. Returns 0
 * if there is no memory. */
int infer__region_grow(struct infer__region *r, void **array, uint32_t *capacity, uint32_t need,
                       size_t element_size);

#endif
