/* Eight lanes of exclusive or, rotate, multiply over 64-byte blocks.
 *
 * Each step is a bijection of the lane for a given word and of the word for a given lane, and so
 * is each step that folds a lane into the result: a change within one 8-byte word (so every
 * flipped bit) always changes the sum. The lanes are independent, so that the multiplications
 * overlap; eight of them keep one multiplier busy.
 *
 * The constants are fractions of square roots and the golden ratio, made odd. */
#include "file/checksum.h"

#include <string.h>

#include "file/layout.h"

#define K1 UINT64_C(0x9E3779B97F4A7C15) /* golden ratio */
#define K2 UINT64_C(0x6A09E667F3BCC909) /* sqrt 2 */
#define K3 UINT64_C(0xBB67AE8584CAA73B) /* sqrt 3 */

enum { LANES = 8, BLOCK = 8 * LANES, WINDOW = 4 << 20 };

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t word(const unsigned char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w); /* layout.h has made sure of the byte order */
    return w;
}

/* The lanes live in registers from block to block; in an array they would pass through memory. */
static void steps(uint64_t lane[LANES], const unsigned char *p, size_t blocks)
{
    uint64_t a = lane[0], b = lane[1], c = lane[2], d = lane[3];
    uint64_t e = lane[4], f = lane[5], g = lane[6], h = lane[7];
    for (; blocks; blocks--, p += BLOCK) {
        a = rotate(a ^ word(p), 29) * K1;
        b = rotate(b ^ word(p + 8), 29) * K1;
        c = rotate(c ^ word(p + 16), 29) * K1;
        d = rotate(d ^ word(p + 24), 29) * K1;
        e = rotate(e ^ word(p + 32), 29) * K1;
        f = rotate(f ^ word(p + 40), 29) * K1;
        g = rotate(g ^ word(p + 48), 29) * K1;
        h = rotate(h ^ word(p + 56), 29) * K1;
    }
    const uint64_t after[LANES] = {a, b, c, d, e, f, g, h};
    memcpy(lane, after, sizeof after);
}

uint64_t infer__checksum(const void *data, size_t size)
{
    const struct infer__pages none = {NULL, 0};
    return infer__checksum_mapped(data, size, &none);
}

uint64_t infer__checksum_mapped(const void *data, size_t size, const struct infer__pages *map)
{
    const unsigned char *p = data;
    uint64_t lane[LANES];
    size_t left = size;
    for (unsigned i = 0; i < LANES; i++)
        lane[i] = (i + 1) * K2;
    while (left >= BLOCK) {
        size_t now = (left < WINDOW ? left : WINDOW) / BLOCK * BLOCK;
        steps(lane, p, now / BLOCK);
        if (size >= WINDOW)
            infer__pages_drop(map, p, now);
        p += now;
        left -= now;
    }
    if (left) { /* the last block is filled up with zeros; the length below tells them apart */
        unsigned char last[BLOCK] = {0};
        memcpy(last, p, left);
        steps(lane, last, 1);
    }
    uint64_t sum = (uint64_t)size * K3;
    for (int i = 0; i < LANES; i++)
        sum = rotate(sum ^ lane[i], 31) * K3;
    sum ^= sum >> 32;
    sum *= K1;
    return sum ^ sum >> 29;
}
