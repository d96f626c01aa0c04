/* Who makes and who reads each value of a graph, for passes that rewrite it. */
#ifndef INFER_PLAN_USES_H
#define INFER_PLAN_USES_H

#include "graph/graph.h"

struct infer__uses {
    uint32_t nvalues;   /* that the graph had */
    uint32_t *count;    /* readers of each value; being an output of the graph counts, and so does
                           a size that runs look at, so that little is fused across it */
    uint32_t *producer; /* node of each value, plus 1; 0: none */
    uint32_t *reader;   /* the last node that reads each value, plus 1; 0: none */
};

infer_status infer__uses_of(const struct infer__graph *g, struct infer__uses *u, infer_error *err);
/* Gives their memory back; the graph may have more values by now. */
void infer__uses_end(const struct infer__graph *g, struct infer__uses *u);

/* The node that produces v if it is v's only output and v has exactly `count` readers. */
struct infer__node *infer__sole_producer(const struct infer__graph *g, const struct infer__uses *u,
                                         uint32_t v, uint32_t count);

/* The same for one reader, where it is of that operator and nothing is fused behind it. */
struct infer__node *infer__sole_plain(const struct infer__graph *g, const struct infer__uses *u,
                                      uint32_t v, uint16_t op);

/* Erases a node; infer__drop_erased takes such nodes out of the graph. */
void infer__erase(struct infer__node *n);
void infer__drop_erased(struct infer__graph *g);

#endif
