/* Measured choices of kernels: what they hold for, and what they say about a task. */
#ifndef INFER_PLAN_TUNED_H
#define INFER_PLAN_TUNED_H

#include "file/tuned_section.h"
#include "kernels/kernel.h"

/* This CPU and this library. Returns 0 where CPUs can't be told apart (not x86-64): nothing is
 * tuned there. */
int infer__tuned_here(struct infer__tuned_for *by);

/* A number that stands for all of a task that matters for the choice of its kernel: operator,
 * types, physical shapes, parameters, epilogue, level. Equal layers have one key, and a task that
 * changed has another. The number of threads is not part of it: kernels may differ in the last
 * bits, and results must not depend on how many threads ran. */
uint64_t infer__task_key(const struct infer__task *t);

/* The kernel that a table has for a task, NULL if it has none or names one that this library
 * lacks. Whether that kernel serves the task is not asked: the table is from a file. *serial: all
 * units are better computed on the calling thread. */
const struct infer__kernel *infer__tuned_kernel(const struct infer__tuned *t,
                                                const struct infer__task *task, int *serial);

#endif
