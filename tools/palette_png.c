#include "tools/palette_png.h"

#include <stdlib.h>
#include <string.h>

#include "tools/png.h"

void palette_color(uint32_t index, uint8_t rgb[3])
{
    memset(rgb, 0, 3);
    for (int bit = 7; index && bit >= 0; bit--, index >>= 3)
        for (int c = 0; c < 3; c++)
            rgb[c] |= (uint8_t)((index >> c & 1) << bit);
}

static void put_be32(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* The checksum of chunks (ISO 3309), bit by bit: masks are small. */
static uint32_t crc_of(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
    }
    return ~c;
}

/* A chunk at `to`; returns what is behind it. */
static uint8_t *put_chunk(uint8_t *to, const char *kind, const void *data, size_t size)
{
    put_be32(to, (uint32_t)size);
    memcpy(to + 4, kind, 4);
    if (size)
        memcpy(to + 8, data, size);
    put_be32(to + 8 + size, crc_of(to + 4, size + 4));
    return to + 12 + size;
}

/* Rows with a byte in front that says that they are not filtered. */
static uint8_t *rows_of(const infer_image *mask, size_t *size)
{
    const size_t w = (size_t)mask->width, h = (size_t)mask->height;
    uint8_t *rows = malloc((w + 1) * h);
    for (size_t y = 0; rows && y < h; y++) {
        rows[y * (w + 1)] = 0;
        memcpy(rows + y * (w + 1) + 1, mask->pixels + y * (mask->pitch ? mask->pitch : w), w);
    }
    *size = (w + 1) * h;
    return rows;
}

static uint8_t *assemble(const infer_image *mask, const void *packed, size_t bytes, size_t *size)
{
    static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t header[13] = {0}, palette[256][3];
    uint8_t *png = malloc(sizeof signature + 4 * 12 + sizeof header + sizeof palette + bytes);
    if (!png)
        return NULL;
    put_be32(header, (uint32_t)mask->width);
    put_be32(header + 4, (uint32_t)mask->height);
    header[8] = 8; /* bits */
    header[9] = 3; /* numbers of colours */
    for (uint32_t i = 0; i < 256; i++)
        palette_color(i, palette[i]);
    memcpy(png, signature, sizeof signature);
    uint8_t *at = put_chunk(png + sizeof signature, "IHDR", header, sizeof header);
    at = put_chunk(at, "PLTE", palette, sizeof palette);
    at = put_chunk(at, "IDAT", packed, bytes);
    at = put_chunk(at, "IEND", NULL, 0);
    *size = (size_t)(at - png);
    return png;
}

void *palette_png(const infer_image *mask, size_t *size)
{
    size_t raw, bytes;
    uint8_t *rows = rows_of(mask, &raw), *png = NULL;
    void *packed = rows ? png_deflate(rows, raw, &bytes) : NULL;
    if (packed)
        png = assemble(mask, packed, bytes, size);
    free(packed);
    free(rows);
    return png;
}
