#include "tools/canvas.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Debian's libstb: compiled here as it is, so its warnings are not ours. */
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_easy_font.h>
#include <stb/stb_image_write.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

int canvas_init(struct canvas *c, int width, int height, const uint8_t color[3])
{
    c->width = width;
    c->height = height;
    c->pixels = malloc((size_t)width * (size_t)height * 3);
    if (c->pixels)
        canvas_rectangle(c, 0, 0, width, height, color);
    return c->pixels != NULL;
}

void canvas_free(struct canvas *c)
{
    free(c->pixels);
    c->pixels = NULL;
}

static uint8_t *pixel(const struct canvas *c, int x, int y)
{
    return c->pixels + ((size_t)y * (size_t)c->width + (size_t)x) * 3;
}

void canvas_rectangle(struct canvas *c, int x, int y, int width, int height, const uint8_t color[3])
{
    int right = x + width < c->width ? x + width : c->width;
    int below = y + height < c->height ? y + height : c->height;
    for (int row = y < 0 ? 0 : y; row < below; row++)
        for (int column = x < 0 ? 0 : x; column < right; column++)
            memcpy(pixel(c, column, row), color, 3);
}

void canvas_picture(struct canvas *c, int x, int y, const infer_image *picture)
{
    const uint8_t *from = picture->pixels;
    for (int row = y; row < y + picture->height; row++)
        for (int column = x; column < x + picture->width; column++, from += picture->channels) {
            if (row < 0 || row >= c->height || column < 0 || column >= c->width)
                continue;
            uint8_t *to = pixel(c, column, row);
            for (int k = 0; k < 3; k++)
                to[k] = from[picture->channels < 3 ? 0 : k];
        }
}

/* What the font has: ASCII 32 to 126. A UTF-8 character of several bytes becomes one ?. */
static void to_ascii(const char *text, char *out, size_t size)
{
    size_t n = 0;
    for (; *text && n + 1 < size; text++) {
        unsigned char b = (unsigned char)*text;
        if ((b & 0xC0) != 0x80)
            out[n++] = b >= 32 && b < 127 ? (char)b : '?';
    }
    out[n] = 0;
}

void canvas_text(struct canvas *c, int x, int y, int scale, const char *text,
                 const uint8_t color[3])
{
    /* stb_easy_font makes quads of 4 vertices: x, y, z as float and 4 bytes of colour */
    struct vertex {
        float x, y, z;
        uint8_t color[4];
    };
    enum { MOST_LETTERS = 200, QUADS = MOST_LETTERS * 12 };
    char ascii[MOST_LETTERS + 1];
    struct vertex *v = malloc(QUADS * 4 * sizeof *v);
    if (!v)
        return; /* a picture without a label beats none */
    to_ascii(text, ascii, sizeof ascii);
    int n = stb_easy_font_print(0, 0, ascii, NULL, v, (int)(QUADS * 4 * sizeof *v));
    for (int i = 0; i < n; i++) {
        int left = (int)v[4 * i].x, top = (int)v[4 * i].y;
        int width = (int)v[4 * i + 2].x - left, height = (int)v[4 * i + 2].y - top;
        canvas_rectangle(c, x + scale * left, y + scale * top, scale * width, scale * height,
                         color);
    }
    free(v);
}

void *canvas_png(const struct canvas *c, size_t *size)
{
    int n = 0;
    unsigned char *png = stbi_write_png_to_mem(c->pixels, c->width * 3, c->width, c->height, 3, &n);
    *size = png ? (size_t)n : 0;
    return png;
}

void *canvas_deflate(const void *bytes, size_t size, size_t *packed)
{
    int n = 0;
    unsigned char *copy = size < INT_MAX ? malloc(size + 1) : NULL; /* it is not const there */
    if (!copy)
        return NULL;
    memcpy(copy, bytes, size);
    void *out = stbi_zlib_compress(copy, (int)size, &n, 8);
    free(copy);
    *packed = (size_t)n;
    return out;
}
