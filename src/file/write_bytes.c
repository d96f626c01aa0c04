/* Small helpers of the writer: bytes in the file's order, and the table of strings. */
#include <string.h>

#include "base/size.h"
#include "file/checksum.h"
#include "file/write.h"

void infer__write_bytes(struct infer__writer *w, const void *bytes, size_t size)
{
    if (size > w->size - w->at) {
        w->failed = 1;
        return;
    }
    if (size)
        memcpy(w->data + w->at, bytes, size);
    w->at += size;
}

void infer__write_u16(struct infer__writer *w, uint16_t v)
{
    infer__write_bytes(w, &v, sizeof v);
}

void infer__write_u32(struct infer__writer *w, uint32_t v)
{
    infer__write_bytes(w, &v, sizeof v);
}

void infer__write_u64(struct infer__writer *w, uint64_t v)
{
    infer__write_bytes(w, &v, sizeof v);
}

void infer__write_zeros_to(struct infer__writer *w, size_t at)
{
    if (at < w->at || at > w->size) {
        w->failed = 1;
        return;
    }
    memset(w->data + w->at, 0, at - w->at);
    w->at = at;
}

infer_status infer__strings_init(struct infer__strings *t, struct infer__region *region,
                                 size_t count, infer_error *err)
{
    size_t wanted, slots = 16;
    memset(t, 0, sizeof *t);
    if (!infer__size_mul(count, 2, &wanted) || wanted > SIZE_MAX / 2)
        return infer__no_memory(err, count);
    while (slots < wanted)
        slots *= 2;
    t->slots = infer__region_calloc(region, slots, sizeof *t->slots);
    if (!t->slots)
        return infer__no_memory(err, slots * sizeof *t->slots);
    t->mask = slots - 1;
    return INFER_OK;
}

infer_status infer__strings_add(struct infer__strings *t, const char *text, uint32_t *offset,
                                int *fresh, infer_error *err)
{
    size_t length = strlen(text), end, at = (size_t)infer__checksum(text, length) & t->mask;
    while (t->slots[at].text && strcmp(t->slots[at].text, text))
        at = (at + 1) & t->mask;
    *fresh = !t->slots[at].text;
    if (*fresh) {
        FAIL_IF(!infer__size_add(t->size, length, &end) || end >= UINT32_MAX, INFER_ERROR_LIMIT,
                "the names of a graph take more than 4 GiB");
        t->slots[at].text = text;
        t->slots[at].offset = t->size;
        t->size = (uint32_t)end + 1;
    }
    *offset = t->slots[at].offset;
    return INFER_OK;
}
