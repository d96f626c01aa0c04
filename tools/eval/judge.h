/* One way into all evaluations, for `infer eval` and for whoever wants a number of it. */
#ifndef INFER_TOOLS_EVAL_JUDGE_H
#define INFER_TOOLS_EVAL_JUDGE_H

#include "tools/eval/eval.h"

/* A report with the view that it is of, and the model that answered, if one did. */
struct judged {
    struct report report;
    struct eval_view view;
    struct eval_model *model; /* owned; NULL: answers were recorded */
};

/* All of them return an exit status after a message. To be ended in either case. */
int judged_begin(struct judged *j);
void judged_end(struct judged *j);
/* Judges the answers of o->model, or the recorded ones, by the measures of their task. */
int eval_judge(const struct eval_options *o, struct judged *j);

/* The value of --iou-type, or NULL where it is not given. 0 after a usage message. */
int eval_kind(const char *text, enum detect_kind *kind);
/* The number that sums a report up best: AP, mIoU, top1 ...; NULL where there is none of them. */
const char *eval_main_number(const struct report *r);
/* 1 where less of a number is better: errors and losses. */
int eval_less_is_better(const char *name);

#endif
