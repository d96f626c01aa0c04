#include "tools/serve/transport/siphash.h"

#include <string.h>

static inline uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline void rounds(uint64_t v[4], int n)
{
    while (n--) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static inline void take_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    rounds(v, 2);
    v[0] ^= word;
}

static inline uint64_t word_at(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word); /* little-endian, as all that this is built for */
    return word;
}

void siphash_begin(struct siphash *h, const uint64_t secret[2])
{
    *h = (struct siphash){
        {secret[0] ^ UINT64_C(0x736f6d6570736575), secret[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
         secret[0] ^ UINT64_C(0x6c7967656e657261), secret[1] ^ UINT64_C(0x7465646279746573)},
        {0},
        0,
        0};
}

void siphash_add(struct siphash *h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    h->total += n;
    while (n && h->nrest) {
        h->rest[h->nrest++] = *p++;
        n--;
        if (h->nrest == 8) {
            take_word(h->v, word_at(h->rest));
            h->nrest = 0;
        }
    }
    for (; n >= 8; p += 8, n -= 8)
        take_word(h->v, word_at(p));
    if (n)
        memcpy(h->rest + h->nrest, p, n);
    h->nrest += n;
}

void siphash_end(struct siphash *h, uint64_t out[2])
{
    unsigned char last[8] = {0};
    memcpy(last, h->rest, h->nrest);
    last[7] = (unsigned char)h->total;
    take_word(h->v, word_at(last));
    h->v[2] ^= 0xee;
    rounds(h->v, 4);
    out[0] = h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
    h->v[1] ^= 0xdd;
    rounds(h->v, 4);
    out[1] = h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
}
