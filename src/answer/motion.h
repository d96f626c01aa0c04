/* Where a box is expected to be: a Kalman filter of constant velocity on its centre, its ratio of
 * width to height, and its height, with the noise of SORT and ByteTrack, which grows with the
 * height. Noise is independent, so the state falls into four pairs of position and velocity, with a
 * covariance of 2 x 2 each. */
#ifndef INFER_ANSWER_MOTION_H
#define INFER_ANSWER_MOTION_H

#include "infer_vision.h"

struct infer__motion {
    struct {
        double at, by;     /* position, and what it changes by in a frame */
        double pp, pv, vv; /* covariance */
    } axis[4];             /* x, y, ratio, height */
};

void infer__motion_begin(struct infer__motion *m, const infer_box *b);
/* One frame later. `hidden`: the height is taken to stay, as nothing tells that it does not. */
void infer__motion_predict(struct infer__motion *m, int hidden);
void infer__motion_correct(struct infer__motion *m, const infer_box *b);
/* Sets the sides of a box. */
void infer__motion_box(const struct infer__motion *m, infer_box *b);

#endif
