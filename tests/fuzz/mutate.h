/* Mutations of a graph: small changes that leave it a graph, so that nearly all of them load. */
#ifndef INFER_TESTS_FUZZ_MUTATE_H
#define INFER_TESTS_FUZZ_MUTATE_H

#include "graph/graph.h"
#include "tests/file_bytes.h"

struct mutation {
    struct infer__graph *g; /* lives in g->region, as all that is added */
    struct rng rng;
};

/* One random change. The graph may then break a rule (a Conv with two outputs, say); the writer
 * finds that. */
void mutate_graph(struct mutation *m);
/* Appends the nodes of another graph; some of its inputs become values of this one. */
void mutate_join(struct mutation *m, const struct infer__graph *other);

/* Values that break arithmetic, or small ones. */
int64_t mutate_int(struct rng *r);
float mutate_float(struct rng *r);
/* Mostly small enough for a tensor. */
int64_t mutate_dim(struct rng *r);

#endif
