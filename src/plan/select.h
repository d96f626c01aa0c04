/* The candidates for a step. */
#ifndef INFER_PLAN_SELECT_H
#define INFER_PLAN_SELECT_H

#include "plan/plan.h"

enum { INFER__MOST_CANDIDATES = 16 };

struct infer__candidate {
    const struct infer__kernel *kernel;
    double ns; /* estimate, on one thread */
};

/* The kernels that serve a task, cheapest by estimate first; equals stay in the order of
 * kernels.def. Returns their number. */
int infer__candidates(const struct infer__task *t,
                      struct infer__candidate c[INFER__MOST_CANDIDATES]);

/* Prepares the step's kernel, whose cut lies in the plan's memory. INFER_ERROR_UNSUPPORTED: it is
 * not for this step. */
infer_status infer__prepare_step(struct infer__plan *plan, struct infer__step *s, infer_error *err);

#endif
