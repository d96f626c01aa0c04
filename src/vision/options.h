/* Options of pictures with the defaults filled in. */
#ifndef INFER_VISION_OPTIONS_H
#define INFER_VISION_OPTIONS_H

#include "infer_vision.h"

/* Copies `given` (NULL for all defaults) to *out, every 0 replaced by its default. */
infer_status infer__image_options(const infer_image_options *given, infer_image_options *out,
                                  infer_error *err);

#endif
