/* What the parts of a tracker share. infer_vision.h has the rules. */
#ifndef INFER_ANSWER_TRACK_H
#define INFER_ANSWER_TRACK_H

#include "answer/assign.h"
#include "answer/motion.h"

enum infer__track_state {
    INFER__TRACK_NEW = 1,   /* seen once, which may have been a mistake */
    INFER__TRACK_SEEN = 2,  /* in the last frame */
    INFER__TRACK_HIDDEN = 4 /* not in the last frame */
};

struct infer__track {
    struct infer__motion motion;
    infer_box box; /* where it is expected or was found, in this frame; all else as last detected */
    uint64_t id;   /* 0 while it is new */
    uint32_t state, seen, missed;
    int32_t match; /* of the frame's boxes; -1 */
};

struct infer_tracker {
    infer_allocator allocator;
    infer_tracker_options options; /* with defaults filled in */
    uint64_t next_id;
    int begun; /* there was a frame */
    struct infer__track *tracks;
    uint32_t ntracks;
    /* for one frame */
    uint32_t *rows, *columns; /* tracks and boxes that are to be matched */
    uint8_t *taken;           /* boxes that are matched */
    double *costs;
    struct infer__assign assign;
    size_t track_room, box_room, side_room, cost_room; /* of what there is memory for */
};

/* Memory for a frame of `count` boxes, without which nothing of the tracker changes. */
infer_status infer__track_room(infer_tracker *t, size_t count, infer_error *err);
void infer__track_release(infer_tracker *t);

/* One step of association: tracks of these states, without a match, with boxes that are not taken
 * and have a score above `low`, up to `high`. The sum of overlaps is the highest that there can be
 * of pairs of `least` and more; an overlap is the IoU, with `scored` times the box's score. */
struct infer__track_stage {
    unsigned states;
    float low, high, least;
    int scored;
};
/* Lists boxes of such scores that are not taken in t->columns; their number. */
uint32_t infer__track_list(const infer_tracker *t, const infer_box *boxes, size_t count,
                           const struct infer__track_stage *stage);
void infer__track_match(infer_tracker *t, const infer_box *boxes, size_t count,
                        const struct infer__track_stage *stage);

#endif
