/* PNG's pixels: unpacked, unfiltered and put in place row by row, with memory for two rows. */
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "vision/inflate.h"
#include "vision/png.h"

/* How rows and columns of an interlaced picture are shared out; the last is that of one that is
 * not. */
struct pass {
    uint32_t x, y, step_x, step_y;
};
static const struct pass passes[8] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                      {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}, {0, 0, 1, 1}};

struct rows {
    const struct infer__png *png;
    infer_image *image;        /* NULL: the data is only looked through */
    const uint8_t *chunk;      /* the next one */
    size_t bytes;              /* of a whole row, packed */
    uint8_t *now, *before;     /* packed rows, each with its filter in front */
    uint8_t *samples, *placed; /* of 8 bits: a row of a pass; and a row of the picture */
    int channels;              /* of these */
    int stored;                /* they are what the file stores, not colours */
    struct infer__inflate inflate;
};

static int more_data(void *ctx, const uint8_t **bytes, size_t *size)
{
    struct rows *r = ctx;
    return infer__png_next_data(&r->chunk, bytes, size);
}

/* ---- filters -------------------------------------------------------------------------------- */

static uint8_t paeth(int left, int up, int corner)
{
    int from_left = up - corner, from_up = left - corner, both = from_left + from_up;
    from_left = from_left < 0 ? -from_left : from_left;
    from_up = from_up < 0 ? -from_up : from_up;
    both = both < 0 ? -both : both;
    if (from_left <= from_up && from_left <= both)
        return (uint8_t)left;
    return (uint8_t)(from_up <= both ? up : corner);
}

/* Undoes the filter of n bytes; `step` is a whole pixel's, at least 1. */
static void unfilter(uint8_t filter, uint8_t *now, const uint8_t *up, size_t n, size_t step)
{
    size_t first = step < n ? step : n, i = 0;
    switch (filter) {
    case 1:
        for (i = step; i < n; i++)
            now[i] = (uint8_t)(now[i] + now[i - step]);
        break;
    case 2:
        for (; i < n; i++)
            now[i] = (uint8_t)(now[i] + up[i]);
        break;
    case 3:
        for (; i < first; i++)
            now[i] = (uint8_t)(now[i] + (up[i] >> 1));
        for (; i < n; i++)
            now[i] = (uint8_t)(now[i] + ((now[i - step] + up[i]) >> 1));
        break;
    case 4:
        for (; i < first; i++)
            now[i] = (uint8_t)(now[i] + up[i]);
        for (; i < n; i++)
            now[i] = (uint8_t)(now[i] + paeth(now[i - step], up[i], up[i - step]));
        break;
    default:
        break;
    }
}

/* ---- samples -------------------------------------------------------------------------------- */

/* Sample i of a row as it is stored. */
static uint32_t stored_sample(const struct infer__png *png, const uint8_t *row, size_t i)
{
    if (png->depth == 8)
        return row[i];
    if (png->depth == 16)
        return infer__be16(row + 2 * i);
    size_t bit = i * png->depth;
    return (uint32_t)row[bit / 8] >> (8 - png->depth - bit % 8) & ((1u << png->depth) - 1);
}

static uint8_t to_8_bits(uint32_t v, uint32_t depth)
{
    static const uint8_t scale[9] = {0, 255, 85, 0, 17, 0, 0, 0, 1};
    return (uint8_t)(depth == 16 ? v >> 8 : v * scale[depth]);
}

static void expand_palette(const struct rows *r, const uint8_t *row, size_t n)
{
    uint8_t *out = r->samples;
    for (size_t i = 0; i < n; i++, out += r->channels)
        memcpy(out, r->png->palette[stored_sample(r->png, row, i)], (size_t)r->channels);
}

/* Adds alpha: 0 where the colour is the transparent one. */
static void expand_clear(const struct rows *r, const uint8_t *row, size_t n)
{
    const struct infer__png *png = r->png;
    uint8_t *out = r->samples;
    for (size_t i = 0; i < n; i++) {
        int is_clear = 1;
        for (int k = 0; k < png->samples; k++) {
            uint32_t v = stored_sample(png, row, i * (size_t)png->samples + (size_t)k);
            is_clear &= v == png->clear[k];
            *out++ = to_8_bits(v, png->depth);
        }
        *out++ = is_clear ? 0 : 255;
    }
}

/* Of CgBI: blue, green, red, multiplied by alpha. */
static void undo_cgbi(uint8_t *p, size_t n, int channels, int has_alpha)
{
    for (size_t i = 0; i < n; i++, p += channels) {
        uint8_t blue = p[0];
        p[0] = p[2];
        p[2] = blue;
        uint32_t alpha = has_alpha ? p[3] : 255;
        for (int k = 0; alpha && alpha < 255 && k < 3; k++) {
            uint32_t v = (p[k] * 255u + alpha / 2) / alpha;
            p[k] = (uint8_t)(v > 255 ? 255 : v);
        }
    }
}

/* n pixels of a packed row as samples of 8 bits. */
static void expand(const struct rows *r, const uint8_t *row, size_t n)
{
    const struct infer__png *png = r->png;
    size_t samples = n * (size_t)png->samples;
    if (r->stored) {
        for (size_t i = 0; i < n; i++)
            r->samples[i] = (uint8_t)stored_sample(png, row, i);
    } else if (png->color == INFER__PNG_PALETTE) {
        expand_palette(r, row, n);
    } else if (png->has_clear) {
        expand_clear(r, row, n);
    } else if (png->depth == 8) {
        memcpy(r->samples, row, samples);
    } else {
        for (size_t i = 0; i < samples; i++)
            r->samples[i] = to_8_bits(stored_sample(png, row, i), png->depth);
    }
    if (png->is_cgbi && (png->color == INFER__PNG_RGB || png->color == INFER__PNG_RGBA))
        undo_cgbi(r->samples, n, r->channels, png->color == INFER__PNG_RGBA);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void put_row(struct rows *r, const struct pass *p, uint32_t y, uint32_t n)
{
    infer_image *image = r->image;
    size_t c = (size_t)image->channels;
    expand(r, r->now + 1, n);
    if (p->step_x == 1) {
        infer__image_row(image, (int32_t)y, r->samples, r->channels);
        return;
    }
    infer__convert_pixels(r->samples, r->channels, r->placed, image->channels, n);
    uint8_t *to = image->pixels + ((size_t)y * r->png->width + p->x) * c;
    for (size_t i = 0; i < n; i++, to += p->step_x * c)
        memcpy(to, r->placed + i * c, c);
}

static infer_status read_pass(struct rows *r, const struct pass *p, infer_error *err)
{
    const struct infer__png *png = r->png;
    if (p->x >= png->width)
        return INFER_OK;
    uint32_t n = (png->width - p->x + p->step_x - 1) / p->step_x;
    size_t pixel = (size_t)png->samples * png->depth, bytes = ((size_t)n * pixel + 7) / 8, got;
    memset(r->before, 0, r->bytes + 1);
    for (uint32_t y = p->y; y < png->height; y += p->step_y) {
        int good = infer__inflate_read(&r->inflate, r->now, bytes + 1, &got);
        FAIL_IF(!good || got != bytes + 1 || r->now[0] > 4, INFER_ERROR_PICTURE,
                "PNG: the data is damaged or ends in row %u", y);
        if (!r->image)
            continue;
        unfilter(r->now[0], r->now + 1, r->before + 1, bytes, pixel < 8 ? 1 : pixel / 8);
        put_row(r, p, y, n);
        uint8_t *swap = r->now;
        r->now = r->before;
        r->before = swap;
    }
    return INFER_OK;
}

/* All passes, and the end of the data: a little more than the pixels is let pass, as others do. */
static infer_status read_passes(struct rows *r, infer_error *err)
{
    size_t got;
    r->chunk = r->png->data;
    FAIL_IF(!infer__inflate_init(&r->inflate, more_data, r, !r->png->is_cgbi), INFER_ERROR_PICTURE,
            "PNG: the data does not begin as zlib's does");
    for (int i = r->png->interlaced ? 0 : 7; i < (r->png->interlaced ? 7 : 8); i++)
        TRY(read_pass(r, &passes[i], err));
    for (size_t more = 0; more <= 65536; more += got) {
        int good = infer__inflate_read(&r->inflate, r->now, r->bytes + 1, &got);
        FAIL_IF(!good, INFER_ERROR_PICTURE, "PNG: the data is damaged behind the pixels");
        if (got < r->bytes + 1)
            return INFER_OK;
    }
    return infer__fail(err, INFER_ERROR_PICTURE, "PNG: there is much more data than pixels");
}

static int channels_of(const struct infer__png *png)
{
    int colors = png->color == INFER__PNG_PALETTE ? 3 : png->samples;
    return colors + (png->has_clear ? 1 : 0);
}

/* `r` with memory for its rows is freed by the caller. */
static infer_status decode(struct infer__decode *d, struct rows *r, infer_error *err)
{
    const struct infer__png *png = r->png;
    uint64_t bytes = (uint64_t)png->width * png->height * d->options->channels;
    if (!infer__image_on_trust(d, bytes))
        TRY(read_passes(r, err));
    TRY(infer__image_begin(d, png->width, png->height, err));
    r->image = d->image;
    return read_passes(r, err);
}

infer_status infer__decode_png(struct infer__decode *d, infer_error *err)
{
    const infer_allocator *a = &d->options->allocator;
    struct infer__png png;
    TRY(infer__png_read(d, &png, err));
    FAIL_IF(d->stored && (png.samples != 1 || png.depth > 8), INFER_ERROR_PICTURE,
            "PNG: %u bits by %d a pixel; a palette or greys of 8 bits at most are needed",
            png.depth, png.samples);
    /* a side has at most 65535 pixels, a pixel at most 64 bits: no overflow */
    size_t width = png.width, row = (width * (size_t)png.samples * png.depth + 7) / 8 + 1;
    size_t all = sizeof(struct rows) + 2 * row + 8 * width;
    struct rows *r = infer__alloc(a, all, 64);
    if (!r)
        return infer__no_memory(err, all);
    memset(r, 0, sizeof *r);
    r->png = &png;
    r->bytes = row - 1;
    r->now = (uint8_t *)(r + 1);
    r->before = r->now + row;
    r->samples = r->before + row;
    r->placed = r->samples + 4 * width;
    r->channels = d->stored ? 1 : channels_of(&png);
    r->stored = d->stored;
    infer_status status = decode(d, r, err);
    infer__free(a, r);
    return status;
}
