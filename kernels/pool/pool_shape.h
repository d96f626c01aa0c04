/* What the pooling kernels share: windows clipped to the input. */
#ifndef INFER_KERNELS_POOL_POOL_SHAPE_H
#define INFER_KERNELS_POOL_POOL_SHAPE_H

#include "kernels/kernel.h"

/* Pixels of a global average that are summed in float before the sum joins the others in double. */
enum { POOL_RUN = 8 };

/* A window of one output pixel: its input coordinates are begin + k * dilation for tap k of
 * from .. to - 1, on each axis; image `n` of the batch. */
struct infer__pooling_window {
    int64_t n;
    int64_t begin[3], from[3], to[3];
};

/* 1 if the task has one channels-last operand of `type` in and out, and nothing fused. */
int infer__pooling_serves(const struct infer__task *t, uint16_t op, infer_type type);
/* The same whatever the result's type is. */
int infer__pooling_reads_type(const struct infer__task *t, uint16_t op, infer_type type);
/* Output pixels, and units that they are split into. */
int64_t infer__pooling_pixels(const struct infer__task *t);
uint32_t infer__pooling_units(const struct infer__task *t);
/* The same units as need->units. */
infer_status infer__pooling_prepare(const struct infer__task *t, struct infer__need *need,
                                    infer_error *err);
/* The window of output pixel number `pixel`. */
struct infer__pooling_window infer__pooling_window(const struct infer__task *t, int64_t pixel);
/* Elements read, for estimates. */
double infer__pooling_reads(const struct infer__task *t);

#endif
