/* Beginning and end of the quantiser, and its progress bar. */
#include "tools/quantize/quantize.h"

#include <stdio.h>
#include <string.h>

#include "graph/control.h"
#include "tools/cli.h"
#include "tools/progress.h"

static infer_status check_float(const struct infer__graph *g, infer_error *err)
{
    for (uint32_t i = 0; i < g->nnodes; i++)
        if (g->nodes[i].op == INFER__OP_QUANTIZE_LINEAR ||
            g->nodes[i].op == INFER__OP_DEQUANTIZE_LINEAR)
            return infer__fail_node(err, INFER_ERROR_UNSUPPORTED, g->nodes[i].name,
                                    "the model is quantised already");
    return INFER_OK;
}

/* Who makes a value, and how many read it. */
static infer_status index_graph(struct quantiser *q, infer_error *err)
{
    struct infer__graph *g = &q->graph;
    q->nodes = infer__region_calloc(&q->region, (size_t)g->nnodes + 1, sizeof *q->nodes);
    q->tensors = infer__region_calloc(&q->region, g->nvalues, sizeof *q->tensors);
    q->uses = infer__region_calloc(&q->region, g->nvalues, sizeof *q->uses);
    q->producer = infer__region_calloc(&q->region, g->nvalues, sizeof *q->producer);
    q->is_output = infer__region_calloc(&q->region, g->nvalues, 1);
    q->inside = infer__region_calloc(&q->region, g->nvalues, 1);
    if (!q->inside || !q->nodes || !q->tensors || !q->uses || !q->producer || !q->is_output)
        return infer__no_memory(err, g->nvalues * sizeof *q->tensors);
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->nin; k++)
            q->uses[n->in[k]]++;
        for (uint32_t k = 0; k < n->nout; k++)
            q->producer[n->out[k]] = n->out[k] ? i + 1 : 0;
        int axis = quant_weight_axis(g, n);
        q->nodes[i].channels = axis < 0 ? 0 : (uint32_t)g->values[n->in[1]].dims[axis];
    }
    infer__control_inside(g, q->inside);
    for (uint32_t i = 0; i < g->noutputs; i++) {
        q->uses[g->outputs[i]]++;
        q->is_output[g->outputs[i]] = 1;
    }
    return INFER_OK;
}

infer_status quant_begin(struct quantiser *q, const struct infer__graph *g, infer_error *err)
{
    TRY(check_float(g, err));
    TRY(infer__graph_copy(&q->graph, g, &q->region, err));
    TRY(capture_shapes(&q->graph, &q->samples, &q->region, &q->shaped, err));
    return index_graph(q, err);
}

void quant_end(struct quantiser *q)
{
    quant_progress_end(q);
    infer__region_free(&q->region);
    samples_free(&q->samples);
}

/* ---- progress ------------------------------------------------------------------------------- */

void quant_progress(void *quantiser, const char *what, double part)
{
    struct quantiser *q = quantiser;
    if (q->options.bar)
        progress_show(q->start_ms, what, part);
}

void quant_progress_end(struct quantiser *q)
{
    if (q->options.bar && q->start_ms > 0)
        progress_wipe();
}
