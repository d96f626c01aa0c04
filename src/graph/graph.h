/* The IR: a flat graph of values and nodes.
 *
 * A value is produced once: by a node, as an input of the graph, or as a constant. Value 0 is the
 * absent value, for optional inputs and outputs that a node does not have. Nodes stand in
 * execution order: every input of node i is an input of the graph, a constant, or an output of a
 * node before i, so there can be no cycle. Tensors have ONNX's meaning and layout (N, C, H, W);
 * physical layouts are the plan's business.
 *
 * The same structure serves the file (shapes of inputs and constants only), the converter and
 * the plan (all shapes concrete, after infer__resolve).
 */
#ifndef INFER_GRAPH_GRAPH_H
#define INFER_GRAPH_GRAPH_H

#include "base/memory.h"
#include "base/status.h"

/* Operators, one per row of ops.def. 0 is no operator. */
enum infer__op {
    INFER__OP_NONE = 0,
#define OP(id, ...) INFER__OP_##id,
#include "graph/ops.def"
#undef OP
    INFER__OP_COUNT
};

/* Attributes, one per row of attrs.def; fewer than 64, so that a set of them is a mask. */
enum infer__attr_key {
    INFER__ATTR_NONE = 0,
#define ATTR(id, ...) INFER__ATTR_##id,
#include "graph/attrs.def"
#undef ATTR
    INFER__ATTR_COUNT
};

enum infer__attr_type { INFER__ATTR_INTS = 1, INFER__ATTR_FLOATS = 2 };

struct infer__attr {
    uint16_t key;
    uint16_t type;  /* enum infer__attr_type; must be the row's */
    uint32_t count; /* 1 for a scalar */
    union {
        const int64_t *ints;
        const float *floats;
    };
};

enum infer__value_kind {
    INFER__VALUE_NODE = 0, /* produced by a node */
    INFER__VALUE_INPUT = 1,
    INFER__VALUE_CONST = 2
};

/* What the integers of a quantised tensor mean: real = scale * (q - zero). The plan gives it to
 * values; in a file quantisation is the nodes QuantizeLinear and DequantizeLinear. */
struct infer__quant {
    uint32_t count;      /* 1: of the whole tensor; else one of each index along `axis` */
    int32_t axis;        /* of the value, in the graph's layout */
    const float *scale;  /* `count` of them, positive and finite */
    const int32_t *zero; /* `count` of them, in the range of the tensor's type */
};

/* What a plan knows of a value whose size, or which as a size, depends on what a run is given. */
struct infer__bound {
    int64_t most;         /* that the caller says: the largest size, or number; -1: not said */
    int32_t axis;         /* of that size; -1: of the first axis that has none */
    const void *at_least; /* of integers: bounds of each element, in the value's type; NULL: none */
    const void *at_most;
};

struct infer__value {
    uint8_t type;       /* infer_type; INFER_TYPE_NONE while unknown */
    uint8_t rank;       /* 0 to INFER_MAX_RANK */
    uint8_t kind;       /* enum infer__value_kind */
    uint8_t shaped;     /* 1 once type, rank and dims are known and concrete */
    uint32_t free_dims; /* inputs and outputs of a file: bit i set means dims[i] is free (and 0); of
                           a shaped value: that dims[i] is the most, and each run tells how much */
    int64_t dims[INFER_MAX_RANK];
    const char *name; /* never NULL, may be empty */
    const void *data; /* of a constant: dense, 64-byte aligned where it comes from a file */
    const struct infer__quant *quant; /* in a plan, of a quantised value; else NULL */
    struct infer__bound *bound;       /* in a plan; NULL: there is nothing to know */
};

/* Whether two tensors' integers mean the same, or neither is quantised. */
int infer__quant_same(const struct infer__quant *a, const struct infer__quant *b);

/* What stands behind the sum of an integer node (u8 or s8 operands, u8 result), in this order; the
 * one requantisation, docs/quantization.md:
 *
 *   a = clamp(rint(acc * m) + zero, lo, hi)     m = x_scale * w_scale[channel] / scale, in f32
 *   a = table[a]                                where there is a table
 *   a = clamp(rint(fma(r, residual_ratio, fma(a, ratio, fixed))), add_lo, add_hi)
 *                                               where the epilogue has a residual r (u8); with
 *                     fma(a, ratio, fma(r, residual_ratio, fixed)) where residual_inner is 1
 */
struct infer__requant {
    float scale;
    int32_t zero, lo, hi; /* 0 <= lo <= hi <= 255 */
    const uint8_t *table; /* 256 entries, or NULL */
    float ratio, residual_ratio, fixed;
    int32_t add_lo, add_hi;
    int32_t residual_inner;
};

/* What the plan fuses behind a node: y = act(node(x) + residual). Empty in a file. */
struct infer__epilogue {
    uint16_t act;      /* operator of an activation, or INFER__OP_NONE */
    uint16_t residual; /* 1: the node's last input is added before the activation */
    float alpha, beta; /* the activation's attributes; Clip: lower and upper bound */
    const struct infer__requant *requant; /* of an integer node; else NULL */
};

struct infer__node {
    uint16_t op;
    uint16_t nattr;
    uint32_t nin, nout;
    uint32_t *in, *out; /* value numbers; 0 where absent */
    const struct infer__attr *attr;
    const char *name; /* never NULL */
    struct infer__epilogue epi;
    const struct infer__epilogue *inner; /* ConvChain: behind its expansion and its depthwise; else
                                            NULL */
};

struct infer__customs;

struct infer__graph {
    struct infer__region *region; /* owns every array and string below */
    struct infer__value *values;  /* values[0] is the absent value */
    struct infer__node *nodes;
    uint32_t nvalues, nnodes;
    uint32_t values_capacity, nodes_capacity;
    uint32_t *inputs, *outputs;
    uint32_t ninputs, noutputs;
    const struct infer__customs *customs; /* operators of the application's; NULL: there are none */
};

/* ---- building ------------------------------------------------------------------------------- */

/* An empty graph with its absent value, in `region`. */
infer_status infer__graph_init(struct infer__graph *g, struct infer__region *region,
                               infer_error *err);
/* Adds a value of unknown type and sets *id. `name` is copied. */
infer_status infer__graph_add_value(struct infer__graph *g, const char *name, uint32_t *id,
                                    infer_error *err);
/* Adds a constant whose data is copied into the region (`copy`) or referred to. */
infer_status infer__graph_add_const(struct infer__graph *g, const char *name, infer_type type,
                                    int rank, const int64_t *dims, const void *data, int copy,
                                    uint32_t *id, infer_error *err);
/* Appends a node; `in` and `out` are copied, attributes are set afterwards. */
infer_status infer__graph_add_node(struct infer__graph *g, uint16_t op, const char *name,
                                   const uint32_t *in, uint32_t nin, const uint32_t *out,
                                   uint32_t nout, struct infer__node **node, infer_error *err);
/* Sets an attribute (replacing one of the same key); the values are copied. */
infer_status infer__node_set_ints(struct infer__graph *g, struct infer__node *n, uint16_t key,
                                  const int64_t *v, uint32_t count, infer_error *err);
infer_status infer__node_set_floats(struct infer__graph *g, struct infer__node *n, uint16_t key,
                                    const float *v, uint32_t count, infer_error *err);
/* A copy of `from` in `region`: its own arrays, names and attributes shared with `from`, the data
 * of constants too. */
infer_status infer__graph_copy(struct infer__graph *to, const struct infer__graph *from,
                               struct infer__region *region, infer_error *err);

/* ---- reading -------------------------------------------------------------------------------- */

const struct infer__attr *infer__node_attr(const struct infer__node *n, uint16_t key);
int64_t infer__node_int(const struct infer__node *n, uint16_t key, int64_t otherwise);
float infer__node_float(const struct infer__node *n, uint16_t key, float otherwise);

/* Elements and bytes of a shaped value; its shape has been checked, so they can't wrap. */
int64_t infer__value_elements(const struct infer__value *v);
size_t infer__value_bytes(const struct infer__value *v);

/* "1x3x224x224 f32" into `text` of `size` bytes; returns text. */
char *infer__value_text(const struct infer__value *v, char *text, size_t size);

/* ---- operators ------------------------------------------------------------------------------ */

enum infer__layout_class {
    INFER__LAYOUT_ANY,   /* works on any order of axes, as long as all operands share it */
    INFER__LAYOUT_CLAST, /* works on channels-last tensors (N, D, H, W, C) */
    INFER__LAYOUT_PLAIN  /* works on ONNX's order of axes */
};

struct infer__resolve;
struct infer__op_info {
    const char *name;                         /* ONNX's spelling */
    uint8_t min_in, max_in, min_out, max_out; /* 255: any number */
    uint8_t layout;                           /* enum infer__layout_class */
    uint8_t internal;                         /* 1: made by the plan only, never in a file */
    uint64_t attrs;                           /* mask of the attributes that it may have */
    infer_status (*resolve)(struct infer__resolve *r);
};

/* The row of an operator; of INFER__OP_NONE and of numbers that are none: a row without a name. */
const struct infer__op_info *infer__op_info(unsigned op);
/* The operator of an ONNX name; INFER__OP_NONE if there is none. */
uint16_t infer__op_find(const char *name);
const char *infer__attr_name(unsigned key);
/* enum infer__attr_type of a key, 0 for a number that is none. */
unsigned infer__attr_kind(unsigned key);
/* The key of an ONNX attribute name, INFER__ATTR_NONE if there is none. */
uint16_t infer__attr_find(const char *name);

/* Checks everything about a graph that does not need shapes: numbers of values in range, one
 * producer each, order, arity, attributes, constants with data. The error names the node. */
infer_status infer__graph_verify(const struct infer__graph *g, infer_error *err);

#endif
