/* The graph section, read into the IR. First the tables are proved to lie in the section, which
 * bounds all memory by the file's size; then every record is read once, in order. Names, weights
 * and the pools of numbers are used up in the order in which they are referred to, so that no byte
 * is left out or used twice. Whether the graph makes sense is infer__graph_verify's business. */
#include "file/graph_read.h"

static const _Alignas(INFER__FILE_ALIGN) char nothing[INFER__FILE_ALIGN]; /* data of empty ones */

/* ---- tables --------------------------------------------------------------------------------- */

static infer_status read_counts(struct infer__load *l, struct infer__reader *r,
                                struct infer__counts *n)
{
    const infer_load_options *o = &l->options;
    uint32_t *count[] = {&n->values, &n->nodes, &n->inputs, &n->outputs,
                         &n->attrs,  &n->ints,  &n->floats, &n->refs};
    for (size_t i = 0; i < sizeof count / sizeof *count; i++)
        *count[i] = infer__read_u32(r);
    uint64_t where = infer__read_where(r);
    unsigned value = infer__read_u16(r), node = infer__read_u16(r), attr = infer__read_u16(r);
    FAIL_AT_IF(!infer__read_zeros(r, INFER__FILE_GRAPH_HEADER - r->at), INFER_ERROR_FORMAT, r->base,
               "the graph's header is cut, or a reserved field of it is not 0");
    FAIL_AT_IF(value != INFER__FILE_VALUE || node != INFER__FILE_NODE || attr != INFER__FILE_ATTR,
               INFER_ERROR_FORMAT, where, "records of %u, %u and %u bytes, not %d, %d and %d",
               value, node, attr, INFER__FILE_VALUE, INFER__FILE_NODE, INFER__FILE_ATTR);
    FAIL_AT_IF(n->values > o->max_values, INFER_ERROR_LIMIT, r->base,
               "%u values, at most %u are allowed", n->values, o->max_values);
    FAIL_AT_IF(n->nodes > o->max_nodes, INFER_ERROR_LIMIT, r->base + 4,
               "%u nodes, at most %u are allowed", n->nodes, o->max_nodes);
    FAIL_AT_IF(n->outputs == 0, INFER_ERROR_FORMAT, r->base + 12, "the graph has no outputs");
    return INFER_OK;
}

static infer_status find_tables(struct infer__read *s, struct infer__reader *r)
{
    struct infer__load *l = s->l;
    FAIL_AT_IF(!infer__read_window(r, s->n.values, INFER__FILE_VALUE, &s->values) ||
                   !infer__read_window(r, s->n.nodes, INFER__FILE_NODE, &s->nodes) ||
                   !infer__read_window(r, s->n.attrs, INFER__FILE_ATTR, &s->attrs) ||
                   !infer__read_window(r, s->n.ints, sizeof(int64_t), &s->ints) ||
                   !infer__read_window(r, s->n.floats, sizeof(float), &s->floats) ||
                   !infer__read_window(r, s->n.refs, sizeof(uint32_t), &s->refs) ||
                   !infer__read_window(r, s->n.inputs, sizeof(uint32_t), &s->inputs) ||
                   !infer__read_window(r, s->n.outputs, sizeof(uint32_t), &s->outputs),
               INFER_ERROR_FORMAT, infer__read_where(r), "the graph's tables pass its section");
    FAIL_AT_IF(infer__read_left(r), INFER_ERROR_FORMAT, infer__read_where(r),
               "%zu bytes follow the graph's tables", infer__read_left(r));
    return INFER_OK;
}

static infer_status take_memory(struct infer__read *s)
{
    struct infer__graph *g = s->g;
    struct infer__region *m = g->region;
    /* value 0, the absent one, is not in the file; max_values keeps the sum in range */
    size_t values;
    if (!infer__size_add(s->n.values, 1, &values) || values > UINT32_MAX)
        return infer__no_memory(s->l->err, s->n.values);
    g->nvalues = (uint32_t)values;
    g->nnodes = s->n.nodes;
    g->ninputs = s->n.inputs;
    g->noutputs = s->n.outputs;
    g->values_capacity = g->nvalues;
    g->nodes_capacity = g->nnodes;
    g->values = infer__region_calloc(m, g->nvalues, sizeof *g->values);
    g->nodes = infer__region_calloc(m, g->nnodes, sizeof *g->nodes);
    g->inputs = infer__region_calloc(m, g->ninputs, sizeof *g->inputs);
    g->outputs = infer__region_calloc(m, g->noutputs, sizeof *g->outputs);
    s->attr = infer__region_calloc(m, s->n.attrs, sizeof *s->attr);
    s->ref = infer__region_calloc(m, s->n.refs, sizeof *s->ref);
    if (!g->values || !g->nodes || !g->inputs || !g->outputs || !s->attr || !s->ref)
        return infer__no_memory(s->l->err, g->nvalues * sizeof *g->values);
    g->values[0].name = "";
    return INFER_OK;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static infer_status read_attr(struct infer__read *s, struct infer__reader *r,
                              const struct infer__node *n, struct infer__attr *a, unsigned previous)
{
    struct infer__load *l = s->l;
    uint64_t where = infer__read_where(r);
    struct infer__reader values;
    a->key = infer__read_u16(r);
    a->type = infer__read_u16(r);
    a->count = infer__read_u32(r);
    int floats = a->type == INFER__ATTR_FLOATS;
    FAIL_AT_IF(a->key <= previous, INFER_ERROR_FORMAT, where,
               "node '%.64s': attribute %u follows attribute %u", n->name, a->key, previous);
    FAIL_AT_IF(!floats && a->type != INFER__ATTR_INTS, INFER_ERROR_FORMAT, where + 2,
               "node '%.64s': attribute %u is of type %u, which is none", n->name, a->key, a->type);
    FAIL_AT_IF(!infer__read_window(floats ? &s->floats : &s->ints, a->count,
                                   floats ? sizeof(float) : sizeof(int64_t), &values),
               INFER_ERROR_FORMAT, where + 4,
               "node '%.64s': attribute %u passes the graph's numbers", n->name, a->key);
    /* both tables start at a multiple of their elements' size in a 64-byte aligned section */
    if (floats)
        a->floats = (const void *)values.data;
    else
        a->ints = (const void *)values.data;
    return INFER_OK;
}

static infer_status read_refs(struct infer__read *s, uint32_t count, uint32_t **refs,
                              uint64_t where)
{
    struct infer__load *l = s->l;
    struct infer__reader r;
    FAIL_AT_IF(!infer__read_window(&s->refs, count, sizeof(uint32_t), &r), INFER_ERROR_FORMAT,
               where, "the inputs and outputs of a node pass the graph's references");
    *refs = s->ref;
    for (uint32_t i = 0; i < count; i++)
        *s->ref++ = infer__read_u32(&r);
    return INFER_OK;
}

static infer_status read_node(struct infer__read *s, struct infer__node *n)
{
    struct infer__load *l = s->l;
    struct infer__reader *r = &s->nodes, attrs;
    uint64_t where = infer__read_where(r);
    unsigned previous = 0;
    n->op = infer__read_u16(r);
    n->nattr = infer__read_u16(r);
    TRY(infer__read_name(s, where + 4, infer__read_u32(r), &n->name));
    n->nin = infer__read_u32(r);
    n->nout = infer__read_u32(r);
    FAIL_AT_IF(!infer__read_window(&s->attrs, n->nattr, INFER__FILE_ATTR, &attrs),
               INFER_ERROR_FORMAT, where + 2, "node '%.64s' has more attributes than the graph",
               n->name);
    n->attr = s->attr;
    for (unsigned i = 0; i < n->nattr; i++) {
        TRY(read_attr(s, &attrs, n, s->attr, previous));
        previous = s->attr++->key;
    }
    TRY(read_refs(s, n->nin, &n->in, where + 8));
    return read_refs(s, n->nout, &n->out, where + 12);
}

static infer_status read_all(struct infer__read *s)
{
    struct infer__load *l = s->l;
    struct infer__graph *g = s->g;
    for (uint32_t i = 1; i < g->nvalues; i++)
        TRY(infer__read_value(s, &g->values[i]));
    for (uint32_t i = 0; i < g->nnodes; i++)
        TRY(read_node(s, &g->nodes[i]));
    for (uint32_t i = 0; i < g->ninputs; i++)
        g->inputs[i] = infer__read_u32(&s->inputs);
    for (uint32_t i = 0; i < g->noutputs; i++)
        g->outputs[i] = infer__read_u32(&s->outputs);
    struct infer__reader *tables[] = {&s->attrs, &s->ints,  &s->floats,
                                      &s->refs,  &s->names, &s->weights};
    static const char *const names[] = {"attributes", "integers", "floats",
                                        "references", "names",    "weights"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        FAIL_AT_IF(infer__read_left(tables[i]), INFER_ERROR_FORMAT, infer__read_where(tables[i]),
                   "nothing refers to the last of the %s", names[i]);
    return INFER_OK;
}

/* ---- rules of the whole --------------------------------------------------------------------- */

enum { USED = 1, OUTPUT = 2 };

static void mark_used(const struct infer__graph *g, uint8_t *state)
{
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->nin; k++)
            state[n->in[k]] |= USED;
        for (uint32_t k = 0; k < n->nout; k++)
            state[n->out[k]] |= USED;
    }
    for (uint32_t i = 0; i < g->ninputs; i++)
        state[g->inputs[i]] |= USED;
    for (uint32_t i = 0; i < g->noutputs; i++)
        state[g->outputs[i]] |= USED | OUTPUT;
}

/* Every value is used, and only outputs declare a shape that is worked out anyway. The graph has
 * been verified, so all numbers are in range. */
static infer_status check_used(struct infer__read *s)
{
    struct infer__load *l = s->l;
    const struct infer__graph *g = s->g;
    infer_status status = INFER_OK;
    uint8_t *state = infer__calloc(&l->model->allocator, g->nvalues, 1);
    if (!state)
        return infer__no_memory(l->err, g->nvalues);
    mark_used(g, state);
    for (uint32_t i = 1; i < g->nvalues && status == INFER_OK; i++) {
        const struct infer__value *v = &g->values[i];
        uint64_t where = s->values.base + (uint64_t)(i - 1) * INFER__FILE_VALUE;
        if (!state[i])
            status = infer__fail_at(l->err, INFER_ERROR_FORMAT, where,
                                    "nothing uses value %u ('%.64s')", i, v->name);
        else if (v->kind == INFER__VALUE_NODE && v->type && !(state[i] & OUTPUT))
            status =
                infer__fail_at(l->err, INFER_ERROR_FORMAT, where,
                               "value %u ('%.64s') is no output but declares a type", i, v->name);
    }
    infer__free(&l->model->allocator, state);
    return status;
}

/* Gives a failure of the graph the position of the node's record, if its name says which it is,
 * else that of the section. */
static void find_offset(const struct infer__read *s, infer_error *err)
{
    size_t shown = sizeof err->node - 1, found = 0;
    err->offset = s->values.base - INFER__FILE_GRAPH_HEADER;
    if (!err->node[0])
        return;
    for (uint32_t i = 0; i < s->g->nnodes; i++) {
        if (strncmp(s->g->nodes[i].name, err->node, shown))
            continue;
        err->offset =
            (uint64_t)INFER__SUM((int64_t)s->nodes.base, INFER__PRODUCT(i, INFER__FILE_NODE));
        found++;
    }
    if (found != 1)
        err->offset = s->values.base - INFER__FILE_GRAPH_HEADER;
}

infer_status infer__load_graph(struct infer__load *l)
{
    struct infer__read s = {.l = l, .g = &l->model->graph};
    struct infer__reader r = l->section[INFER__SECTION_GRAPH];
    s.g->region = &l->model->region;
    s.names = l->section[INFER__SECTION_NAMES];
    s.weights = l->section[INFER__SECTION_WEIGHTS];
    if (!s.weights.data)
        s.weights = infer__reader_on(nothing, 0, 0);
    TRY(read_counts(l, &r, &s.n));
    TRY(find_tables(&s, &r));
    TRY(take_memory(&s));
    TRY(read_all(&s));
    infer_status status = infer__graph_verify(s.g, l->err);
    if (status != INFER_OK && status != INFER_ERROR_NO_MEMORY)
        find_offset(&s, l->err);
    TRY(status);
    TRY(check_used(&s));
    /* all but the numbers of attributes has been copied */
    const struct infer__reader *section = &l->section[INFER__SECTION_GRAPH];
    infer__pages_drop(&l->map, section->data, section->size);
    return INFER_OK;
}
