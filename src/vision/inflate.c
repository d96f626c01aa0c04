#include "vision/inflate.h"

#include <string.h>

#include "vision/decode.h"

enum { MASK = INFER__INFLATE_WINDOW - 1, LONGEST = INFER__INFLATE_LONGEST };
enum { FAST = INFER__INFLATE_FAST, END_OF_BLOCK = 256, LITERALS = 288, DISTANCES = 32 };

/* ---- bits ----------------------------------------------------------------------------------- */

/* Leaves at least 57 bits, or all that there are. */
static void refill(struct infer__inflate *z)
{
    while (z->nbits <= 56) {
        if (z->in_end - z->in >= 8) {
            uint64_t next = infer__le32(z->in) | (uint64_t)infer__le32(z->in + 4) << 32;
            z->bits |= next << z->nbits;
            z->in += (63 - z->nbits) >> 3;
            z->nbits |= 56;
            return;
        }
        size_t size;
        if (z->in == z->in_end) {
            if (!z->more(z->ctx, &z->in, &size))
                return;
            z->in_end = z->in + size;
            continue;
        }
        z->bits |= (uint64_t)*z->in++ << z->nbits;
        z->nbits += 8;
    }
}

static void drop(struct infer__inflate *z, uint32_t n)
{
    z->bits >>= n;
    z->nbits -= n;
}

/* n bits, at most 16; 0 where they are not there. */
static int take(struct infer__inflate *z, uint32_t n, uint32_t *value)
{
    if (z->nbits < n)
        refill(z);
    if (z->nbits < n)
        return 0;
    *value = (uint32_t)z->bits & ((1u << n) - 1);
    drop(z, n);
    return 1;
}

/* ---- codes ---------------------------------------------------------------------------------- */

static uint32_t reversed(uint32_t code, uint32_t length)
{
    uint32_t r = 0;
    for (; length; length--, code >>= 1)
        r = r << 1 | (code & 1);
    return r;
}

/* 0 where the lengths claim more codes than there are. A code with gaps is allowed: what hits one
 * is an error then. */
static int make_code(struct infer__huffman *h, const uint8_t *lengths, uint32_t n)
{
    uint32_t code[LONGEST + 2] = {0}, start[LONGEST + 2] = {0};
    memset(h, 0, sizeof *h);
    for (uint32_t i = 0; i < n; i++)
        h->count[lengths[i]]++;
    h->count[0] = 0;
    for (uint32_t k = 1; k <= LONGEST; k++) {
        code[k + 1] = (code[k] + h->count[k]) << 1;
        start[k + 1] = start[k] + h->count[k];
        if (code[k] + h->count[k] > 1u << k)
            return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t length = lengths[i];
        if (!length)
            continue;
        h->symbol[start[length]++] = (uint16_t)i;
        uint32_t first = reversed(code[length]++, length);
        for (uint32_t k = first; length <= FAST && k < 1u << FAST; k += 1u << length)
            h->fast[k] = (uint16_t)(i << 4 | length);
    }
    return 1;
}

/* The next symbol, -1 where no code fits or the data ends. */
static int32_t next_symbol(struct infer__inflate *z, const struct infer__huffman *h)
{
    if (z->nbits < LONGEST)
        refill(z);
    uint32_t entry = h->fast[z->bits & ((1u << FAST) - 1)], length = entry & 15;
    int32_t symbol = (int32_t)(entry >> 4);
    if (!length) { /* one bit after the other, with the codes of each length in a row */
        int32_t code = 0, first = 0, index = 0;
        symbol = -1;
        for (length = 1; length <= LONGEST; length++) {
            code |= (int32_t)(z->bits >> (length - 1) & 1);
            int32_t count = h->count[length];
            if (code - count < first) {
                symbol = h->symbol[index + (code - first)];
                break;
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
    }
    if (symbol < 0 || length > z->nbits)
        return -1;
    drop(z, length);
    return symbol;
}

static int fixed_codes(struct infer__inflate *z)
{
    uint8_t lengths[LITERALS];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    if (!make_code(&z->literals, lengths, LITERALS))
        return 0;
    memset(lengths, 5, DISTANCES);
    return make_code(&z->distances, lengths, DISTANCES);
}

/* The lengths of both codes, themselves packed with a third one. */
static int read_lengths(struct infer__inflate *z, const struct infer__huffman *code,
                        uint8_t *lengths, uint32_t n)
{
    for (uint32_t i = 0; i < n;) {
        int32_t symbol = next_symbol(z, code);
        if (symbol < 0)
            return 0;
        if (symbol < 16) {
            lengths[i++] = (uint8_t)symbol;
            continue;
        }
        static const uint8_t extra[3] = {2, 3, 7}, least[3] = {3, 3, 11};
        uint32_t repeat;
        if (!take(z, extra[symbol - 16], &repeat))
            return 0;
        repeat += least[symbol - 16];
        if (repeat > n - i || (symbol == 16 && !i))
            return 0;
        memset(lengths + i, symbol == 16 ? lengths[i - 1] : 0, repeat);
        i += repeat;
    }
    return 1;
}

static int dynamic_codes(struct infer__inflate *z)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                      11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[LITERALS + DISTANCES] = {0};
    uint32_t literals, distances, n, length;
    if (!take(z, 5, &literals) || !take(z, 5, &distances) || !take(z, 4, &n))
        return 0;
    literals += 257;
    distances += 1;
    if (literals > 286 || distances > 30)
        return 0;
    for (uint32_t i = 0; i < n + 4; i++) {
        if (!take(z, 3, &length))
            return 0;
        lengths[order[i]] = (uint8_t)length;
    }
    if (!make_code(&z->literals, lengths, 19))
        return 0;
    memset(lengths, 0, sizeof lengths);
    /* z->distances is not needed yet: it holds the third code while the two are read */
    z->distances = z->literals;
    if (!read_lengths(z, &z->distances, lengths, literals + distances))
        return 0;
    return make_code(&z->literals, lengths, literals) &&
           make_code(&z->distances, lengths + literals, distances);
}

/* ---- blocks --------------------------------------------------------------------------------- */

static int begin_block(struct infer__inflate *z)
{
    uint32_t last, kind, size, check;
    if (!take(z, 1, &last) || !take(z, 2, &kind))
        return 0;
    z->is_last = (int)last;
    z->at = INFER__INFLATE_CODES;
    if (kind == 1)
        return fixed_codes(z);
    if (kind == 2)
        return dynamic_codes(z);
    drop(z, z->nbits & 7);
    if (kind == 3 || !take(z, 16, &size) || !take(z, 16, &check) || (size ^ check) != 0xffff)
        return 0;
    z->at = INFER__INFLATE_STORED;
    z->left = size;
    return 1;
}

static void end_block(struct infer__inflate *z)
{
    z->at = z->is_last ? INFER__INFLATE_END : INFER__INFLATE_HEADER;
}

static int begin_match(struct infer__inflate *z, int32_t symbol)
{
    static const uint16_t length[29] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                        15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                        67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                      2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    uint32_t more;
    if (symbol >= 29 || !take(z, extra[symbol], &more))
        return 0;
    z->left = length[symbol] + more;
    int32_t far = next_symbol(z, &z->distances);
    if (far < 0 || far >= 30)
        return 0;
    uint32_t bits = far < 4 ? 0 : (uint32_t)far / 2 - 1;
    if (!take(z, bits, &more))
        return 0;
    z->distance = 1 + more + (far < 4 ? (uint32_t)far : (2u + ((uint32_t)far & 1)) << bits);
    return z->distance <= z->total;
}

/* Copies up to n bytes of the match, as far as neither end of the window lies in between. */
static size_t copy_match(struct infer__inflate *z, uint8_t *to, size_t n)
{
    size_t at = z->total & MASK, from = (z->total - z->distance) & MASK;
    size_t m = z->left < n ? z->left : n, room = INFER__INFLATE_WINDOW - (at > from ? at : from);
    m = m < room ? m : room;
    uint8_t *out = z->window + at;
    const uint8_t *in = z->window + from;
    if (at > from) { /* what was copied is copied again, twice as much each time */
        for (size_t done = 0; done < m;) {
            size_t apart = at + done - from, k = m - done < apart ? m - done : apart;
            memcpy(out + done, in, k);
            done += k;
        }
    } else {
        memmove(out, in, m);
    }
    memcpy(to, out, m);
    z->left -= (uint32_t)m;
    z->total += m;
    return m;
}

static int put_stored(struct infer__inflate *z, uint8_t *to, size_t n, size_t *done)
{
    for (; *done < n && z->left; z->left--) {
        uint32_t byte;
        if (!take(z, 8, &byte))
            return 0;
        z->window[z->total++ & MASK] = to[(*done)++] = (uint8_t)byte;
    }
    if (!z->left)
        end_block(z);
    return 1;
}

static int put_codes(struct infer__inflate *z, uint8_t *to, size_t n, size_t *done)
{
    while (*done < n) {
        if (z->left) {
            *done += copy_match(z, to + *done, n - *done);
            continue;
        }
        int32_t symbol = next_symbol(z, &z->literals);
        if (symbol < 0)
            return 0;
        if (symbol < END_OF_BLOCK) {
            z->window[z->total++ & MASK] = to[(*done)++] = (uint8_t)symbol;
        } else if (symbol == END_OF_BLOCK) {
            end_block(z);
            return 1;
        } else if (!begin_match(z, symbol - END_OF_BLOCK - 1)) {
            return 0;
        }
    }
    return 1;
}

int infer__inflate_read(struct infer__inflate *z, uint8_t *to, size_t n, size_t *got)
{
    int good = 1;
    *got = 0;
    while (good && *got < n && z->at != INFER__INFLATE_END) {
        if (z->at == INFER__INFLATE_HEADER)
            good = begin_block(z);
        else if (z->at == INFER__INFLATE_STORED)
            good = put_stored(z, to, n, got);
        else
            good = put_codes(z, to, n, got);
    }
    return good;
}

int infer__inflate_init(struct infer__inflate *z, infer__inflate_more more, void *ctx, int zlib)
{
    uint32_t method, flags;
    memset(z, 0, sizeof *z);
    z->more = more;
    z->ctx = ctx;
    if (!zlib)
        return 1;
    /* deflate, no dictionary of the sender's, and a checksum of these two bytes */
    return take(z, 8, &method) && take(z, 8, &flags) && (method & 15) == 8 && !(flags & 32) &&
           (method << 8 | flags) % 31 == 0;
}
