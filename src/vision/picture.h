/* A picture that a call is about, whatever its bytes are, as an image to preprocess. */
#ifndef INFER_VISION_PICTURE_H
#define INFER_VISION_PICTURE_H

#include "infer_vision.h"

struct infer__picture {
    infer_image image;     /* the region; its pixels are the caller's, or within `made` */
    infer_image made;      /* decoded, or converted from YUV; to be freed */
    int bgr;               /* 1: red and blue have changed places */
    int32_t x, y;          /* of the region in the whole picture, */
    int32_t region_width;  /* and its size, */
    int32_t region_height; /* which are those of `image`, */
    int32_t reduced; /* unless each side of a pixel of it is 2, 4 or 8 of the picture's. Then */
    int32_t begin_x, begin_y; /* the image begins here, at 0 or a little before */
    int32_t width, height;    /* of the whole picture */
};

/* `options` has all defaults filled in, and an allocator. `aim`: how the picture will be
 * preprocessed, which options->fast_decode asks for; NULL: every pixel is wanted. On success to be
 * ended with infer__picture_free. */
infer_status infer__picture_open(const infer_picture *given, const infer_image_options *options,
                                 const infer_preprocess *aim, struct infer__picture *p,
                                 infer_error *err);
void infer__picture_free(struct infer__picture *p);

/* Preprocesses it into place `index` of a batch. `t`: from the tensor to the whole picture. */
infer_status infer__picture_fill(const struct infer__picture *p, const infer_preprocess *preprocess,
                                 int64_t index, const infer_tensor *out, const infer_allocator *a,
                                 infer_transform *t, infer_error *err);

#endif
