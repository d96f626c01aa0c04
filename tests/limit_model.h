/* Models of one node, written and loaded in memory, for tests of limits: an input x, constant
 * operands behind it, and attributes. */
#ifndef TESTS_LIMIT_MODEL_H
#define TESTS_LIMIT_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/write.h"
#include "graph/params.h"

struct limit_operand {
    int type, rank; /* INFER_TYPE_NONE: absent */
    int64_t dims[INFER_MAX_RANK];
    const void *data; /* NULL: zeros */
};

struct limit_attr {
    uint16_t key; /* INFER__ATTR_NONE: none */
    uint32_t count;
    int64_t ints[6];
};

struct limit_model {
    uint16_t op;
    struct limit_operand x;
    uint32_t free_dims;
    struct limit_operand more[3];
    struct limit_attr attr[3];
};

static inline infer_status limit_operand(struct infer__graph *g, const struct limit_operand *o,
                                         uint32_t *id, infer_error *err)
{
    static const char zeros[1 << 16];
    *id = 0;
    if (o->type == INFER_TYPE_NONE)
        return INFER_OK;
    return infer__graph_add_const(g, "c", (infer_type)o->type, o->rank, o->dims,
                                  o->data ? o->data : zeros, 1, id, err);
}

/* The graph of a model, in `region`. */
static inline infer_status limit_graph(const struct limit_model *m, struct infer__graph *g,
                                       struct infer__region *region, infer_error *err)
{
    uint32_t in[4], y, nin = 1;
    struct infer__node *n;
    TRY(infer__graph_init(g, region, err));
    TRY(infer__graph_add_value(g, "x", &in[0], err));
    struct infer__value *x = &g->values[in[0]];
    x->type = (uint8_t)m->x.type;
    x->rank = (uint8_t)m->x.rank;
    x->kind = INFER__VALUE_INPUT;
    x->free_dims = m->free_dims;
    x->shaped = !m->free_dims;
    memcpy(x->dims, m->x.dims, sizeof x->dims);
    for (uint32_t i = 0; i < 3; i++) {
        TRY(limit_operand(g, &m->more[i], &in[1 + i], err));
        if (in[1 + i])
            nin = 2 + i;
    }
    TRY(infer__graph_add_value(g, "y", &y, err));
    TRY(infer__graph_add_node(g, m->op, "node", in, nin, &y, 1, &n, err));
    for (int i = 0; i < 3; i++)
        if (m->attr[i].key != INFER__ATTR_NONE)
            TRY(infer__node_set_ints(g, n, m->attr[i].key, m->attr[i].ints, m->attr[i].count, err));
    g->inputs = infer__region_copy(region, &in[0], sizeof in[0]);
    g->outputs = infer__region_copy(region, &y, sizeof y);
    g->ninputs = g->noutputs = 1;
    return INFER_OK;
}

/* Writes the model and loads it; *file, the caller's to free, must outlive *model. */
static inline infer_status limit_load(const struct limit_model *m, const infer_load_options *o,
                                      void **file, infer_model **model, infer_error *err)
{
    struct infer__region region;
    struct infer__graph g;
    void *bytes = NULL;
    size_t size = 0;
    *file = NULL;
    *model = NULL;
    infer__region_init(&region, NULL);
    infer_status status = limit_graph(m, &g, &region, err);
    struct infer__file_content content = {
        .graph = &g, .labels = NULL, .nlabels = 0, .extra = NULL, .nextra = 0};
    if (status == INFER_OK)
        status = infer__file_write(&content, NULL, &bytes, &size, err);
    infer__region_free(&region);
    if (status != INFER_OK)
        return status;
    *file = bytes;
    return infer_load_memory(bytes, size, o, model, err);
}

/* Loads the model and makes a session of it, with `threads` and, where x has free dimensions,
 * `spec`: the first status that is not OK. */
static inline infer_status limit_session(const struct limit_model *m, uint64_t max_tensor_bytes,
                                         const infer_input_spec *spec, infer_error *err)
{
    infer_load_options lo = INFER_LOAD_OPTIONS_INIT;
    infer_session_options so = INFER_SESSION_OPTIONS_INIT;
    infer_model *model;
    infer_session *session = NULL;
    void *file;
    lo.max_tensor_bytes = max_tensor_bytes;
    so.threads = 2;
    so.inputs = spec;
    so.ninputs = spec != NULL;
    infer_status status = limit_load(m, &lo, &file, &model, err);
    if (status == INFER_OK)
        status = infer_session_create(model, &so, &session, err);
    infer_session_free(&session);
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, file);
    return status;
}

/* What resolving the model's node alone says. */
static inline infer_status limit_resolve(const struct limit_model *m, uint64_t max_tensor_bytes,
                                         union infer__params *p, infer_error *err)
{
    struct infer__region region;
    struct infer__graph g;
    infer__region_init(&region, NULL);
    infer_status status = limit_graph(m, &g, &region, err);
    if (status == INFER_OK)
        status = infer__resolve_node(&g, &g.nodes[0], max_tensor_bytes, p, err);
    infer__region_free(&region);
    return status;
}

#endif
