/* Bytes of JPEG files. */
#ifndef INFER_TOOLS_JPEG_H
#define INFER_TOOLS_JPEG_H

#include "infer_vision.h"

/* Those of a picture of 1 or 3 channels, by libjpeg-turbo at `quality` (1 to 100), to be freed with
 * free; NULL without memory, for a picture that a JPEG can't hold, and in a build without JPEG. */
void *jpeg_bytes(const infer_image *image, int quality, size_t *size);

#endif
