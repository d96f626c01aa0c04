/* The graph, its tensors and their names as an ONNX model, packed by protobuf. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/onnx/onnx_export_internal.h"
#include "tools/onnx/optimise.h"

/* Protobuf's own limit. */
#define MOST_BYTES INT32_MAX

int32_t export_type(unsigned type)
{
    static const int32_t types[] = {
        [INFER_F32] = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
        [INFER_F16] = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16,
        [INFER_BF16] = ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16,
        [INFER_F64] = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
        [INFER_S8] = ONNX__TENSOR_PROTO__DATA_TYPE__INT8,
        [INFER_U8] = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8,
        [INFER_S16] = ONNX__TENSOR_PROTO__DATA_TYPE__INT16,
        [INFER_U16] = ONNX__TENSOR_PROTO__DATA_TYPE__UINT16,
        [INFER_S32] = ONNX__TENSOR_PROTO__DATA_TYPE__INT32,
        [INFER_U32] = ONNX__TENSOR_PROTO__DATA_TYPE__UINT32,
        [INFER_S64] = ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
        [INFER_U64] = ONNX__TENSOR_PROTO__DATA_TYPE__UINT64,
        [INFER_BOOL] = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL,
    };
    return type < sizeof types / sizeof *types ? types[type] : 0;
}

static infer_status no_memory(struct exporter *x)
{
    return infer__no_memory(x->err, x->g->nvalues * sizeof(char *));
}

/* ---- names ---------------------------------------------------------------------------------- */

struct named {
    const char *name;
    uint32_t value;
    int first; /* inputs and outputs keep their names where others have them too */
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    if (order)
        return order;
    return x->first != y->first ? y->first - x->first
                                : (x->value > y->value) - (x->value < y->value);
}

static int only_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* ONNX wants a name for every value, each once. */
static infer_status make_names(struct exporter *x)
{
    const struct infer__graph *g = x->g;
    struct named *list = infer__region_calloc(&x->region, g->nvalues, sizeof *list);
    x->names = infer__region_calloc(&x->region, g->nvalues, sizeof *x->names);
    if (!list || !x->names)
        return no_memory(x);
    for (uint32_t v = 0; v < g->nvalues; v++)
        list[v] = (struct named){g->values[v].name, v, g->values[v].kind == INFER__VALUE_INPUT};
    for (uint32_t i = 0; i < g->noutputs; i++)
        list[g->outputs[i]].first = 1;
    qsort(list, g->nvalues, sizeof *list, by_name);
    for (uint32_t i = 0; i < g->nvalues; i++) {
        char text[64];
        const char *name = list[i].name;
        int taken = !name[0] || strncmp(name, "infer.export.", 13) == 0 ||
                    (i && strcmp(name, list[i - 1].name) == 0);
        for (uint32_t k = 0; taken; k++) {
            snprintf(text, sizeof text, "value_%u_%u", list[i].value, k);
            struct named key = {.name = text};
            name = text;
            taken = bsearch(&key, list, g->nvalues, sizeof *list, only_name) != NULL;
        }
        x->names[list[i].value] = infer__region_string(&x->region, list[i].value ? name : "");
        if (!x->names[list[i].value])
            return no_memory(x);
    }
    return INFER_OK;
}

static int by_node_name(const void *a, const void *b)
{
    const Onnx__NodeProto *x = *(Onnx__NodeProto *const *)a, *y = *(Onnx__NodeProto *const *)b;
    return strcmp(x->name, y->name);
}

/* Names of nodes must differ, too; those that have one may go on without any. */
static infer_status separate_nodes(struct exporter *x)
{
    Onnx__NodeProto **list =
        infer__region_copy(&x->region, x->nodes, x->nnodes * sizeof(Onnx__NodeProto *));
    static char none[] = "";
    if (!list)
        return no_memory(x);
    qsort(list, x->nnodes, sizeof(Onnx__NodeProto *), by_node_name);
    for (uint32_t i = 0, first = 0; i < x->nnodes; i++) {
        if (strcmp(list[i]->name, list[first]->name) != 0)
            first = i;
        else if (i > first)
            list[i]->name = none;
    }
    return INFER_OK;
}

/* ---- tensors and values --------------------------------------------------------------------- */

Onnx__TensorProto *export_tensor(struct exporter *x, const struct infer__value *v, char *name)
{
    union {
        const void *from;
        uint8_t *to;
    } data = {v->data};
    Onnx__TensorProto *t = infer__region_calloc(&x->region, 1, sizeof *t);
    if (!t)
        return NULL;
    onnx__tensor_proto__init(t);
    t->n_dims = v->rank;
    t->dims = infer__region_copy(&x->region, v->dims, sizeof v->dims);
    t->has_data_type = 1;
    t->data_type = export_type(v->type);
    if (name)
        t->name = name;
    t->has_raw_data = 1;
    t->raw_data.len = infer__value_bytes(v);
    t->raw_data.data = data.to; /* packing only reads it */
    return t->dims ? t : NULL;
}

static Onnx__TensorShapeProto *shape_of(struct exporter *x, const infer_value_info *v)
{
    Onnx__TensorShapeProto *shape = infer__region_calloc(&x->region, 1, sizeof *shape);
    size_t rank = (size_t)v->rank;
    Onnx__TensorShapeProto__Dimension *dims =
        infer__region_calloc(&x->region, rank + 1, sizeof *dims);
    if (!shape || !dims)
        return NULL;
    onnx__tensor_shape_proto__init(shape);
    shape->n_dim = rank;
    shape->dim = infer__region_calloc(&x->region, rank + 1, sizeof *shape->dim);
    for (size_t i = 0; shape->dim && i < rank; i++) {
        char text[96];
        onnx__tensor_shape_proto__dimension__init(&dims[i]);
        shape->dim[i] = &dims[i];
        if (v->free_dims >> i & 1) {
            snprintf(text, sizeof text, "%.64s_%zu", v->name, i);
            dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dims[i].dim_param =
                infer__region_string(&x->region, v->dim_names[i] ? v->dim_names[i] : text);
            if (!dims[i].dim_param)
                return NULL;
        } else {
            dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dims[i].dim_value = v->dims[i];
        }
    }
    return shape->dim ? shape : NULL;
}

Onnx__ValueInfoProto *export_value_info(struct exporter *x, char *name, unsigned type,
                                        Onnx__TensorShapeProto *shape)
{
    Onnx__ValueInfoProto *p = infer__region_calloc(&x->region, 1, sizeof *p);
    Onnx__TypeProto *t = infer__region_calloc(&x->region, 1, sizeof *t);
    Onnx__TypeProto__Tensor *tensor = infer__region_calloc(&x->region, 1, sizeof *tensor);
    if (!p || !t || !tensor)
        return NULL;
    onnx__value_info_proto__init(p);
    onnx__type_proto__init(t);
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = 1;
    tensor->elem_type = export_type(type);
    tensor->shape = shape;
    t->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    t->tensor_type = tensor;
    p->name = name;
    p->type = type ? t : NULL;
    return p;
}

static Onnx__ValueInfoProto *value_info(struct exporter *x, char *name, const infer_value_info *v,
                                        int with_shape)
{
    Onnx__TensorShapeProto *shape = with_shape ? shape_of(x, v) : NULL;
    return with_shape && !shape ? NULL : export_value_info(x, name, (unsigned)v->type, shape);
}

/* The type of a value that follows from those of others, as far as nodes say it. */
static infer_type follow_type(const struct infer__graph *g, uint32_t value)
{
    for (uint32_t i = g->nnodes; i-- > 0 && !g->values[value].type;) {
        const struct infer__node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->nout; k++) {
            uint32_t operand;
            if (n->out[k] != value)
                continue;
            const infer_type type = onnx_output_type(n, value, &operand);
            if (type || operand >= n->nin)
                return type;
            value = n->in[operand];
            break;
        }
    }
    return (infer_type)g->values[value].type;
}

/* The type of an output that the file does not declare is known once there is a session; where only
 * the caller could say how large something is, it is followed. */
static infer_status output_types(const infer_model *model, infer_value_info *info, infer_error *err)
{
    infer_session *session = NULL;
    int missing = 0;
    for (size_t i = 0; i < infer_model_outputs(model); i++) {
        infer_value_info_init(&info[i], sizeof info[i]);
        TRY(infer_model_output(model, i, &info[i], err));
        missing |= info[i].type == INFER_TYPE_NONE;
    }
    if (!missing)
        return INFER_OK;
    infer_status status = infer_session_create(model, NULL, &session, err);
    for (size_t i = 0; i < infer_model_outputs(model) && status == INFER_ERROR_NEED_VALUE; i++)
        if (info[i].type == INFER_TYPE_NONE)
            info[i].type = follow_type(&model->graph, model->graph.outputs[i]);
    if (status == INFER_ERROR_NEED_VALUE)
        return INFER_OK;
    TRY(status);
    for (size_t i = 0; i < infer_model_outputs(model); i++) {
        infer_value_info known = INFER_VALUE_INFO_INIT;
        infer_session_output(session, i, &known, NULL);
        if (info[i].type == INFER_TYPE_NONE)
            info[i].type = known.type;
    }
    infer_session_free(&session);
    return INFER_OK;
}

static infer_status export_ends(struct exporter *x, const infer_model *model,
                                Onnx__GraphProto *graph)
{
    const struct infer__graph *g = x->g;
    infer_value_info *info =
        infer__region_calloc(&x->region, (size_t)g->noutputs + 1, sizeof *info);
    graph->input = infer__region_calloc(&x->region, (size_t)g->ninputs + 1, sizeof *graph->input);
    graph->output =
        infer__region_calloc(&x->region, (size_t)g->noutputs + 1, sizeof *graph->output);
    if (!info || !graph->input || !graph->output)
        return no_memory(x);
    for (uint32_t i = 0; i < g->ninputs; i++) {
        infer_value_info input = INFER_VALUE_INFO_INIT;
        TRY(infer_model_input(model, i, &input, x->err));
        graph->input[i] = value_info(x, x->names[g->inputs[i]], &input, 1);
        if (!graph->input[i])
            return no_memory(x);
    }
    TRY(output_types(model, info, x->err));
    for (uint32_t i = 0; i < g->noutputs; i++) {
        const struct infer__value *v = &g->values[g->outputs[i]];
        graph->output[i] =
            value_info(x, x->names[g->outputs[i]], &info[i], v->type != INFER_TYPE_NONE);
        if (!graph->output[i])
            return no_memory(x);
    }
    graph->n_input = g->ninputs;
    graph->n_output = g->noutputs;
    return INFER_OK;
}

/* Constants that a node reads in ONNX, too, or that are outputs. */
static infer_status export_constants(struct exporter *x, Onnx__GraphProto *graph)
{
    const struct infer__graph *g = x->g;
    uint8_t *used = infer__region_calloc(&x->region, g->nvalues, 1);
    graph->initializer = infer__region_calloc(&x->region, g->nvalues, sizeof *graph->initializer);
    if (!used || !graph->initializer)
        return no_memory(x);
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        uint32_t nin = n->op == INFER__OP_CONSTANT_OF_SHAPE && n->nin ? 1 : n->nin;
        for (uint32_t k = 0; k < nin; k++)
            used[n->in[k]] = 1;
    }
    for (uint32_t i = 0; i < g->noutputs; i++)
        used[g->outputs[i]] = 1;
    for (uint32_t v = 1; v < g->nvalues; v++) {
        if (!used[v] || g->values[v].kind != INFER__VALUE_CONST)
            continue;
        Onnx__TensorProto *t = export_tensor(x, &g->values[v], x->names[v]);
        if (!t)
            return no_memory(x);
        graph->initializer[graph->n_initializer++] = t;
    }
    return INFER_OK;
}

/* The pairs of strings that the model came with. */
static infer_status export_pairs(struct exporter *x, const infer_model *model, Onnx__ModelProto *m)
{
    const struct infer__about *a = &model->about;
    Onnx__StringStringEntryProto *entries =
        infer__region_calloc(&x->region, (size_t)a->npairs + 1, sizeof *entries);
    m->metadata_props =
        infer__region_calloc(&x->region, (size_t)a->npairs + 1, sizeof *m->metadata_props);
    if (!entries || !m->metadata_props)
        return no_memory(x);
    for (uint32_t i = 0; i < a->npairs; i++) {
        onnx__string_string_entry_proto__init(&entries[i]);
        entries[i].key = infer__region_string(&x->region, a->pairs[i].key);
        entries[i].value = infer__region_string(&x->region, a->pairs[i].value);
        if (!entries[i].key || !entries[i].value)
            return no_memory(x);
        m->metadata_props[i] = &entries[i];
    }
    m->n_metadata_props = a->npairs;
    return INFER_OK;
}

static infer_status export_model(struct exporter *x, const infer_model *model, void **bytes,
                                 size_t *size)
{
    static char name[] = "graph", producer[] = "libinfer", no_domain[] = "";
    static char microsoft[] = "com.microsoft";
    infer_error *err = x->err;
    Onnx__ModelProto m;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, more, *opsets[2] = {&opset, &more};
    infer_allocator a = infer__allocator(NULL);
    onnx__model_proto__init(&m);
    onnx__graph_proto__init(&graph);
    onnx__operator_set_id_proto__init(&opset);
    onnx__operator_set_id_proto__init(&more);
    TRY(make_names(x));
    TRY(export_ends(x, model, &graph));
    for (uint32_t i = 0; i < x->g->nnodes; i++)
        TRY(export_node(x, &x->g->nodes[i]));
    TRY(separate_nodes(x));
    TRY(export_constants(x, &graph));
    graph.name = name;
    graph.node = x->nodes;
    graph.n_node = x->nnodes;
    opset.domain = no_domain;
    opset.has_version = 1;
    opset.version = x->opset;
    m.has_ir_version = 1;
    m.ir_version = x->opset >= 21 ? 10 : x->opset >= 19 ? 9 : 8;
    m.producer_name = producer;
    more.domain = microsoft;
    more.has_version = 1;
    more.version = 1;
    m.n_opset_import = x->microsoft ? 2 : 1;
    m.opset_import = opsets;
    m.graph = &graph;
    TRY(export_pairs(x, model, &m));
    *size = onnx__model_proto__get_packed_size(&m);
    FAIL_IF(*size > MOST_BYTES, INFER_ERROR_LIMIT,
            "the model would have %zu bytes; an ONNX file has at most 2 GiB", *size);
    *bytes = infer__alloc(&a, *size, 64);
    if (!*bytes)
        return infer__no_memory(err, *size);
    onnx__model_proto__pack(&m, *bytes);
    return INFER_OK;
}

infer_status onnx_export(const infer_model *model, void **bytes, size_t *size, infer_error *err)
{
    struct exporter x = {.g = &model->graph, .opset = 18, .err = err};
    *bytes = NULL;
    *size = 0;
    infer__region_init(&x.region, NULL);
    infer_status status = export_model(&x, model, bytes, size);
    infer__region_free(&x.region);
    return status;
}
