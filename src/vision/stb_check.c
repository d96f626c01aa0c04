/* BMP, TGA and PNM, read before stb_image decodes them: sizes for the limits, whether all pixels
 * are there, and the cases that stb_image gets wrong (it reads past a short BMP palette, overflows
 * on long PNM numbers, does not scale PNM samples). */
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "vision/decode.h"

/* ---- BMP ------------------------------------------------------------------------------------ */

enum { BMP_FILE_HEADER = 14, BMP_CORE = 12, BMP_INFO = 40 };

struct bmp {
    uint32_t header, offset, bits, compression;
    uint64_t width, height;
};

/* stb_image takes as many palette entries as fit before the pixels, and looks up pixel values
 * without a check: here every value is checked. Rows that are missing are found out later. */
static infer_status check_bmp_palette(const struct infer__decode *d, const struct bmp *b,
                                      infer_error *err)
{
    uint32_t entry = b->header == BMP_CORE ? 3 : 4, start = BMP_FILE_HEADER + b->header;
    FAIL_IF(b->offset < start || b->offset > d->size, INFER_ERROR_PICTURE,
            "BMP: pixels at byte %u of %zu", b->offset, d->size);
    /* for the core header stb_image computes 12 bytes less than there are */
    uint32_t room = b->offset - start,
             entries = (room - (entry == 3 && room >= 12 ? 12 : 0)) / entry;
    if (entries >= 1u << b->bits)
        return INFER_OK;
    size_t row = ((size_t)b->width * b->bits + 7) / 8, stride = (row + 3) & ~(size_t)3;
    uint32_t mask = (1u << b->bits) - 1;
    const uint8_t *pixels = d->bytes + b->offset;
    size_t left = d->size - b->offset;
    for (uint64_t y = 0; y < b->height && left >= row; y++) {
        for (size_t x = 0; x < b->width; x++) {
            size_t bit = x * b->bits;
            uint32_t v = (uint32_t)pixels[bit / 8] >> (8 - b->bits - bit % 8) & mask;
            FAIL_IF(v >= entries, INFER_ERROR_PICTURE, "BMP: colour %u of a palette of %u", v,
                    entries);
        }
        size_t step = left < stride ? left : stride;
        pixels += step;
        left -= step;
    }
    return INFER_OK;
}

static infer_status check_bmp(const struct infer__decode *d, struct infer__stb_check *check,
                              infer_error *err)
{
    const uint8_t *p = d->bytes + BMP_FILE_HEADER;
    struct bmp b = {0};
    FAIL_IF(d->size < BMP_FILE_HEADER + BMP_CORE, INFER_ERROR_PICTURE, "BMP: truncated");
    b.offset = infer__le32(d->bytes + 10);
    b.header = infer__le32(p);
    FAIL_IF(b.header != BMP_CORE && b.header != BMP_INFO && b.header != 56 && b.header != 108 &&
                b.header != 124,
            INFER_ERROR_UNSUPPORTED, "BMP: a header of %u bytes", b.header);
    FAIL_IF(d->size < BMP_FILE_HEADER + b.header, INFER_ERROR_PICTURE, "BMP: truncated");
    if (b.header == BMP_CORE) {
        b.width = infer__le16(p + 4);
        b.height = infer__le16(p + 6);
        b.bits = infer__le16(p + 10);
    } else {
        uint32_t h = infer__le32(p + 8);
        b.width = infer__le32(p + 4);
        b.height = h >> 31 ? 0u - h : h; /* negative: rows from the top */
        b.bits = infer__le16(p + 14);
        b.compression = infer__le32(p + 16);
    }
    FAIL_IF(b.compression != 0 && b.compression != 3, INFER_ERROR_UNSUPPORTED,
            "BMP: compression %u", b.compression);
    FAIL_IF(b.bits != 1 && b.bits != 4 && b.bits != 8 && b.bits != 16 && b.bits != 24 &&
                b.bits != 32,
            INFER_ERROR_PICTURE, "BMP: %u bits", b.bits);
    TRY(infer__image_limits(d->options, b.width, b.height, err));
    if (b.bits <= 8)
        TRY(check_bmp_palette(d, &b, err));
    check->width = (uint32_t)b.width;
    check->height = (uint32_t)b.height;
    TRY(infer__image_plausible(d, b.width, b.height, 8, err));
    /* the last row's padding may be missing */
    uint64_t row = (b.width * b.bits + 7) / 8, stride = (row + 3) & ~(uint64_t)3;
    return infer__image_complete(d, b.offset + stride * (b.height - 1) + row, err);
}

/* ---- TGA (Truevision's specification of 1991) ------------------------------------------------ */

enum { TGA_HEADER = 18, TGA_PALETTE = 1, TGA_COLOR = 2, TGA_GREY = 3, TGA_RLE = 8 };

static int color_bits(uint32_t bits)
{
    return bits == 15 || bits == 16 || bits == 24 || bits == 32;
}

/* TGA has no magic number; a file is one if every field of its header makes sense. */
static int is_tga(const uint8_t *p, size_t size)
{
    if (size < TGA_HEADER || p[1] > 1 || p[17] & 0xc0)
        return 0;
    uint32_t type = p[2] & ~(uint32_t)TGA_RLE, bits = p[16];
    if (!infer__le16(p + 12) || !infer__le16(p + 14))
        return 0;
    switch (type) {
    case TGA_PALETTE:
        return p[1] == 1 && (bits == 8 || bits == 16) && color_bits(p[7]) && infer__le16(p + 5);
    case TGA_COLOR:
        return p[1] == 0 && color_bits(bits);
    case TGA_GREY:
        return p[1] == 0 && bits == 8;
    default:
        return 0;
    }
}

/* Walks over the packets of run-length coded pixels from byte `at` on: a packet is a
 * byte, then one pixel to repeat or as many as it says. */
static infer_status walk_packets(const struct infer__decode *d, uint64_t at, uint64_t pixels,
                                 uint32_t bytes, infer_error *err)
{
    while (pixels && at < d->size) {
        uint8_t head = d->bytes[at];
        uint32_t n = 1 + (head & 127u);
        at += 1 + (head & 128 ? 1 : n) * bytes;
        pixels -= n < pixels ? n : pixels;
    }
    return infer__image_complete(d, at + pixels, err);
}

/* Where the pixels begin, and whether they all are there. */
static infer_status check_tga_data(const struct infer__decode *d, uint64_t pixels, infer_error *err)
{
    const uint8_t *p = d->bytes;
    uint32_t bytes = (p[16] + 7u) / 8, colors = p[1] ? infer__le16(p + 5) : 0;
    uint64_t at = TGA_HEADER + (uint64_t)p[0] + (uint64_t)colors * ((p[7] + 7u) / 8);
    FAIL_IF(at > d->size, INFER_ERROR_PICTURE, "TGA: the palette is truncated");
    if (p[2] & TGA_RLE)
        return walk_packets(d, at, pixels, bytes, err);
    return infer__image_complete(d, at + pixels * bytes, err);
}

static infer_status check_tga(const struct infer__decode *d, struct infer__stb_check *check,
                              infer_error *err)
{
    const uint8_t *p = d->bytes;
    FAIL_IF(infer__le16(p + 3), INFER_ERROR_UNSUPPORTED,
            "TGA: a palette that does not start at colour 0");
    FAIL_IF(p[17] & 0x10, INFER_ERROR_UNSUPPORTED, "TGA: rows from right to left");
    check->width = infer__le16(p + 12);
    check->height = infer__le16(p + 14);
    TRY(infer__image_limits(d->options, check->width, check->height, err));
    /* at best runs of 128 pixels in two bytes */
    TRY(infer__image_plausible(d, check->width, check->height, p[2] & TGA_RLE ? 64 : 1, err));
    return check_tga_data(d, (uint64_t)check->width * check->height, err);
}

/* ---- PNM ------------------------------------------------------------------------------------ */

static int is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next number after white space and comments; -1 if there is none or it has over 9 digits. */
static int64_t pnm_number(const struct infer__decode *d, size_t *at)
{
    while (*at < d->size && (is_space(d->bytes[*at]) || d->bytes[*at] == '#')) {
        if (d->bytes[*at] == '#')
            while (*at < d->size && d->bytes[*at] != '\n' && d->bytes[*at] != '\r')
                ++*at;
        else
            ++*at;
    }
    int64_t v = -1;
    for (; *at < d->size && d->bytes[*at] >= '0' && d->bytes[*at] <= '9'; ++*at) {
        v = (v < 0 ? 0 : v) * 10 + (d->bytes[*at] - '0');
        if (v > 999999999)
            return -1;
    }
    return v;
}

static infer_status check_pnm(const struct infer__decode *d, struct infer__stb_check *check,
                              infer_error *err)
{
    FAIL_IF(d->bytes[1] != '5' && d->bytes[1] != '6', INFER_ERROR_UNSUPPORTED,
            "PNM: P%c; only P5 and P6 are read", d->bytes[1]);
    size_t at = 2;
    int64_t width = pnm_number(d, &at), height = pnm_number(d, &at), max = pnm_number(d, &at);
    FAIL_IF(width < 0 || height < 0 || max < 0 || at == d->size || !is_space(d->bytes[at]),
            INFER_ERROR_PICTURE, "PNM: a bad header");
    FAIL_IF(max != 255, INFER_ERROR_UNSUPPORTED, "PNM: a maximum of %lld; only 255 is read",
            (long long)max);
    TRY(infer__image_limits(d->options, (uint64_t)width, (uint64_t)height, err));
    check->width = (uint32_t)width;
    check->height = (uint32_t)height;
    TRY(infer__image_plausible(d, check->width, check->height, 1, err));
    uint64_t pixels = (uint64_t)check->width * check->height;
    return infer__image_complete(d, at + 1 + pixels * (d->bytes[1] == '6' ? 3 : 1), err);
}

infer_status infer__check_others(const struct infer__decode *d, struct infer__stb_check *check,
                                 infer_error *err)
{
    const uint8_t *p = d->bytes;
    if (d->size >= 2 && p[0] == 'B' && p[1] == 'M')
        return check_bmp(d, check, err);
    if (d->size >= 3 && p[0] == 'P' && p[1] >= '1' && p[1] <= '6')
        return check_pnm(d, check, err);
    if (is_tga(p, d->size))
        return check_tga(d, check, err);
    return infer__fail(err, INFER_ERROR_PICTURE,
                       "not a JPEG, PNG, BMP, GIF, TGA or PNM picture (%zu bytes)", d->size);
}
