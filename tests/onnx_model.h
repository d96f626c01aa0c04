/* ONNX models made by hand: a builder around the structs that protoc-c generates, and a runner
 * for what was imported. Everything lives in the builder's region. */
#ifndef INFER_TESTS_ONNX_MODEL_H
#define INFER_TESTS_ONNX_MODEL_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/model.h"
#include "onnx/onnx.pb-c.h"
#include "tools/onnx/onnx_import.h"

#define ROOM 48 /* nodes, inputs, attributes ...: of each at most this many */

struct builder {
    struct infer__region region;
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    void *bytes;
    size_t size;
};

static inline void *take(struct builder *b, size_t count, size_t size)
{
    void *p = infer__region_calloc(&b->region, count, size);
    assert_non_null(p);
    return p;
}

static inline char *text(struct builder *b, const char *s, size_t len)
{
    char *p = take(b, len + 1, 1);
    memcpy(p, s, len);
    return p;
}

static inline void build_begin(struct builder *b, int64_t opset)
{
    memset(b, 0, sizeof *b);
    infer__region_init(&b->region, NULL);
    onnx__model_proto__init(&b->model);
    onnx__graph_proto__init(&b->graph);
    onnx__operator_set_id_proto__init(&b->opset);
    b->opset.has_version = 1;
    b->opset.version = opset;
    b->opsets[0] = &b->opset;
    b->model.has_ir_version = 1;
    b->model.ir_version = 7;
    b->model.n_opset_import = 1;
    b->model.opset_import = b->opsets;
    b->model.graph = &b->graph;
    b->graph.name = text(b, "g", 1);
    b->graph.node = take(b, ROOM, sizeof(void *));
    b->graph.input = take(b, ROOM, sizeof(void *));
    b->graph.output = take(b, ROOM, sizeof(void *));
    b->graph.initializer = take(b, ROOM, sizeof(void *));
}

static inline void build_end(struct builder *b)
{
    infer__region_free(&b->region);
}

/* "a,b,,c" to four names. */
static inline char **names(struct builder *b, const char *list, size_t *count)
{
    char **all = take(b, ROOM, sizeof *all);
    *count = 0;
    while (list && *list) {
        size_t len = strcspn(list, ",");
        all[(*count)++] = text(b, list, len);
        list += len + (list[len] == ',');
    }
    return all;
}

static inline Onnx__NodeProto *node(struct builder *b, const char *op, const char *in,
                                    const char *out)
{
    Onnx__NodeProto *n = take(b, 1, sizeof *n);
    onnx__node_proto__init(n);
    n->op_type = text(b, op, strlen(op));
    n->input = names(b, in, &n->n_input);
    n->output = names(b, out, &n->n_output);
    n->attribute = take(b, ROOM, sizeof(void *));
    b->graph.node[b->graph.n_node++] = n;
    return n;
}

static inline Onnx__AttributeProto *attr(struct builder *b, Onnx__NodeProto *n, const char *name,
                                         int type)
{
    Onnx__AttributeProto *a = take(b, 1, sizeof *a);
    onnx__attribute_proto__init(a);
    a->name = text(b, name, strlen(name));
    a->has_type = 1;
    a->type = (Onnx__AttributeProto__AttributeType)type;
    n->attribute[n->n_attribute++] = a;
    return a;
}

static inline void attr_int(struct builder *b, Onnx__NodeProto *n, const char *name, int64_t v)
{
    Onnx__AttributeProto *a = attr(b, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    a->has_i = 1;
    a->i = v;
}

static inline void attr_float(struct builder *b, Onnx__NodeProto *n, const char *name, float v)
{
    Onnx__AttributeProto *a = attr(b, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    a->has_f = 1;
    a->f = v;
}

static inline void attr_string(struct builder *b, Onnx__NodeProto *n, const char *name,
                               const char *v)
{
    Onnx__AttributeProto *a = attr(b, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    a->has_s = 1;
    a->s.data = (uint8_t *)text(b, v, strlen(v));
    a->s.len = strlen(v);
}

static inline void attr_ints(struct builder *b, Onnx__NodeProto *n, const char *name,
                             const int64_t *v, size_t count)
{
    Onnx__AttributeProto *a = attr(b, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    a->n_ints = count;
    a->ints = take(b, count, sizeof *v);
    memcpy(a->ints, v, count * sizeof *v);
}

static inline Onnx__TensorProto *tensor(struct builder *b, const char *name, int type, size_t rank,
                                        const int64_t *dims)
{
    Onnx__TensorProto *t = take(b, 1, sizeof *t);
    onnx__tensor_proto__init(t);
    t->name = text(b, name, strlen(name));
    t->has_data_type = 1;
    t->data_type = type;
    t->n_dims = rank;
    t->dims = take(b, rank, sizeof *dims);
    if (rank)
        memcpy(t->dims, dims, rank * sizeof *dims);
    return t;
}

static inline Onnx__TensorProto *raw_tensor(struct builder *b, const char *name, int type,
                                            size_t rank, const int64_t *dims, const void *data,
                                            size_t bytes)
{
    Onnx__TensorProto *t = tensor(b, name, type, rank, dims);
    t->has_raw_data = 1;
    t->raw_data.len = bytes;
    t->raw_data.data = take(b, bytes, 1);
    if (bytes)
        memcpy(t->raw_data.data, data, bytes);
    return t;
}

static inline Onnx__TensorProto *initializer(struct builder *b, Onnx__TensorProto *t)
{
    b->graph.initializer[b->graph.n_initializer++] = t;
    return t;
}

/* An f32 initializer. */
static inline void floats(struct builder *b, const char *name, size_t rank, const int64_t *dims,
                          const float *v)
{
    size_t count = 1;
    for (size_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    initializer(b, raw_tensor(b, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, dims, v,
                              count * sizeof *v));
}

/* An s64 initializer of rank 1. */
static inline void ints(struct builder *b, const char *name, int64_t count, const int64_t *v)
{
    initializer(b, raw_tensor(b, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, &count, v,
                              (size_t)count * sizeof *v));
}

/* A dimension below 0 is free. */
static inline Onnx__ValueInfoProto *value_info(struct builder *b, const char *name, int type,
                                               size_t rank, const int64_t *dims)
{
    Onnx__ValueInfoProto *v = take(b, 1, sizeof *v);
    Onnx__TypeProto *t = take(b, 1, sizeof *t);
    Onnx__TypeProto__Tensor *tt = take(b, 1, sizeof *tt);
    Onnx__TensorShapeProto *s = take(b, 1, sizeof *s);
    onnx__value_info_proto__init(v);
    onnx__type_proto__init(t);
    onnx__type_proto__tensor__init(tt);
    onnx__tensor_shape_proto__init(s);
    v->name = text(b, name, strlen(name));
    v->type = t;
    t->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    t->tensor_type = tt;
    tt->has_elem_type = 1;
    tt->elem_type = type;
    tt->shape = s;
    s->n_dim = rank;
    s->dim = take(b, rank, sizeof(void *));
    for (size_t i = 0; i < rank; i++) {
        s->dim[i] = take(b, 1, sizeof **s->dim);
        onnx__tensor_shape_proto__dimension__init(s->dim[i]);
        if (dims[i] < 0) {
            s->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            s->dim[i]->dim_param = text(b, "n", 1);
        } else {
            s->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            s->dim[i]->dim_value = dims[i];
        }
    }
    return v;
}

static inline void input(struct builder *b, const char *name, int type, size_t rank,
                         const int64_t *dims)
{
    b->graph.input[b->graph.n_input++] = value_info(b, name, type, rank, dims);
}

static inline void output(struct builder *b, const char *name, int type)
{
    Onnx__ValueInfoProto *v = value_info(b, name, type, 0, NULL);
    v->type->tensor_type->shape = NULL;
    b->graph.output[b->graph.n_output++] = v;
}

/* The usual frame: f32 input x of a shape, f32 output y. */
static inline void frame(struct builder *b, int64_t opset, size_t rank, const int64_t *dims)
{
    build_begin(b, opset);
    input(b, "x", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, dims);
    output(b, "y", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
}

static inline void pack(struct builder *b)
{
    b->size = onnx__model_proto__get_packed_size(&b->model);
    b->bytes = take(b, b->size, 1);
    assert_int_equal(onnx__model_proto__pack(&b->model, b->bytes), b->size);
}

/* ---- what came of it ------------------------------------------------------------------------ */

struct imported {
    struct infer__region region;
    struct infer__graph g;
    struct onnx_report report;
    infer_error err;
    infer_status status;
};

static inline void import_bytes(struct imported *i, const void *bytes, size_t size,
                                const char *folder, const struct onnx_import_options *o)
{
    infer__region_init(&i->region, NULL);
    onnx_report_init(&i->report, NULL);
    i->status = onnx_import_memory(bytes, size, folder, o, &i->region, &i->g, &i->report, &i->err);
    assert_int_equal(i->status, i->err.status);
}

static inline void import_free(struct imported *i)
{
    onnx_report_free(&i->report);
    infer__region_free(&i->region);
}

static inline void import_model(struct imported *i, struct builder *b)
{
    pack(b);
    import_bytes(i, b->bytes, b->size, NULL, NULL);
    if (i->status != INFER_OK && i->status != INFER_ERROR_UNSUPPORTED)
        print_message("%s\n", i->err.message);
}

/* Whether the report has a problem of a node that says `what`. */
static inline int reports(const struct imported *i, const char *node_name, const char *what)
{
    for (uint32_t k = 0; k < i->report.count; k++)
        if (!strcmp(i->report.items[k].node, node_name) && strstr(i->report.items[k].what, what) &&
            !i->report.items[k].warning)
            return 1;
    return 0;
}

/* The only node of an operator, NULL if there is none or more than one. */
static inline const struct infer__node *only(const struct infer__graph *g, uint16_t op)
{
    const struct infer__node *found = NULL;
    for (uint32_t i = 0; i < g->nnodes; i++)
        if (g->nodes[i].op == op) {
            if (found)
                return NULL;
            found = &g->nodes[i];
        }
    return found;
}

/* Runs the graph on one f32 input of the graph's own shape; `y` has room for `count` elements,
 * which the output must have. */
static inline void run_graph(const struct infer__graph *g, const float *x, size_t count_x, float *y,
                             size_t count)
{
    struct infer__file_content c = {.graph = g};
    infer_allocator a = infer__allocator(NULL);
    infer_session *session = NULL;
    infer_model *model = NULL;
    infer_error err;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    void *bytes;
    size_t size;
    assert_int_equal(infer__file_write(&c, NULL, &bytes, &size, &err), INFER_OK);
    assert_int_equal(infer_load_memory(bytes, size, NULL, &model, &err), INFER_OK);
    infer_session_options so = INFER_SESSION_OPTIONS_INIT;
    so.threads = 1;
    so.isa = INFER_ISA_C;
    if (infer_session_create(model, &so, &session, &err) != INFER_OK)
        fail_msg("%s: %s", err.node, err.message);
    assert_int_equal(infer_session_input(session, 0, &info, NULL), INFER_OK);
    infer_tensor in = {.type = INFER_F32, .rank = info.rank, .bytes = count_x * sizeof *x},
                 out = {0};
    memcpy(in.dims, info.dims, sizeof in.dims);
    float *copy = malloc(count_x * sizeof *x);
    assert_non_null(copy);
    memcpy(copy, x, count_x * sizeof *x);
    in.data = copy;
    assert_int_equal(infer_run(session, &in, 1, &out, 1, &err), INFER_OK);
    assert_int_equal(out.type, INFER_F32);
    assert_int_equal(infer_tensor_elements(&out), count);
    memcpy(y, out.data, count * sizeof *y);
    free(copy);
    infer_session_free(&session);
    infer_model_free(&model);
    infer__free(&a, bytes);
}

/* ---- random numbers with a printed seed ----------------------------------------------------- */

static inline uint64_t seed_of_run(void)
{
    const char *s = getenv("INFER_SEED");
    uint64_t seed = s ? strtoull(s, NULL, 0) : 0x5eed;
    print_message("INFER_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* xorshift64*: Vigna 2014. */
static inline uint64_t random_bits(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1d;
}

/* Uniform in [lo, hi). */
static inline float random_float(uint64_t *state, float lo, float hi)
{
    return lo + (hi - lo) * (float)(random_bits(state) >> 40) * 0x1p-24f;
}

#endif
