/* OpenCV's INTER_AREA when neither side grows: the mean over the source area of each pixel. */
#ifndef INFER_VISION_RESIZE_AREA_H
#define INFER_VISION_RESIZE_AREA_H

#include "vision/resize.h"

infer_status infer__resize_area(const infer_image *src, const struct infer__resized *whole,
                                const infer_allocator *a, infer_image *out, infer_error *err);

#endif
