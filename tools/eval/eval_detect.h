/* What the files about the evaluation of a detector share. */
#ifndef INFER_TOOLS_EVAL_EVAL_DETECT_H
#define INFER_TOOLS_EVAL_EVAL_DETECT_H

#include "tools/eval/eval.h"
#include "tools/eval/read_detect.h"

struct detection {
    const struct eval_options *o;
    struct report *report;
    struct infer__region *region; /* the view's */
    struct detect_set set;
    struct read_skipped skipped;
    struct detect_matches matches;
    struct detect_tables tables, resampled;
    struct detect_curve curve;
    struct detect_voc *voc;                   /* of each class; NULL: no boxes */
    const char *names[DETECT_MOST_STATS + 4]; /* of the view's numbers */
};

/* Fills the view of what has been measured; `measure` gives its numbers. An exit status. */
int detection_view(struct detection *d, void (*measure)(void *, const uint32_t *, double *),
                   struct eval_view *v);

#endif
