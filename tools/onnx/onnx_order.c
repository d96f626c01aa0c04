/* Which nodes are needed, and in what order they can run. */
#include "tools/onnx/onnx_internal.h"

struct order {
    struct onnx_importer *im;
    uint8_t *live;
    uint32_t *waiting; /* per node: inputs whose producer has not been placed */
    uint32_t *first;   /* per node: where its consumers begin; one more at the end */
    uint32_t *consumers;
    uint32_t *heap; /* nodes that are ready, smallest index on top: keeps the file's order */
    uint32_t heaped;
};

/* The node that produces input `ref`, or ONNX_NONE. */
static uint32_t producer(const struct order *o, uint32_t ref)
{
    if (ref >= ONNX_MISSING || o->im->names.items[ref].source != ONNX_OUTPUT)
        return ONNX_NONE;
    return o->im->names.items[ref].index;
}

static infer_status mark_live(struct order *o)
{
    const Onnx__GraphProto *graph = o->im->graph;
    const struct onnx_names *names = &o->im->names;
    uint32_t *stack = o->heap, depth = 0; /* each node is pushed once */
    for (size_t i = 0; i < graph->n_output; i++) {
        const char *name = graph->output[i]->name;
        uint32_t p = name ? producer(o, onnx_names_find(names, name)) : ONNX_NONE;
        if (p != ONNX_NONE && !o->live[p]) {
            o->live[p] = 1;
            stack[depth++] = p;
        }
    }
    while (depth) {
        uint32_t node = stack[--depth];
        for (uint32_t r = names->first[node]; r < names->first[node + 1]; r++) {
            uint32_t p = producer(o, names->refs[r]);
            if (p != ONNX_NONE && !o->live[p]) {
                o->live[p] = 1;
                stack[depth++] = p;
            }
        }
    }
    return INFER_OK;
}

/* Lists of consumers, as one array with an offset per node. */
static infer_status link_consumers(struct order *o)
{
    const struct onnx_names *names = &o->im->names;
    uint32_t nodes = (uint32_t)o->im->graph->n_node;
    for (uint32_t i = 0; i < nodes; i++)
        for (uint32_t r = names->first[i]; o->live[i] && r < names->first[i + 1]; r++) {
            uint32_t p = producer(o, names->refs[r]);
            if (p != ONNX_NONE) {
                o->waiting[i]++;
                o->first[p + 1]++;
            }
        }
    for (uint32_t i = 0; i < nodes; i++)
        o->first[i + 1] += o->first[i];
    uint32_t *at = infer__region_copy(&o->im->scratch, o->first, nodes * sizeof *at);
    o->consumers = infer__region_calloc(&o->im->scratch, o->first[nodes], sizeof *o->consumers);
    if (!at || !o->consumers)
        return infer__no_memory(o->im->err, nodes * sizeof *at);
    for (uint32_t i = 0; i < nodes; i++)
        for (uint32_t r = names->first[i]; o->live[i] && r < names->first[i + 1]; r++) {
            uint32_t p = producer(o, names->refs[r]);
            if (p != ONNX_NONE)
                o->consumers[at[p]++] = i;
        }
    return INFER_OK;
}

static void heap_push(struct order *o, uint32_t node)
{
    uint32_t i = o->heaped++;
    for (; i && o->heap[(i - 1) / 2] > node; i = (i - 1) / 2)
        o->heap[i] = o->heap[(i - 1) / 2];
    o->heap[i] = node;
}

static uint32_t heap_pop(struct order *o)
{
    uint32_t top = o->heap[0], last = o->heap[--o->heaped], i = 0;
    for (uint32_t child; (child = 2 * i + 1) < o->heaped; i = child) {
        if (child + 1 < o->heaped && o->heap[child + 1] < o->heap[child])
            child++;
        if (o->heap[child] >= last)
            break;
        o->heap[i] = o->heap[child];
    }
    o->heap[i] = last;
    return top;
}

/* Kahn's algorithm: of the nodes that are ready, the first in the file comes next. */
static infer_status place(struct order *o, uint32_t *order, uint32_t *count)
{
    uint32_t nodes = (uint32_t)o->im->graph->n_node, live = 0;
    for (uint32_t i = 0; i < nodes; i++) {
        live += o->live[i];
        if (o->live[i] && !o->waiting[i])
            heap_push(o, i);
    }
    *count = 0;
    while (o->heaped) {
        uint32_t node = heap_pop(o);
        order[(*count)++] = node;
        for (uint32_t k = o->first[node]; k < o->first[node + 1]; k++)
            if (--o->waiting[o->consumers[k]] == 0)
                heap_push(o, o->consumers[k]);
    }
    if (*count == live)
        return INFER_OK;
    for (uint32_t i = 0; i < nodes; i++)
        if (o->live[i] && o->waiting[i]) {
            const Onnx__NodeProto *p = o->im->graph->node[i];
            return onnx_report_model(o->im, 0, p->name && p->name[0] ? p->name : p->op_type, "",
                                     "%u nodes, this one first, wait for each other in a cycle",
                                     live - *count);
        }
    return INFER_OK;
}

infer_status onnx_order(struct onnx_importer *im, uint32_t **order, uint32_t *count)
{
    struct order o = {.im = im};
    size_t nodes = im->graph->n_node;
    o.live = infer__region_calloc(&im->scratch, nodes, 1);
    o.waiting = infer__region_calloc(&im->scratch, nodes, sizeof *o.waiting);
    o.first = infer__region_calloc(&im->scratch, nodes + 1, sizeof *o.first);
    o.heap = infer__region_calloc(&im->scratch, nodes, sizeof *o.heap);
    *order = infer__region_calloc(&im->scratch, nodes, sizeof **order);
    if (!o.live || !o.waiting || !o.first || !o.heap || !*order)
        return infer__no_memory(im->err, nodes * sizeof **order);
    TRY(mark_live(&o));
    TRY(link_consumers(&o));
    return place(&o, *order, count);
}
