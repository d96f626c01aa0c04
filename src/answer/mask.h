/* Masks of boxes, as sums of prototypes: Bolya et al., "YOLACT: Real-time Instance Segmentation"
 * (2019). */
#ifndef INFER_ANSWER_MASK_H
#define INFER_ANSWER_MASK_H

#include "answer/decoding.h"
#include "answer/look.h"

/* What a network says of one picture's masks. */
struct infer__masks {
    const float *prototypes; /* count x rows x columns */
    int64_t count, rows, columns;
    struct infer__fields coefficients;
    int32_t width, height; /* of the network's input */
    const struct infer__looked *looked;
    const infer_transform *back; /* from the input to the picture, as boxes go */
};

/* INFER_ERROR_SHAPE where the outputs are not what the decoding says; `looked` and `back` are kept.
 */
infer_status infer__masks_of(const struct infer__look *l, const infer_decoding *d, size_t image,
                             const infer_transform *back, struct infer__masks *m, infer_error *err);

/* The mask of a box: a picture of 1 channel of the pixels of the picture that the box touches, with
 * memory from `keep`, or that it has where the size suits; empty where it touches none. `a` is for
 * what is needed on the way. */
infer_status infer__mask_of(const struct infer__masks *m, const infer_box *b,
                            const infer_allocator *a, const infer_allocator *keep,
                            infer_image *mask, infer_error *err);

#endif
