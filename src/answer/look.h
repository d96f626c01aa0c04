/* A session looks at pictures: from their bytes to its outputs. */
#ifndef INFER_ANSWER_LOOK_H
#define INFER_ANSWER_LOOK_H

#include "infer_vision.h"
#include "run/session.h"
#include "vision/picture.h"

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

/* What a session is asked about pictures. */
struct infer__question {
    const infer_picture *pictures;
    size_t count;
    const infer_image_options *image; /* NULL for defaults */
    /* Reads the answer about picture `index` of them, which is number `image` of its batch. */
    infer_status (*read)(const struct infer__look *l, void *ctx, size_t index, size_t image,
                         infer_error *err);
    void *ctx;
    /* infer__look_each: NULL, or there is one picture, of which `count` parts are looked at; makes
     * part `index`, of red, green, blue or of grey. */
    infer_status (*cut)(const struct infer__picture *picture, void *ctx, size_t index,
                        const infer_allocator *a, infer_image *part, infer_error *err);
};

/* For who has not entered the session: shows it the pictures, its batch (1 or `count`) at a time,
 * with memory that it keeps for the next time. A run that is stopped is told as infer_run tells it.
 */
infer_status infer__look_ask(infer_session *session, const struct infer__question *q,
                             infer_error *err);

/* The same one by one, of a session whose batch is 1: where the model leaves height or width free,
 * the session gets for each picture those that the preprocessing makes of it. A line of text
 * (INFER_FIT_LINE) gets as much width as it needs, in steps of four times its height: so sizes come
 * again, and programs with them. */
infer_status infer__look_each(infer_session *session, const struct infer__question *q,
                              infer_error *err);

#endif
