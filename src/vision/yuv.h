/* Pictures in YUV, as cameras and video decoders give them. */
#ifndef INFER_VISION_YUV_H
#define INFER_VISION_YUV_H

#include "vision/picture.h"

/* Converts the region of a picture of kind NV12, I420 or YUYV to RGB, in p->made. Samples of colour
 * stand for two pixels by two (YUYV: two) and are not interpolated, as in OpenCV. */
infer_status infer__yuv_open(const infer_picture *given, const infer_allocator *a,
                             struct infer__picture *p, infer_error *err);

/* A row of n pixels with a sample of colour for each 2^shift of them, to RGB in the same way. */
void infer__yuv_row(const uint8_t *y, const uint8_t *u, const uint8_t *v, int shift, int32_t n,
                    uint8_t *rgb);

#endif
