#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/size.h"

static void *default_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes);
}

static void default_free(void *ctx, void *memory)
{
    (void)ctx;
    free(memory);
}

infer_allocator infer__allocator(const infer_allocator *a)
{
    if (a && a->alloc)
        return *a;
    return (infer_allocator){NULL, default_alloc, default_free};
}

/* The pointer that the allocator gave stands in the word before the aligned one. */
void *infer__alloc(const infer_allocator *a, size_t bytes, size_t align)
{
    size_t total;
    if (align < sizeof(void *))
        align = sizeof(void *);
    if (!infer__size_add(bytes, align + sizeof(void *), &total))
        return NULL;
    char *raw = a->alloc(a->ctx, total);
    if (!raw)
        return NULL;
    uintptr_t start = ((uintptr_t)raw + sizeof(void *) + align - 1) & ~(uintptr_t)(align - 1);
    ((void **)start)[-1] = raw;
    return (void *)start;
}

void *infer__calloc(const infer_allocator *a, size_t count, size_t size)
{
    size_t bytes;
    if (!infer__size_mul(count, size, &bytes))
        return NULL;
    void *p = infer__alloc(a, bytes, 64);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void infer__free(const infer_allocator *a, void *memory)
{
    if (memory)
        a->free(a->ctx, ((void **)memory)[-1]);
}

/* ---- meters --------------------------------------------------------------------------------- */

/* The number of bytes stands before the memory that is handed out. */
enum { METER_HEADER = 16 };

static void *meter_alloc(void *ctx, size_t bytes)
{
    struct infer__meter *m = ctx;
    size_t total;
    if (!infer__size_add(bytes, METER_HEADER, &total) || total > m->limit - m->held) {
        m->refused = 1;
        return NULL;
    }
    char *raw = m->inner.alloc(m->inner.ctx, total);
    if (!raw)
        return NULL;
    memcpy(raw, &total, sizeof total);
    m->held += total;
    return raw + METER_HEADER;
}

static void meter_free(void *ctx, void *memory)
{
    struct infer__meter *m = ctx;
    char *raw = (char *)memory - METER_HEADER;
    size_t total;
    memcpy(&total, raw, sizeof total);
    m->held -= total;
    m->inner.free(m->inner.ctx, raw);
}

infer_allocator infer__meter_start(struct infer__meter *m, const infer_allocator *inner,
                                   uint64_t limit)
{
    *m = (struct infer__meter){infer__allocator(inner), limit, 0, 0};
    return (infer_allocator){m, meter_alloc, meter_free};
}

int infer__meter_recount(struct infer__meter *m, uint64_t before, uint64_t now)
{
    if (now > before && now - before > m->limit - m->held) {
        m->refused = 1;
        return 0;
    }
    m->held = m->held - before + now;
    return 1;
}

/* ---- reserves ----------------------------------------------------------------------------- */

/* Volatile: compilers take a malloc whose memory is only freed for one that succeeds. */
int infer__reserve(size_t bytes, size_t pages)
{
    int saved = errno;
    void *volatile heap = malloc(bytes);
    void *map = pages
                    ? mmap(NULL, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                    : NULL;
    int there = heap && map != MAP_FAILED;
    if (map && map != MAP_FAILED)
        munmap(map, pages);
    free(heap);
    errno = saved;
    return there;
}

/* ---- regions -------------------------------------------------------------------------------- */

struct infer__block {
    struct infer__block *next, *last; /* last: the block whose next this is, or NULL */
    size_t used, size;                /* of the bytes behind this header */
};

enum { HEADER = 64, BLOCK = 16 * 1024 - 128, ALIGN = 64, SMALL_ALIGN = 16 };

void infer__region_init(struct infer__region *r, const infer_allocator *a)
{
    r->allocator = infer__allocator(a);
    r->blocks = NULL;
    r->total = 0;
}

void infer__region_free(struct infer__region *r)
{
    for (struct infer__block *b = r->blocks, *next; b; b = next) {
        next = b->next;
        infer__free(&r->allocator, b);
    }
    r->blocks = NULL;
    r->total = 0;
}

/* What `bytes` bytes take of a block; 0 if that can't be counted. */
static size_t rounded(size_t bytes, size_t *align)
{
    size_t need;
    *align = bytes < ALIGN ? SMALL_ALIGN : ALIGN;
    return infer__size_align(bytes ? bytes : 1, *align, &need) ? need : 0;
}

/* Large arrays have a block of their own, so that one of them can be given back. */
static int is_apart(size_t need)
{
    return need > BLOCK / 4;
}

/* A block of so many bytes behind the head of the list, which goes on being filled, or (`head`) in
 * front of it. */
static struct infer__block *add_block(struct infer__region *r, size_t size, int head)
{
    size_t total;
    if (!infer__size_add(size, HEADER, &total))
        return NULL;
    struct infer__block *b = infer__alloc(&r->allocator, total, ALIGN);
    if (!b)
        return NULL;
    *b = (struct infer__block){.size = size, .last = head ? NULL : r->blocks};
    struct infer__block **place = b->last ? &b->last->next : &r->blocks;
    b->next = *place;
    if (b->next)
        b->next->last = b;
    *place = b;
    r->total += total;
    return b;
}

void *infer__region_take(struct infer__region *r, size_t bytes)
{
    size_t align, need = rounded(bytes, &align);
    struct infer__block *b = r->blocks;
    if (!need)
        return NULL;
    if (is_apart(need)) {
        b = add_block(r, need, 0);
    } else {
        if (b) /* used and size are small or were checked: this can't wrap */
            b->used = (b->used + align - 1) & ~(align - 1);
        if (!b || b->used > b->size || b->size - b->used < need)
            b = add_block(r, BLOCK, 1);
    }
    if (!b)
        return NULL;
    void *p = (char *)b + HEADER + b->used;
    b->used += need;
    return p;
}

void *infer__region_calloc(struct infer__region *r, size_t count, size_t size)
{
    size_t bytes;
    if (!infer__size_mul(count, size, &bytes))
        return NULL;
    void *p = infer__region_take(r, bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void *infer__region_copy(struct infer__region *r, const void *from, size_t bytes)
{
    void *p = infer__region_take(r, bytes);
    if (p && bytes)
        memcpy(p, from, bytes);
    return p;
}

char *infer__region_string(struct infer__region *r, const char *s)
{
    return infer__region_copy(r, s, strlen(s) + 1);
}

void infer__region_drop(struct infer__region *r, void *memory, size_t bytes)
{
    size_t align, need = rounded(bytes, &align);
    if (!memory || !is_apart(need))
        return;
    struct infer__block *b = (struct infer__block *)((char *)memory - HEADER);
    if (b->next)
        b->next->last = b->last;
    if (b->last)
        b->last->next = b->next;
    else
        r->blocks = b->next;
    r->total -= b->size + HEADER;
    infer__free(&r->allocator, b);
}

int infer__region_grow(struct infer__region *r, void **array, uint32_t *capacity, uint32_t need,
                       size_t element_size)
{
    size_t bytes, old = *capacity * element_size;
    if (need <= *capacity)
        return 1;
    uint32_t grown = *capacity > UINT32_MAX / 2 ? UINT32_MAX : *capacity * 2;
    if (grown < need)
        grown = need;
    if (grown < 16)
        grown = 16;
    void *fresh =
        infer__size_mul(grown, element_size, &bytes) ? infer__region_take(r, bytes) : NULL;
    if (!fresh)
        return 0;
    if (*capacity)
        memcpy(fresh, *array, old);
    infer__region_drop(r, *capacity ? *array : NULL, old);
    *array = fresh;
    *capacity = grown;
    return 1;
}
