/* A session looks at pictures: from their bytes to its outputs. */
#ifndef INFER_ANSWER_LOOK_H
#define INFER_ANSWER_LOOK_H

#include "infer_vision.h"
#include "run/session.h"

/* How a picture, or its region, came into the input. */
struct infer__looked {
    infer_transform transform;   /* from the input to the whole picture */
    int32_t x, y, width, height; /* of the region */
};

struct infer__look {
    infer_session *session;
    infer_allocator allocator; /* that all memory comes from */
    infer_image_options image;
    infer_preprocess preprocess;
    infer_tensor input;    /* of rank 4 */
    infer_tensor given;    /* the same memory as the session's input has it */
    infer_tensor *outputs; /* of the session's own memory */
    size_t noutputs;
    struct infer__looked *looked; /* of each picture of a batch */
    size_t batch;
    int32_t width, height; /* of the input */
};

/* For who has entered the session: takes the memory. To be ended in any case. `image` may be NULL.
 */
infer_status infer__look_begin(struct infer__look *l, infer_session *session,
                               const infer_image_options *image, const infer_allocator *a,
                               infer_error *err);
/* INFER_ERROR_SHAPE where the session's batch is neither 1 nor `count`. */
infer_status infer__look_fits(const struct infer__look *l, size_t count, infer_error *err);
/* Looks at l->batch pictures. A run that was stopped has no outputs: infer__session_stopped. */
infer_status infer__look_at(struct infer__look *l, const infer_picture *pictures, infer_error *err);
void infer__look_end(struct infer__look *l);

/* Calls `work` for who has not entered the session yet, with memory that the session keeps for the
 * next time. */
infer_status infer__look_with(infer_session *session,
                              infer_status (*work)(infer_session *session, const infer_allocator *a,
                                                   void *ctx, infer_error *err),
                              void *ctx, infer_error *err);

#endif
