/* Bytes of PNG files. */
#ifndef INFER_TOOLS_PNG_H
#define INFER_TOOLS_PNG_H

#include "infer_vision.h"

/* Those of a picture, to be freed with free; NULL without memory. */
void *png_bytes(const infer_image *image, size_t *size);

/* The same as a file. Returns an exit status, after a message where it is not 0. */
int png_write(const char *path, const infer_image *image);

/* Bytes packed as a PNG's pixels are (RFC 1950), to be freed with free; NULL without memory, or
 * where they are 2 GiB or more. */
void *png_deflate(const void *bytes, size_t size, size_t *packed);

#endif
