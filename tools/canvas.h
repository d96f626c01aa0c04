/* Drawing rectangles and text on RGB pixels. */
#ifndef INFER_TOOLS_CANVAS_H
#define INFER_TOOLS_CANVAS_H

#include "infer_vision.h"

struct canvas {
    uint8_t *pixels; /* height * width * 3 */
    int width, height;
};

/* A canvas of one colour; 0 without memory. */
int canvas_init(struct canvas *c, int width, int height, const uint8_t color[3]);
void canvas_free(struct canvas *c);

/* What lies outside the canvas is not drawn. */
void canvas_rectangle(struct canvas *c, int x, int y, int width, int height,
                      const uint8_t color[3]);
void canvas_picture(struct canvas *c, int x, int y, const infer_image *picture);
/* One line, `scale` pixels for a pixel of the font (whose letters are 7 high); bytes that are not
 * printable ASCII become one ? per character. */
void canvas_text(struct canvas *c, int x, int y, int scale, const char *text,
                 const uint8_t color[3]);

/* Bytes packed as PNG's pixels are (RFC 1950), to be freed with free; NULL without memory, or where
 * they are 2 GiB or more. */
void *canvas_deflate(const void *bytes, size_t size, size_t *packed);
/* The bytes of a PNG, to be freed with free; NULL without memory. */
void *canvas_png(const struct canvas *c, size_t *size);

#endif
