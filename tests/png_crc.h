/* The checksum of PNG's chunks (ISO 3309), bit by bit. */
#ifndef INFER_TESTS_PNG_CRC_H
#define INFER_TESTS_PNG_CRC_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t png_crc(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
    }
    return ~c;
}

#endif
