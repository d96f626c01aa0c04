/* What every target has: its function, what it requires, and a block that ends where its bytes do.
 */
#ifndef INFER_TESTS_FUZZ_REQUIRE_H
#define INFER_TESTS_FUZZ_REQUIRE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The property: what does not hold ends the process, after a line that says where. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            dprintf(2, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A block of exactly `size` bytes at a 64-byte boundary, so that AddressSanitizer sees the byte
 * behind it. */
static inline void *fuzz_block(const void *bytes, size_t size)
{
    void *p = NULL;
    REQUIRE(posix_memalign(&p, 64, size ? size : 1) == 0);
    if (bytes && size)
        memcpy(p, bytes, size);
    return p;
}

#endif
