/* How preprocessing is stored in a model file: section kind 5.
 *
 * 80 bytes, twenty little-endian words of 4 bytes in the order of infer_preprocess:
 *
 *   offset  type   field
 *        0  s32    fit                 0 none, 1 short side, 2 stretch, 3 letterbox, 4 exact,
 *                                   5 line
 *        4  s32    width               0 to 65535 pixels; not 0 unless fit is none
 *        8  s32    height              the same; may be 0 for short side too
 *       12  s32    filter              0 bilinear, 1 nearest, 2 bicubic, 3 area
 *       16  s32    resampler           0 Pillow, 1 OpenCV
 *       20  s32    crop_width          0 to 65535 pixels
 *       24  s32    crop_height         the same; 0 exactly where crop_width is 0
 *       28  s32    fill                0 to 255; 256: 0 in the tensor
 *       32  s32    letterbox           0 centre, 1 top left
 *       36  s32    letterbox_rounding  0 nearest, halves to even; 1 down
 *       40  s32    color               0 RGB, 1 BGR, 2 grey
 *       44  s32    layout              0 NCHW, 1 NHWC
 *       48  f32x4  mean                finite; levels of 0..255
 *       64  f32x4  scale               finite
 *
 * The size is the version: a later one appends fields, and a reader that knows only 80 bytes
 * refuses it (INFER_ERROR_VERSION), since it can't know what they change. */
#ifndef INFER_VISION_PREPROCESS_FILE_H
#define INFER_VISION_PREPROCESS_FILE_H

#include "infer_vision.h"

#define INFER__PREPROCESS_BYTES 80

/* INFER_ERROR_ARGUMENT where a field is outside its range; `out` is then not written. */
infer_status infer__preprocess_encode(const infer_preprocess *p,
                                      uint8_t out[INFER__PREPROCESS_BYTES], infer_error *err);
/* INFER_ERROR_FORMAT where a field is outside its range. */
infer_status infer__preprocess_decode(const uint8_t *bytes, size_t size, infer_preprocess *p,
                                      infer_error *err);

#endif
