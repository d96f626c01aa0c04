/* Geometry of preprocessing, shared by the tensor's size and the filling of it. */
#ifndef INFER_VISION_PREPROCESS_H
#define INFER_VISION_PREPROCESS_H

#include "base/sized.h"
#include "infer_vision.h"

/* What a picture of some size goes through: it is resized to scaled_w x scaled_h and laid at
 * (x, y) of a canvas of width x height, which is the tensor's plane. x and y are negative where a
 * crop cuts off; what the picture does not cover is filled. */
struct infer__placement {
    int32_t scaled_w, scaled_h;
    int32_t x, y;
    int32_t width, height;
};

#define INFER__PREPROCESS INFER__SIZED(infer_preprocess, scale)

/* Copies what a caller gave, of whatever size, to *p and checks it. */
infer_status infer__preprocess_read(const infer_preprocess *given, infer_preprocess *p,
                                    infer_error *err);
/* A status other than INFER_OK, and why, if a field is outside its range. */
infer_status infer__preprocess_check(const infer_preprocess *p, infer_error *err);
/* `p` has been checked. */
infer_status infer__preprocess_place(const infer_preprocess *p, int32_t picture_width,
                                     int32_t picture_height, struct infer__placement *place,
                                     infer_error *err);

/* infer_preprocess_run of an image that stands for a picture of width x height, of which it may
 * have fewer pixels: it is placed as that picture would be. `transform`, not NULL, leads to pixels
 * of the image. */
infer_status infer__preprocess_as(const infer_preprocess *preprocess, const infer_image *image,
                                  int32_t width, int32_t height, int64_t index,
                                  const infer_tensor *out, const infer_allocator *allocator,
                                  infer_transform *transform, infer_error *err);

#endif
