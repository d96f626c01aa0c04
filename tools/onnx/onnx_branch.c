/* If whose condition is known at import: the branch that is taken becomes part of the graph. What
 * is inside other sub-graphs is only looked at, so that a report names all that is missing. */
#include "tools/onnx/onnx_internal.h"

#include <stdio.h>
#include <string.h>

const Onnx__GraphProto *onnx_subgraph(const Onnx__AttributeProto *a)
{
    return a->g;
}

/* ---- what is inside ------------------------------------------------------------------------- */

static infer_status report_graph(struct onnx_node *n, const Onnx__GraphProto *graph);

static infer_status report_one(struct onnx_node *n, const Onnx__NodeProto *p, size_t index)
{
    char name[256];
    int first, last;
    struct onnx_node inner = {.im = n->im, .proto = p};
    inner.op = p->op_type ? p->op_type : "";
    inner.domain = ONNX_DOMAIN(p->domain);
    inner.opset = onnx_domain_opset(n->im, inner.domain);
    inner.name = name;
    if (p->name && p->name[0])
        snprintf(name, sizeof name, "%.120s/%.120s", n->name, p->name);
    else
        snprintf(name, sizeof name, "%.120s/%.80s_%zu", n->name, inner.op, index);
    if (!onnx_op_find(inner.domain, inner.op, inner.opset, &first, &last))
        TRY(onnx_fail(&inner, NULL, "", "the operator is not supported"));
    for (size_t i = 0; i < p->n_attribute; i++)
        if (onnx_subgraph(p->attribute[i]))
            TRY(report_graph(&inner, onnx_subgraph(p->attribute[i])));
    return INFER_OK;
}

static infer_status report_graph(struct onnx_node *n, const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_node; i++)
        TRY(report_one(n, graph->node[i], i));
    return INFER_OK;
}

infer_status onnx_report_inside(struct onnx_node *n)
{
    for (size_t i = 0; i < n->proto->n_attribute; i++)
        if (onnx_subgraph(n->proto->attribute[i]))
            TRY(report_graph(n, onnx_subgraph(n->proto->attribute[i])));
    return INFER_OK;
}

/* ---- If ------------------------------------------------------------------------------------- */

static int has_free_input(const struct infer__graph *g)
{
    for (uint32_t i = 0; i < g->ninputs; i++)
        if (g->values[g->inputs[i]].free_dims)
            return 1;
    return 0;
}

/* Outputs of the branch become those of the node. */
static infer_status bind_outputs(struct onnx_node *n, struct onnx_importer *branch)
{
    for (uint32_t i = 0; i < n->nout; i++) {
        const char *name = branch->graph->output[i]->name;
        uint32_t at = name ? onnx_names_find(&branch->names, name) : ONNX_MISSING, out, value;
        struct infer__node *node;
        if (at == ONNX_MISSING)
            return onnx_fail(n, NULL, "", "output %u of the branch is not produced by anything", i);
        TRY(onnx_value_of(branch, at, &value));
        if (!value)
            n->failed = 1; /* has been reported */
        TRY(onnx_out(n, i, &out));
        if (value && out)
            TRY(onnx_emit(n, INFER__OP_IDENTITY, &value, 1, &out, 1, &node));
    }
    return INFER_OK;
}

static infer_status take_branch(struct onnx_node *n, const Onnx__GraphProto *graph)
{
    char prefix[200];
    struct onnx_importer branch = *n->im;
    if (graph->n_output < n->nout || graph->n_input)
        return onnx_fail(n, NULL, "", "the branch has %zu inputs and %zu outputs, not 0 and %u",
                         graph->n_input, graph->n_output, n->nout);
    snprintf(prefix, sizeof prefix, "%.190s/", n->name);
    branch.graph = graph;
    branch.outer = n->im;
    branch.prefix = prefix;
    memset(&branch.names, 0, sizeof branch.names);
    infer__region_init(&branch.scratch, &n->im->scratch.allocator);
    infer_status status = onnx_names_build(&branch);
    if (status == INFER_OK)
        status = onnx_add_nodes(&branch);
    if (status == INFER_OK)
        status = bind_outputs(n, &branch);
    infer__region_free(&branch.scratch);
    return status;
}

infer_status onnx_inline(struct onnx_node *n, const char *what, const Onnx__GraphProto *graph,
                         uint32_t in, uint32_t *out)
{
    char prefix[200];
    struct onnx_importer inner = *n->im;
    *out = 0;
    if (graph->n_input != 1 || graph->n_output != 1)
        return onnx_fail(n, what, "", "the graph must have one input and one output");
    snprintf(prefix, sizeof prefix, "%.150s/%.30s/", n->name, what);
    inner.graph = graph;
    inner.outer = n->im;
    inner.prefix = prefix;
    memset(&inner.names, 0, sizeof inner.names);
    infer__region_init(&inner.scratch, &n->im->scratch.allocator);
    infer_status status = onnx_names_build(&inner);
    const char *name = graph->input[0]->name, *last = graph->output[0]->name;
    uint32_t at = status == INFER_OK && name ? onnx_names_find(&inner.names, name) : ONNX_MISSING;
    if (at != ONNX_MISSING)
        inner.names.items[at].value = in;
    if (status == INFER_OK)
        status = onnx_add_nodes(&inner);
    at = status == INFER_OK && last ? onnx_names_find(&inner.names, last) : ONNX_MISSING;
    if (at != ONNX_MISSING)
        status = onnx_value_of(&inner, at, out);
    if (status == INFER_OK && !*out)
        status = onnx_fail(n, what, "", "the graph's output is not produced by anything");
    infer__region_free(&inner.scratch);
    return status;
}

infer_status onnx_convert_if(struct onnx_node *n)
{
    const Onnx__AttributeProto *a[2] = {onnx_attr(n, "else_branch"), onnx_attr(n, "then_branch")};
    int known = 0;
    if (n->nin != 1 || !a[0] || !a[1] || !onnx_subgraph(a[0]) || !onnx_subgraph(a[1]))
        return onnx_fail(n, NULL, "", "a condition and two branches are needed");
    TRY(onnx_know(n->im, n->in[0], &known));
    const struct infer__value *c = onnx_in(n, 0);
    if (known && (c->type != INFER_BOOL || infer__value_elements(c) != 1))
        return onnx_fail(n, NULL, "", "the condition must be one element of type BOOL");
    if (known)
        return take_branch(n, onnx_subgraph(a[*(const uint8_t *)c->data != 0]));
    TRY(onnx_fail(n, NULL,
                  has_free_input(n->im->g) ? "if shapes decide, give those of the inputs with "
                                             "--input-shape"
                                           : "export the model without it",
                  "the condition is not known before the model runs"));
    return onnx_report_inside(n);
}
