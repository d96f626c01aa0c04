/* Small files that say they are large pictures. */
#ifndef TESTS_RELIABILITY_PICTURE_BOMBS_H
#define TESTS_RELIABILITY_PICTURE_BOMBS_H

#include "tests/vision_files.h"

/* ---- PNG ------------------------------------------------------------------------------------ */

struct bits {
    struct bytes b;
    size_t n; /* bits written */
};

/* The lowest `count` bits of v, the lowest first. */
static inline void put_bits(struct bits *to, uint32_t v, int count)
{
    for (int i = 0; i < count; i++, to->n++) {
        if (to->n % 8 == 0)
            put(&to->b, "", 1);
        to->b.p[to->n / 8] = (uint8_t)(to->b.p[to->n / 8] | (v >> i & 1) << to->n % 8);
    }
}

/* The most that deflate can do: 258 zeros in 2 bits. At least `size` zeros come out. */
static inline struct bytes zeros_deflated(uint64_t size)
{
    static const uint8_t lengths[18] = {0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2};
    struct bits z = {0};
    put_bits(&z, 0x0178, 16);                 /* zlib */
    put_bits(&z, 1 | 2 << 1, 3);              /* the last block, with codes of its own */
    put_bits(&z, 29 | 0 << 5 | 14 << 10, 14); /* 286 literals, 1 distance, 18 lengths */
    for (int i = 0; i < 18; i++)              /* 18 (zeros) is code 0, 1 is 10, 2 is 11 */
        put_bits(&z, lengths[i], 3);
    put_bits(&z, 3, 2);                                                 /* literal 0 has 2 bits */
    put_bits(&z, (138 - 11) << 1, 8), put_bits(&z, (117 - 11) << 1, 8); /* none up to the end */
    put_bits(&z, 3, 2), put_bits(&z, (28 - 11) << 1, 8);                /* which has 2 */
    put_bits(&z, 1, 2), put_bits(&z, 1, 2); /* length 258 and distance 1: 1 */
    put_bits(&z, 1, 2);                     /* a zero */
    size_t end = z.n + 2 * (size_t)(size / 258 + 1), more = (end + 7) / 8 - z.b.n;
    uint8_t *zeros = calloc(1, more);
    put(&z.b, zeros, more);
    free(zeros);
    z.n = end;
    put_bits(&z, 3, 2);
    put(&z.b, "\0\0\0\0\0", 4); /* the checksum is not looked at */
    return z.b;
}

/* A black picture; `missing` bytes short of its pixels. */
static inline struct bytes png_bomb(uint32_t w, uint32_t h, uint8_t depth, uint8_t color,
                                    int interlaced, uint64_t missing)
{
    static const uint8_t samples[7] = {1, 0, 3, 1, 2, 0, 4};
    uint64_t row = ((uint64_t)w * samples[color] * depth + 7) / 8 + 1;
    struct bytes b = {0}, z = zeros_deflated(row * h - missing + (interlaced ? 4 * h : 0));
    put_png_header(&b, w, h, depth, color);
    if (interlaced) {
        b.p[28] = 1;
        b.n -= 4;
        put_be32(&b, png_crc(b.p + 12, 17));
    }
    put_chunk(&b, "IDAT", z.p, z.n);
    put_chunk(&b, "IEND", NULL, 0);
    free(z.p);
    return b;
}

/* ---- JPEG ----------------------------------------------------------------------------------- */

enum jpeg_kind { BASELINE, PROGRESSIVE, SCANS, ARITHMETIC, ARITHMETIC_PROGRESSIVE };

/* One scan for each coefficient: 64 scans. */
static inline void one_by_one(struct jpeg_compress_struct *c, jpeg_scan_info *scans)
{
    for (int k = 0; k < 64; k++)
        scans[k] = (jpeg_scan_info){1, {0, 0, 0, 0}, k, k, 0, 0};
    c->scan_info = scans;
    c->num_scans = 64;
}

/* Every row is `row`, of w grey pixels, so that all blocks are alike. */
static inline struct bytes jpeg_bomb(uint32_t w, uint32_t h, enum jpeg_kind kind, uint8_t *row)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    jpeg_scan_info scans[64];
    unsigned char *out = NULL;
    unsigned long size = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &size);
    c.image_width = w;
    c.image_height = h;
    c.input_components = 1;
    c.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&c);
    c.arith_code = kind == ARITHMETIC || kind == ARITHMETIC_PROGRESSIVE;
    c.optimize_coding = kind == BASELINE;
    if (kind == PROGRESSIVE || kind == ARITHMETIC_PROGRESSIVE)
        jpeg_simple_progression(&c);
    if (kind == SCANS)
        one_by_one(&c, scans);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < h)
        jpeg_write_scanlines(&c, &row, 1);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    struct bytes b = {0};
    put(&b, out, size);
    free(out);
    return b;
}

/* ---- the others ----------------------------------------------------------------------------- */

/* A frame of w x h in codes of 12 bits with strings as long as they get; cut before its end. */
static inline struct bytes gif_bomb(uint16_t w, uint16_t h, uint16_t frame_w, uint16_t frame_h,
                                    size_t size)
{
    struct bytes b = {0};
    struct bits z = {0};
    uint32_t next = 6, bits = 3;
    put(&b, "GIF89a", 6);
    put(&b, (uint8_t[]){(uint8_t)w, (uint8_t)(w >> 8), (uint8_t)h, (uint8_t)(h >> 8), 0x81, 0, 0},
        7);
    put(&b, "\0\0\0\xff\0\0\0\xff\0\0\0\xff", 12);
    put(&b,
        (uint8_t[]){0x2c, 0, 0, 0, 0, (uint8_t)frame_w, (uint8_t)(frame_w >> 8), (uint8_t)frame_h,
                    (uint8_t)(frame_h >> 8), 0, 2},
        11);
    put_bits(&z, 4, 3); /* clear */
    put_bits(&z, 0, 3);
    while (z.b.n < size) { /* each code is the one that it makes; at last the longest, repeated */
        put_bits(&z, next < 4096 ? next : 4095, (int)bits);
        next += next < 4096;
        if (next == 1u << bits && bits < 12)
            bits++;
    }
    for (size_t at = 0; at < z.b.n; at += 255) {
        size_t n = z.b.n - at < 255 ? z.b.n - at : 255;
        put(&b, (uint8_t[]){(uint8_t)n}, 1);
        put(&b, z.b.p + at, n);
    }
    free(z.b.p);
    return b;
}

/* Run-length coded grey pixels, all but the last run. */
static inline struct bytes tga_bomb(uint16_t w, uint16_t h)
{
    struct bytes b = {0};
    put(&b,
        (uint8_t[18]){
            [2] = 11, [12] = (uint8_t)w, (uint8_t)(w >> 8), (uint8_t)h, (uint8_t)(h >> 8), 8, 0x20},
        18);
    for (size_t i = 0; i + 1 < (size_t)w * h / 128; i++)
        put(&b, "\xff", 2);
    return b;
}

/* One bit a pixel, one byte short. */
static inline struct bytes bmp_bomb(uint16_t w, uint16_t h)
{
    struct bytes b = {0};
    uint8_t header[62] = {'B', 'M', [10] = 62, [14] = 40, [26] = 1, [28] = 1};
    memcpy(header + 18, (uint8_t[]){(uint8_t)w, (uint8_t)(w >> 8)}, 2);
    memcpy(header + 22, (uint8_t[]){(uint8_t)h, (uint8_t)(h >> 8)}, 2);
    put(&b, header, sizeof header);
    size_t n = (size_t)((w + 31) / 32 * 4) * h - 4;
    uint8_t *zeros = calloc(1, n);
    put(&b, zeros, n);
    free(zeros);
    return b;
}

#endif
