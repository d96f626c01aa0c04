/* The graph, weights and names sections. The graph has been verified. */
#include <string.h>

#include "base/size.h"
#include "file/write.h"

/* ---- planning ------------------------------------------------------------------------------- */

/* Values keep their order; those that nothing uses get no number. */
static void number_values(struct infer__write_graph *p)
{
    const struct infer__graph *g = p->g;
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->nin; k++)
            p->number[n->in[k]] = 1;
        for (uint32_t k = 0; k < n->nout; k++)
            p->number[n->out[k]] = 1;
    }
    for (uint32_t i = 0; i < g->ninputs; i++)
        p->number[g->inputs[i]] = 1;
    for (uint32_t i = 0; i < g->noutputs; i++) {
        p->number[g->outputs[i]] = 1;
        p->output[g->outputs[i]] = 1;
    }
    p->number[0] = 0;
    for (uint32_t i = 1; i < g->nvalues; i++)
        if (p->number[i])
            p->number[i] = ++p->nvalues;
}

static infer_status add_name(struct infer__write_graph *p, struct infer__strings *t,
                             const char *name, uint32_t *offset, infer_error *err)
{
    int fresh;
    TRY(infer__strings_add(t, name, offset, &fresh, err));
    if (fresh)
        p->strings[p->nstrings++] = name;
    return INFER_OK;
}

static infer_status name_all(struct infer__write_graph *p, struct infer__region *scratch,
                             infer_error *err)
{
    const struct infer__graph *g = p->g;
    struct infer__strings t;
    size_t count;
    if (!infer__size_add(g->nvalues, g->nnodes, &count))
        return infer__no_memory(err, g->nnodes);
    TRY(infer__strings_init(&t, scratch, count, err));
    p->strings = infer__region_calloc(scratch, count, sizeof *p->strings);
    p->value_name = infer__region_calloc(scratch, g->nvalues, sizeof *p->value_name);
    p->node_name = infer__region_calloc(scratch, g->nnodes, sizeof *p->node_name);
    if (!p->strings || !p->value_name || !p->node_name)
        return infer__no_memory(err, count * sizeof *p->strings);
    for (uint32_t i = 1; i < g->nvalues; i++)
        if (p->number[i])
            TRY(add_name(p, &t, g->values[i].name, &p->value_name[i], err));
    for (uint32_t i = 0; i < g->nnodes; i++)
        TRY(add_name(p, &t, g->nodes[i].name, &p->node_name[i], err));
    p->names_bytes = t.size;
    return INFER_OK;
}

/* Adds to a number of records, which the file holds in 32 bits. */
static infer_status count(uint32_t *total, uint32_t more, infer_error *err)
{
    FAIL_IF(__builtin_add_overflow(*total, more, total), INFER_ERROR_LIMIT,
            "a graph has more than 2^32 references or numbers");
    return INFER_OK;
}

static infer_status count_records(struct infer__write_graph *p, infer_error *err)
{
    for (uint32_t i = 0; i < p->g->nnodes; i++) {
        const struct infer__node *n = &p->g->nodes[i];
        TRY(count(&p->nrefs, n->nin, err));
        TRY(count(&p->nrefs, n->nout, err));
        TRY(count(&p->nattrs, n->nattr, err));
        for (uint32_t k = 0; k < n->nattr; k++)
            TRY(count(n->attr[k].type == INFER__ATTR_FLOATS ? &p->nfloats : &p->nints,
                      n->attr[k].count, err));
    }
    return INFER_OK;
}

static int add_table(size_t *total, size_t records, size_t size)
{
    size_t bytes;
    return infer__size_mul(records, size, &bytes) && infer__size_add(*total, bytes, total);
}

static infer_status add_sizes(struct infer__write_graph *p, infer_error *err)
{
    const struct infer__graph *g = p->g;
    size_t *n = &p->graph_bytes;
    *n = INFER__FILE_GRAPH_HEADER;
    FAIL_IF(!add_table(n, p->nvalues, INFER__FILE_VALUE) ||
                !add_table(n, g->nnodes, INFER__FILE_NODE) ||
                !add_table(n, p->nattrs, INFER__FILE_ATTR) ||
                !add_table(n, p->nints, sizeof(int64_t)) ||
                !add_table(n, p->nfloats, sizeof(float)) ||
                !add_table(n, p->nrefs, sizeof(uint32_t)) ||
                !add_table(n, g->ninputs, sizeof(uint32_t)) ||
                !add_table(n, g->noutputs, sizeof(uint32_t)),
            INFER_ERROR_LIMIT, "the graph does not fit into a file");
    for (uint32_t i = 1; i < g->nvalues; i++) {
        const struct infer__value *v = &g->values[i];
        if (!p->number[i] || v->kind != INFER__VALUE_CONST)
            continue;
        FAIL_IF(!infer__size_align(p->weights_bytes, INFER__FILE_ALIGN, &p->weights_bytes) ||
                    !infer__size_add(p->weights_bytes, infer__value_bytes(v), &p->weights_bytes),
                INFER_ERROR_LIMIT, "the weights do not fit into a file");
    }
    return INFER_OK;
}

infer_status infer__write_graph_plan(struct infer__write_graph *p, const struct infer__graph *g,
                                     struct infer__region *scratch, infer_error *err)
{
    memset(p, 0, sizeof *p);
    p->g = g;
    p->number = infer__region_calloc(scratch, g->nvalues, sizeof *p->number);
    p->output = infer__region_calloc(scratch, g->nvalues, sizeof *p->output);
    if (!p->number || !p->output)
        return infer__no_memory(err, g->nvalues * sizeof *p->number);
    number_values(p);
    TRY(name_all(p, scratch, err));
    TRY(count_records(p, err));
    return add_sizes(p, err);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* `weights` is how far the weights reach so far. */
static void write_value(const struct infer__write_graph *p, uint32_t id, size_t *weights,
                        struct infer__writer *w)
{
    const struct infer__value *v = &p->g->values[id];
    size_t offset = 0, bytes = 0;
    /* the shapes of values inside the graph follow from the rest of it */
    int declared = v->type && (v->kind != INFER__VALUE_NODE || p->output[id]);
    if (v->kind == INFER__VALUE_CONST) {
        infer__size_align(*weights, INFER__FILE_ALIGN, &offset); /* add_sizes found that it fits */
        bytes = infer__value_bytes(v);
        *weights = offset + bytes;
    }
    infer__write_u32(w, p->value_name[id]);
    unsigned char kinds[4] = {declared ? v->type : 0, declared ? v->rank : 0, v->kind, 0};
    infer__write_bytes(w, kinds, sizeof kinds);
    infer__write_u32(w, declared ? v->free_dims : 0);
    infer__write_u32(w, 0);
    infer__write_u64(w, offset);
    infer__write_u64(w, bytes);
    for (int i = 0; i < INFER_MAX_RANK; i++)
        infer__write_u64(w, declared && i < v->rank ? (uint64_t)v->dims[i] : 0);
}

static void write_node(const struct infer__write_graph *p, uint32_t i, struct infer__writer *w)
{
    const struct infer__node *n = &p->g->nodes[i];
    infer__write_u16(w, n->op);
    infer__write_u16(w, n->nattr);
    infer__write_u32(w, p->node_name[i]);
    infer__write_u32(w, n->nin);
    infer__write_u32(w, n->nout);
}

/* What of a node's attributes is written: their records, or the values of one type. */
enum { RECORDS = 0 };

/* Attributes are sorted by key, whatever order the graph has them in. */
static void write_attrs(const struct infer__node *n, unsigned what, struct infer__writer *w)
{
    for (uint16_t key = 1; n->nattr && key < INFER__ATTR_COUNT; key++) {
        const struct infer__attr *a = infer__node_attr(n, key);
        if (!a)
            continue;
        if (what == RECORDS) {
            infer__write_u16(w, a->key);
            infer__write_u16(w, a->type);
            infer__write_u32(w, a->count);
        } else if (what == a->type && what == INFER__ATTR_FLOATS) {
            infer__write_bytes(w, a->floats, a->count * sizeof *a->floats);
        } else if (what == a->type) {
            infer__write_bytes(w, a->ints, a->count * sizeof *a->ints);
        }
    }
}

static void write_refs(const struct infer__write_graph *p, const uint32_t *refs, uint32_t n,
                       struct infer__writer *w)
{
    for (uint32_t i = 0; i < n; i++)
        infer__write_u32(w, p->number[refs[i]]);
}

void infer__write_graph_section(const struct infer__write_graph *p, struct infer__writer *w)
{
    const struct infer__graph *g = p->g;
    size_t end = w->at + INFER__FILE_GRAPH_HEADER, weights = 0;
    uint32_t counts[] = {p->nvalues, g->nnodes, g->ninputs, g->noutputs,
                         p->nattrs,  p->nints,  p->nfloats, p->nrefs};
    infer__write_bytes(w, counts, sizeof counts);
    infer__write_u16(w, INFER__FILE_VALUE);
    infer__write_u16(w, INFER__FILE_NODE);
    infer__write_u16(w, INFER__FILE_ATTR);
    infer__write_zeros_to(w, end);
    for (uint32_t i = 1; i < g->nvalues; i++)
        if (p->number[i])
            write_value(p, i, &weights, w);
    for (uint32_t i = 0; i < g->nnodes; i++)
        write_node(p, i, w);
    for (uint32_t i = 0; i < g->nnodes; i++)
        write_attrs(&g->nodes[i], RECORDS, w);
    for (uint32_t i = 0; i < g->nnodes; i++)
        write_attrs(&g->nodes[i], INFER__ATTR_INTS, w);
    for (uint32_t i = 0; i < g->nnodes; i++)
        write_attrs(&g->nodes[i], INFER__ATTR_FLOATS, w);
    for (uint32_t i = 0; i < g->nnodes; i++) {
        write_refs(p, g->nodes[i].in, g->nodes[i].nin, w);
        write_refs(p, g->nodes[i].out, g->nodes[i].nout, w);
    }
    write_refs(p, g->inputs, g->ninputs, w);
    write_refs(p, g->outputs, g->noutputs, w);
}

void infer__write_weights_section(const struct infer__write_graph *p, struct infer__writer *w)
{
    for (uint32_t i = 1; i < p->g->nvalues; i++) {
        const struct infer__value *v = &p->g->values[i];
        size_t at;
        if (!p->number[i] || v->kind != INFER__VALUE_CONST)
            continue;
        if (infer__size_align(w->at, INFER__FILE_ALIGN, &at))
            infer__write_zeros_to(w, at);
        infer__write_bytes(w, v->data, infer__value_bytes(v));
    }
}

void infer__write_names_section(const struct infer__write_graph *p, struct infer__writer *w)
{
    for (uint32_t i = 0; i < p->nstrings; i++)
        infer__write_bytes(w, p->strings[i], strlen(p->strings[i]) + 1);
}
