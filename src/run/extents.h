/* The sizes of one run, where they depend on what it is given. Before a bounded step its node is
 * resolved again, with the sizes that its operands have now; what a kernel has found becomes the
 * size of its results. The thread that leads the run does this; nothing is allocated. */
#ifndef INFER_RUN_EXTENTS_H
#define INFER_RUN_EXTENTS_H

#include "run/program.h"

/* Cuts a bounded step for the sizes of this run. Where its results have no elements, or follow
 * without computing, step->bounded->kernel is NULL afterwards and all is done. */
infer_status infer__extents_before(struct infer__program *p, const struct infer__lane *lane,
                                   const struct infer__step *step, uint64_t max_tensor_bytes,
                                   infer_error *err);
/* Once it was run. */
infer_status infer__extents_behind(struct infer__program *p, const struct infer__step *step,
                                   infer_error *err);
/* At the end of a run: whether outputs have no more than was planned. */
infer_status infer__extents_outputs(const struct infer__program *p, infer_error *err);

#endif
