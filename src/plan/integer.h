/* Inner parts of the pass that makes integer steps (integer.c). */
#ifndef INFER_PLAN_INTEGER_H
#define INFER_PLAN_INTEGER_H

#include "graph/traits.h"
#include "kernels/kernel.h"

/* The pass writes the nodes anew, in order; values are added to the graph as it goes. */
struct infer__integer {
    struct infer__graph *g;
    infer_error *err;
    struct infer__node *nodes; /* those written so far */
    uint32_t nnodes, capacity, values_capacity;
    uint32_t *producer; /* of each value: the node that writes it, plus 1; 0: none */
    uint32_t *uses;     /* readers of each value in the old graph */
    uint32_t *source;   /* of an f32 value: the quantised value it is the meaning of, or 0 */
    uint32_t *same;     /* the value that is read in its place, or 0 */
    uint8_t *is_output; /* of each value of the old graph: 1, it is an output of it */
};

/* Whether a node works on integers in this way, enum infer__op_integers. */
static inline int infer__works_on(const struct infer__node *n, unsigned integers)
{
    return infer__op_traits(n->op)->integers == integers;
}

/* The quantised value that an f32 value is the meaning of, or 0. */
uint32_t infer__integer_source(const struct infer__integer *p, uint32_t v);
/* A new value of the type and shape of `like`, but for its type. */
infer_status infer__integer_value(struct infer__integer *p, uint32_t like, infer_type type,
                                  uint32_t *id);
/* Makes room for what is known of values that were added to the graph. */
infer_status infer__integer_grow(struct infer__integer *p);
/* Appends a node to those written and notes it as the producer of its outputs. */
infer_status infer__integer_emit(struct infer__integer *p, const struct infer__node *n);
/* The node written that produces v, if v is its only output and has one reader; else NULL. */
struct infer__node *infer__integer_sole(const struct infer__integer *p, uint32_t v);

/* What scale and zero point (0: none) of a Quantize- or DequantizeLinear mean, as the plan keeps
 * it: u8 activations and s8 weights, so that `shift` is added to the zero points. *quant is NULL
 * where they are no constants or out of range. */
infer_status infer__integer_quant(struct infer__integer *p, uint32_t scale, uint32_t zero,
                                  int32_t shift, int32_t axis, const struct infer__quant **quant);

/* Turns a written f32 node, whose result in `y` quantisation is q, into an integer node that
 * writes q; `clip` is the Relu or Clip between them, or NULL. *done says whether it could. q 0: the
 * result stays f32. */
infer_status infer__integer_node(struct infer__integer *p, struct infer__node *n,
                                 const struct infer__node *clip, uint32_t q, int *done);
/* x_u8 -> table -> q, where the f32 value x is a function of one quantised value alone, element
 * by element. */
infer_status infer__integer_table(struct infer__integer *p, uint32_t x, uint32_t q, int *done);
/* Appends q = table[from]. */
infer_status infer__integer_emit_table(struct infer__integer *p, const char *name, uint32_t from,
                                       uint32_t q, const uint8_t table[256]);

/* Tables and residual additions into the node before them. */
infer_status infer__integer_fuse(struct infer__graph *g, infer_error *err);

#endif
