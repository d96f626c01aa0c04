/* What computing something takes, and the budget for what is computed beforehand. */
#ifndef INFER_PLAN_WORK_H
#define INFER_PLAN_WORK_H

#include "kernels/kernel.h"

/* What may be spent on computing constants, by all passes together. */
struct infer__budget {
    uint64_t max_work, work; /* operations, and how many of them are left */
    uint64_t bytes;          /* of results, that are left */
};
/* A budget of `max_work` operations; 0: 2^31, and 64 for each byte of the graph's constants, so
 * that a small file can't ask for much. Its bytes: 1 GiB, and 4 for each of those. */
struct infer__budget infer__budget_for(const struct infer__graph *g, uint64_t max_work);
/* What a step computes, 2 for each multiply-add; 0 where it only moves data. */
uint64_t infer__task_flops(const struct infer__task *t);
/* The same with what it reads and writes, element by element. */
uint64_t infer__task_work(const struct infer__task *t);

#endif
