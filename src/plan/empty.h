/* Nodes on tensors without elements; see empty.c. */
#ifndef INFER_PLAN_EMPTY_H
#define INFER_PLAN_EMPTY_H

#include "graph/params.h"

/* Whether a value is there, has a shape, and no elements. */
int infer__value_empty(const struct infer__graph *g, uint32_t id);

/* What has become of a node. */
enum infer__emptied {
    INFER__EMPTY_KEPT,    /* nothing in it is empty, but for parameters */
    INFER__EMPTY_CHANGED, /* nor now; it has other operands and must be resolved again */
    INFER__EMPTY_GONE     /* its results are constants */
};

/* Sees to it that a resolved node has no operand or result without elements, but for parameters. */
infer_status infer__empty_node(struct infer__graph *g, struct infer__node *n,
                               const union infer__params *p, enum infer__emptied *what,
                               infer_error *err);

/* Of a node with a result that has elements, and operands that have none: 1 and the low bytes of
 * every element of result k, or 0: that can't be said. */
int infer__empty_result(const struct infer__graph *g, const struct infer__node *n,
                        const union infer__params *p, uint32_t k, uint64_t *bits);
/* The error of the latter. */
infer_status infer__empty_refuse(const struct infer__node *n, infer_error *err);

#endif
