/* The candidates for a step. */
#ifndef INFER_PLAN_SELECT_H
#define INFER_PLAN_SELECT_H

#include "kernels/kernel.h"

enum { INFER__MOST_CANDIDATES = 16 };

struct infer__candidate {
    const struct infer__kernel *kernel;
    double ns; /* estimate, on one thread */
};

/* The kernels that serve a task, cheapest by estimate first; equals stay in the order of
 * kernels.def. Returns their number. */
int infer__candidates(const struct infer__task *t,
                      struct infer__candidate c[INFER__MOST_CANDIDATES]);

#endif
