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

static void step(uint64_t lane[LANES], const unsigned char *block)
{
    for (int i = 0; i < LANES; i++)
        lane[i] = rotate(lane[i] ^ word(block + 8 * i), 29) * K1;
}

uint64_t infer__checksum(const void *data, size_t size)
{
    const struct infer__pages none = {NULL, 0};
    return infer__checksum_mapped(data, size, &none);
}

uint64_t infer__checksum_mapped(const void *data, size_t size, const struct infer__pages *map)
{
    const unsigned char *p = data, *held = data;
    uint64_t lane[LANES];
    size_t left = size;
    for (unsigned i = 0; i < LANES; i++)
        lane[i] = (i + 1) * K2;
    for (; left >= BLOCK; left -= BLOCK, p += BLOCK) {
        if (p - held >= WINDOW) {
            infer__pages_drop(map, held, (size_t)(p - held));
            held = p;
        }
        step(lane, p);
    }
    if (left) { /* the last block is filled up with zeros; the length below tells them apart */
        unsigned char last[BLOCK] = {0};
        memcpy(last, p, left);
        step(lane, last);
    }
    if (size >= WINDOW)
        infer__pages_drop(map, held, (size_t)(p - held));
    uint64_t sum = (uint64_t)size * K3;
    for (int i = 0; i < LANES; i++)
        sum = rotate(sum ^ lane[i], 31) * K3;
    sum ^= sum >> 32;
    sum *= K1;
    return sum ^ sum >> 29;
}
