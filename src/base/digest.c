/* Two words that mix with each other and with 16 bytes at a time by exclusive or, addition,
 * rotation and multiplication. Each step is a bijection of the state for given bytes and of the
 * bytes for a given state. The constants are fractions of square roots and of the golden ratio,
 * made odd. */
#include "base/digest.h"

#include <string.h>

#define K1 UINT64_C(0x9E3779B97F4A7C15) /* golden ratio */
#define K2 UINT64_C(0x6A09E667F3BCC909) /* sqrt 2 */
#define K3 UINT64_C(0xBB67AE8584CAA73B) /* sqrt 3 */

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void step(uint64_t *a, uint64_t *b, uint64_t x, uint64_t y)
{
    *a = rotate(*a ^ x, 29) * K1 + *b;
    *b = rotate(*b ^ y, 31) * K2 + rotate(*a, 32);
}

struct infer__digest infer__digest_start(void)
{
    return (struct infer__digest){{K2, K3}};
}

void infer__digest_add(struct infer__digest *d, const void *bytes, size_t size)
{
    uint64_t a = d->word[0], b = d->word[1], pair[2];
    const unsigned char *p = bytes;
    size_t left = size;
    for (; left >= sizeof pair; left -= sizeof pair, p += sizeof pair) {
        memcpy(pair, p, sizeof pair);
        step(&a, &b, pair[0], pair[1]);
    }
    memset(pair, 0, sizeof pair);
    if (left)
        memcpy(pair, p, left);
    step(&a, &b, pair[0], pair[1]);
    step(&a, &b, size, K3);
    step(&a, &b, K1, size);
    d->word[0] = a;
    d->word[1] = b;
}

void infer__digest_number(struct infer__digest *d, int64_t number)
{
    const uint64_t n = (uint64_t)number;
    step(&d->word[0], &d->word[1], n, K1);
    step(&d->word[0], &d->word[1], K3, n);
}
