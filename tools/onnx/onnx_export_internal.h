/* What the exporter's files share. */
#ifndef INFER_TOOLS_ONNX_EXPORT_INTERNAL_H
#define INFER_TOOLS_ONNX_EXPORT_INTERNAL_H

#include "graph/control.h"
#include "onnx/onnx.pb-c.h"
#include "tools/onnx/onnx_export.h"

/* A branch or body whose end has not come yet. */
struct export_open {
    const struct infer__node *node; /* If or Loop */
    uint32_t first;                 /* of the nodes that belong to it */
    Onnx__GraphProto *then;         /* the first branch, once it has ended */
};

struct exporter {
    const struct infer__graph *g;
    struct infer__region region; /* owns everything that is made */
    char **names;                /* per value, unique; "" for the absent one */
    Onnx__NodeProto **nodes;
    uint32_t nnodes, capacity;
    uint32_t fresh; /* number of the next name that the exporter makes */
    int64_t opset;
    struct export_open open[INFER__MOST_NESTED];
    uint32_t depth;
    int microsoft; /* 1: there are operators of ONNX Runtime's own */
    infer_error *err;
};

/* Appends the ONNX nodes of one node of the IR (onnx_export_node.c). */
infer_status export_node(struct exporter *x, const struct infer__node *n);
/* If, Loop and what ends them: the nodes between become sub-graphs (onnx_export_control.c). */
infer_status export_control(struct exporter *x, const struct infer__node *n);
/* Appends an ONNX node. */
infer_status export_add(struct exporter *x, const char *op, const char *name, char **in,
                        uint32_t nin, char **out, uint32_t nout, Onnx__NodeProto **node);
/* A name that nothing has yet; NULL without memory. */
char *export_fresh(struct exporter *x);
/* A constant as a tensor, its data shared; `name` may be NULL. NULL without memory. */
Onnx__TensorProto *export_tensor(struct exporter *x, const struct infer__value *v, char *name);
/* What an input or output is called and is; `shape` may be NULL, and so is the type where it is
 * INFER_TYPE_NONE. NULL without memory. */
Onnx__ValueInfoProto *export_value_info(struct exporter *x, char *name, unsigned type,
                                        Onnx__TensorShapeProto *shape);
/* ONNX's number of a type, 0 for none. */
int32_t export_type(unsigned type);

#endif
