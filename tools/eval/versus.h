/* Two models on the same pictures, and one model on parts of them. */
#ifndef INFER_TOOLS_EVAL_VERSUS_H
#define INFER_TOOLS_EVAL_VERSUS_H

#include "tools/eval/eval.h"

/* Reports `other`, whose view is `w`, beside the report `r` with the view `v`: numbers, their
 * differences with intervals, a test, and the pictures that differ most. Both are of the same
 * pictures, else an exit status after a message. `path` is the other model's. */
int eval_versus(const struct eval_options *o, struct report *r, const struct eval_view *v,
                const struct report *other, const struct eval_view *w, const char *path);

/* McNemar's exact test (1947): the probability that of b + c pictures on which just one of two
 * models is right, either has b or fewer, or c or fewer, whichever is less likely, if both are
 * equally good; 1 where there are none. */
double eval_mcnemar(uint32_t b, uint32_t c);

enum eval_slices { SLICE_NONE, SLICE_SIZE, SLICE_BRIGHTNESS, SLICE_CLASS };

/* Reports the numbers of slices of the pictures; for sizes and brightness they are read. Returns an
 * exit status. */
int eval_slice(const struct eval_options *o, struct report *r, const struct eval_view *v,
               enum eval_slices by);

#endif
