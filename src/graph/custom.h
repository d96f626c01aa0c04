/* Operators of the application's own. In a graph such a node is Custom, and its first operand is a
 * descriptor: a constant of u8 with the domain, the name and the attributes,
 *
 *   domain, name              strings that end with a zero
 *   for each attribute:       its name, the same; a byte, enum infer__custom_type; its count as
 * u32; then so many s64 or f32, or characters and a zero behind them
 *
 * without gaps, numbers little-endian. */
#ifndef INFER_GRAPH_CUSTOM_H
#define INFER_GRAPH_CUSTOM_H

#include "graph/graph.h"
#include "infer_experimental.h"

enum infer__custom_type {
    INFER__CUSTOM_INTS = 1,
    INFER__CUSTOM_FLOATS = 2,
    INFER__CUSTOM_STRING = 3
};

/* Operands and results of a node together, at most. */
enum { INFER__CUSTOM_OPERANDS = 64, INFER__CUSTOM_PARTS = 65536 };

struct infer__custom_attr {
    const char *name;
    uint32_t type, count;
    union {
        const int64_t *ints;
        const float *floats;
        const char *string;
    };
};

struct infer_custom_node {
    const void *descriptor; /* by which nodes are found */
    const char *domain, *name;
    struct infer__custom_attr *attrs;
    uint32_t nattrs;
};

/* What a model was loaded with. */
struct infer__customs {
    const infer_custom_op *ops;
    size_t nops;
    struct infer_custom_node *nodes; /* sorted by descriptor */
    uint32_t nnodes;
};

/* Checks the descriptor of a Custom node. Part of infer__graph_verify. */
infer_status infer__custom_verify(const struct infer__graph *g, const struct infer__node *n,
                                  infer_error *err);
/* Reads the descriptors of a verified graph, and sets g->customs, which is of the region. Operators
 * are copied. */
infer_status infer__customs_read(struct infer__graph *g, const infer_custom_op *ops, size_t nops,
                                 struct infer__region *region, infer_error *err);

#endif
