/* Sizes that depend on values. A value of the plan may have axes whose size is only known in a run
 * (bits of `free_dims`): its dims are the most that there can be, and memory is planned for these.
 * What is computed with such sizes before they are known (arithmetic on shapes) has bounds for each
 * of its numbers (`infer__bound`). Steps on such values are cut anew by each run, run/extents.c. */
#ifndef INFER_PLAN_BOUNDS_H
#define INFER_PLAN_BOUNDS_H

#include "plan/work.h"

/* Whether an operand or result of a node has an axis of that kind. */
int infer__bounds_some(const struct infer__graph *g, const struct infer__node *n);

/* infer__resolve_node with the largest sizes and numbers. *values becomes 1 where the value of an
 * operand that is no constant decides about the result; it may be NULL. */
infer_status infer__bounds_resolve(struct infer__graph *g, const struct infer__node *n,
                                   uint64_t max_tensor_bytes, union infer__params *p, int *values,
                                   infer_error *err);

/* Whether operand i, which is no constant, may decide about the sizes of results: a run looks at
 * it. */
int infer__bounds_told(const struct infer__node *n, uint32_t i, const struct infer__value *v);

/* Works out bounds for the numbers of a resolved node's results, where they are few and follow from
 * bounds of its operands. *known becomes 1 where they leave no choice: the results are constants.
 */
infer_status infer__bounds_value(struct infer__graph *g, const struct infer__node *n,
                                 const union infer__params *p, struct infer__budget *budget,
                                 int *known, infer_error *err);
/* Bounds of a loop's state, integers: those of what it is at first. */
infer_status infer__bounds_state(struct infer__graph *g, uint32_t first, uint32_t state,
                                 infer_error *err);
/* The same once it is known what an iteration makes of it: an end that moves is none. Whether one
 * did, so that what follows from it is to be worked out again. */
int infer__bounds_widen(struct infer__graph *g, uint32_t next, uint32_t state);
/* The same of a value that nothing is known of but what the caller says of it. */
infer_status infer__bounds_declared(struct infer__graph *g, uint32_t id, infer_error *err);

/* Axes of output k of a resolved node whose size is not known. `values` as above. */
uint32_t infer__bounds_axes(const struct infer__graph *g, const struct infer__node *n,
                            const union infer__params *p, uint32_t k, int values);

/* Where shapes may stay unknown, those that a run will find are: only a session can say how much
 * that is at most. Forgets them again, after a node was resolved; whether there were any. */
int infer__bounds_forget(struct infer__graph *g, const struct infer__node *n, infer_status status);

/* ---- what kernels find ---------------------------------------------------------------------- */

/* Whether the kernels of an operator find out how large its results are. */
int infer__bounds_finds(unsigned op);
/* Gives output k the size that was found. */
void infer__bounds_found(unsigned op, const union infer__params *p, uint32_t k, int64_t extent,
                         int64_t *dims);

#endif
