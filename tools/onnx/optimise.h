/* What the files of the optimiser share: a walk over the nodes that may rewrite as it goes. */
#ifndef INFER_TOOLS_ONNX_OPTIMISE_H
#define INFER_TOOLS_ONNX_OPTIMISE_H

#include "graph/graph.h"

struct opt {
    struct infer__graph *g;
    infer_error *err;
    struct infer__region scratch; /* of this walk */
    uint32_t *alias;              /* per value: what stands for it now, 0: itself */
    uint32_t *producer;           /* per value: index of its node + 1, 0: none */
    uint32_t *place;              /* per value: which output of that node it is */
    uint32_t *uses;               /* per value: operands of nodes and outputs of the graph */
    uint8_t *output;              /* per value: 1 if it is an output of the graph */
    uint32_t capacity;            /* of the five */
    uint32_t changes;
};

infer_status opt_begin(struct opt *o, struct infer__graph *g, infer_error *err);
/* Applies what is left of the aliases and frees the walk's memory. */
void opt_end(struct opt *o);
/* A value, after what has been replaced by now. */
uint32_t opt_value(struct opt *o, uint32_t value);
/* Makes `by` stand for the only output of `n`, and `n` a node that nobody needs. Returns 0, with
 * nothing done, where that is impossible: an output of the graph keeps its name. */
int opt_replace(struct opt *o, struct infer__node *n, uint32_t by);
/* The node that produces a value which nobody but one operand uses; NULL if there is none. */
struct infer__node *opt_single(struct opt *o, uint32_t value);
/* A new constant; `data` is copied. */
infer_status opt_const_of(struct opt *o, const char *name, infer_type type, int rank,
                          const int64_t *dims, const void *data, uint32_t *value);
/* The same of f32. */
infer_status opt_const(struct opt *o, const char *name, int rank, const int64_t *dims,
                       const float *data, uint32_t *value);
/* Replaces the operands of a node. */
infer_status opt_set_in(struct opt *o, struct infer__node *n, const uint32_t *in, uint32_t nin);
/* Operand i, NULL if it is absent. */
const struct infer__value *opt_in(const struct opt *o, const struct infer__node *n, uint32_t i);
/* Operand i if it is a constant of f32, else NULL. */
const struct infer__value *opt_const_in(const struct opt *o, const struct infer__node *n,
                                        uint32_t i);
/* The type of a value, as far as its producers say; INFER_TYPE_NONE if it is not known. */
infer_type opt_type(const struct opt *o, uint32_t value);
/* The type of a node's output if it does not depend on the operands' types, else INFER_TYPE_NONE
 * and the operand whose type it has (onnx_known.c). */
infer_type onnx_output_type(const struct infer__node *n, uint32_t value, uint32_t *operand);
/* The rank of a value, -1 if it is not known. */
int opt_rank(const struct infer__value *v);

/* Rules: each looks at one node. */
infer_status opt_noop(struct opt *o, struct infer__node *n);    /* optimise_noop.c */
infer_status opt_affine(struct opt *o, struct infer__node *n);  /* optimise_affine.c */
infer_status opt_weights(struct opt *o, struct infer__node *n); /* optimise_weights.c */

/* Whole passes. */
infer_status opt_expand_batch_norm(struct infer__graph *g, infer_error *err);
infer_status opt_share_constants(struct infer__graph *g, infer_error *err);
/* Drops values that no node and no list of the graph names, and renumbers the others. */
infer_status opt_compact(struct infer__graph *g, infer_error *err);

#endif
