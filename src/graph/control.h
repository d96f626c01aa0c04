/* Control flow in a graph. Nodes stand in one list, also those of branches and of the bodies of
 * loops, between nodes that say so (ops.def, "control flow"):
 *
 *   If      Else      EndIf       the nodes between If and Else run where the condition is true,
 *                                 those between Else and EndIf where it is not
 *   Loop    EndLoop               the nodes between them run once for each iteration
 *
 * What is inside sees all that was made before it. What is made inside is seen there only; EndIf
 * and EndLoop hand it on. So a graph is in order as it stands, and passes that look at values alone
 * need not know of all this: what a node's operands are it can use wherever it stands. */
#ifndef INFER_GRAPH_CONTROL_H
#define INFER_GRAPH_CONTROL_H

#include "graph/traits.h"

enum { INFER__MOST_NESTED = 32 }; /* branches and bodies within each other */

static inline int infer__is_control(unsigned op)
{
    return infer__op_traits(op)->flags & INFER__FLAG_CONTROL;
}

/* Operands of EndLoop: the state of number k, what it is next, and the scan of number k. */
enum {
    INFER__END_LOOP_ITERATION,
    INFER__END_LOOP_LIMIT,
    INFER__END_LOOP_GO_ON,
    INFER__END_LOOP_REST
};
static inline uint32_t infer__loop_state(uint32_t k)
{
    return INFER__END_LOOP_REST + 2 * k;
}
static inline uint32_t infer__loop_next(uint32_t k)
{
    return INFER__END_LOOP_REST + 2 * k + 1;
}
static inline uint32_t infer__loop_scan(uint32_t states, uint32_t k)
{
    return INFER__END_LOOP_REST + 2 * states + k;
}
/* How many states an EndLoop of so many operands and results has; more than `nout`: it can't be. */
static inline uint32_t infer__loop_states(uint32_t nin, uint32_t nout)
{
    return nin < INFER__END_LOOP_REST + nout ? UINT32_MAX : nin - INFER__END_LOOP_REST - nout;
}

/* The node that ends what node i begins: Else or EndIf of an If, EndIf of an Else, EndLoop of a
 * Loop; the number of nodes where there is none. `end` 1: of an If its EndIf. */
uint32_t infer__control_end(const struct infer__graph *g, uint32_t i, int end);

/* Checks that branches and bodies begin and end as they should, and that values are used where they
 * are seen only. Arities and numbers have been checked. Part of infer__graph_verify. */
infer_status infer__control_verify(const struct infer__graph *g, infer_error *err);

/* Sets a byte for each value: 1 where a node of a branch or body makes it. */
void infer__control_inside(const struct infer__graph *g, uint8_t *inside);

#endif
