/* How outputs become answers: the stored form, and checks against a session's outputs.
 *
 * Section kind 6 of a model file: 128 bytes, 30 words of s32 and two of f32, little-endian, in the
 * order of infer_decoding. The size is the version: a later one appends fields, and a reader that
 * knows only 128 bytes refuses it (INFER_ERROR_VERSION), since it can't know what they change. */
#ifndef INFER_ANSWER_DECODING_H
#define INFER_ANSWER_DECODING_H

#include "base/sized.h"
#include "infer_vision.h"

#define INFER__DECODING_BYTES 128
#define INFER__DECODING INFER__SIZED(infer_decoding, iou_threshold)

/* Most classes, fields of a box's candidate, and points of one. */
enum { INFER__MOST_CLASSES = 1 << 20, INFER__MOST_POINTS = 1024 };

/* Copies what a caller gave, of whatever size, to *d and checks it. */
infer_status infer__decoding_read(const infer_decoding *given, infer_decoding *d, infer_error *err);
/* The decoding of a call: what its options give, or the model's. INFER_ERROR_UNSUPPORTED where it
 * is not of `task`, whose answers are called `what`. */
infer_status infer__decoding_for(const infer_model *model, const infer_decoding *given,
                                 int32_t task, const char *what, infer_decoding *d,
                                 infer_error *err);
/* INFER_ERROR_ARGUMENT where a field is outside its range; `out` is then not written. */
infer_status infer__decoding_encode(const infer_decoding *d, uint8_t out[INFER__DECODING_BYTES],
                                    infer_error *err);
/* INFER_ERROR_FORMAT where a field is outside its range. */
infer_status infer__decoding_decode(const uint8_t *bytes, size_t size, infer_decoding *d,
                                    infer_error *err);

/* Fields of candidates in a tensor: element f of candidate i is data[f * field + i * candidate]. */
struct infer__fields {
    const float *data;
    int64_t candidates, fields; /* how many there are */
    int64_t candidate, field;   /* from one to the next */
};

/* What `output` holds for image `image` of its batch, in order `order`; INFER_ERROR_SHAPE if it
 * does not have fields [first, first + count) or is not of f32. `what` is for the message. */
infer_status infer__fields_of(const infer_tensor *outputs, size_t noutputs, int32_t output,
                              int32_t order, int64_t first, int64_t count, int64_t image,
                              const char *what, struct infer__fields *f, infer_error *err);

#endif
