/* Resize, axis by axis: which input elements make an output element, with which weights. */
#ifndef INFER_KERNELS_RESIZE_TAPS_H
#define INFER_KERNELS_RESIZE_TAPS_H

#include "kernels/nd.h"

/* An axis that changes. The tensor is outer x size x rest, `rest` being all that follows. */
struct infer__resize_axis {
    int axis;
    int64_t in, out;  /* sizes */
    int64_t taps;     /* per output element, neighbours in the input; at most `in` */
    int64_t between;  /* elements of the axes between this one and the next that changes */
    int64_t rest_in;  /* elements behind this axis, of the input */
    int64_t rest_out; /* and of the output */
    int64_t at_first, at_weights; /* where the next two begin in the table */
    int64_t *first;     /* per output element, the first tap; -1: the extrapolation value */
    float *weights;     /* taps per output element */
    int64_t tmp_floats; /* where this axis' intermediate slice begins in scratch */
};

struct infer__resizing {
    int axes; /* at least 1 */
    int64_t outer;
    struct infer__resize_axis axis[INFER_MAX_RANK];
    int64_t table_bytes, scratch_floats; /* as prepare found them: not too much */
};

/* The axes of a task, which point to no tables yet; and the same with tables at `table`. */
struct infer__resizing infer__resize_of(const struct infer__task *t);
struct infer__resizing infer__resize_at(const struct infer__resizing *cut, void *table);
/* Fills the tables. */
void infer__resize_fill(const struct infer__task *t, const struct infer__resizing *r);

/* ---- what the kernels share (resize_c.c) ---------------------------------------------------- */

int infer__resize_serves(const struct infer__task *t);
/* Slices along the first axis that changes, and units of some of them. */
static inline int64_t infer__resize_items(const struct infer__resizing *r)
{
    return r->outer * r->axis[0].out;
}
uint32_t infer__resize_units(const struct infer__task *t, const struct infer__resizing *r);
infer_status infer__resize_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err);
void infer__resize_pack(const struct infer__task *t, const void *cut, void *packed);

#endif
