/* From a network's outputs to boxes with scores above a threshold. */
#ifndef INFER_ANSWER_CANDIDATES_H
#define INFER_ANSWER_CANDIDATES_H

#include "answer/decoding.h"

/* A network's outputs of one picture as its decoding says. */
struct infer__reading {
    const infer_decoding *d;
    struct infer__fields scores, boxes, points;       /* points.data is NULL where there are none */
    struct infer__fields objectness, classes, angles; /* likewise */
    int64_t candidates;
    double width, height; /* of the network's input, in pixels */
};

/* INFER_ERROR_SHAPE where the outputs are not what the decoding says. */
infer_status infer__reading_of(const infer_decoding *d, const infer_tensor *outputs,
                               size_t noutputs, int64_t image, double width, double height,
                               struct infer__reading *r, infer_error *err);

/* The candidates with a score above `threshold`, in order of their numbers, then of their classes:
 * *boxes, from `a` and to be freed with it, is in pixels of the picture, as `t` maps them. */
infer_status infer__find_candidates(const struct infer__reading *r, float threshold,
                                    const infer_transform *t, const infer_allocator *a,
                                    infer_box **boxes, size_t *count, infer_error *err);

/* The points of a candidate, in pixels of the picture. */
void infer__points_of(const struct infer__reading *r, int64_t candidate, const infer_transform *t,
                      infer_point *points);

#endif
