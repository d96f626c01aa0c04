/* A tensor as a picture. */
#ifndef INFER_TOOLS_TENSOR_PICTURE_H
#define INFER_TOOLS_TENSOR_PICTURE_H

#include "infer_vision.h"

struct tensor_range {
    int fit; /* 1: the least and the largest number of each picture are black and white */
    float low[3], high[3]; /* numbers that are black and white, of each channel */
};

/* Makes a picture of 1 or 3 channels, to be freed with infer_image_free, of f32 of shape (1, C, H,
 * W), (1, H, W, C), or without the ones. `channel` is the one to show, -1: all, of which there are
 * then 1 or 3. Numbers out of range are black or white; a NaN is black. */
infer_status tensor_picture(const infer_tensor *t, int channel, const struct tensor_range *range,
                            infer_image *image, infer_error *err);

/* The part of a picture, made of a network's output, that shows the picture that went in, enlarged
 * or made smaller to its size. `input` is the tensor whose transform it is. *image is replaced. */
infer_status tensor_picture_back(infer_image *image, const infer_transform *transform,
                                 int32_t input_width, int32_t input_height, infer_error *err);

/* Combined with the picture that went in, which is resized: grey as its brightness (JFIF), or, of
 * the same size, as its alpha. `grey` has 1 channel. */
infer_status tensor_picture_luma(const infer_image *grey, const infer_image *picture,
                                 infer_image *out, infer_error *err);
infer_status tensor_picture_alpha(const infer_image *grey, const infer_image *picture,
                                  infer_image *out, infer_error *err);
/* Three channels of one. */
infer_status tensor_picture_grey(const infer_image *grey, infer_image *out, infer_error *err);

#endif
