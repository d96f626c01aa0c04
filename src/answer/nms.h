/* Non-maximum suppression: which of many boxes stay. infer_vision.h has the rules. */
#ifndef INFER_ANSWER_NMS_H
#define INFER_ANSWER_NMS_H

#include "infer_vision.h"

/* What an IoU needs of a box, and its score, in double precision. */
struct infer__extent {
    double x0, y0, x1, y1, area, score, angle; /* as in infer_box */
};

struct infer__extent infer__extent_of(const infer_box *b, int inclusive);
/* 0 where the union is 0 or not finite. */
double infer__iou(const struct infer__extent *a, const struct infer__extent *b);

/* The same where one or both are turned: the common polygon's area by that of both together. */
double infer__iou_turned(const struct infer__extent *a, const struct infer__extent *b);

/* infer_nms on checked arguments: options->allocator serves, and `most` is at least 1. */
infer_status infer__nms(const infer_box *boxes, size_t count, const infer_nms_options *options,
                        infer_box *kept, size_t most, size_t *found, infer_error *err);

/* The soft forms (nms_soft.c): takes the best of `count` boxes, lowers the scores of the others,
 * and so on; returns how many were kept. `boxes` and `extents` change places. */
size_t infer__nms_soft(infer_box *boxes, struct infer__extent *extents, size_t count,
                       const infer_nms_options *options, infer_box *kept, size_t most);

/* ---- boxes that stay, where some are turned (nms_turned.c) ------------------------------------
 */

/* Each is compared with all that stay. */
struct infer__nms_list {
    const infer_nms_options *options;
    struct infer__extent *extents;
    int32_t *indices; /* of their classes */
    uint32_t count;
};

/* Room for `room` boxes. INFER_ERROR_NO_MEMORY, or to be freed. */
infer_status infer__nms_turned_init(struct infer__nms_list *l, uint32_t room,
                                    const infer_nms_options *options, infer_error *err);
void infer__nms_turned_free(struct infer__nms_list *l);
/* Whether a box overlaps none that stay by more than the threshold; it then stays too. */
int infer__nms_turned_keeps(struct infer__nms_list *l, const infer_box *b);

/* ---- boxes that stay, by place (nms_grid.c) -------------------------------------------------- */

/* Boxes that overlap by much are of about the same size and near to each other. So those that stay
 * are in cells: of their class, of the powers of four of their sides, and of their centre. A box is
 * compared with those in the few cells that can matter, several at a time. */
struct infer__nms_grid {
    struct infer__kept_boxes *kept;
    uint32_t *heads; /* of the lists of cells with the same hash; 0: empty, else index + 1 */
    struct infer__nms_levels *levels; /* of sides that there are */
    uint32_t mask, count, blocks, room;
    int agnostic, inclusive;
    double threshold;
    double reach; /* how far centres may be apart, in parts of both sides together */
};

/* Room for `room` boxes. INFER_ERROR_NO_MEMORY, or to be freed. */
infer_status infer__nms_init(struct infer__nms_grid *g, uint32_t room,
                             const infer_nms_options *options, infer_error *err);
void infer__nms_free(struct infer__nms_grid *g, const infer_allocator *a);
/* Whether a box that has stayed overlaps this one, of class `index`, by more than the threshold. */
int infer__nms_overlaps(const struct infer__nms_grid *g, const struct infer__extent *e,
                        int32_t index);
void infer__nms_add(struct infer__nms_grid *g, const struct infer__extent *e, const infer_box *b);

#endif
