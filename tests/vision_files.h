/* Small picture files and allocators for the vision tests. */
#ifndef VISION_FILES_H
#define VISION_FILES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "infer_vision.h"
#include "tests/png_crc.h"

/* ---- bytes ---------------------------------------------------------------------------------- */

struct bytes {
    uint8_t *p;
    size_t n; /* memory is a power of two above it: see put */
};

static inline size_t room_for(size_t n)
{
    size_t room = 64;
    while (room <= n)
        room *= 2;
    return room;
}

static inline void put(struct bytes *b, const void *data, size_t n)
{
    if (!b->p || room_for(b->n + n) != room_for(b->n))
        b->p = realloc(b->p, room_for(b->n + n));
    if (!b->p)
        abort();
    if (n)
        memcpy(b->p + b->n, data, n);
    b->n += n;
}

static inline void put_be32(struct bytes *b, uint32_t v)
{
    uint8_t four[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    put(b, four, 4);
}

/* A random byte from the state of a generator. */
static inline uint8_t noise(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (uint8_t)(*state >> 24);
}

/* ---- PNG ------------------------------------------------------------------------------------ */

static inline void put_chunk(struct bytes *b, const char *type, const void *data, size_t n)
{
    put_be32(b, (uint32_t)n);
    size_t start = b->n;
    put(b, type, 4);
    put(b, data, n);
    put_be32(b, png_crc(b->p + start, n + 4));
}

static inline void put_png_header(struct bytes *b, uint32_t w, uint32_t h, uint8_t depth,
                                  uint8_t color)
{
    struct bytes header = {0};
    put(b, "\x89PNG\r\n\x1a\n", 8);
    put_be32(&header, w);
    put_be32(&header, h);
    put(&header, (uint8_t[5]){depth, color, 0, 0, 0}, 5);
    put_chunk(b, "IHDR", header.p, header.n);
    free(header.p);
}

/* zlib data of stored blocks. */
static inline struct bytes zlib_store(const uint8_t *data, size_t n)
{
    struct bytes z = {0};
    uint32_t s = 1, t = 0;
    put(&z, "\x78\x01", 2);
    for (size_t at = 0; at < n || at == 0; at += 65535) {
        size_t part = n - at < 65535 ? n - at : 65535;
        put(&z,
            (uint8_t[5]){at + part == n, (uint8_t)part, (uint8_t)(part >> 8), (uint8_t)~part,
                         (uint8_t)(~part >> 8)},
            5);
        put(&z, data + at, part);
    }
    for (size_t i = 0; i < n; i++) {
        s = (s + data[i]) % 65521;
        t = (t + s) % 65521;
    }
    put_be32(&z, t << 16 | s);
    return z;
}

/* zlib data that unpacks to 1 + 258 * runs zeros: 13 bits per run. The checksum is left out. */
static inline struct bytes zlib_bomb(size_t runs)
{
    struct bytes z = {0};
    size_t size = runs * 13 / 8 + 8, bit = 0;
    uint8_t *p = calloc(1, size);
    if (!p)
        abort();
    put(&z, "\x78\x01", 2);
#define BIT(v) (p[bit / 8] = (uint8_t)(p[bit / 8] | (v) << bit % 8), bit++)
    BIT(1), BIT(1), BIT(0); /* the last block, of fixed codes */
    for (int k = 7; k >= 0; k--)
        BIT(0x30 >> k & 1); /* literal 0 */
    for (size_t i = 0; i < runs; i++) {
        for (int k = 7; k >= 0; k--)
            BIT(0xc5 >> k & 1); /* length 258 */
        bit += 5;               /* distance 1 */
    }
    bit += 7; /* the end of the block */
#undef BIT
    put(&z, p, (bit + 7) / 8);
    free(p);
    return z;
}

/* An 8-bit RGB PNG; its data in `chunks` IDAT chunks. */
static inline struct bytes make_png(uint32_t w, uint32_t h, const uint8_t *rgb, size_t chunks)
{
    struct bytes b = {0}, raw = {0};
    for (uint32_t y = 0; y < h; y++) {
        put(&raw, "", 1);
        put(&raw, rgb + (size_t)y * w * 3, (size_t)w * 3);
    }
    struct bytes z = zlib_store(raw.p, raw.n);
    put_png_header(&b, w, h, 8, 2);
    for (size_t i = 0; i < chunks; i++) {
        size_t from = z.n * i / chunks, to = z.n * (i + 1) / chunks;
        put_chunk(&b, "IDAT", z.p + from, to - from);
    }
    put_chunk(&b, "IEND", NULL, 0);
    free(raw.p);
    free(z.p);
    return b;
}

/* ---- JPEG ----------------------------------------------------------------------------------- */

/* `exif`: orientation 1 to 8 for an APP1 marker, 0 for none. */
static inline struct bytes make_jpeg(uint32_t w, uint32_t h, int channels, const uint8_t *pixels,
                                     int progressive, int exif)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *out = NULL;
    unsigned long size = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &size);
    c.image_width = w;
    c.image_height = h;
    c.input_components = channels;
    c.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 95, TRUE);
    if (progressive)
        jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    if (exif) {
        uint8_t tag[] = "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0";
        tag[24] = (uint8_t)exif;
        jpeg_write_marker(&c, JPEG_APP0 + 1, tag, sizeof tag);
    }
    while (c.next_scanline < h) {
        JSAMPROW row =
            (JSAMPROW)(uintptr_t)(pixels + c.next_scanline * (size_t)w * (size_t)channels);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    struct bytes b = {0};
    put(&b, out, size);
    free(out);
    return b;
}

/* ---- allocators ----------------------------------------------------------------------------- */

/* Counts what is asked for and fails from allocation number `limit` on. */
struct counter {
    size_t calls, live, bytes, limit;
};

static inline void *counted_alloc(void *ctx, size_t bytes)
{
    struct counter *c = ctx;
    if (c->calls >= c->limit)
        return NULL;
    c->calls++;
    c->live++;
    c->bytes += bytes;
    return malloc(bytes);
}

static inline void counted_free(void *ctx, void *p)
{
    struct counter *c = ctx;
    c->live--;
    free(p);
}

static inline infer_allocator counting(struct counter *c)
{
    return (infer_allocator){c, counted_alloc, counted_free};
}

/* A copy in a block of exactly its size, so that a sanitizer sees every read past the end. */
static inline uint8_t *exact_copy(const void *p, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    if (n)
        memcpy(copy, p, n);
    return copy;
}

static inline uint32_t test_seed(void)
{
    const char *s = getenv("INFER_SEED");
    uint32_t seed = s ? (uint32_t)strtoul(s, NULL, 0) : 1;
    printf("INFER_SEED=%u\n", seed);
    return seed;
}

#endif
