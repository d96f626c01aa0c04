/* PNG (ISO/IEC 15948): the container, which is checked whole before anything is unpacked, and what
 * it says of the pixels. */
#ifndef INFER_VISION_PNG_H
#define INFER_VISION_PNG_H

#include "vision/decode.h"

enum infer__png_color {
    INFER__PNG_GREY = 0,
    INFER__PNG_RGB = 2,
    INFER__PNG_PALETTE = 3,
    INFER__PNG_GREY_ALPHA = 4,
    INFER__PNG_RGBA = 6
};

struct infer__png {
    uint32_t width, height, depth; /* depth: bits per sample */
    enum infer__png_color color;
    int samples; /* per pixel */
    int interlaced;
    int is_cgbi;             /* Apple's: blue, green, red; without zlib's header */
    uint8_t palette[256][4]; /* RGBA; colours that the file does not have are black */
    int has_clear;           /* one colour is transparent, or the palette has alpha */
    uint16_t clear[3];       /* that colour, as it is stored */
    const uint8_t *data;     /* the first IDAT chunk; the others follow it */
};

/* Walks over all chunks: order, lengths, checksums. Takes no memory. */
infer_status infer__png_read(const struct infer__decode *d, struct infer__png *png,
                             infer_error *err);
/* The content of the next IDAT chunk behind *chunk, which is set to the one after it; 0 at their
 * end. The file has been checked. */
int infer__png_next_data(const uint8_t **chunk, const uint8_t **bytes, size_t *size);

#endif
