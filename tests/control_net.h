/* Graphs with branches and loops as models of their own, and sessions of them. */
#ifndef INFER_TESTS_CONTROL_NET_H
#define INFER_TESTS_CONTROL_NET_H

#include "tests/small_net.h"

#include "infer_experimental.h"

enum { ROWS = 3, COLUMNS = 4 };

FIXTURE uint32_t input(struct net *n, const char *name, infer_type type, int rank,
                       const int64_t *dims)
{
    uint32_t id;
    OK(infer__graph_add_value(&n->g, name, &id, &n->err));
    struct infer__value *v = &n->g.values[id];
    v->kind = INFER__VALUE_INPUT;
    v->type = (uint8_t)type;
    v->rank = (uint8_t)rank;
    v->shaped = 1;
    for (int i = 0; i < rank; i++)
        v->dims[i] = dims[i];
    n->g.inputs =
        n->g.inputs ? n->g.inputs : infer__region_calloc(&n->region, 8, sizeof *n->g.inputs);
    n->g.inputs[n->g.ninputs++] = id;
    return id;
}

FIXTURE uint32_t constant(struct net *n, infer_type type, int rank, const int64_t *dims,
                          const void *data)
{
    uint32_t id;
    OK(infer__graph_add_const(&n->g, "", type, rank, dims, data, 1, &id, &n->err));
    return id;
}

FIXTURE uint32_t number(struct net *n, int64_t v)
{
    return constant(n, INFER_S64, 0, NULL, &v);
}

FIXTURE uint32_t truth(struct net *n, uint8_t v)
{
    return constant(n, INFER_BOOL, 0, NULL, &v);
}

/* A node with results of these names. */
FIXTURE struct infer__node *node(struct net *n, uint16_t op, const char *name, const uint32_t *in,
                                 uint32_t nin, uint32_t *out, uint32_t nout)
{
    struct infer__node *made;
    for (uint32_t k = 0; k < nout; k++) {
        char text[32];
        snprintf(text, sizeof text, k ? "%s%u" : "%s", name, k);
        OK(infer__graph_add_value(&n->g, text, &out[k], &n->err));
    }
    OK(infer__graph_add_node(&n->g, op, name, in, nin, out, nout, &made, &n->err));
    return made;
}

#define IN(...) (const uint32_t[]){__VA_ARGS__}, sizeof(const uint32_t[]){__VA_ARGS__} / 4

FIXTURE uint32_t one(struct net *n, uint16_t op, const char *name, const uint32_t *in, size_t nin)
{
    uint32_t out;
    node(n, op, name, in, (uint32_t)nin, &out, 1);
    return out;
}

FIXTURE void begin(struct net *n)
{
    *n = (struct net){.rng = {1}};
    infer__region_init(&n->region, NULL);
    OK(infer__graph_init(&n->g, &n->region, &n->err));
}

__attribute__((unused)) static const int64_t matrix[2] = {ROWS, COLUMNS};
__attribute__((unused)) static float x[ROWS][COLUMNS] = {
    {1, 2, 3, 4}, {-1, 5, 0, 2}, {3, -2, 1, 1}};

FIXTURE infer_tensor tensor(infer_type type, int rank, const int64_t *dims, void *data)
{
    infer_tensor t = {.type = type, .rank = rank, .data = data};
    for (int i = 0; i < rank; i++)
        t.dims[i] = dims[i];
    t.bytes = infer_tensor_elements(&t) * infer_type_size(type);
    return t;
}

FIXTURE infer_session *session_of(const struct net_model *m, infer_isa isa, const char *most,
                                  uint64_t value)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_maximum maximum = {.name = most, .value = (int64_t)value};
    infer_session *s;
    infer_error err;
    o.isa = isa;
    o.threads = 2;
    o.maxima = most ? &maximum : NULL;
    o.nmaxima = most != NULL;
    OK(infer_session_create(m->model, &o, &s, &err));
    return s;
}

__attribute__((unused)) static const infer_isa levels[] = {INFER_ISA_C, INFER_ISA_DEFAULT};

#endif
