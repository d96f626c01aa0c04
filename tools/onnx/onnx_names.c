/* Names of a graph: a sorted table instead of a hash, so that no choice of names is slow. */
#include "tools/onnx/onnx_internal.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const struct onnx_name *x = a, *y = b;
    int c = strcmp(x->name, y->name);
    if (c)
        return c;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Heap sort: n log n for any input, and no memory. */
static void sift(struct onnx_name *a, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && compare(&a[child], &a[child + 1]) < 0)
            child++;
        if (compare(&a[root], &a[child]) >= 0)
            return;
        struct onnx_name t = a[root];
        a[root] = a[child];
        a[child] = t;
    }
}

static void sort(struct onnx_name *a, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(a, i, n);
    for (size_t i = n; i-- > 1;) {
        struct onnx_name t = a[0];
        a[0] = a[i];
        a[i] = t;
        sift(a, 0, i);
    }
}

uint32_t onnx_names_find(const struct onnx_names *names, const char *name)
{
    uint32_t lo = 0, hi = names->count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int c = strcmp(names->items[mid].name, name);
        if (c == 0)
            return mid;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return ONNX_MISSING;
}

static void add(struct onnx_names *names, const char *name, enum onnx_source source, size_t index)
{
    if (name && name[0])
        names->items[names->count++] = (struct onnx_name){
            .name = name, .source = source, .index = (uint32_t)index, .rank = -1};
}

/* Keeps one entry per name. An initializer that is also an input is a default value, which we
 * take for good; everything else that stands twice is against the rule of one producer. */
static infer_status unify(struct onnx_importer *im)
{
    struct onnx_names *names = &im->names;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < names->count; i++) {
        struct onnx_name *e = &names->items[i];
        struct onnx_name *last = kept ? &names->items[kept - 1] : NULL;
        if (!last || strcmp(last->name, e->name)) {
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): ruled out above */
            names->items[kept++] = *e;
        } else if (last->source == ONNX_INPUT && e->source == ONNX_INITIALIZER) {
            *last = *e;
            if (im->model->ir_version >= 4)
                TRY(onnx_report_model(im, 1, e->name, "",
                                      "the input has a default value and becomes a constant"));
        } else {
            TRY(onnx_report_model(im, 0, e->name, "", "the name is produced more than once"));
        }
    }
    names->count = kept;
    return INFER_OK;
}

/* Looks up the inputs of all nodes. */
static infer_status refer(struct onnx_importer *im, size_t inputs)
{
    const Onnx__GraphProto *graph = im->graph;
    struct onnx_names *names = &im->names;
    names->first = infer__region_calloc(&im->scratch, graph->n_node + 1, sizeof *names->first);
    names->refs = infer__region_calloc(&im->scratch, inputs, sizeof *names->refs);
    if (!names->first || !names->refs)
        return infer__no_memory(im->err, inputs * sizeof *names->refs);
    uint32_t at = 0;
    for (size_t i = 0; i < graph->n_node; i++) {
        names->first[i] = at;
        for (size_t k = 0; k < graph->node[i]->n_input; k++) {
            const char *name = graph->node[i]->input[k];
            names->refs[at++] = name[0] ? onnx_names_find(names, name) : ONNX_NONE;
        }
    }
    names->first[graph->n_node] = at;
    return INFER_OK;
}

/* Ranks of values between nodes, where the file has them. */
static void note_ranks(struct onnx_importer *im)
{
    for (size_t i = 0; i < im->graph->n_value_info; i++) {
        const Onnx__ValueInfoProto *v = im->graph->value_info[i];
        uint32_t at = v->name ? onnx_names_find(&im->names, v->name) : ONNX_MISSING;
        if (at == ONNX_MISSING || !v->type || !v->type->tensor_type ||
            v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
            continue;
        const Onnx__TensorShapeProto *s = v->type->tensor_type->shape;
        if (s && s->n_dim <= INFER_MAX_RANK)
            im->names.items[at].rank = (int)s->n_dim;
    }
}

infer_status onnx_names_build(struct onnx_importer *im)
{
    const Onnx__GraphProto *graph = im->graph;
    struct onnx_names *names = &im->names;
    infer_error *err = im->err;
    size_t total = graph->n_input + graph->n_initializer, inputs = 0;
    for (size_t i = 0; i < graph->n_node; i++) {
        total += graph->node[i]->n_output; /* counts of objects in memory: can't wrap */
        inputs += graph->node[i]->n_input;
    }
    FAIL_IF(total > UINT32_MAX / 2 || inputs > UINT32_MAX / 2, INFER_ERROR_LIMIT,
            "the graph has too many values");
    names->items = infer__region_calloc(&im->scratch, total, sizeof *names->items);
    if (!names->items)
        return infer__no_memory(err, total * sizeof *names->items);
    for (size_t i = 0; i < graph->n_input; i++)
        add(names, graph->input[i]->name, ONNX_INPUT, i);
    for (size_t i = 0; i < graph->n_initializer; i++)
        add(names, graph->initializer[i]->name, ONNX_INITIALIZER, i);
    for (size_t i = 0; i < graph->n_node; i++)
        for (size_t k = 0; k < graph->node[i]->n_output; k++)
            add(names, graph->node[i]->output[k], ONNX_OUTPUT, i);
    sort(names->items, names->count);
    TRY(unify(im));
    note_ranks(im);
    return refer(im, inputs);
}
