/* OpenCV's INTER_AREA when neither side grows: the mean over the source area of each pixel. */
#ifndef INFER_VISION_RESIZE_AREA_H
#define INFER_VISION_RESIZE_AREA_H

#include "infer_vision.h"

infer_status infer__resize_area(const infer_image *src, infer_image *out, infer_error *err);

#endif
