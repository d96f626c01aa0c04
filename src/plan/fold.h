/* Resolving a graph node by node, and computing beforehand what is constant. */
#ifndef INFER_PLAN_FOLD_H
#define INFER_PLAN_FOLD_H

#include "plan/work.h"

/* Resolves a node of the plan. The resolve functions know the meaning of quantised values only, so
 * these pass as f32 meanwhile; types are as before afterwards. */
infer_status infer__plan_resolve(struct infer__graph *g, const struct infer__node *n,
                                 uint64_t max_tensor_bytes, union infer__params *p,
                                 infer_error *err);

/* How to fold. */
enum {
    INFER__FOLD_PARTIAL = 1, /* pass over nodes whose shapes are not known (free dimensions) */
    INFER__FOLD_KEEP_QUANTISED = 2 /* leave DequantizeLinear of constants: quantised weights stay */
};

/* Resolves nodes in order and replaces outputs of nodes whose inputs are all constants by
 * constants, computed by the real kernels; such nodes are removed. */
infer_status infer__fold(struct infer__graph *g, unsigned flags, uint64_t max_tensor_bytes,
                         struct infer__budget *budget, infer_error *err);
/* One node of it: resolves it where its operands have shapes, and computes it if that can be done:
 * *folded, the node is to go then. */
infer_status infer__fold_node(struct infer__graph *g, struct infer__node *n, unsigned flags,
                              uint64_t max_tensor_bytes, struct infer__budget *budget, int *folded,
                              infer_error *err);
/* Runs one node on constants, which makes its outputs constants, in the graph's region. `budget`
 * may be NULL where little is computed. */
infer_status infer__evaluate_node(struct infer__graph *g, const struct infer__node *n,
                                  const union infer__params *p, struct infer__budget *budget,
                                  infer_error *err);
/* Removes nodes none of whose outputs is needed, then values nobody uses lose their name only. */
infer_status infer__remove_dead(struct infer__graph *g, infer_error *err);

#endif
