/* Branches and loops as sub-graphs of If and Loop. What stands between the nodes that begin and end
 * them has been appended to the list of nodes by then, and is taken from its end. */
#include <string.h>

#include "tools/onnx/onnx_export_internal.h"

static infer_status no_memory(struct exporter *x)
{
    return infer__no_memory(x->err, sizeof(Onnx__GraphProto));
}

/* ---- parts of sub-graphs -------------------------------------------------------------------- */

/* The shape of a scalar; NULL without memory. */
static Onnx__TensorShapeProto *no_axes(struct exporter *x)
{
    Onnx__TensorShapeProto *shape = infer__region_calloc(&x->region, 1, sizeof *shape);
    if (shape)
        onnx__tensor_shape_proto__init(shape);
    return shape;
}

/* Output number i of a sub-graph: a node of its own makes it, as ONNX wants it. */
static infer_status add_output(struct exporter *x, Onnx__GraphProto *graph, uint32_t i,
                               uint32_t value)
{
    Onnx__NodeProto *p;
    char *in = x->names[value], *out = export_fresh(x);
    if (!out)
        return no_memory(x);
    graph->output[i] = export_value_info(x, out, x->g->values[value].type, NULL);
    if (!graph->output[i])
        return no_memory(x);
    return export_add(x, "Identity", "", &in, 1, &out, 1, &p);
}

/* A sub-graph with room for its inputs and outputs. */
static infer_status new_graph(struct exporter *x, uint32_t nin, uint32_t nout,
                              Onnx__GraphProto **graph)
{
    static char name[] = "graph";
    Onnx__GraphProto *g = *graph = infer__region_calloc(&x->region, 1, sizeof *g);
    if (!g)
        return no_memory(x);
    onnx__graph_proto__init(g);
    g->name = name;
    g->input = infer__region_calloc(&x->region, nin, sizeof *g->input);
    g->output = infer__region_calloc(&x->region, nout, sizeof *g->output);
    g->n_input = nin;
    g->n_output = nout;
    return g->input && g->output ? INFER_OK : no_memory(x);
}

/* Takes the nodes from number `first` on. Their names need not be unique here, as ONNX wants them;
 * it wants none either. */
static infer_status take_nodes(struct exporter *x, uint32_t first, Onnx__GraphProto *graph)
{
    static char none[] = "";
    for (uint32_t i = first; i < x->nnodes; i++)
        x->nodes[i]->name = none;
    graph->n_node = x->nnodes - first;
    graph->node =
        infer__region_copy(&x->region, x->nodes + first, graph->n_node * sizeof *graph->node);
    x->nnodes = first;
    return graph->node ? INFER_OK : no_memory(x);
}

static infer_status set_graphs(struct exporter *x, Onnx__NodeProto *p, const char *const *names,
                               Onnx__GraphProto *const *graphs, uint32_t count)
{
    p->attribute = infer__region_calloc(&x->region, count, sizeof *p->attribute);
    if (!p->attribute)
        return no_memory(x);
    for (uint32_t i = 0; i < count; i++) {
        Onnx__AttributeProto *a = infer__region_calloc(&x->region, 1, sizeof *a);
        if (!a)
            return no_memory(x);
        onnx__attribute_proto__init(a);
        a->name = infer__region_string(&x->region, names[i]);
        a->has_type = 1;
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
        a->g = graphs[i];
        p->attribute[p->n_attribute++] = a;
        if (!a->name)
            return no_memory(x);
    }
    return INFER_OK;
}

/* ---- If ------------------------------------------------------------------------------------- */

/* A branch, whose results are operands of its EndIf, from number `from` on, every second one. */
static infer_status take_branch(struct exporter *x, const struct infer__node *end, uint32_t from,
                                Onnx__GraphProto **graph)
{
    TRY(new_graph(x, 0, end->nout, graph));
    for (uint32_t k = 0; k < end->nout; k++)
        TRY(add_output(x, *graph, k, end->in[from + 2 * k]));
    return take_nodes(x, x->open[x->depth - 1].first, *graph);
}

/* The EndIf of an Else. */
static const struct infer__node *end_of(const struct exporter *x, const struct infer__node *n)
{
    return &x->g->nodes[infer__control_end(x->g, (uint32_t)(n - x->g->nodes), 1)];
}

static infer_status end_if(struct exporter *x, const struct infer__node *n)
{
    static const char *const names[] = {"then_branch", "else_branch"};
    const struct export_open *o = &x->open[x->depth - 1];
    Onnx__GraphProto *graphs[2] = {o->then, NULL};
    Onnx__NodeProto *p;
    char **out = infer__region_calloc(&x->region, n->nout, sizeof *out);
    if (!out)
        return no_memory(x);
    TRY(take_branch(x, n, 2, &graphs[1]));
    for (uint32_t k = 0; k < n->nout; k++)
        out[k] = x->names[n->out[k]];
    TRY(export_add(x, "If", o->node->name, &x->names[o->node->in[0]], 1, out, n->nout, &p));
    return set_graphs(x, p, names, graphs, 2);
}

/* ---- Loop ----------------------------------------------------------------------------------- */

static infer_status take_body(struct exporter *x, const struct infer__node *loop,
                              const struct infer__node *end, uint32_t states,
                              Onnx__GraphProto **graph)
{
    char *condition = export_fresh(x);
    TRY(new_graph(x, 2 + states, 1 + end->nout, graph));
    Onnx__GraphProto *g = *graph;
    Onnx__TensorShapeProto *scalar = no_axes(x);
    if (!scalar || !condition)
        return no_memory(x);
    g->input[0] = export_value_info(x, x->names[loop->out[0]], INFER_S64, scalar);
    g->input[1] = export_value_info(x, condition, INFER_BOOL, scalar);
    for (uint32_t k = 0; k < states; k++)
        g->input[2 + k] = export_value_info(x, x->names[loop->out[1 + k]],
                                            x->g->values[loop->out[1 + k]].type, NULL);
    for (uint32_t k = 0; k < 2 + states; k++)
        if (!g->input[k])
            return no_memory(x);
    TRY(add_output(x, g, 0, end->in[INFER__END_LOOP_GO_ON]));
    for (uint32_t k = 0; k < end->nout; k++)
        TRY(add_output(
            x, g, 1 + k,
            end->in[k < states ? infer__loop_next(k) : infer__loop_scan(states, k - states)]));
    return take_nodes(x, x->open[x->depth - 1].first, g);
}

static infer_status end_loop(struct exporter *x, const struct infer__node *n)
{
    static const char *const names[] = {"body"};
    static char absent[] = "";
    const struct infer__node *loop = x->open[x->depth - 1].node;
    const uint32_t states = infer__loop_states(n->nin, n->nout);
    Onnx__GraphProto *body;
    Onnx__NodeProto *p;
    char **in = infer__region_calloc(&x->region, 2 + (size_t)states, sizeof *in);
    char **out = infer__region_calloc(&x->region, n->nout, sizeof *out);
    if (!in || !out)
        return no_memory(x);
    TRY(take_body(x, loop, n, states, &body));
    in[0] = x->names[loop->in[0]];
    in[1] = absent;
    for (uint32_t k = 0; k < states; k++)
        in[2 + k] = x->names[loop->in[1 + k]];
    for (uint32_t k = 0; k < n->nout; k++)
        out[k] = x->names[n->out[k]];
    TRY(export_add(x, "Loop", loop->name, in, 2 + states, out, n->nout, &p));
    return set_graphs(x, p, names, &body, 1);
}

infer_status export_control(struct exporter *x, const struct infer__node *n)
{
    switch (n->op) {
    case INFER__OP_IF:
    case INFER__OP_LOOP:
        x->open[x->depth++] = (struct export_open){.node = n, .first = x->nnodes};
        return INFER_OK;
    case INFER__OP_ELSE:
        return take_branch(x, end_of(x, n), 1, &x->open[x->depth - 1].then);
    case INFER__OP_END_IF:
        TRY(end_if(x, n));
        break;
    default:
        TRY(end_loop(x, n));
        break;
    }
    x->depth--;
    return INFER_OK;
}
