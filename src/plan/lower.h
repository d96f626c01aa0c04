/* What the files of the lowering share: tensors of values in one layout or another. */
#ifndef INFER_PLAN_LOWER_H
#define INFER_PLAN_LOWER_H

#include "graph/control.h"
#include "plan/plan.h"
#include "plan/uses.h"

/* The tensors that hold a value so far; 0: not in this layout. A third layout is that of a picture
 * whose axes a Reshape has parted, for a Transpose: N, spatial axes, channels, of which there are
 * so many axes each. */
struct infer__layouts {
    uint32_t plain, clast, parted;
    uint8_t batch_axes, channel_axes;
    uint8_t depth; /* branches and bodies around where the value was made */
};

/* The tensors of a value as they were before a branch or body made others of it. */
struct infer__noted {
    uint32_t value;
    struct infer__layouts before;
};

struct infer__lowerer {
    struct infer__plan *plan;
    const struct infer__plan_options *options;
    struct infer__layouts *map; /* per value */
    struct infer__uses uses;
    uint32_t *ids; /* of the operands of the step that is being made */
    uint32_t ids_capacity;
    struct infer__noted *noted; /* inside the branches and bodies that the node stands in */
    uint32_t nnoted, noted_capacity;
    uint32_t scopes[INFER__MOST_NESTED]; /* of each of them: where its own begin in `noted` */
    uint32_t depth;
    infer_error *err;
};

/* Axis of a channels-last tensor that holds axis `axis` of an N, C, spatial... value. */
static inline int infer__clast_axis(int axis, int rank)
{
    return axis == 0 ? 0 : axis == 1 ? rank - 1 : axis - 1;
}

/* The same for a parted picture. */
static inline int infer__parted_axis(const struct infer__layouts *p, int axis, int rank)
{
    int channels = p->batch_axes + p->channel_axes; /* behind them, in the graph */
    return axis < p->batch_axes ? axis
           : axis < channels    ? axis + rank - channels
                                : axis - p->channel_axes;
}

/* Whether both layouts of a shape have the same order of bytes. */
int infer__layout_trivial(const int64_t *dims, int rank);

/* A new tensor of a value in a layout, with its physical dims; not yet in the map. */
infer_status infer__tensor_add(struct infer__lowerer *l, const struct infer__value *v,
                               uint32_t value, int clast, uint32_t *tensor);
/* Makes `tensor` share the bytes of `of`. */
void infer__tensor_alias(struct infer__plan *plan, uint32_t tensor, uint32_t of);
/* Notes that a value is in a tensor. */
infer_status infer__tensor_note(struct infer__lowerer *l, uint32_t value, uint32_t tensor);
/* The value in the layout asked for: there already, a view, a constant laid out anew, or the
 * result of a transposing step. */
infer_status infer__tensor_want(struct infer__lowerer *l, uint32_t value, int clast,
                                uint32_t *tensor);
/* The same for an operand that is broadcast to `rank` axes: a value of lower rank gets leading
 * axes of 1. */
infer_status infer__tensor_broadcast(struct infer__lowerer *l, uint32_t value, int rank, int clast,
                                     uint32_t *tensor);
/* Whether infer__tensor_broadcast can serve channels-last without running anything twice. */
int infer__tensor_can_broadcast(const struct infer__lowerer *l, uint32_t value, int rank);

/* Appends a step; operands are copied from the tensors when all steps are known. */
infer_status infer__step_add(struct infer__lowerer *l, const struct infer__node *n, uint16_t op,
                             const union infer__params *p, const uint32_t *in, uint32_t nin,
                             const uint32_t *out, uint32_t nout);

/* Parameters of an operator that takes any layout, in channels-last order (lower_node.c). */
void infer__params_to_clast(unsigned op, union infer__params *p, int rank);
/* Lowers one node (lower_node.c). */
infer_status infer__lower_node(struct infer__lowerer *l, const struct infer__node *n);
/* If, Else, EndIf, Loop, EndLoop (lower_control.c). */
infer_status infer__lower_control(struct infer__lowerer *l, const struct infer__node *n,
                                  const union infer__params *p);
/* Those that are views where the layout allows it (lower_view.c). */
infer_status infer__lower_reshape(struct infer__lowerer *l, const struct infer__node *n);
infer_status infer__lower_identity(struct infer__lowerer *l, const struct infer__node *n);
infer_status infer__lower_transpose(struct infer__lowerer *l, const struct infer__node *n,
                                    const union infer__params *p);

#endif
