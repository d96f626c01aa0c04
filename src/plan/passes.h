/* The passes that others do not call, in the order in which driver.c does; see driver.h. */
#ifndef INFER_PLAN_PASSES_H
#define INFER_PLAN_PASSES_H

#include "plan/plan.h"

infer_status infer__plan_bind(struct infer__plan *plan, const struct infer__plan_options *o,
                              infer_error *err);

infer_status infer__fuse_forms(struct infer__graph *g, infer_error *err);
infer_status infer__fuse_attention(struct infer__graph *g, const struct infer__plan_options *o,
                                   infer_error *err);
infer_status infer__fuse_channels(struct infer__graph *g, infer_error *err);
infer_status infer__integer(struct infer__graph *g, infer_error *err);
/* ConvInteger and MatMulInteger: weights in the kernels' form, and the Cast, Mul and Add behind
 * them; ranges before DynamicQuantizeLinear. */
infer_status infer__integer_dynamic(struct infer__graph *g, infer_error *err);
infer_status infer__fuse(struct infer__graph *g, infer_error *err);
/* alpha and beta of an activation node; 0 if they are not known beforehand. */
int infer__activation_bounds(const struct infer__graph *g, const struct infer__node *n,
                             struct infer__epilogue *e);
infer_status infer__lower(struct infer__plan *plan, const struct infer__plan_options *o,
                          infer_error *err);
/* Fusion that depends on cost, before steps have operands. */
infer_status infer__fuse_chains(struct infer__plan *plan, const struct infer__plan_options *o,
                                infer_error *err);
infer_status infer__fuse_scales(struct infer__plan *plan, const struct infer__plan_options *o,
                                infer_error *err);
infer_status infer__batch_from(struct infer__plan *plan, const struct infer__plan_options *o,
                               infer_error *err);
infer_status infer__to_bf16(struct infer__plan *plan, const struct infer__plan_options *o,
                            infer_error *err);
infer_status infer__alias_concat(struct infer__plan *plan, infer_error *err);
infer_status infer__select(struct infer__plan *plan, const struct infer__plan_options *o,
                           infer_error *err);
/* The default of weight_bytes_limit: so many times the weights' bytes. docs/memory.md has what it
 * costs. */
#define INFER__WEIGHTS_FACTOR 1.6
/* Other kernels, where packed weights pass weight_bytes_limit. */
infer_status infer__limit_weights(struct infer__plan *plan, const struct infer__plan_options *o,
                                  infer_error *err);
/* Takes the memory that runs cut a bounded step anew in, with whichever kernel: what the largest
 * sizes need. Its kernel has been chosen for these. */
infer_status infer__bounded_reserve(struct infer__plan *plan, struct infer__step *s,
                                    infer_error *err);
/* Whether an operator's kernels pack nothing but what follows from sizes (the taps of Resize), so
 * that a bounded step's is packed by each run. */
int infer__packs_sizes(unsigned op);
/* The graph that runs write their sizes to, where a step is bounded. */
infer_status infer__bounded_graph(struct infer__plan *plan, infer_error *err);
/* Where all other tensors are, and how large the arena is (storage.h). */
infer_status infer__storage(struct infer__plan *plan, const struct infer__plan_options *o,
                            infer_error *err);

#endif
