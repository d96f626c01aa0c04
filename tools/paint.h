/* Maps of classes on pictures. */
#ifndef INFER_TOOLS_PAINT_H
#define INFER_TOOLS_PAINT_H

#include "infer_vision.h"

/* Mixes each pixel with the colour of its class and tells in a corner what the colours of the
 * classes that are there stand for. A background below 0 counts as 0. */
void paint_classes(infer_image *image, const infer_image *mask, int background,
                   const char *const labels[256]);

#endif
