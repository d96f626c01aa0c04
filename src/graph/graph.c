/* Building, copying and reading graphs. */
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

#include "base/size.h"

infer_status infer__graph_init(struct infer__graph *g, struct infer__region *region,
                               infer_error *err)
{
    uint32_t id;
    memset(g, 0, sizeof *g);
    g->region = region;
    return infer__graph_add_value(g, "", &id, err);
}

infer_status infer__graph_add_value(struct infer__graph *g, const char *name, uint32_t *id,
                                    infer_error *err)
{
    *id = 0;
    FAIL_IF(g->nvalues == UINT32_MAX, INFER_ERROR_LIMIT, "a graph has at most %u values",
            UINT32_MAX - 1);
    char *copy = infer__region_string(g->region, name);
    void *values = g->values;
    if (!copy || !infer__region_grow(g->region, &values, &g->values_capacity, g->nvalues + 1,
                                     sizeof(struct infer__value)))
        return infer__no_memory(err, sizeof(struct infer__value));
    g->values = values;
    struct infer__value *v = &g->values[g->nvalues];
    memset(v, 0, sizeof *v);
    v->name = copy;
    *id = g->nvalues++;
    return INFER_OK;
}

infer_status infer__graph_add_const(struct infer__graph *g, const char *name, infer_type type,
                                    int rank, const int64_t *dims, const void *data, int copy,
                                    uint32_t *id, infer_error *err)
{
    size_t bytes;
    *id = 0;
    FAIL_IF(!infer_type_size(type), INFER_ERROR_ARGUMENT, "constant '%s' has no type", name);
    FAIL_IF(rank < 0 || rank > INFER_MAX_RANK, INFER_ERROR_SHAPE,
            "constant '%s' has rank %d, at most %d is possible", name, rank, INFER_MAX_RANK);
    FAIL_IF(!infer__tensor_bytes(dims, rank, infer_type_size(type), UINT64_MAX, &bytes),
            INFER_ERROR_SHAPE, "constant '%s' has an impossible shape", name);
    FAIL_IF(!data && bytes, INFER_ERROR_ARGUMENT, "constant '%s' has no data", name);
    if (copy) {
        data = infer__region_copy(g->region, data, bytes);
        if (!data)
            return infer__no_memory(err, bytes);
    }
    TRY(infer__graph_add_value(g, name, id, err));
    struct infer__value *v = &g->values[*id];
    v->type = (uint8_t)type;
    v->rank = (uint8_t)rank;
    v->kind = INFER__VALUE_CONST;
    v->shaped = 1;
    if (rank)
        memcpy(v->dims, dims, (size_t)rank * sizeof *dims);
    v->data = data;
    return INFER_OK;
}

/* A copy of a list of value numbers, never NULL on success. */
static infer_status copy_ids(struct infer__graph *g, const uint32_t *from, uint32_t count,
                             uint32_t **to, infer_error *err)
{
    *to = infer__region_calloc(g->region, count ? count : 1, sizeof **to);
    if (!*to)
        return infer__no_memory(err, (size_t)count * sizeof **to);
    if (count)
        memcpy(*to, from, (size_t)count * sizeof **to);
    return INFER_OK;
}

infer_status infer__graph_add_node(struct infer__graph *g, uint16_t op, const char *name,
                                   const uint32_t *in, uint32_t nin, const uint32_t *out,
                                   uint32_t nout, struct infer__node **node, infer_error *err)
{
    struct infer__node n = {.op = op, .nin = nin, .nout = nout};
    if (node)
        *node = NULL;
    FAIL_IF(g->nnodes == UINT32_MAX, INFER_ERROR_LIMIT, "a graph has at most %u nodes", UINT32_MAX);
    n.name = infer__region_string(g->region, name);
    if (!n.name)
        return infer__no_memory(err, sizeof n);
    TRY(copy_ids(g, in, nin, &n.in, err));
    TRY(copy_ids(g, out, nout, &n.out, err));
    void *nodes = g->nodes;
    if (!infer__region_grow(g->region, &nodes, &g->nodes_capacity, g->nnodes + 1, sizeof n))
        return infer__no_memory(err, sizeof n);
    g->nodes = nodes;
    g->nodes[g->nnodes] = n;
    if (node)
        *node = &g->nodes[g->nnodes];
    g->nnodes++;
    return INFER_OK;
}

/* Puts `a`, whose values lie in the region, into the node's attributes. */
static infer_status put_attr(struct infer__graph *g, struct infer__node *n, struct infer__attr a,
                             infer_error *err)
{
    uint32_t at = 0;
    while (at < n->nattr && n->attr[at].key != a.key)
        at++;
    uint32_t count = at < n->nattr ? n->nattr : n->nattr + 1u; /* keys differ: below 64 */
    struct infer__attr *all = infer__region_calloc(g->region, count, sizeof *all);
    if (!all)
        return infer__no_memory(err, count * sizeof *all);
    if (n->nattr)
        memcpy(all, n->attr, n->nattr * sizeof *all);
    all[at] = a;
    n->attr = all;
    n->nattr = (uint16_t)count;
    return INFER_OK;
}

infer_status infer__node_set_ints(struct infer__graph *g, struct infer__node *n, uint16_t key,
                                  const int64_t *v, uint32_t count, infer_error *err)
{
    FAIL_IF(infer__attr_kind(key) != INFER__ATTR_INTS, INFER_ERROR_ARGUMENT,
            "attribute %u ('%s') does not hold integers", key, infer__attr_name(key));
    int64_t *copy = infer__region_calloc(g->region, count ? count : 1, sizeof *copy);
    if (!copy)
        return infer__no_memory(err, (size_t)count * sizeof *copy);
    if (count)
        memcpy(copy, v, (size_t)count * sizeof *copy);
    struct infer__attr a = {.key = key, .type = INFER__ATTR_INTS, .count = count};
    a.ints = copy;
    return put_attr(g, n, a, err);
}

infer_status infer__node_set_floats(struct infer__graph *g, struct infer__node *n, uint16_t key,
                                    const float *v, uint32_t count, infer_error *err)
{
    FAIL_IF(infer__attr_kind(key) != INFER__ATTR_FLOATS, INFER_ERROR_ARGUMENT,
            "attribute %u ('%s') does not hold floats", key, infer__attr_name(key));
    float *copy = infer__region_calloc(g->region, count ? count : 1, sizeof *copy);
    if (!copy)
        return infer__no_memory(err, (size_t)count * sizeof *copy);
    if (count)
        memcpy(copy, v, (size_t)count * sizeof *copy);
    struct infer__attr a = {.key = key, .type = INFER__ATTR_FLOATS, .count = count};
    a.floats = copy;
    return put_attr(g, n, a, err);
}

/* The lists of inputs and outputs of all nodes of a copy, in one block of the region: a small
 * block per list would cost a million-node graph far more than the lists themselves. */
static infer_status copy_node_lists(struct infer__graph *to, infer_error *err)
{
    size_t total = 0;
    for (uint32_t i = 0; i < to->nnodes; i++)
        total += (size_t)to->nodes[i].nin + to->nodes[i].nout; /* at most 2^65 / 4 bytes exist */
    uint32_t *ids = infer__region_calloc(to->region, total ? total : 1, sizeof *ids);
    if (!ids)
        return infer__no_memory(err, total);
    for (uint32_t i = 0; i < to->nnodes; i++) {
        struct infer__node *n = &to->nodes[i];
        if (n->nin)
            memcpy(ids, n->in, n->nin * sizeof *ids);
        n->in = ids;
        ids += n->nin;
        if (n->nout)
            memcpy(ids, n->out, n->nout * sizeof *ids);
        n->out = ids;
        ids += n->nout;
    }
    return INFER_OK;
}

infer_status infer__graph_copy(struct infer__graph *to, const struct infer__graph *from,
                               struct infer__region *region, infer_error *err)
{
    memset(to, 0, sizeof *to);
    to->region = region;
    void *values = NULL, *nodes = NULL;
    if (!infer__region_grow(region, &values, &to->values_capacity, from->nvalues,
                            sizeof *to->values) ||
        !infer__region_grow(region, &nodes, &to->nodes_capacity, from->nnodes, sizeof *to->nodes))
        return infer__no_memory(err, sizeof *to->nodes);
    to->values = values;
    to->nodes = nodes;
    to->nvalues = from->nvalues;
    to->nnodes = from->nnodes;
    if (from->nvalues)
        memcpy(to->values, from->values, from->nvalues * sizeof *to->values);
    if (from->nnodes)
        memcpy(to->nodes, from->nodes, from->nnodes * sizeof *to->nodes);
    TRY(copy_node_lists(to, err));
    to->ninputs = from->ninputs;
    to->noutputs = from->noutputs;
    to->customs = from->customs;
    TRY(copy_ids(to, from->inputs, from->ninputs, &to->inputs, err));
    return copy_ids(to, from->outputs, from->noutputs, &to->outputs, err);
}

const struct infer__attr *infer__node_attr(const struct infer__node *n, uint16_t key)
{
    for (uint32_t i = 0; i < n->nattr; i++)
        if (n->attr[i].key == key)
            return &n->attr[i];
    return NULL;
}

int64_t infer__node_int(const struct infer__node *n, uint16_t key, int64_t otherwise)
{
    const struct infer__attr *a = infer__node_attr(n, key);
    return a && a->type == INFER__ATTR_INTS && a->count ? a->ints[0] : otherwise;
}

float infer__node_float(const struct infer__node *n, uint16_t key, float otherwise)
{
    const struct infer__attr *a = infer__node_attr(n, key);
    return a && a->type == INFER__ATTR_FLOATS && a->count ? a->floats[0] : otherwise;
}

int64_t infer__value_elements(const struct infer__value *v)
{
    int64_t n = 1;
    return infer__dims_product(v->dims, v->rank, &n) ? n : 0;
}

size_t infer__value_bytes(const struct infer__value *v)
{
    size_t bytes;
    size_t size = infer_type_size((infer_type)v->type);
    return infer__size_mul((size_t)infer__value_elements(v), size, &bytes) ? bytes : 0;
}

char *infer__value_text(const struct infer__value *v, char *text, size_t size)
{
    size_t at = 0;
    if (!size)
        return text;
    text[0] = '\0';
    for (int i = 0; i < v->rank && i < INFER_MAX_RANK && at < size; i++) {
        const char *sep = i ? "x" : "";
        int free_dim = v->free_dims >> i & 1;
        int len = free_dim && v->shaped
                      ? snprintf(text + at, size - at, "%s<=%lld", sep, (long long)v->dims[i])
                  : free_dim ? snprintf(text + at, size - at, "%s?", sep)
                             : snprintf(text + at, size - at, "%s%lld", sep, (long long)v->dims[i]);
        at += len > 0 ? (size_t)len : 0;
    }
    if (at < size)
        snprintf(text + at, size - at, "%s%s", v->rank ? " " : "scalar ",
                 infer_type_name((infer_type)v->type));
    return text;
}

int infer__quant_same(const struct infer__quant *a, const struct infer__quant *b)
{
    if (!a || !b || a == b)
        return a == b;
    return a->count == 1 && b->count == 1 && *a->scale == *b->scale && *a->zero == *b->zero;
}
