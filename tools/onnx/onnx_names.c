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

/* ---- names inside sub-graphs ----------------------------------------------------------------- */

/* What to do with a name that a sub-graph uses: see used_inside. */
typedef void (*visit)(void *context, const char *name);

/* Calls `f` for each name that the nodes or outputs of a node's sub-graphs use, at any depth (the
 * reader bounds it); names of the sub-graphs' own are among them. */
static void used_inside(const Onnx__NodeProto *p, visit f, void *context)
{
    for (size_t i = 0; i < p->n_attribute; i++) {
        const Onnx__GraphProto *g = onnx_subgraph(p->attribute[i]);
        for (size_t k = 0; g && k < g->n_node; k++) {
            for (size_t j = 0; j < g->node[k]->n_input; j++)
                f(context, g->node[k]->input[j]);
            used_inside(g->node[k], f, context);
        }
        for (size_t k = 0; g && k < g->n_output; k++)
            if (g->output[k]->name)
                f(context, g->output[k]->name);
    }
}

static void count_name(void *context, const char *name)
{
    *(size_t *)context += name[0] != 0;
}

static void add_outer(void *context, const char *name)
{
    struct onnx_importer *im = context;
    for (struct onnx_importer *o = im->outer; o; o = o->outer)
        if (onnx_names_find(&o->names, name) != ONNX_MISSING) {
            add(&im->names, name, ONNX_OUTER, 0);
            return;
        }
}

static void add_ref(void *context, const char *name)
{
    struct onnx_names *names = context;
    uint32_t at = name[0] ? onnx_names_find(names, name) : ONNX_MISSING;
    if (at != ONNX_MISSING)
        names->refs[names->first[0]++] = at;
}

/* ---- the table ------------------------------------------------------------------------------ */

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
        } else if (e->source == ONNX_OUTER) {
            continue; /* the same once more, or hidden by a name of the branch */
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

/* Notes what is read at all. */
static void note_used(struct onnx_importer *im)
{
    struct onnx_names *names = &im->names;
    for (uint32_t i = 0; i < names->first[im->graph->n_node]; i++)
        if (names->refs[i] < ONNX_MISSING)
            names->items[names->refs[i]].used = 1;
    for (size_t i = 0; i < im->graph->n_output; i++) {
        const char *name = im->graph->output[i]->name;
        uint32_t at = name ? onnx_names_find(names, name) : ONNX_MISSING;
        if (at != ONNX_MISSING)
            names->items[at].used = 1;
    }
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
        for (size_t k = 0; k < graph->node[i]->n_input; k++) {
            const char *name = graph->node[i]->input[k];
            names->refs[at++] = name[0] ? onnx_names_find(names, name) : ONNX_NONE;
        }
        names->first[0] = at; /* counts on meanwhile */
        used_inside(graph->node[i], add_ref, names);
        names->first[i + 1] = at = names->first[0];
    }
    names->first[0] = 0;
    note_used(im);
    return INFER_OK;
}

/* Ranks and types of values between nodes, where the file has them. */
static void note_info(struct onnx_importer *im, Onnx__ValueInfoProto *const *infos, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Onnx__ValueInfoProto *v = infos[i];
        uint32_t at = v->name ? onnx_names_find(&im->names, v->name) : ONNX_MISSING;
        if (at == ONNX_MISSING || !v->type || !v->type->tensor_type ||
            v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
            continue;
        const Onnx__TensorShapeProto *s = v->type->tensor_type->shape;
        infer_type type = onnx_type(v->type->tensor_type->elem_type);
        if (s && s->n_dim <= INFER_MAX_RANK)
            im->names.items[at].rank = (int)s->n_dim;
        im->names.items[at].type = (int)type;
        im->names.items[at].elem = v->type->tensor_type->elem_type;
    }
}

/* Values of the graphs around a branch: those that its names stand for. */
static infer_status take_outer(struct onnx_importer *im)
{
    for (uint32_t i = 0; i < im->names.count; i++) {
        struct onnx_name *e = &im->names.items[i];
        uint32_t at = ONNX_MISSING;
        struct onnx_importer *o = e->source == ONNX_OUTER ? im->outer : NULL;
        for (; o && (at = onnx_names_find(&o->names, e->name)) == ONNX_MISSING; o = o->outer)
            ;
        if (!o)
            continue;
        TRY(onnx_value_of(o, at, &e->value));
        e->rank = o->names.items[at].rank;
        e->type = o->names.items[at].type;
        e->elem = o->names.items[at].elem;
    }
    return INFER_OK;
}

/* Names that the nodes and outputs of a branch take from around it. */
static void add_all_outer(struct onnx_importer *im)
{
    const Onnx__GraphProto *graph = im->graph;
    for (size_t i = 0; i < graph->n_node; i++) {
        for (size_t k = 0; k < graph->node[i]->n_input; k++)
            if (graph->node[i]->input[k][0])
                add_outer(im, graph->node[i]->input[k]);
        used_inside(graph->node[i], add_outer, im);
    }
    for (size_t i = 0; i < graph->n_output; i++)
        if (graph->output[i]->name)
            add_outer(im, graph->output[i]->name);
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
        used_inside(graph->node[i], count_name, &inputs);
    }
    if (im->outer)
        total += inputs + graph->n_output;
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
    if (im->outer)
        add_all_outer(im);
    sort(names->items, names->count);
    TRY(unify(im));
    note_info(im, graph->input, graph->n_input);
    note_info(im, graph->value_info, graph->n_value_info);
    note_info(im, graph->output, graph->n_output);
    TRY(take_outer(im));
    return refer(im, inputs);
}
