/* Folding of branches and loops, for infer__fold. A condition that is known leaves one branch, as
 * nodes among others. The states of a loop get shapes that hold for every iteration: sizes that
 * change from one to the next become sizes that only a run knows (bounds.h), and the body is
 * resolved again with them. */
#ifndef INFER_PLAN_FOLD_CONTROL_H
#define INFER_PLAN_FOLD_CONTROL_H

#include "graph/control.h"
#include "plan/work.h"

/* A value of a body as it was before the body was resolved. */
struct infer__saved_value {
    uint32_t id;
    struct infer__value value;
};

/* An If or a Loop whose end has not come yet. */
struct infer__open {
    unsigned op;
    uint32_t at, end; /* nodes that begin and end it */
    uint32_t kept;    /* how many nodes were kept before it */
    int known;        /* of an If: its condition, 0 or 1; -1: it is not known */
    int refused;      /* of an If: the branch that can't be computed, 0: the second; -1: none */
    int branch;       /* of an If: the one that is being resolved */
    uint32_t turn;    /* of an If: how many nodes were kept before the second branch */
    uint32_t condition;
    const char *why; /* it was refused */
    int shaped;      /* of a Loop: all first states have shapes */
    /* Of a Loop: what is needed to resolve the body once more. */
    struct infer__node *nodes; /* behind the Loop, as far as its end */
    struct infer__saved_value *values;
    uint32_t nvalues;
    uint8_t
        *limited; /* of each state: axes whose size is said, or worked out, to be at most that */
};

struct infer__control_fold {
    struct infer__graph *g;
    unsigned flags;
    uint64_t max_tensor_bytes;
    struct infer__budget *budget;
    infer_error *err;
    uint32_t first;    /* node that folding begins with: there is room before it */
    uint64_t repeated; /* nodes that were resolved again */
    uint32_t depth;
    struct infer__open open[INFER__MOST_NESTED];
};

/* Moves the nodes of a graph with branches, so that there is room for what these leave. */
infer_status infer__control_fold_begin(struct infer__control_fold *c, struct infer__graph *g,
                                       unsigned flags, uint64_t max_tensor_bytes,
                                       struct infer__budget *budget, infer_error *err);
/* After a failure: where it is within a branch that not every run takes, that branch is given up,
 * and runs that take it fail; else returns the failure. */
infer_status infer__control_refuse(struct infer__control_fold *c, infer_status status, uint32_t *i,
                                   uint32_t *kept);
/* Deals with node *i; *kept nodes of those before it are left. Both may change. */
infer_status infer__control_fold(struct infer__control_fold *c, uint32_t *i, uint32_t *kept);

#endif
