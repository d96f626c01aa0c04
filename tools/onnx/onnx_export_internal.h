/* What the exporter's files share. */
#ifndef INFER_TOOLS_ONNX_EXPORT_INTERNAL_H
#define INFER_TOOLS_ONNX_EXPORT_INTERNAL_H

#include "onnx/onnx.pb-c.h"
#include "tools/onnx/onnx_export.h"

struct exporter {
    const struct infer__graph *g;
    struct infer__region region; /* owns everything that is made */
    char **names;                /* per value, unique; "" for the absent one */
    Onnx__NodeProto **nodes;
    uint32_t nnodes, capacity;
    uint32_t fresh; /* number of the next name that the exporter makes */
    int64_t opset;
    int microsoft; /* 1: there are operators of ONNX Runtime's own */
    infer_error *err;
};

/* Appends the ONNX nodes of one node of the IR (onnx_export_node.c). */
infer_status export_node(struct exporter *x, const struct infer__node *n);
/* A constant as a tensor, its data shared; `name` may be NULL. NULL without memory. */
Onnx__TensorProto *export_tensor(struct exporter *x, const struct infer__value *v, char *name);
/* ONNX's number of a type, 0 for none. */
int32_t export_type(unsigned type);

#endif
