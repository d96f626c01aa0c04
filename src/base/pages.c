#include "base/pages.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

enum { PAGE = 4096, LARGE = 2 << 20 };

void infer__pages_drop(const struct infer__pages *map, const void *data, size_t bytes)
{
    uintptr_t begin = (uintptr_t)data, end = begin + bytes, base = (uintptr_t)map->data;
    if (!map->data || begin < base || end > base + map->bytes)
        return;
    begin = (begin + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    end &= ~(uintptr_t)(PAGE - 1);
    int saved = errno;
    if (begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
    errno = saved;
}

void infer__pages_large(void *memory, size_t bytes)
{
    uintptr_t begin = ((uintptr_t)memory + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    uintptr_t end = ((uintptr_t)memory + bytes) & ~(uintptr_t)(PAGE - 1);
    int saved = errno;
    if (bytes >= LARGE && begin < end)
        (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
    errno = saved;
}

void infer__pages_fill(void *memory, size_t bytes)
{
#if defined(MADV_POPULATE_WRITE)
    uintptr_t begin = (uintptr_t)memory & ~(uintptr_t)(PAGE - 1);
    int saved = errno;
    if (bytes)
        (void)madvise((void *)begin, (uintptr_t)memory + bytes - begin, MADV_POPULATE_WRITE);
    errno = saved;
#else
    (void)memory;
    (void)bytes;
#endif
}
