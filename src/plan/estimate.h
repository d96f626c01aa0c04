/* What nodes will take, for passes that weigh one form of a graph against another. All of it is for
 * one thread: what is chosen, and so the bits of an answer, must not depend on their number. */
#ifndef INFER_PLAN_ESTIMATE_H
#define INFER_PLAN_ESTIMATE_H

#include "plan/plan.h"

enum { INFER__ESTIMATE_OPERANDS = 8 };

/* Nanoseconds of the best kernel for a node whose tensors are pictures; infinite if there is none,
 * or if it has more operands than the number above. */
double infer__estimate_node(const struct infer__graph *g, const struct infer__plan_options *o,
                            const struct infer__node *n);
/* Nanoseconds of writing a value and reading it again, as far as it leaves the caches. */
double infer__estimate_memory(const struct infer__value *v);

#endif
