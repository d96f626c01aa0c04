/* 128 bits that stand for a sequence of bytes: equal where the bytes are, and else different but
 * for one time in 2^128, as long as nobody looks for two that meet. Depends on the byte order; what
 * is kept in files is of little-endian machines only (file/layout.h). */
#ifndef INFER_BASE_DIGEST_H
#define INFER_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

struct infer__digest {
    uint64_t word[2];
};

/* Begins: the digest of nothing. */
struct infer__digest infer__digest_start(void);
/* Goes on with one more piece of `size` bytes; where pieces end counts too. */
void infer__digest_add(struct infer__digest *d, const void *bytes, size_t size);
/* The same with an integer. */
void infer__digest_number(struct infer__digest *d, int64_t number);

#endif
