#include "graph/custom.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"

/* ---- reading a descriptor ------------------------------------------------------------------- */

struct cursor {
    const uint8_t *at;
    size_t left;
};

/* The next string; NULL: there is none. */
static const char *take_string(struct cursor *c)
{
    const char *s = (const char *)c->at;
    const uint8_t *end = c->left ? memchr(c->at, 0, c->left) : NULL;
    if (!end)
        return NULL;
    c->left -= (size_t)(end - c->at) + 1;
    c->at = end + 1;
    return s;
}

static const uint8_t *take_bytes(struct cursor *c, size_t bytes)
{
    const uint8_t *p = c->at;
    if (bytes > c->left)
        return NULL;
    c->at += bytes;
    c->left -= bytes;
    return p;
}

static size_t size_of(unsigned type)
{
    return type == INFER__CUSTOM_INTS ? sizeof(int64_t) : type == INFER__CUSTOM_FLOATS ? 4 : 1;
}

/* The next attribute, whose values stay where they are: *values. 0: what follows is none. */
static int take_attr(struct cursor *c, struct infer__custom_attr *a, const uint8_t **values)
{
    const uint8_t *p;
    a->name = take_string(c);
    if (!a->name || !(p = take_bytes(c, 5)))
        return 0;
    a->type = p[0];
    memcpy(&a->count, p + 1, sizeof a->count);
    if (a->type < INFER__CUSTOM_INTS || a->type > INFER__CUSTOM_STRING)
        return 0;
    const size_t bytes = infer__array_bytes(a->count, size_of(a->type));
    *values = take_bytes(c, bytes);
    if (!*values || a->type != INFER__CUSTOM_STRING)
        return *values != NULL;
    p = take_bytes(c, 1);
    return p && !*p && !memchr(*values, 0, bytes);
}

/* How many attributes there are; -1: the descriptor is none. */
static int64_t count_attrs(struct cursor c)
{
    const char *domain = take_string(&c), *name = take_string(&c);
    int64_t n = 0;
    if (!domain || !name || !domain[0] || !name[0])
        return -1;
    for (; c.left; n++) {
        struct infer__custom_attr a;
        const uint8_t *values;
        if (!take_attr(&c, &a, &values))
            return -1;
    }
    return n;
}

static struct cursor descriptor_of(const struct infer__graph *g, const struct infer__node *n)
{
    const struct infer__value *v = &g->values[n->in[0]];
    return (struct cursor){v->data, infer__value_bytes(v)};
}

infer_status infer__custom_verify(const struct infer__graph *g, const struct infer__node *n,
                                  infer_error *err)
{
    const struct infer__value *v = &g->values[n->in[0]];
    if ((uint64_t)n->nin + n->nout > INFER__CUSTOM_OPERANDS)
        return infer__fail_node(err, INFER_ERROR_LIMIT, n->name,
                                "Custom: more than %d inputs and outputs", INFER__CUSTOM_OPERANDS);
    if (v->kind != INFER__VALUE_CONST || v->type != INFER_U8 || v->rank != 1 ||
        count_attrs(descriptor_of(g, n)) < 0)
        return infer__fail_node(err, INFER_ERROR_FORMAT, n->name,
                                "Custom: input 0 is no description of an operator");
    return INFER_OK;
}

/* ---- all nodes of a model ------------------------------------------------------------------- */

static int by_descriptor(const void *a, const void *b)
{
    const uintptr_t x = (uintptr_t)((const struct infer_custom_node *)a)->descriptor;
    const uintptr_t y = (uintptr_t)((const struct infer_custom_node *)b)->descriptor;
    return (x > y) - (x < y);
}

/* A copy that is aligned. */
static infer_status copy_values(struct infer__custom_attr *a, const uint8_t *values,
                                struct infer__region *region, infer_error *err)
{
    const size_t bytes = infer__array_bytes(a->count, size_of(a->type));
    char *copy = infer__region_calloc(region, 1, bytes + 1); /* a string has its zero */
    if (!copy)
        return infer__no_memory(err, bytes);
    memcpy(copy, values, bytes);
    a->string = copy;
    return INFER_OK;
}

static infer_status read_node(const struct infer__graph *g, const struct infer__node *n,
                              struct infer_custom_node *to, struct infer__region *region,
                              infer_error *err)
{
    struct cursor c = descriptor_of(g, n);
    const int64_t count = count_attrs(c);
    to->descriptor = c.at;
    to->domain = take_string(&c);
    to->name = take_string(&c);
    to->nattrs = (uint32_t)count;
    to->attrs = infer__region_calloc(region, (size_t)count, sizeof *to->attrs);
    if (!to->attrs)
        return infer__no_memory(err, (size_t)count * sizeof *to->attrs);
    for (uint32_t i = 0; i < to->nattrs; i++) {
        const uint8_t *values = NULL;
        FAIL_IF(!take_attr(&c, &to->attrs[i], &values), INFER_ERROR_INTERNAL,
                "a descriptor that was checked can't be read");
        TRY(copy_values(&to->attrs[i], values, region, err));
    }
    return INFER_OK;
}

static infer_status check_ops(const infer_custom_op *ops, size_t nops, infer_error *err)
{
    FAIL_IF(nops && !ops, INFER_ERROR_ARGUMENT, "custom_ops is NULL");
    for (size_t i = 0; i < nops; i++) {
        const infer_custom_op *o = &ops[i];
        FAIL_IF(!o->domain || !o->name || !o->shape || !o->run, INFER_ERROR_ARGUMENT,
                "custom_ops[%zu] lacks a name or a function", i);
        FAIL_IF(o->parts > INFER__CUSTOM_PARTS || o->reserved || o->more[0] || o->more[1],
                INFER_ERROR_ARGUMENT,
                "custom_ops[%zu] ('%s') has more than %d parts, or what is "
                "reserved is not 0",
                i, o->name, INFER__CUSTOM_PARTS);
    }
    return INFER_OK;
}

infer_status infer__customs_read(struct infer__graph *g, const infer_custom_op *ops, size_t nops,
                                 struct infer__region *region, infer_error *err)
{
    uint32_t count = 0;
    TRY(check_ops(ops, nops, err));
    for (uint32_t i = 0; i < g->nnodes; i++)
        count += g->nodes[i].op == INFER__OP_CUSTOM;
    if (!count)
        return INFER_OK;
    struct infer__customs *c = infer__region_calloc(region, 1, sizeof *c);
    if (!c)
        return infer__no_memory(err, sizeof *c);
    c->nodes = infer__region_calloc(region, count, sizeof *c->nodes);
    c->ops = infer__region_copy(region, ops, infer__array_bytes(nops, sizeof *ops));
    if (!c->nodes || !c->ops)
        return infer__no_memory(err, count * sizeof *c->nodes);
    c->nops = nops;
    for (uint32_t i = 0; i < g->nnodes; i++)
        if (g->nodes[i].op == INFER__OP_CUSTOM)
            TRY(read_node(g, &g->nodes[i], &c->nodes[c->nnodes++], region, err));
    qsort(c->nodes, c->nnodes, sizeof *c->nodes, by_descriptor);
    g->customs = c;
    return INFER_OK;
}

/* ---- attributes ----------------------------------------------------------------------------- */

static const struct infer__custom_attr *find(const infer_custom_node *node, const char *name,
                                             unsigned type)
{
    for (uint32_t i = 0; node && name && i < node->nattrs; i++)
        if (strcmp(node->attrs[i].name, name) == 0)
            return node->attrs[i].type == type ? &node->attrs[i] : NULL;
    return NULL;
}

int64_t infer_custom_int(const infer_custom_node *node, const char *name, int64_t otherwise)
{
    const struct infer__custom_attr *a = find(node, name, INFER__CUSTOM_INTS);
    return a && a->count == 1 ? a->ints[0] : otherwise;
}

float infer_custom_float(const infer_custom_node *node, const char *name, float otherwise)
{
    const struct infer__custom_attr *a = find(node, name, INFER__CUSTOM_FLOATS);
    return a && a->count == 1 ? a->floats[0] : otherwise;
}

const char *infer_custom_string(const infer_custom_node *node, const char *name,
                                const char *otherwise)
{
    const struct infer__custom_attr *a = find(node, name, INFER__CUSTOM_STRING);
    return a ? a->string : otherwise;
}

size_t infer_custom_ints(const infer_custom_node *node, const char *name, const int64_t **values)
{
    const struct infer__custom_attr *a = find(node, name, INFER__CUSTOM_INTS);
    if (values)
        *values = a ? a->ints : NULL;
    return a && values ? a->count : 0;
}

size_t infer_custom_floats(const infer_custom_node *node, const char *name, const float **values)
{
    const struct infer__custom_attr *a = find(node, name, INFER__CUSTOM_FLOATS);
    if (values)
        *values = a ? a->floats : NULL;
    return a && values ? a->count : 0;
}
