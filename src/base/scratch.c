#include "base/scratch.h"

#include <string.h>

#include "base/size.h"

/* Before each piece of memory stands where it began. ALIGN is what infer__alloc needs least of any
 * allocator; it aligns further by itself. */
enum { HEADER = 16, ALIGN = 16 };

static void *scratch_alloc(void *ctx, size_t bytes)
{
    struct infer__scratch *s = ctx;
    const size_t begin = s->at;
    size_t end;
    if (!infer__size_add(bytes, HEADER, &end) || !infer__size_align(end, ALIGN, &end) ||
        !infer__size_add(begin, end, &end))
        return NULL;
    char *raw = end <= s->size ? s->block + begin : s->from.alloc(s->from.ctx, end - begin);
    if (!raw)
        return NULL;
    memcpy(raw, &begin, sizeof begin);
    memcpy(raw + sizeof begin, &end, sizeof end);
    s->at = end;
    s->peak = end > s->peak ? end : s->peak;
    return raw + HEADER;
}

/* What was taken last can be taken again; a hole stays until all that follows it is freed, too. */
static void scratch_free(void *ctx, void *memory)
{
    struct infer__scratch *s = ctx;
    char *raw = (char *)memory - HEADER;
    size_t begin, end;
    memcpy(&begin, raw, sizeof begin);
    memcpy(&end, raw + sizeof begin, sizeof end);
    if (end == s->at)
        s->at = begin;
    if (end > s->size)
        s->from.free(s->from.ctx, raw);
}

infer_allocator infer__scratch_begin(struct infer__scratch *s, const infer_allocator *from)
{
    s->from = *from;
    s->at = s->peak = 0;
    return (infer_allocator){s, scratch_alloc, scratch_free};
}

void infer__scratch_end(struct infer__scratch *s)
{
    if (s->peak <= s->size)
        return;
    infer__scratch_free(s);
    s->block = infer__alloc(&s->from, s->peak, 64);
    s->size = s->block ? s->peak : 0;
}

void infer__scratch_free(struct infer__scratch *s)
{
    infer__free(&s->from, s->block);
    s->block = NULL;
    s->size = 0;
}
