/* A window on a file's bytes with a position: the only way in which they are read.
 *
 * Nothing is read outside the window: a read past its end gives 0, leaves the position and sets
 * `failed`, which stays set. So a record may be read field by field and checked once. */
#ifndef INFER_FILE_READER_H
#define INFER_FILE_READER_H

#include <string.h>

#include "base/size.h"

struct infer__reader {
    const unsigned char *data;
    size_t size;
    size_t at;     /* never above size */
    uint64_t base; /* where data[0] lies in the file */
    int failed;
};

static inline struct infer__reader infer__reader_on(const void *data, size_t size, uint64_t base)
{
    return (struct infer__reader){data, size, 0, base, 0};
}

/* Bytes that are left. */
static inline size_t infer__read_left(const struct infer__reader *r)
{
    return r->size - r->at;
}

/* Where the next byte lies in the file. */
static inline uint64_t infer__read_where(const struct infer__reader *r)
{
    return r->base + r->at;
}

/* The next `bytes` bytes, NULL if there are fewer. */
static inline const unsigned char *infer__read_bytes(struct infer__reader *r, size_t bytes)
{
    if (bytes > infer__read_left(r)) {
        r->failed = 1;
        return NULL;
    }
    const unsigned char *p = r->data + r->at;
    r->at += bytes;
    return p;
}

static inline uint8_t infer__read_u8(struct infer__reader *r)
{
    const unsigned char *p = infer__read_bytes(r, 1);
    return p ? *p : 0;
}

static inline uint16_t infer__read_u16(struct infer__reader *r)
{
    uint16_t v = 0;
    const unsigned char *p = infer__read_bytes(r, sizeof v);
    if (p)
        memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t infer__read_u32(struct infer__reader *r)
{
    uint32_t v = 0;
    const unsigned char *p = infer__read_bytes(r, sizeof v);
    if (p)
        memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t infer__read_u64(struct infer__reader *r)
{
    uint64_t v = 0;
    const unsigned char *p = infer__read_bytes(r, sizeof v);
    if (p)
        memcpy(&v, p, sizeof v);
    return v;
}

/* A window of its own on the next count * size bytes, which are passed over. */
static inline int infer__read_window(struct infer__reader *r, size_t count, size_t size,
                                     struct infer__reader *window)
{
    size_t bytes;
    uint64_t base = infer__read_where(r);
    const unsigned char *p =
        infer__size_mul(count, size, &bytes) ? infer__read_bytes(r, bytes) : NULL;
    *window = infer__reader_on(p, p ? bytes : 0, base);
    return p != NULL;
}

/* Whether the next `bytes` bytes are there and all 0; they are passed over. */
static inline int infer__read_zeros(struct infer__reader *r, size_t bytes)
{
    const unsigned char *p = infer__read_bytes(r, bytes);
    if (!p)
        return 0;
    for (size_t i = 0; i < bytes; i++)
        if (p[i])
            return 0;
    return 1;
}

#endif
