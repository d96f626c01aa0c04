/* Sub-graphs: what is inside becomes part of the graph around it (onnx_ops_control.c says between
 * which nodes). What is inside others is only looked at, so that a report names all that is
 * missing. */
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

/* ---- what is inside becomes part of the graph ------------------------------------------------ */

/* Outputs of the graph that `inner` imports. */
static infer_status find_outputs(struct onnx_node *n, struct onnx_importer *inner, const char *what,
                                 uint32_t *out, uint32_t nout)
{
    for (uint32_t i = 0; i < nout; i++) {
        const char *name = inner->graph->output[i]->name;
        uint32_t at = name ? onnx_names_find(&inner->names, name) : ONNX_MISSING;
        if (at == ONNX_MISSING)
            return onnx_fail(n, what, "", "output %u of the graph is not produced by anything", i);
        TRY(onnx_value_of(inner, at, &out[i]));
        if (!out[i])
            n->failed = 1; /* has been reported */
    }
    return INFER_OK;
}

infer_status onnx_inner_begin(struct onnx_node *n, const char *what, const Onnx__GraphProto *graph,
                              struct onnx_inner *inner)
{
    inner->what = what;
    inner->im = *n->im;
    snprintf(inner->prefix, sizeof inner->prefix, "%.150s/%.30s/", n->name, what);
    inner->im.graph = graph;
    inner->im.outer = n->im;
    inner->im.prefix = inner->prefix;
    memset(&inner->im.names, 0, sizeof inner->im.names);
    infer__region_init(&inner->im.scratch, &n->im->scratch.allocator);
    return onnx_names_build(&inner->im);
}

int onnx_inner_reads(const struct onnx_inner *inner, uint32_t i)
{
    const char *name = inner->im.graph->input[i]->name;
    uint32_t at = name ? onnx_names_find(&inner->im.names, name) : ONNX_MISSING;
    return at != ONNX_MISSING && inner->im.names.items[at].used;
}

infer_status onnx_inner_run(struct onnx_node *n, struct onnx_inner *inner, const uint32_t *in,
                            uint32_t nin, uint32_t *out, uint32_t nout)
{
    const Onnx__GraphProto *graph = inner->im.graph;
    if (graph->n_input != nin || graph->n_output < nout)
        return onnx_fail(n, inner->what, "",
                         "the graph has %zu inputs and %zu outputs, not %u and %u", graph->n_input,
                         graph->n_output, nin, nout);
    for (uint32_t i = 0; i < nin; i++) {
        const char *name = graph->input[i]->name;
        uint32_t at = name ? onnx_names_find(&inner->im.names, name) : ONNX_MISSING;
        if (at != ONNX_MISSING)
            inner->im.names.items[at].value = in[i];
    }
    TRY(onnx_add_nodes(&inner->im));
    n->resolved = n->im->g->nnodes;
    return find_outputs(n, &inner->im, inner->what, out, nout);
}

void onnx_inner_end(struct onnx_inner *inner)
{
    infer__region_free(&inner->im.scratch);
}

infer_status onnx_inline(struct onnx_node *n, const char *what, const Onnx__GraphProto *graph,
                         const uint32_t *in, uint32_t nin, uint32_t *out, uint32_t nout)
{
    struct onnx_inner inner;
    infer_status status = onnx_inner_begin(n, what, graph, &inner);
    if (status == INFER_OK)
        status = onnx_inner_run(n, &inner, in, nin, out, nout);
    onnx_inner_end(&inner);
    return status;
}
