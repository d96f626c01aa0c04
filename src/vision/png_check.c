/* The container of PNG. */
#include "vision/png.h"

#include <string.h>

#include "base/size.h"
#include "base/status.h"

#define TAG(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

/* The most bytes that one byte of deflate data can become: 258 for two bits. */
enum { CHUNK_OVERHEAD = 12, INFLATE_RATIO = 1032 };

static const uint8_t SIGNATURE[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

struct walk {
    const uint8_t *bytes;
    size_t size, at; /* `at`: the next chunk */
    size_t offset;   /* of this chunk */
    uint32_t type, bytes_in;
    const uint8_t *data;
    uint32_t crc[256];
};

int infer__is_png(const uint8_t *bytes, size_t size)
{
    return size >= sizeof SIGNATURE && !memcmp(bytes, SIGNATURE, sizeof SIGNATURE);
}

/* The table of ISO 3309's polynomial, made anew for each file: 2,048 steps. */
static void crc_table(uint32_t table[256])
{
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t c = n;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
        table[n] = c;
    }
}

static uint32_t crc32_of(const uint32_t table[256], const uint8_t *p, size_t size)
{
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < size; i++)
        c = table[(c ^ p[i]) & 255] ^ c >> 8;
    return ~c;
}

static infer_status next_chunk(struct walk *w, infer_error *err)
{
    size_t left = w->size - w->at;
    w->offset = w->at;
    if (left < CHUNK_OVERHEAD)
        return infer__fail_at(err, INFER_ERROR_PICTURE, w->at, "PNG: truncated");
    const uint8_t *p = w->bytes + w->at;
    w->bytes_in = infer__be32(p);
    w->type = infer__be32(p + 4);
    w->data = p + 8;
    if (w->bytes_in > left - CHUNK_OVERHEAD)
        return infer__fail_at(err, INFER_ERROR_PICTURE, w->at,
                              "PNG: truncated, or a chunk's length is damaged");
    if (crc32_of(w->crc, p + 4, (size_t)w->bytes_in + 4) != infer__be32(w->data + w->bytes_in))
        return infer__fail_at(err, INFER_ERROR_PICTURE, w->at,
                              "PNG: the checksum of a chunk is wrong");
    w->at += CHUNK_OVERHEAD + (size_t)w->bytes_in;
    return INFER_OK;
}

/* Which depths go with a colour type: bit n stands for n bits per sample. */
static uint32_t depths_of(uint8_t color)
{
    switch (color) {
    case INFER__PNG_GREY:
        return 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8 | 1u << 16;
    case INFER__PNG_PALETTE:
        return 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8;
    case INFER__PNG_RGB:
    case INFER__PNG_GREY_ALPHA:
    case INFER__PNG_RGBA:
        return 1u << 8 | 1u << 16;
    default:
        return 0;
    }
}

static infer_status read_header(const struct infer__decode *d, const struct walk *w,
                                struct infer__png *png, infer_error *err)
{
    FAIL_IF(w->type != TAG('I', 'H', 'D', 'R') || w->bytes_in != 13, INFER_ERROR_PICTURE,
            "PNG: no IHDR chunk at the start");
    uint8_t depth = w->data[8], color = w->data[9];
    FAIL_IF(depth > 16 || !(depths_of(color) >> depth & 1), INFER_ERROR_PICTURE,
            "PNG: colour type %u with %u bits does not exist", color, depth);
    FAIL_IF(w->data[10] || w->data[11] || w->data[12] > 1, INFER_ERROR_PICTURE,
            "PNG: unknown compression, filter or interlace method");
    FAIL_IF(png->is_cgbi && depth == 16, INFER_ERROR_UNSUPPORTED, "PNG: CgBI with 16 bits");
    static const uint8_t samples[7] = {1, 0, 3, 1, 2, 0, 4};
    png->color = (enum infer__png_color)color;
    png->samples = samples[color];
    png->depth = depth;
    png->interlaced = w->data[12];
    png->width = infer__be32(w->data);
    png->height = infer__be32(w->data + 4);
    return infer__image_limits(d->options, png->width, png->height, err);
}

/* *colors becomes their number. */
static infer_status read_palette(const struct walk *w, struct infer__png *png, uint32_t *colors,
                                 infer_error *err)
{
    FAIL_IF(w->bytes_in > 256 * 3 || w->bytes_in % 3, INFER_ERROR_PICTURE,
            "PNG: a palette of %u bytes", w->bytes_in);
    *colors = w->bytes_in / 3;
    for (uint32_t i = 0; i < *colors; i++)
        memcpy(png->palette[i], w->data + 3 * i, 3);
    return INFER_OK;
}

static infer_status read_transparency(const struct walk *w, struct infer__png *png, uint32_t colors,
                                      infer_error *err)
{
    uint32_t most = png->color == INFER__PNG_PALETTE ? colors : 2 * (uint32_t)png->samples;
    int fits = png->color == INFER__PNG_PALETTE ? w->bytes_in <= most : w->bytes_in == most;
    FAIL_IF(!fits || png->color == INFER__PNG_GREY_ALPHA || png->color == INFER__PNG_RGBA,
            INFER_ERROR_PICTURE, "PNG: transparency that does not go with the picture's colours");
    png->has_clear = 1;
    if (png->color == INFER__PNG_PALETTE) {
        for (uint32_t i = 0; i < w->bytes_in; i++)
            png->palette[i][3] = w->data[i];
    } else {
        for (int i = 0; i < png->samples; i++)
            png->clear[i] = (uint16_t)infer__be16(w->data + 2 * i);
    }
    return INFER_OK;
}

/* Walks over all chunks to IEND; *data becomes the bytes in IDAT chunks, which stand in a row. */
static infer_status walk_chunks(struct walk *w, struct infer__png *png, size_t *data,
                                infer_error *err)
{
    size_t data_end = 0;
    uint32_t colors = 0;
    *data = 0;
    for (;;) {
        TRY(next_chunk(w, err));
        switch (w->type) {
        case TAG('I', 'E', 'N', 'D'):
            return INFER_OK;
        case TAG('I', 'D', 'A', 'T'):
            FAIL_IF(data_end && data_end != w->offset, INFER_ERROR_PICTURE,
                    "PNG: other chunks between the data");
            FAIL_IF(png->color == INFER__PNG_PALETTE && !colors, INFER_ERROR_PICTURE,
                    "PNG: no palette before the data");
            if (!data_end)
                png->data = w->bytes + w->offset;
            data_end = w->at;
            *data += w->bytes_in; /* all inside the file: no overflow */
            break;
        case TAG('P', 'L', 'T', 'E'):
            FAIL_IF(data_end, INFER_ERROR_PICTURE, "PNG: a palette behind the data");
            TRY(read_palette(w, png, &colors, err));
            break;
        case TAG('t', 'R', 'N', 'S'):
            FAIL_IF(data_end, INFER_ERROR_PICTURE, "PNG: transparency behind the data");
            TRY(read_transparency(w, png, colors, err));
            break;
        default: /* a small first letter: the picture can be read without this chunk */
            FAIL_IF(!(w->type >> 29 & 1), INFER_ERROR_PICTURE,
                    "PNG: a critical chunk that is not known, at byte %zu", w->offset);
        }
    }
}

infer_status infer__png_read(const struct infer__decode *d, struct infer__png *png,
                             infer_error *err)
{
    struct walk w = {.bytes = d->bytes, .size = d->size, .at = sizeof SIGNATURE};
    size_t data;
    memset(png, 0, sizeof *png);
    for (int i = 0; i < 256; i++)
        png->palette[i][3] = 255;
    crc_table(w.crc);
    TRY(next_chunk(&w, err));
    if (w.type == TAG('C', 'g', 'B', 'I')) {
        png->is_cgbi = 1;
        TRY(next_chunk(&w, err));
    }
    TRY(read_header(d, &w, png, err));
    TRY(walk_chunks(&w, png, &data, err));
    FAIL_IF(!png->data, INFER_ERROR_PICTURE, "PNG: no data");
    /* at most 65535 * 64 bits by 65535 rows: fits 64 bits by far */
    uint64_t bits = (uint64_t)png->width * (uint32_t)png->samples * png->depth;
    uint64_t need = (bits + 7) / 8 * png->height;
    FAIL_IF(need / INFLATE_RATIO > data, INFER_ERROR_PICTURE,
            "PNG: %zu bytes of data can't hold %u x %u pixels", data, png->width, png->height);
    return INFER_OK;
}

int infer__png_next_data(const uint8_t **chunk, const uint8_t **bytes, size_t *size)
{
    if (infer__be32(*chunk + 4) != TAG('I', 'D', 'A', 'T')) /* at the latest IEND stands here */
        return 0;
    *size = infer__be32(*chunk);
    *bytes = *chunk + 8;
    *chunk += CHUNK_OVERHEAD + *size;
    return 1;
}
