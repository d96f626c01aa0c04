/* What steps will take, for passes that weigh one form of a plan against another. All of it is for
 * one thread: what is chosen, and so the bits of an answer, must not depend on their number. */
#ifndef INFER_PLAN_ESTIMATE_H
#define INFER_PLAN_ESTIMATE_H

#include "plan/plan.h"

enum { INFER__ESTIMATE_OPERANDS = 12 };

/* Nanoseconds of the best kernel for a task; infinite if there is none. */
double infer__estimate_task(const struct infer__task *t);
/* Nanoseconds of the best kernel for a step on tensors of the plan, before steps have operands;
 * infinite if there is none, or if it has more operands and results than the number above. */
double infer__estimate_step(const struct infer__plan *plan, const struct infer__plan_options *o,
                            const struct infer__step *s);
/* Nanoseconds of writing so many bytes and reading them again, as far as they leave the
 * second-level cache, behind which memory gives `per_ns` of them; 0: as much as a constant says. */
double infer__estimate_memory(double bytes, double per_ns);

#endif
