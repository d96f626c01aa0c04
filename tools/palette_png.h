/* PNG files whose pixels are numbers of colours: masks. */
#ifndef INFER_TOOLS_PALETTE_PNG_H
#define INFER_TOOLS_PALETTE_PNG_H

#include "infer_vision.h"

/* The colour of a class: that of Pascal VOC's palette, whose bits are those of the class in turn.
 */
void palette_color(uint32_t index, uint8_t rgb[3]);
/* The bytes of a PNG of a picture of 1 channel, whose samples are its classes, with that palette;
 * to be freed with free; NULL without memory. */
void *palette_png(const infer_image *mask, size_t *size);

#endif
