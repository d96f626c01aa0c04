/* Deflate data (RFC 1951) as a stream: bytes come out as they are asked for, from memory of a fixed
 * size, whatever the data would become. */
#ifndef INFER_VISION_INFLATE_H
#define INFER_VISION_INFLATE_H

#include <stddef.h>
#include <stdint.h>

enum { INFER__INFLATE_WINDOW = 32768, INFER__INFLATE_FAST = 10, INFER__INFLATE_LONGEST = 15 };

/* A canonical Huffman code. */
struct infer__huffman {
    uint16_t fast[1 << INFER__INFLATE_FAST]; /* by the next bits: symbol << 4 | length, 0: longer */
    uint16_t count[INFER__INFLATE_LONGEST + 1]; /* symbols with a code of each length */
    uint16_t symbol[288];                       /* in the order of their codes */
};

/* Gives the next bytes of the packed data; 0: there are none. */
typedef int (*infer__inflate_more)(void *ctx, const uint8_t **bytes, size_t *size);

struct infer__inflate {
    infer__inflate_more more;
    void *ctx;
    const uint8_t *in, *in_end;
    uint64_t bits; /* the next bits, lowest first; above `nbits` there is nothing to rely on */
    uint32_t nbits;
    enum {
        INFER__INFLATE_HEADER,
        INFER__INFLATE_STORED,
        INFER__INFLATE_CODES,
        INFER__INFLATE_END
    } at;
    int is_last;       /* this block */
    uint32_t left;     /* bytes of a stored block, or of a match */
    uint32_t distance; /* of the match */
    uint64_t total;    /* bytes that came out */
    struct infer__huffman literals, distances;
    uint8_t window[INFER__INFLATE_WINDOW];
};

/* `zlib`: the data has zlib's two bytes before it (RFC 1950). 0: there is none, or it is wrong. */
int infer__inflate_init(struct infer__inflate *z, infer__inflate_more more, void *ctx, int zlib);

/* Up to n bytes; *got is less only at the end of the data. 0: the data is damaged or ends early. */
int infer__inflate_read(struct infer__inflate *z, uint8_t *to, size_t n, size_t *got);

#endif
