/* What the importer's files share. */
#ifndef INFER_TOOLS_ONNX_INTERNAL_H
#define INFER_TOOLS_ONNX_INTERNAL_H

#include "onnx/onnx.pb-c.h"
#include "plan/fold.h"
#include "tools/onnx/onnx_import.h"

/* ---- reading protobuf (onnx_read.c) --------------------------------------------------------- */

/* Pieces from here on are blocks of their own in a region, aligned as its are. */
#define ONNX_ARENA_LARGE ((size_t)64 << 10)

/* Memory for one parsed message, counted so that a small file can't take much. */
struct onnx_arena {
    ProtobufCAllocator protobuf;
    infer_allocator allocator;
    size_t left;                  /* bytes that may still be taken */
    struct infer__region *region; /* that large pieces are from, so that a tensor's data can stay
                                     there when the rest is freed */
};

/* Maps a regular file of at most `max` bytes; NULL where it is empty. Nobody should write to it
 * meanwhile. */
infer_status onnx_map_file(const char *path, uint64_t max, void **bytes, size_t *size,
                           infer_error *err);
void onnx_unmap_file(void *bytes, size_t size);
/* Checks the wire format against `d` without recursion, then parses; large pieces are
 * taken from `region`. *message is freed with
 * protobuf_c_message_free_unpacked(message, &arena->protobuf). */
infer_status onnx_parse(const ProtobufCMessageDescriptor *d, const void *bytes, size_t size,
                        struct infer__region *region, struct onnx_arena *arena,
                        ProtobufCMessage **message, infer_error *err);

/* ---- tensors (onnx_tensor.c, onnx_external.c) ----------------------------------------------- */

/* The type of a TensorProto data type; INFER_TYPE_NONE for those that are not supported. */
infer_type onnx_type(int64_t data_type);
/* The TensorProto data type of a type, 0 for INFER_TYPE_NONE. */
int64_t onnx_number(infer_type type);
/* "FLOAT16", or "?" */
const char *onnx_type_text(int64_t data_type);
/* Of a small type that is held in a larger one: enum infer__float_format, of which E8M0_UP stands
 * for all of its kind, or -1; and the bits of an integer of less than 8, or 0. */
int onnx_float_format(int64_t data_type);
int onnx_integer_bits(int64_t data_type);

/* Where external data may be read from, and how much. */
struct onnx_storage {
    int folder; /* descriptor of the model's folder, -1: there is none */
    uint64_t max_tensor_bytes;
    uint64_t left;            /* bytes of constants that may still be taken */
    struct onnx_arena *arena; /* of the message, which gives up the data of what is decoded, so that
                                 weights are not there twice */
};

/* Decodes a tensor into the arena's region (type kept), once: its data are then the result's. The
 * error's message says what is wrong; it is INFER_ERROR_UNSUPPORTED or INFER_ERROR_FORMAT where
 * only this tensor is to blame. */
infer_status onnx_tensor_decode(const Onnx__TensorProto *p, struct onnx_storage *storage,
                                infer_tensor *t, infer_error *err);
/* f16 and bf16 become f32; other types stay. */
infer_status onnx_tensor_widen(infer_tensor *t, struct infer__region *region, infer_error *err);
/* Opens the file with the external data of a tensor of `bytes` bytes, which lie inside it at
 * *offset. *fd is the caller's, -1 on failure. */
infer_status onnx_external_open(const Onnx__TensorProto *p, int folder, size_t bytes, int *fd,
                                uint64_t *offset, infer_error *err);
infer_status onnx_external_read(int fd, uint64_t offset, void *to, size_t bytes, infer_error *err);

/* ---- names and order (onnx_names.c, onnx_order.c) ------------------------------------------- */

/* ONNX_OUTER: a value of the graph around a branch, which a name of the branch itself hides. */
enum onnx_source { ONNX_INPUT, ONNX_INITIALIZER, ONNX_OUTPUT, ONNX_OUTER };

/* A name of the graph and what it stands for. */
struct onnx_name {
    const char *name;
    uint32_t source; /* enum onnx_source */
    uint32_t index;  /* input, initializer, or node */
    uint32_t value;  /* of the IR; 0 until it is known */
    int rank;        /* as the file states it (value_info), -1 if it does not */
    int type;        /* likewise, an infer_type, before it is widened; 0 if it is not known */
    int elem;        /* likewise, as ONNX numbers it */
    int used;        /* 1: a node reads it, or it is an output of the graph */
};

#define ONNX_NONE UINT32_MAX    /* an input that the node does not have */
#define ONNX_MISSING 0xfffffffe /* an input whose name nothing produces */

struct onnx_names {
    struct onnx_name *items; /* sorted by name */
    uint32_t count;
    uint32_t *first; /* per node: where its inputs begin in refs; one more at the end */
    uint32_t *refs;  /* per input of each node: index of its name, ONNX_NONE or ONNX_MISSING; then
                        the names that its sub-graphs take from this graph */
};

struct onnx_importer;
struct onnx_node;
infer_status onnx_names_build(struct onnx_importer *im);
/* The index of a name in the table, or ONNX_MISSING. */
uint32_t onnx_names_find(const struct onnx_names *names, const char *name);
/* Execution order of the nodes that some output needs: *order and *count. Reports cycles. */
infer_status onnx_order(struct onnx_importer *im, uint32_t **order, uint32_t *count);

/* ---- sub-graphs (onnx_branch.c) ------------------------------------------------------------- */

/* The sub-graph of an attribute, NULL if it has none. */
const Onnx__GraphProto *onnx_subgraph(const Onnx__AttributeProto *a);
/* Reports every node of a node's sub-graphs, at any depth, whose operator is not known. */
infer_status onnx_report_inside(struct onnx_node *n);
/* ---- values that are known at import (onnx_known.c) ------------------------------------------ */

/* Which node makes a value, and what computing constants may still cost. */
struct onnx_known {
    uint32_t *producer;       /* per value: index of its node + 1; 0: none, or not looked at yet */
    uint32_t capacity, nodes; /* values with room, nodes looked at */
    struct infer__budget budget;
};

/* Makes a small value a constant if it depends on constants and known shapes only; *known says
 * whether it is one now. */
infer_status onnx_know(struct onnx_importer *im, uint32_t value, int *known);
/* The type that a value will have, after widening; 0 if it is not known. */
infer_type onnx_value_type(struct onnx_importer *im, uint32_t value);
/* Takes the nodes that onnx_know has computed out of the graph. */
void onnx_drop_known(struct infer__graph *g);

/* ---- the importer --------------------------------------------------------------------------- */

struct onnx_importer {
    const Onnx__ModelProto *model;
    const Onnx__GraphProto *graph;
    const struct onnx_import_options *options;
    struct onnx_storage *storage; /* branches share it */
    struct infer__region scratch; /* lives as long as the import */
    struct infer__graph *g;
    struct onnx_report *report;
    struct onnx_names names;
    struct onnx_importer *outer; /* of a branch: the graph around it; else NULL */
    const char *prefix;          /* of names that are invented for nodes; "" outside branches */
    struct onnx_known *known;
    int may_be_passed; /* 1: in a branch that runs may never take, as shapes do not suit it */
    int64_t opset;     /* of ai.onnx */
    infer_error *err;
};

/* A sub-graph on its way into the graph around it. */
struct onnx_inner {
    struct onnx_importer im;
    const char *what; /* the attribute that has it */
    char prefix[200];
};

/* A node on its way into the IR. */
struct onnx_node {
    struct onnx_importer *im;
    const Onnx__NodeProto *proto;
    const char *name;   /* invented where the model has none */
    const char *op;     /* never NULL */
    const char *domain; /* never NULL; "" for ai.onnx */
    int64_t opset;      /* of its domain */
    uint16_t ir_op;     /* of its row in the table */
    uint32_t nin, nout; /* absent ones at the end are cut off */
    uint32_t *in;       /* values; 0 where absent */
    uint64_t used;      /* bit i: attribute i has been looked at */
    int failed;         /* a problem has been reported */
    uint32_t resolved;  /* nodes of the IR before this number need no more resolving */
};

/* Whether a node's operator is the application's (onnx_ops_custom.c). */
int onnx_is_custom(const struct onnx_node *n);

/* ---- sub-graphs in place of a call (onnx_branch.c) ------------------------------------------- */

/* Reads the names of a sub-graph, which attribute `what` of the node has. To be ended in any case.
 */
infer_status onnx_inner_begin(struct onnx_node *n, const char *what, const Onnx__GraphProto *graph,
                              struct onnx_inner *inner);
/* Whether something in it reads input i. */
int onnx_inner_reads(const struct onnx_inner *inner, uint32_t i);
/* Puts its nodes in place of the call: its inputs are the values `in`, and *out its first `nout`
 * outputs. */
infer_status onnx_inner_run(struct onnx_node *n, struct onnx_inner *inner, const uint32_t *in,
                            uint32_t nin, uint32_t *out, uint32_t nout);
void onnx_inner_end(struct onnx_inner *inner);
/* All of it. */
infer_status onnx_inline(struct onnx_node *n, const char *what, const Onnx__GraphProto *graph,
                         const uint32_t *in, uint32_t nin, uint32_t *out, uint32_t nout);

typedef infer_status (*onnx_convert)(struct onnx_node *n);

/* Operators of one name, from opset `first` to `last`. */
struct onnx_op {
    const char *domain, *name;
    int first, last;
    uint16_t ir_op;
    onnx_convert convert;
};

#define ONNX_DOMAIN(domain) (!(domain) || !strcmp(domain, "ai.onnx") ? "" : (domain))

/* The value of a name; an initializer is decoded when it is first asked for, so that unused ones
 * cost nothing. 0 if it has none, which has been reported. */
infer_status onnx_value_of(struct onnx_importer *im, uint32_t ref, uint32_t *value);
/* Converts the nodes that the outputs of im->graph need; im->names is ready. */
infer_status onnx_add_nodes(struct onnx_importer *im);
int64_t onnx_domain_opset(const struct onnx_importer *im, const char *domain);

/* The row of an operator. If the name is known but not at this opset: NULL, and *first and *last
 * say which are; *last is 0 if the name is not known at all. */
const struct onnx_op *onnx_op_find(const char *domain, const char *name, int64_t opset, int *first,
                                   int *last);

/* ---- what a model tells of itself (onnx_about.c) --------------------------------------------- */

/* Fills options->about, if it is there, from a model whose graph is whole. */
infer_status onnx_about(struct onnx_importer *im);

/* ---- reporting (onnx_report.c) -------------------------------------------------------------- */

/* Adds an entry to the report; `what` is copied. */
infer_status onnx_report_add(struct onnx_importer *im, const struct onnx_problem *p);
infer_status onnx_report_model(struct onnx_importer *im, int warning, const char *name,
                               const char *advice, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* A problem of a node, which thereby has failed; `attribute` and `advice` may be NULL. */
infer_status onnx_fail(struct onnx_node *n, const char *attribute, const char *advice,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));
infer_status onnx_warn(struct onnx_node *n, const char *attribute, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- attributes of a node (onnx_attr.c) ----------------------------------------------------- */

/* The type of an attribute, also of a file that does not state it. */
int onnx_attr_type(const Onnx__AttributeProto *a);
/* An attribute, marked as looked at; NULL if the node does not have it. */
const Onnx__AttributeProto *onnx_attr(struct onnx_node *n, const char *name);
/* Values of an attribute, `otherwise` where it is absent. A wrong type fails the node. */
infer_status onnx_int(struct onnx_node *n, const char *name, int64_t otherwise, int64_t *v);
infer_status onnx_float(struct onnx_node *n, const char *name, float otherwise, float *v);
infer_status onnx_string(struct onnx_node *n, const char *name, const char *otherwise,
                         const char **v);
/* *v is NULL and *count 0 where it is absent; an empty list is not NULL. */
infer_status onnx_ints(struct onnx_node *n, const char *name, const int64_t **v, uint32_t *count);
infer_status onnx_floats(struct onnx_node *n, const char *name, const float **v, uint32_t *count);
/* A string out of a list of words that ends with NULL: its index. */
infer_status onnx_word(struct onnx_node *n, const char *name, const char *const *words,
                       int64_t otherwise, int64_t *v);
/* Attributes that mean nothing to inference; the list ends with NULL. */
void onnx_ignore(struct onnx_node *n, const char *const *names);
/* Copies all attributes that have not been looked at to an IR node which may have them. */
infer_status onnx_copy_attrs(struct onnx_node *n, struct infer__node *node);
/* Fails the node for each attribute that nobody has looked at. */
infer_status onnx_check_attrs(struct onnx_node *n);

/* ---- building (onnx_build.c) ---------------------------------------------------------------- */

/* The value of output i of the ONNX node, made and bound to its name; 0 where it is absent. */
infer_status onnx_out(struct onnx_node *n, uint32_t i, uint32_t *value);
/* A value between nodes, named after the ONNX node. */
infer_status onnx_temp(struct onnx_node *n, const char *suffix, uint32_t *value);
/* A node of the IR with given inputs and outputs. */
infer_status onnx_emit(struct onnx_node *n, uint16_t op, const uint32_t *in, uint32_t nin,
                       const uint32_t *out, uint32_t nout, struct infer__node **node);
/* A node with one output, a new value between nodes. */
infer_status onnx_emit_temp(struct onnx_node *n, uint16_t op, const char *suffix,
                            const uint32_t *in, uint32_t nin, uint32_t *out);
/* A node with one output, output 0 of the ONNX node. */
infer_status onnx_emit_last(struct onnx_node *n, uint16_t op, const uint32_t *in, uint32_t nin);
infer_status onnx_set_int(struct onnx_node *n, struct infer__node *node, uint16_t key, int64_t v);

/* Constants. Vectors have rank 1; count 0 gives an empty one. */
infer_status onnx_const_ints(struct onnx_node *n, const char *suffix, const int64_t *v,
                             uint32_t count, uint32_t *value);
/* A scalar of type f32, or of f64 where `like` is known to be f64. */
infer_status onnx_const_scalar(struct onnx_node *n, const char *suffix, double v, uint32_t like,
                               uint32_t *value);
infer_status onnx_const_floats(struct onnx_node *n, const char *suffix, const float *v, int rank,
                               const int64_t *dims, uint32_t *value);
/* Adds a decoded tensor, f16 widened, as a constant. */
infer_status onnx_const_tensor(struct onnx_importer *im, const char *name,
                               const Onnx__TensorProto *p, uint32_t *value, infer_error *err);

/* ---- expressions (onnx_expr.c) --------------------------------------------------------------- */

/* Operators that are several nodes of the IR are written as expressions of values: each call adds a
 * node with one output and returns it. The first failure stays in `status`, and what follows does
 * nothing; onnx_expr_end hands it on. */
struct onnx_expr {
    struct onnx_node *n;
    infer_status status;
    uint32_t count;           /* of nodes and constants, for their names */
    struct infer__node *last; /* the node that was added last, for its attributes */
};

struct onnx_expr onnx_expr(struct onnx_node *n);
uint32_t onnx_e(struct onnx_expr *e, uint16_t op, const uint32_t *in, uint32_t nin);
#define ONNX_E(e, op, ...)                                                                         \
    onnx_e((e), INFER__OP_##op, (const uint32_t[]){__VA_ARGS__},                                   \
           (uint32_t)(sizeof(const uint32_t[]){__VA_ARGS__} / sizeof(uint32_t)))
/* Attributes of the node that was added last. */
void onnx_e_int(struct onnx_expr *e, uint16_t key, int64_t v);
void onnx_e_ints(struct onnx_expr *e, uint16_t key, const int64_t *v, uint32_t count);
void onnx_e_float(struct onnx_expr *e, uint16_t key, float v);
/* Constants: a number of type f32, or f64 where input 0 is; a number of any type; one of s64, which
 * a double may not hold; a list of s64; a list of f32. */
uint32_t onnx_e_number(struct onnx_expr *e, double v);
uint32_t onnx_e_scalar(struct onnx_expr *e, infer_type type, double v);
uint32_t onnx_e_integer(struct onnx_expr *e, int64_t v);
uint32_t onnx_e_list(struct onnx_expr *e, const int64_t *v, uint32_t count);
#define ONNX_LIST(e, ...)                                                                          \
    onnx_e_list((e), (const int64_t[]){__VA_ARGS__},                                               \
                (uint32_t)(sizeof(const int64_t[]){__VA_ARGS__} / sizeof(int64_t)))
uint32_t onnx_e_floats(struct onnx_expr *e, const float *v, uint32_t count);
uint32_t onnx_e_cast(struct onnx_expr *e, uint32_t x, infer_type to);
/* A reduction over `axes`, a value (0: all axes). */
uint32_t onnx_e_reduce(struct onnx_expr *e, uint16_t op, uint32_t x, uint32_t axes, int keepdims);
/* Makes `value` output i of the ONNX node; nothing where the output is absent. */
void onnx_e_out(struct onnx_expr *e, uint32_t i, uint32_t value);
/* 0, 1 ... up to `count`, a scalar of s64, with `behind` axes of size 1 behind (onnx_ops_fill.c);
 * the same up to the size of an axis of x, which is counted from the back, and standing along it.
 */
uint32_t onnx_e_counted(struct onnx_expr *e, uint32_t count, int64_t behind);
uint32_t onnx_e_along(struct onnx_expr *e, uint32_t x, int64_t axis);
/* x with its last two axes swapped; x with its channels brought from the last axis to axis 1
 * (`first`), or back (onnx_ops_fused.c). */
uint32_t onnx_e_swapped(struct onnx_expr *e, uint32_t x, int rank);
uint32_t onnx_e_channels(struct onnx_expr *e, uint32_t x, int rank, int first);

/* Returns from a converter that has failed its node. */
#define TRY_NODE(n, call)                                                                          \
    do {                                                                                           \
        TRY(call);                                                                                 \
        if ((n)->failed)                                                                           \
            return INFER_OK;                                                                       \
    } while (0)
/* Fails the node unless it has at least `least` inputs, those present, and at most `most`. */
infer_status onnx_takes(struct onnx_node *n, uint32_t least, uint32_t most);
/* An axis of input 0 as one that is counted from the back: the rank must be known where it is
 * counted from the front. */
infer_status onnx_from_back(struct onnx_node *n, int64_t *axis);
/* What a type is widened to on import: half floats to f32. */
static inline infer_type onnx_widened(infer_type type)
{
    return type == INFER_F16 || type == INFER_BF16 ? INFER_F32 : type;
}

/* The rank of input i, -1 if it is not known. */
int onnx_rank(const struct onnx_node *n, uint32_t i);
/* The type of input i, INFER_TYPE_NONE if it is not known. */
infer_type onnx_in_type(const struct onnx_node *n, uint32_t i);
/* The type of input i as the file states it, ONNX's number; 0 if it does not. */
int64_t onnx_stated(const struct onnx_node *n, uint32_t i);
/* Input i, NULL if it is absent. */
const struct infer__value *onnx_in(const struct onnx_node *n, uint32_t i);
/* Integers of a constant input: 1 and *v and *count, or 0 if it is no constant of integers. */
int onnx_in_ints(const struct onnx_node *n, uint32_t i, int64_t *v, uint32_t max, uint32_t *count);

/* ---- converters (onnx_ops_*.c) -------------------------------------------------------------- */

infer_status onnx_convert_plain(struct onnx_node *n);
#define ONNX_CONVERTER(name) infer_status onnx_convert_##name(struct onnx_node *n)
/* element-wise (onnx_ops_math.c) */
ONNX_CONVERTER(binary_old);
ONNX_CONVERTER(prelu_old);
ONNX_CONVERTER(mean);
ONNX_CONVERTER(clip_old);
ONNX_CONVERTER(cast);
ONNX_CONVERTER(selu);
ONNX_CONVERTER(softsign);
ONNX_CONVERTER(mod);
ONNX_CONVERTER(gemm);
ONNX_CONVERTER(affine);
ONNX_CONVERTER(image_scaler);
ONNX_CONVERTER(cast_like);
/* element-wise functions of several nodes (onnx_ops_activation.c) */
ONNX_CONVERTER(gelu);
ONNX_CONVERTER(bias_gelu);
ONNX_CONVERTER(swish);
ONNX_CONVERTER(celu);
ONNX_CONVERTER(thresholded_relu);
ONNX_CONVERTER(shrink);
ONNX_CONVERTER(sign);
ONNX_CONVERTER(is_nan);
ONNX_CONVERTER(is_inf);
ONNX_CONVERTER(xor);
ONNX_CONVERTER(function);
ONNX_CONVERTER(swiglu);
/* normalisations of several nodes (onnx_ops_norm.c) */
ONNX_CONVERTER(rms_norm);
ONNX_CONVERTER(skip_norm);
ONNX_CONVERTER(group_norm);
ONNX_CONVERTER(mean_variance_norm);
ONNX_CONVERTER(lp_norm);
infer_status onnx_batch_norm_training(struct onnx_node *n, float epsilon, float momentum);
/* attention (onnx_ops_attention.c) */
ONNX_CONVERTER(attention);
ONNX_CONVERTER(flex_attention);
ONNX_CONVERTER(multi_head_attention);
ONNX_CONVERTER(runtime_attention);
ONNX_CONVERTER(rotary_embedding);
/* positions (onnx_ops_fill.c) */
ONNX_CONVERTER(trilu);
ONNX_CONVERTER(eye_like);
ONNX_CONVERTER(one_hot);
ONNX_CONVERTER(hardmax);
ONNX_CONVERTER(size);
/* onnx_ops_loss.c, onnx_ops_einsum.c */
ONNX_CONVERTER(loss);
ONNX_CONVERTER(einsum);
/* what ONNX Runtime's optimiser writes (onnx_ops_fused.c) */
ONNX_CONVERTER(fused_conv);
ONNX_CONVERTER(fused_gemm);
ONNX_CONVERTER(fused_matmul);
ONNX_CONVERTER(dynamic_matmul);
ONNX_CONVERTER(integer_matmul);
ONNX_CONVERTER(nhwc_max_pool);
/* networks (onnx_ops_nn.c) */
ONNX_CONVERTER(softmax_old);
ONNX_CONVERTER(dropout);
ONNX_CONVERTER(batch_norm);
ONNX_CONVERTER(layer_norm);
ONNX_CONVERTER(reduce_old);
ONNX_CONVERTER(reduce_composed);
ONNX_CONVERTER(reduce_log_sum_exp);
ONNX_CONVERTER(reduce_extreme);
ONNX_CONVERTER(global_lp_pool);
ONNX_CONVERTER(upsample);
ONNX_CONVERTER(resize10);
ONNX_CONVERTER(resize);
ONNX_CONVERTER(depth_to_space);
ONNX_CONVERTER(space_to_depth);
/* shapes (onnx_ops_shape.c) */
ONNX_CONVERTER(constant);
ONNX_CONVERTER(constant_of_shape);
ONNX_CONVERTER(pad_old);
ONNX_CONVERTER(pad);
ONNX_CONVERTER(slice_old);
ONNX_CONVERTER(axes_old);
ONNX_CONVERTER(split);
ONNX_CONVERTER(reshape_old);
ONNX_CONVERTER(tile_old);
ONNX_CONVERTER(concat_old);
ONNX_CONVERTER(gather);
ONNX_CONVERTER(range);
ONNX_CONVERTER(crop);
/* elements from computed places, or to them (onnx_ops_gather.c) */
ONNX_CONVERTER(scatter);
ONNX_CONVERTER(reverse_sequence);
ONNX_CONVERTER(tensor_scatter);
ONNX_CONVERTER(max_unpool);
ONNX_CONVERTER(col2im);
ONNX_CONVERTER(center_crop_pad);
/* pictures read at any place (onnx_ops_sample.c) */
ONNX_CONVERTER(grid_sample);
ONNX_CONVERTER(roi_align);
ONNX_CONVERTER(max_roi_pool);
ONNX_CONVERTER(affine_grid);
/* random numbers (onnx_ops_random.c) */
ONNX_CONVERTER(random);
ONNX_CONVERTER(bernoulli);
ONNX_CONVERTER(multinomial);
/* bits of integers (onnx_ops_bits.c) */
ONNX_CONVERTER(bit_shift);
ONNX_CONVERTER(bitwise_not);
ONNX_CONVERTER(bit_cast);
/* signals (onnx_ops_signal.c) */
ONNX_CONVERTER(window);
ONNX_CONVERTER(dft);
ONNX_CONVERTER(stft);
ONNX_CONVERTER(mel_weights);
/* sequences (onnx_ops_linear.c) */
ONNX_CONVERTER(causal_conv);
ONNX_CONVERTER(linear_attention);
/* recurrent layers (onnx_ops_recurrent.c) */
ONNX_CONVERTER(recurrent);
ONNX_CONVERTER(top_k_old);
/* control flow (onnx_branch.c) */
ONNX_CONVERTER(if);
ONNX_CONVERTER(custom);
ONNX_CONVERTER(loop);
ONNX_CONVERTER(scan);
/* quantisation (onnx_ops_quant.c) */
ONNX_CONVERTER(quantize);
ONNX_CONVERTER(dequantize);
ONNX_CONVERTER(dynamic_quantize);
/* operators with quantised operands (onnx_ops_qlinear.c) */
ONNX_CONVERTER(qlinear_conv);
ONNX_CONVERTER(qlinear_matmul);
ONNX_CONVERTER(qlinear_binary);
ONNX_CONVERTER(qlinear_unary);
ONNX_CONVERTER(qlinear_concat);
ONNX_CONVERTER(qlinear_where);
ONNX_CONVERTER(qgemm);
ONNX_CONVERTER(integer);

#endif
