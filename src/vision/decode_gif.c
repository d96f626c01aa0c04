/* GIF: the first frame, on a canvas of the background's colour. Codes become pixels in place;
 * besides the picture this takes the table of codes. */
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "vision/decode.h"

enum { HEADER = 13, EXTENSION = 0x21, GRAPHIC_CONTROL = 0xf9, FRAME = 0x2c };
enum {
    HAS_COLORS = 0x80,
    INTERLACED = 0x40,
    HAS_CLEAR = 1,
    MOST_CODES = 4096,
    NO_CODE = MOST_CODES
};

/* The string of a code is that of `before` and then `last`. */
struct code {
    uint16_t before, length;
    uint8_t first, last;
};

struct gif {
    const uint8_t *bytes;
    size_t size, at;
    int ended;                  /* a byte past the end was wanted; it is taken to be 0 */
    uint32_t width, height;     /* of the canvas */
    uint32_t x, y, w, h;        /* of the frame */
    uint32_t column, row, pass; /* of its next pixel; pass 0 to 3 of an interlaced frame, else 4 */
    uint8_t colors[256][4];     /* RGBA */
    int has_colors, clear;      /* clear: the transparent colour, or -1 */
    infer_image *image;         /* NULL: the data is only looked through */
    uint8_t pixel[256][4];      /* colours as the picture has them */
    struct code codes[MOST_CODES];
    uint8_t string[MOST_CODES];
};

/* ---- bytes and blocks ----------------------------------------------------------------------- */

static uint32_t next_byte(struct gif *g)
{
    if (g->at < g->size)
        return g->bytes[g->at++];
    g->ended = 1;
    return 0;
}

static uint32_t next_16(struct gif *g)
{
    uint32_t low = next_byte(g);
    return low | next_byte(g) << 8;
}

static void skip(struct gif *g, size_t n)
{
    size_t left = g->size - g->at;
    g->ended |= n > left;
    g->at += n < left ? n : left;
}

/* Blocks of up to 255 bytes, each behind its length, up to an empty one. */
static void skip_blocks(struct gif *g)
{
    for (uint32_t n = next_byte(g); n; n = next_byte(g))
        skip(g, n);
}

static void read_colors(struct gif *g, uint32_t flags)
{
    if (!(flags & HAS_COLORS))
        return;
    memset(g->colors, 0, sizeof g->colors); /* what is not in the table is not drawn */
    for (uint32_t i = 0; i < 2u << (flags & 7); i++) {
        for (int k = 0; k < 3; k++)
            g->colors[i][k] = (uint8_t)next_byte(g);
        g->colors[i][3] = 255;
    }
    g->has_colors = 1;
}

static void read_extension(struct gif *g)
{
    if (next_byte(g) == GRAPHIC_CONTROL) {
        uint32_t size = next_byte(g);
        if (size == 4) {
            uint32_t flags = next_byte(g);
            skip(g, 2); /* how long the frame is shown */
            uint32_t clear = next_byte(g);
            g->clear = flags & HAS_CLEAR ? (int)clear : -1;
        } else {
            skip(g, size);
            if (!size)
                return;
        }
    }
    skip_blocks(g);
}

/* ---- pixels --------------------------------------------------------------------------------- */

static void next_row(struct gif *g)
{
    static const uint32_t start[4] = {0, 4, 2, 1}, step[5] = {8, 8, 4, 2, 1};
    g->column = 0;
    g->row += step[g->pass];
    while (g->row >= g->h && g->pass < 3)
        g->row = start[++g->pass];
}

static void put_pixels(struct gif *g, const uint8_t *colors, size_t n)
{
    size_t c = g->image ? (size_t)g->image->channels : 0;
    while (n && g->row < g->h) {
        size_t run = g->w - g->column;
        run = run < n ? run : n;
        if (g->image) {
            uint8_t *to = g->image->pixels;
            to += ((size_t)(g->y + g->row) * g->width + g->x + g->column) * c;
            for (size_t i = 0; i < run; i++, to += c)
                memcpy(to, g->pixel[colors[i]], c);
        }
        colors += run;
        n -= run;
        g->column += (uint32_t)run;
        if (g->column == g->w)
            next_row(g);
    }
}

static void put_code(struct gif *g, uint32_t code)
{
    size_t n = g->codes[code].length;
    for (size_t i = n; i--; code = g->codes[code].before)
        g->string[i] = g->codes[code].last;
    put_pixels(g, g->string, n);
}

/* ---- codes ---------------------------------------------------------------------------------- */

struct table {
    uint32_t clear, size, next; /* the code that clears; bits of a code; the next free one */
    uint32_t before;            /* the last code, or NO_CODE */
};

static void clear_table(struct table *t, uint32_t least)
{
    *t = (struct table){1u << least, least + 1, (1u << least) + 2, NO_CODE};
}

static infer_status take_code(struct gif *g, struct table *t, uint32_t code, infer_error *err)
{
    int adds = t->before != NO_CODE && t->next < MOST_CODES;
    FAIL_IF(code > t->next || (code == t->next && !adds), INFER_ERROR_PICTURE,
            "GIF: code %u, when %u exist", code, t->next);
    if (adds) {
        struct code *to = &g->codes[t->next], *from = &g->codes[t->before];
        *to = (struct code){(uint16_t)t->before, (uint16_t)(from->length + 1), from->first, 0};
        to->last = g->codes[code].first; /* its own first one where code is the new code */
        t->next++;
        if (t->next == 1u << t->size && t->next < MOST_CODES)
            t->size++;
    }
    put_code(g, code);
    t->before = code;
    return INFER_OK;
}

/* Up to the frame's last pixel: what comes behind it is passed over. */
static infer_status read_codes(struct gif *g, infer_error *err)
{
    struct table t;
    uint32_t least = next_byte(g), bits = 0, nbits = 0, left = 0;
    FAIL_IF(least < 1 || least > 11, INFER_ERROR_PICTURE, "GIF: codes of %u bits", least);
    clear_table(&t, least);
    for (uint32_t i = 0; i < t.clear; i++)
        g->codes[i] = (struct code){0, 1, (uint8_t)i, (uint8_t)i};
    while (g->row < g->h && !g->ended) {
        if (nbits < t.size) {
            if (!left && !(left = next_byte(g)))
                return INFER_OK; /* fewer pixels than the frame has: the rest stays as it is */
            left--;
            bits |= next_byte(g) << nbits;
            nbits += 8;
            continue;
        }
        uint32_t code = bits & ((1u << t.size) - 1);
        bits >>= t.size;
        nbits -= t.size;
        if (code == t.clear + 1)
            break;
        if (code == t.clear)
            clear_table(&t, least);
        else
            TRY(take_code(g, &t, code, err));
    }
    skip(g, left);
    skip_blocks(g);
    return INFER_OK;
}

/* ---- the file ------------------------------------------------------------------------------- */

/* The canvas: the background's colour, or nothing at all where that is colour 0. */
static void fill_canvas(struct gif *g, uint32_t background)
{
    size_t c = (size_t)g->image->channels, pixels = (size_t)g->width * g->height;
    uint8_t color[4], rgba[4] = {0};
    if (background && g->has_colors) {
        memcpy(rgba, g->colors[background], 3);
        rgba[3] = 255;
    }
    infer__convert_pixels(rgba, 4, color, (int)c, 1);
    for (size_t i = 0; i < pixels; i++)
        memcpy(g->image->pixels + i * c, color, c);
}

static infer_status read_frame(struct gif *g, infer_error *err)
{
    g->x = next_16(g);
    g->y = next_16(g);
    g->w = next_16(g);
    g->h = next_16(g);
    uint32_t flags = next_byte(g);
    FAIL_IF(g->x + g->w > g->width || g->y + g->h > g->height, INFER_ERROR_PICTURE,
            "GIF: a frame outside the picture");
    read_colors(g, flags);
    FAIL_IF(!g->has_colors, INFER_ERROR_PICTURE, "GIF: no colours");
    if (g->clear >= 0)
        g->colors[g->clear][3] = 0;
    for (int i = 0; i < 256; i++) {
        if (!g->colors[i][3])
            memset(g->colors[i], 0, 4);
        if (g->image)
            infer__convert_pixels(g->colors[i], 4, g->pixel[i], g->image->channels, 1);
    }
    g->column = g->row = 0;
    g->pass = flags & INTERLACED ? 0 : 4;
    if (!g->w)
        g->h = 0;
    return read_codes(g, err);
}

static infer_status read_picture(struct gif *g, const struct infer__decode *d, infer_error *err)
{
    const uint8_t *header = d->bytes;
    memset(g, 0, sizeof *g);
    g->bytes = d->bytes;
    g->size = d->size;
    g->at = HEADER;
    g->width = infer__le16(header + 6);
    g->height = infer__le16(header + 8);
    g->clear = -1;
    g->image = d->image->pixels ? d->image : NULL;
    read_colors(g, header[10]);
    if (g->image)
        fill_canvas(g, header[11]);
    for (;;) {
        uint32_t kind = next_byte(g);
        FAIL_IF(g->ended, INFER_ERROR_PICTURE, "GIF: truncated before the first frame");
        if (kind == FRAME)
            break;
        FAIL_IF(kind != EXTENSION, INFER_ERROR_PICTURE, "GIF: block 0x%02x before the first frame",
                kind);
        read_extension(g);
    }
    TRY(read_frame(g, err));
    return infer__image_complete(d, d->size + (g->ended ? 1 : 0), err);
}

static infer_status decode(struct infer__decode *d, struct gif *g, infer_error *err)
{
    uint32_t width = infer__le16(d->bytes + 6), height = infer__le16(d->bytes + 8);
    if (!infer__image_on_trust(d, (uint64_t)width * height * d->options->channels))
        TRY(read_picture(g, d, err));
    TRY(infer__image_begin(d, width, height, err));
    return read_picture(g, d, err);
}

infer_status infer__decode_gif(struct infer__decode *d, infer_error *err)
{
    const infer_allocator *a = &d->options->allocator;
    FAIL_IF(d->size < HEADER, INFER_ERROR_PICTURE, "GIF: truncated");
    uint32_t width = infer__le16(d->bytes + 6), height = infer__le16(d->bytes + 8);
    TRY(infer__image_limits(d->options, width, height, err));
    /* at best strings of 4095 pixels in codes of 12 bits */
    TRY(infer__image_plausible(d, width, height, 4096, err));
    struct gif *g = infer__alloc(a, sizeof *g, 64);
    if (!g)
        return infer__no_memory(err, sizeof *g);
    infer_status status = decode(d, g, err);
    infer__free(a, g);
    return status;
}

int infer__is_gif(const uint8_t *bytes, size_t size)
{
    return size >= 6 && (!memcmp(bytes, "GIF87a", 6) || !memcmp(bytes, "GIF89a", 6));
}
