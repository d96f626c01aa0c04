/* The walk over a model: inputs, constants, nodes in order, outputs. */
#include "tools/onnx/onnx_internal.h"

#include "graph/params.h"
#include "plan/bounds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void onnx_import_options_init(struct onnx_import_options *o)
{
    memset(o, 0, sizeof *o);
    o->max_file_bytes = (uint64_t)2 << 30;
    o->max_tensor_bytes = (uint64_t)2 << 30;
    o->max_constant_bytes = (uint64_t)8 << 30;
    o->max_nodes = 1000000;
}

static struct onnx_import_options with_defaults(const struct onnx_import_options *given)
{
    struct onnx_import_options o;
    onnx_import_options_init(&o);
    if (!given)
        return o;
    o.shapes = given->shapes;
    o.nshapes = given->nshapes;
    o.about = given->about;
    o.custom_domains = given->custom_domains;
    o.ncustom_domains = given->ncustom_domains;
    if (given->max_file_bytes)
        o.max_file_bytes = given->max_file_bytes;
    if (given->max_tensor_bytes)
        o.max_tensor_bytes = given->max_tensor_bytes;
    if (given->max_constant_bytes)
        o.max_constant_bytes = given->max_constant_bytes;
    if (given->max_nodes)
        o.max_nodes = given->max_nodes;
    return o;
}

/* ---- the model's frame ---------------------------------------------------------------------- */

int64_t onnx_domain_opset(const struct onnx_importer *im, const char *domain)
{
    if (!ONNX_DOMAIN(domain)[0])
        return im->opset;
    for (size_t i = 0; i < im->model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *o = im->model->opset_import[i];
        if (o->domain && !strcmp(o->domain, domain))
            return o->version;
    }
    return 0;
}

static infer_status read_frame(struct onnx_importer *im)
{
    const Onnx__ModelProto *m = im->model;
    infer_error *err = im->err;
    FAIL_IF(!m->graph, INFER_ERROR_FORMAT, "not an ONNX model: it has no graph");
    im->graph = m->graph;
    FAIL_IF(m->graph->n_node > im->options->max_nodes, INFER_ERROR_LIMIT,
            "the model has %zu nodes, at most %u are allowed", m->graph->n_node,
            im->options->max_nodes);
    im->report->nodes = (uint32_t)m->graph->n_node;
    FAIL_IF(m->n_opset_import > 256, INFER_ERROR_LIMIT, "the model asks for %zu operator sets",
            m->n_opset_import);
    im->opset = m->n_opset_import ? 0 : 1; /* IR version 1 and 2 do not state it */
    for (size_t i = 0; i < m->n_opset_import; i++)
        if (!ONNX_DOMAIN(m->opset_import[i]->domain)[0] && m->opset_import[i]->version > im->opset)
            im->opset = m->opset_import[i]->version;
    if (im->opset > ONNX_OPSET_MAX) {
        TRY(onnx_report_model(im, 0, "", "export the model with opset 28 or lower",
                              "opset %lld is newer than this importer", (long long)im->opset));
        im->opset = ONNX_OPSET_MAX; /* one report is enough: nodes are read as if of that one */
    }
    if (m->graph->n_sparse_initializer)
        TRY(onnx_report_model(im, 1, "", "", "%zu sparse initializers are passed over",
                              m->graph->n_sparse_initializer));
    if (m->n_training_info)
        TRY(onnx_report_model(im, 1, "", "", "what belongs to training is passed over"));
    return INFER_OK;
}

/* ---- shapes, as far as they are known -------------------------------------------------------- */

/* Makes constants of those operands that can be, for a node whose shape depends on their values. */
static infer_status know_operands(struct onnx_node *n, const struct infer__node *node)
{
    int known;
    for (uint32_t k = 0; k < node->nin; k++)
        if (node->in[k] && n->im->g->values[node->in[k]].rank <= 1)
            TRY(onnx_know(n->im, node->in[k], &known));
    return INFER_OK;
}

/* Works out shapes of the nodes that were just added, as far as they are known by now, so that
 * misfits are reported with all other problems. */
static infer_status resolve_new(struct onnx_node *n, uint32_t first)
{
    struct infer__graph *g = n->im->g;
    for (uint32_t i = first > n->resolved ? first : n->resolved; i < g->nnodes; i++) {
        const struct infer__node *node = &g->nodes[i];
        union infer__params params;
        infer_error err;
        /* onnx_know takes nodes away; states of loops may change their sizes */
        int known = node->nout > 0 && node->op != INFER__OP_LOOP && node->op != INFER__OP_CUSTOM;
        for (uint32_t k = 0; k < node->nin; k++)
            known &= !node->in[k] || g->values[node->in[k]].shaped;
        if (!known)
            continue;
        infer__error_clear(&err);
        uint64_t most = n->im->options->max_tensor_bytes;
        infer_status status = infer__resolve_node(g, node, most, &params, &err);
        if (status == INFER_ERROR_NEED_VALUE) {
            TRY(know_operands(n, node));
            status = infer__resolve_node(g, node, most, &params, &err);
        }
        if (status == INFER_ERROR_NO_MEMORY) {
            *n->im->err = err;
            return status;
        }
        if (!infer__bounds_forget(g, node, status) && status != INFER_OK &&
            status != INFER_ERROR_NEED_VALUE && !n->im->may_be_passed)
            TRY(onnx_fail(n, NULL, "", "%s", err.message));
    }
    return INFER_OK;
}

/* A Cast or Identity that the importer needs at the edges of the graph; `to` is 0 for Identity. */
static infer_status add_helper(struct onnx_importer *im, const char *name, uint32_t from,
                               uint32_t to_value, infer_type to)
{
    struct onnx_node n = {.im = im, .name = name, .op = to ? "Cast" : "Identity", .domain = ""};
    struct infer__node *node;
    uint32_t before = im->g->nnodes;
    TRY(onnx_emit(&n, to ? INFER__OP_CAST : INFER__OP_IDENTITY, &from, 1, &to_value, 1, &node));
    if (to)
        TRY(onnx_set_int(&n, node, INFER__ATTR_TO, to));
    return resolve_new(&n, before);
}

/* ---- inputs --------------------------------------------------------------------------------- */

static const infer_input_spec *find_spec(const struct onnx_importer *im, const char *name)
{
    for (size_t i = 0; i < im->options->nshapes; i++)
        if (im->options->shapes[i].name && !strcmp(im->options->shapes[i].name, name))
            return &im->options->shapes[i];
    return NULL;
}

/* Shapes from the options for names that are no inputs: an error that lists those there are. */
static infer_status check_specs(struct onnx_importer *im)
{
    infer_error *err = im->err;
    for (size_t s = 0; s < im->options->nshapes; s++) {
        const infer_input_spec *spec = &im->options->shapes[s];
        char list[160] = "";
        int found = 0;
        FAIL_IF(!spec->name || spec->data, INFER_ERROR_ARGUMENT,
                "an input shape needs a name and can't have a value");
        for (size_t i = 0; i < im->graph->n_input; i++) {
            const char *name = im->graph->input[i]->name ? im->graph->input[i]->name : "";
            uint32_t at = onnx_names_find(&im->names, name);
            if (at == ONNX_MISSING || im->names.items[at].source != ONNX_INPUT)
                continue;
            size_t used = strlen(list);
            found |= !strcmp(name, spec->name);
            snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", name);
        }
        FAIL_IF(!found, INFER_ERROR_ARGUMENT, "the model has no input '%s'; its inputs are: %s",
                spec->name, list);
    }
    return INFER_OK;
}

/* Puts the shape that the file states, or the options, into an input's value. */
static infer_status shape_input(struct onnx_importer *im, const char *name,
                                const Onnx__TensorShapeProto *shape, struct infer__value *v)
{
    infer_error *err = im->err;
    const infer_input_spec *spec = find_spec(im, name);
    size_t rank = shape ? shape->n_dim : spec ? (size_t)spec->rank : 0;
    if (!shape && !spec)
        return onnx_report_model(im, 0, name, "give its shape (--input-shape)",
                                 "the rank of the input is not stated");
    if (rank > INFER_MAX_RANK)
        return onnx_report_model(im, 0, name, "", "the input has rank %zu, at most %d is possible",
                                 rank, INFER_MAX_RANK);
    FAIL_IF(spec && (size_t)spec->rank != rank, INFER_ERROR_ARGUMENT,
            "input '%s' has rank %zu, the shape given has %d", name, rank, spec->rank);
    v->rank = (uint8_t)rank;
    for (size_t i = 0; i < rank; i++) {
        const Onnx__TensorShapeProto__Dimension *d = shape ? shape->dim[i] : NULL;
        int fixed = d && d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
                    d->dim_value >= 0;
        if (spec) {
            FAIL_IF(spec->dims[i] < 0 || (fixed && spec->dims[i] != d->dim_value),
                    INFER_ERROR_ARGUMENT, "input '%s': dimension %zu can't be %lld", name, i,
                    (long long)spec->dims[i]);
            v->dims[i] = spec->dims[i];
        } else if (fixed) {
            v->dims[i] = d->dim_value;
        } else {
            v->free_dims |= 1u << i;
        }
    }
    v->shaped = v->free_dims == 0;
    return INFER_OK;
}

static infer_status add_input(struct onnx_importer *im, size_t index)
{
    const Onnx__ValueInfoProto *info = im->graph->input[index];
    const char *name = info->name ? info->name : "";
    uint32_t at = onnx_names_find(&im->names, name), id, wide;
    if (at == ONNX_MISSING)
        return onnx_report_model(im, 0, "", "", "input %zu has no name", index);
    if (im->names.items[at].source != ONNX_INPUT || im->names.items[at].index != index)
        return INFER_OK; /* a constant, or a duplicate that has been reported */
    if (!info->type || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        !info->type->tensor_type)
        return onnx_report_model(im, 0, name, "", "the input is not a tensor");
    const Onnx__TypeProto__Tensor *t = info->type->tensor_type;
    infer_type type = onnx_type(t->elem_type);
    if (type == INFER_TYPE_NONE)
        return onnx_report_model(im, 0, name, "", "the input's type %d (%s) is not supported",
                                 t->elem_type, onnx_type_text(t->elem_type));
    TRY(infer__graph_add_value(im->g, name, &id, im->err));
    struct infer__value *v = &im->g->values[id];
    v->kind = INFER__VALUE_INPUT;
    v->type = (uint8_t)type;
    TRY(shape_input(im, name, t->shape, v));
    im->g->inputs[im->g->ninputs++] = id;
    im->names.items[at].value = id;
    if (type != INFER_F16 && type != INFER_BF16)
        return INFER_OK;
    /* All arithmetic is done in f32: half floats are widened where they come in. */
    struct onnx_node n = {.im = im, .name = name};
    TRY(onnx_temp(&n, "f32", &wide));
    im->names.items[at].value = wide;
    return add_helper(im, name, id, wide, INFER_F32);
}

static infer_status add_inputs(struct onnx_importer *im)
{
    im->g->inputs = infer__region_calloc(im->g->region, im->graph->n_input, sizeof(uint32_t));
    if (!im->g->inputs)
        return infer__no_memory(im->err, im->graph->n_input * sizeof(uint32_t));
    TRY(check_specs(im));
    for (size_t i = 0; i < im->graph->n_input; i++)
        TRY(add_input(im, i));
    return INFER_OK;
}

/* ---- names to values ------------------------------------------------------------------------ */

infer_status onnx_value_of(struct onnx_importer *im, uint32_t ref, uint32_t *value)
{
    struct onnx_name *e = &im->names.items[ref];
    *value = e->value;
    if (e->value || e->source != ONNX_INITIALIZER)
        return INFER_OK;
    infer_error err;
    infer__error_clear(&err);
    infer_status status =
        onnx_const_tensor(im, e->name, im->graph->initializer[e->index], &e->value, &err);
    if (status == INFER_ERROR_NO_MEMORY) {
        *im->err = err;
        return status;
    }
    if (status != INFER_OK) { /* the name gets a value all the same: one report is enough */
        TRY(onnx_report_model(im, 0, e->name, "", "%s", err.message));
        TRY(infer__graph_add_value(im->g, e->name, &e->value, im->err));
    }
    *value = e->value;
    return INFER_OK;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static infer_status enter_node(struct onnx_importer *im, uint32_t index, struct onnx_node *n)
{
    const Onnx__NodeProto *p = im->graph->node[index];
    const uint32_t *refs = im->names.refs + im->names.first[index];
    *n = (struct onnx_node){.im = im, .proto = p};
    n->op = p->op_type ? p->op_type : "";
    n->domain = ONNX_DOMAIN(p->domain);
    n->opset = onnx_domain_opset(im, n->domain);
    n->name = p->name;
    if (!n->name || !n->name[0]) {
        char text[256];
        snprintf(text, sizeof text, "%.160s%.64s_%u", im->prefix, n->op, index);
        n->name = infer__region_string(&im->scratch, text);
        if (!n->name)
            return infer__no_memory(im->err, sizeof text);
    }
    n->nin = (uint32_t)p->n_input;
    n->nout = (uint32_t)p->n_output;
    n->in = infer__region_calloc(&im->scratch, n->nin, sizeof *n->in);
    if (!n->in)
        return infer__no_memory(im->err, n->nin * sizeof *n->in);
    for (uint32_t i = 0; i < n->nin; i++) {
        if (refs[i] == ONNX_MISSING)
            TRY(onnx_fail(n, NULL, "", "input %u, '%s', is not produced by anything", i,
                          p->input[i]));
        else if (refs[i] != ONNX_NONE)
            TRY(onnx_value_of(im, refs[i], &n->in[i]));
        /* No value: an input of the graph that could not be read, which has been reported. (A
         * node that failed still has values for its outputs.) */
        if (refs[i] < ONNX_MISSING && !n->in[i])
            n->failed = 1;
    }
    while (n->nin && refs[n->nin - 1] == ONNX_NONE)
        n->nin--;
    while (n->nout && !p->output[n->nout - 1][0])
        n->nout--;
    return INFER_OK;
}

/* Gives outputs that a converter left out a value, so that consumers are checked too. */
static infer_status bind_rest(struct onnx_node *n)
{
    for (uint32_t i = 0; i < n->nout; i++) {
        const char *name = n->proto->output[i];
        uint32_t at = name[0] ? onnx_names_find(&n->im->names, name) : ONNX_MISSING, id;
        if (at == ONNX_MISSING || n->im->names.items[at].value)
            continue;
        TRY(onnx_out(n, i, &id));
        if (!n->failed)
            TRY(onnx_fail(n, NULL, "", "output %u ('%s') is not supported", i, name));
    }
    return INFER_OK;
}

static infer_status unknown_op(struct onnx_node *n, int first, int last)
{
    if (!n->domain[0] && !strcmp(n->op, "SequenceMap")) {
        TRY(onnx_fail(n, NULL, "", "sequences are not supported"));
        return onnx_report_inside(n);
    }
    size_t functions = n->im->model->n_functions < 1000 ? n->im->model->n_functions : 1000;
    for (size_t i = 0; i < functions; i++) {
        const Onnx__FunctionProto *f = n->im->model->functions[i];
        if (f->name && !strcmp(f->name, n->op))
            return onnx_fail(n, NULL, "inline the model's functions",
                             "functions of the model are not supported");
    }
    if (!last && n->domain[0])
        return onnx_fail(n, NULL, "where the application has it: --custom and its domain",
                         "the operator is not supported");
    if (!last)
        return onnx_fail(n, NULL, "", "the operator is not supported");
    char advice[64];
    snprintf(advice, sizeof advice, "export the model with opset %d to %d", first,
             last < ONNX_OPSET_MAX ? last : ONNX_OPSET_MAX);
    return onnx_fail(n, NULL, advice, "the operator's form of this opset is not supported");
}

/* Whether an operator is for f32 alone, of the floats. */
static int is_f32_only(uint16_t op)
{
    switch (op) {
    case INFER__OP_CONV:
    case INFER__OP_CONV_TRANSPOSE:
    case INFER__OP_DEFORM_CONV:
    case INFER__OP_MAX_POOL:
    case INFER__OP_AVERAGE_POOL:
    case INFER__OP_LP_POOL:
    case INFER__OP_GLOBAL_AVERAGE_POOL:
    case INFER__OP_GLOBAL_MAX_POOL:
    case INFER__OP_BATCH_NORMALIZATION:
    case INFER__OP_INSTANCE_NORMALIZATION:
    case INFER__OP_LAYER_NORMALIZATION:
    case INFER__OP_LRN:
    case INFER__OP_RESIZE:
    case INFER__OP_ROI_ALIGN:
    case INFER__OP_MAX_ROI_POOL:
    case INFER__OP_LINEAR_ATTENTION:
        return 1;
    default:
        return 0;
    }
}

/* Gives such a node f32 where the model has f64; *count: how many operands. */
static infer_status narrow_operands(struct onnx_node *n, uint32_t *count)
{
    uint32_t first = n->im->g->nnodes;
    *count = 0;
    for (uint32_t i = 0; i < n->nin && is_f32_only(n->ir_op); i++) {
        struct infer__node *node;
        uint32_t narrow;
        if (!n->in[i] || onnx_in_type(n, i) != INFER_F64)
            continue;
        TRY(onnx_temp(n, "narrow", &narrow));
        TRY(onnx_emit(n, INFER__OP_CAST, &n->in[i], 1, &narrow, 1, &node));
        TRY(onnx_set_int(n, node, INFER__ATTR_TO, INFER_F32));
        n->in[i] = narrow;
        ++*count;
    }
    if (*count)
        TRY(onnx_warn(n, NULL, "the arithmetic is done in f32 instead of f64"));
    return *count ? resolve_new(n, first) : INFER_OK;
}

/* Makes output 0 of such a node f64 again. */
static infer_status widen_output(struct onnx_node *n)
{
    struct infer__graph *g = n->im->g;
    const char *name = n->nout ? n->proto->output[0] : "";
    uint32_t at = name[0] ? onnx_names_find(&n->im->names, name) : ONNX_MISSING, wide, inner;
    if (at == ONNX_MISSING || !n->im->names.items[at].value)
        return INFER_OK;
    const uint32_t narrow = n->im->names.items[at].value;
    TRY(onnx_temp(n, "narrow", &inner));
    g->values[narrow].name = g->values[inner].name; /* the name goes to the output */
    TRY(infer__graph_add_value(g, name, &wide, n->im->err));
    n->im->names.items[at].value = wide;
    return add_helper(n->im, n->name, narrow, wide, INFER_F64);
}

static infer_status add_node(struct onnx_importer *im, uint32_t index)
{
    struct onnx_node n;
    int first, last;
    uint32_t before = im->g->nnodes, narrowed = 0;
    TRY(enter_node(im, index, &n));
    const struct onnx_op *op = onnx_op_find(n.domain, n.op, n.opset, &first, &last);
    if (!op && onnx_is_custom(&n))
        TRY(onnx_convert_custom(&n));
    else if (!op)
        TRY(unknown_op(&n, first, last));
    else if (n.proto->n_attribute > 64)
        TRY(onnx_fail(&n, NULL, "", "more than 64 attributes"));
    else if (!n.failed) {
        n.ir_op = op->ir_op;
        TRY(narrow_operands(&n, &narrowed));
        TRY(op->convert(&n));
        TRY(onnx_check_attrs(&n));
    }
    if (!n.failed)
        TRY(resolve_new(&n, before));
    if (!n.failed && narrowed)
        TRY(widen_output(&n));
    return bind_rest(&n);
}

/* ---- outputs -------------------------------------------------------------------------------- */

/* Half floats that were widened on the way in leave the graph as what the model says. */
static infer_status narrow_output(struct onnx_importer *im, const Onnx__ValueInfoProto *info,
                                  uint32_t *value)
{
    if (!info->type || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        !info->type->tensor_type)
        return INFER_OK;
    infer_type type = onnx_type(info->type->tensor_type->elem_type);
    const struct infer__value *v = &im->g->values[*value];
    if ((type != INFER_F16 && type != INFER_BF16) ||
        (v->type != INFER_F32 && v->type != INFER_TYPE_NONE))
        return INFER_OK;
    struct onnx_node n = {.im = im, .name = info->name};
    uint32_t wide = *value, inner;
    TRY(onnx_temp(&n, "f32", &inner));
    if (im->g->values[wide].kind == INFER__VALUE_NODE)
        im->g->values[wide].name = im->g->values[inner].name; /* the name goes to the output */
    TRY(infer__graph_add_value(im->g, info->name, value, im->err));
    return add_helper(im, info->name, wide, *value, type);
}

/* An output has the output's name and nobody else's: one that is an input or a constant of the
 * graph gets a node of its own. */
static infer_status name_output(struct onnx_importer *im, const char *name, uint32_t *value)
{
    const struct infer__value *v = &im->g->values[*value];
    if (v->kind == INFER__VALUE_NODE && !strcmp(v->name, name))
        return INFER_OK;
    uint32_t from = *value;
    TRY(infer__graph_add_value(im->g, name, value, im->err));
    return add_helper(im, name, from, *value, INFER_TYPE_NONE);
}

static infer_status add_outputs(struct onnx_importer *im)
{
    struct infer__graph *g = im->g;
    size_t count = im->graph->n_output;
    g->outputs = infer__region_calloc(g->region, count, sizeof *g->outputs);
    if (!g->outputs)
        return infer__no_memory(im->err, count * sizeof *g->outputs);
    if (!count)
        TRY(onnx_report_model(im, 0, "", "", "the graph has no outputs"));
    for (size_t i = 0; i < count; i++) {
        const Onnx__ValueInfoProto *info = im->graph->output[i];
        const char *name = info->name ? info->name : "";
        uint32_t at = onnx_names_find(&im->names, name), value;
        if (at == ONNX_MISSING) {
            TRY(onnx_report_model(im, 0, name, "", "the output is not produced by anything"));
            continue;
        }
        TRY(onnx_value_of(im, at, &value));
        if (!value) /* its input or node has been reported */
            continue;
        TRY(narrow_output(im, info, &value));
        TRY(name_output(im, name, &value));
        g->outputs[g->noutputs++] = value;
    }
    return INFER_OK;
}

/* ---- entry ---------------------------------------------------------------------------------- */

infer_status onnx_add_nodes(struct onnx_importer *im)
{
    uint32_t *order, count;
    TRY(onnx_order(im, &order, &count));
    if (count < im->graph->n_node && !im->outer)
        TRY(onnx_report_model(im, 1, "", "", "%zu nodes are passed over: no output needs them",
                              im->graph->n_node - count));
    for (uint32_t i = 0; i < count; i++)
        TRY(add_node(im, order[i]));
    return INFER_OK;
}

static infer_status import_graph(struct onnx_importer *im)
{
    TRY(infer__graph_init(im->g, im->g->region, im->err));
    TRY(read_frame(im));
    TRY(onnx_names_build(im));
    TRY(add_inputs(im));
    TRY(onnx_add_nodes(im));
    TRY(add_outputs(im));
    onnx_drop_known(im->g);
    if (im->report->problems) {
        char text[200];
        const struct onnx_problem *p = im->report->items;
        for (uint32_t i = 0; i < im->report->count && p->warning; i++)
            p++;
        return infer__fail_node(im->err, INFER_ERROR_UNSUPPORTED, p->node,
                                "%u problem%s, the first: %s", im->report->problems,
                                im->report->problems == 1 ? "" : "s",
                                onnx_problem_text(p, text, sizeof text));
    }
    TRY(onnx_about(im));
    return infer__graph_verify(im->g, im->err);
}

static infer_status import_message(const Onnx__ModelProto *model, struct onnx_arena *arena,
                                   const char *folder, const struct onnx_import_options *options,
                                   struct infer__region *region, struct infer__graph *g,
                                   struct onnx_report *report, infer_error *err)
{
    struct onnx_known known = {0};
    struct onnx_importer im = {.model = model,
                               .options = options,
                               .g = g,
                               .report = report,
                               .prefix = "",
                               .known = &known,
                               .err = err};
    struct onnx_storage storage = {-1, options->max_tensor_bytes, options->max_constant_bytes,
                                   arena};
    im.storage = &storage;
    if (folder)
        storage.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g->region = region;
    infer__region_init(&im.scratch, &region->allocator);
    infer_status status = import_graph(&im);
    infer__region_free(&im.scratch);
    if (storage.folder >= 0)
        close(storage.folder);
    return status;
}

infer_status onnx_import_memory(const void *bytes, size_t size, const char *folder,
                                const struct onnx_import_options *options,
                                struct infer__region *region, struct infer__graph *g,
                                struct onnx_report *report, infer_error *err)
{
    infer_error local;
    struct onnx_import_options o = with_defaults(options);
    struct onnx_arena arena;
    ProtobufCMessage *message;
    err = err ? err : &local;
    infer__error_clear(err);
    memset(g, 0, sizeof *g);
    FAIL_IF(!bytes && size, INFER_ERROR_ARGUMENT, "no bytes");
    FAIL_IF(size > o.max_file_bytes, INFER_ERROR_LIMIT,
            "the model has %zu bytes, at most %llu are allowed", size,
            (unsigned long long)o.max_file_bytes);
    TRY(onnx_parse(&onnx__model_proto__descriptor, bytes, size, region, &arena, &message, err));
    infer_status status = import_message((const Onnx__ModelProto *)message, &arena, folder, &o,
                                         region, g, report, err);
    protobuf_c_message_free_unpacked(message, &arena.protobuf);
    return status;
}

infer_status onnx_import(const char *path, const struct onnx_import_options *options,
                         struct infer__region *region, struct infer__graph *g,
                         struct onnx_report *report, infer_error *err)
{
    infer_error local;
    struct onnx_import_options o = with_defaults(options);
    infer_allocator a = infer__allocator(NULL);
    void *bytes;
    size_t size;
    err = err ? err : &local;
    infer__error_clear(err);
    memset(g, 0, sizeof *g);
    FAIL_IF(!path, INFER_ERROR_ARGUMENT, "no path");
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) + 1 : 1;
    char *folder = infer__calloc(&a, len + 1, 1);
    if (!folder)
        return infer__no_memory(err, len + 1);
    memcpy(folder, slash ? path : ".", len); /* "/" of "/model.onnx" stays */
    infer_status status = onnx_map_file(path, o.max_file_bytes, &bytes, &size, err);
    if (status == INFER_OK)
        status = onnx_import_memory(bytes, size, folder, &o, region, g, report, err);
    onnx_unmap_file(bytes, size);
    infer__free(&a, folder);
    return status;
}
