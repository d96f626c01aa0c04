/* SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012): a hash for tables whose keys
 * come from outside. Who does not know the secret can't make two inputs collide. */
#ifndef INFER_TOOLS_SERVE_SIPHASH_H
#define INFER_TOOLS_SERVE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash {
    uint64_t v[4];
    unsigned char rest[8];
    size_t nrest;
    uint64_t total;
};

void siphash_begin(struct siphash *h, const uint64_t secret[2]);
void siphash_add(struct siphash *h, const void *bytes, size_t n);
void siphash_end(struct siphash *h, uint64_t out[2]);

#endif
