/* Graphs of one operator from rows of text. */
#include <stdlib.h>
#include <string.h>

#include "bench/kernel_bench.h"
#include "tools/random_fill.h"

enum { MOST_OPERANDS = 8, MOST_NUMBERS = 16 };

struct builder {
    struct infer__graph *g;
    infer_error *err;
    const char *at; /* what is left of the text */
};

static void skip_blanks(struct builder *b)
{
    b->at += strspn(b->at, " ");
}

/* Numbers separated by `separator`. */
static int read_numbers(struct builder *b, char separator, double v[MOST_NUMBERS])
{
    int n = 0;
    char *end;
    while (n < MOST_NUMBERS) {
        v[n] = strtod(b->at, &end);
        if (end == b->at)
            break;
        n++;
        b->at = end;
        if (*b->at != separator)
            break;
        b->at++;
    }
    return n;
}

/* A constant of the numbers that follow; the last one fills what is left. Operators that take
 * axes want integers. */
static infer_status add_given(struct builder *b, int integers, int rank, const int64_t *dims,
                              uint32_t *id)
{
    infer_error *err = b->err;
    double v[MOST_NUMBERS];
    int n = read_numbers(b, ',', v);
    FAIL_IF(n < 1 || rank != 1, INFER_ERROR_ARGUMENT, "numbers are missing at '%s'", b->at);
    size_t count = (size_t)dims[0];
    int64_t *longs = infer__region_calloc(b->g->region, count, sizeof *longs);
    float *floats = infer__region_calloc(b->g->region, count, sizeof *floats);
    if (!longs || !floats)
        return infer__no_memory(err, count * sizeof *longs);
    for (size_t i = 0; i < count; i++) {
        double x = v[i < (size_t)n ? i : (size_t)n - 1];
        longs[i] = (int64_t)x;
        floats[i] = (float)x;
    }
    return infer__graph_add_const(b->g, "", integers ? INFER_S64 : INFER_F32, rank, dims,
                                  integers ? (const void *)longs : floats, 0, id, err);
}

static infer_status add_random(struct builder *b, int rank, const int64_t *dims, uint32_t *id)
{
    infer_tensor t = {.type = INFER_F32, .rank = rank};
    memcpy(t.dims, dims, sizeof t.dims);
    size_t n = infer_tensor_elements(&t);
    t.data = infer__region_calloc(b->g->region, n, sizeof(float));
    if (!t.data)
        return infer__no_memory(b->err, n * sizeof(float));
    random_fill(&t, n);
    return infer__graph_add_const(b->g, "", INFER_F32, rank, dims, t.data, 0, id, b->err);
}

/* "1x3x224x224", "64x3x7x7!", "2=2,3" or "-"; sets *input where it is an input of the graph. */
static infer_status add_operand(struct builder *b, int integers, uint32_t *id, uint32_t *input)
{
    double v[MOST_NUMBERS];
    int64_t dims[INFER_MAX_RANK] = {0};
    infer_error *err = b->err;
    *id = *input = 0;
    if (*b->at == '-') {
        b->at++;
        return INFER_OK;
    }
    int rank = read_numbers(b, 'x', v);
    FAIL_IF(rank < 1 || rank > INFER_MAX_RANK, INFER_ERROR_ARGUMENT, "no shape at '%s'", b->at);
    for (int i = 0; i < rank; i++)
        dims[i] = (int64_t)v[i];
    char kind = *b->at;
    b->at += kind == '!' || kind == '=';
    if (kind == '=')
        return add_given(b, integers, rank, dims, id);
    if (kind == '!')
        return add_random(b, rank, dims, id);
    TRY(infer__graph_add_value(b->g, "x", id, err));
    struct infer__value *x = &b->g->values[*id];
    x->type = INFER_F32;
    x->rank = (uint8_t)rank;
    x->kind = INFER__VALUE_INPUT;
    x->shaped = 1;
    memcpy(x->dims, dims, sizeof dims);
    *input = *id;
    return INFER_OK;
}

/* "kernel_shape=3,3 group=2" */
static infer_status set_attributes(struct builder *b, struct infer__node *n)
{
    infer_error *err = b->err;
    double v[MOST_NUMBERS];
    int64_t ints[MOST_NUMBERS];
    float floats[MOST_NUMBERS];
    char name[64];
    for (skip_blanks(b); *b->at; skip_blanks(b)) {
        size_t length = strcspn(b->at, "=");
        FAIL_IF(length >= sizeof name || !b->at[length], INFER_ERROR_ARGUMENT,
                "no attribute at '%s'", b->at);
        memcpy(name, b->at, length);
        name[length] = 0;
        b->at += length + 1;
        uint16_t key = infer__attr_find(name);
        int count = read_numbers(b, ',', v);
        FAIL_IF(!key || !count, INFER_ERROR_ARGUMENT, "no attribute '%s' with numbers", name);
        for (int i = 0; i < count; i++) {
            ints[i] = (int64_t)v[i];
            floats[i] = (float)v[i];
        }
        if (infer__attr_kind(key) == INFER__ATTR_INTS)
            TRY(infer__node_set_ints(b->g, n, key, ints, (uint32_t)count, err));
        else
            TRY(infer__node_set_floats(b->g, n, key, floats, (uint32_t)count, err));
    }
    return INFER_OK;
}

infer_status bench_shape_graph(const struct bench_shape *s, struct infer__graph *g,
                               struct infer__region *region, infer_error *err)
{
    struct builder b = {g, err, s->operands};
    uint32_t in[MOST_OPERANDS], inputs[MOST_OPERANDS], nin = 0, ninputs = 0, out, behind;
    struct infer__node *n;
    uint16_t op = infer__op_find(s->op), act = infer__op_find(s->activation);
    FAIL_IF(!op || (*s->activation && !act), INFER_ERROR_ARGUMENT, "no operator %s or %s", s->op,
            s->activation);
    TRY(infer__graph_init(g, region, err));
    for (skip_blanks(&b); *b.at && nin < MOST_OPERANDS; skip_blanks(&b)) {
        TRY(add_operand(&b, op == INFER__OP_REDUCE_MEAN, &in[nin], &inputs[ninputs]));
        ninputs += inputs[ninputs] != 0;
        nin++;
        skip_blanks(&b);
        FAIL_IF(*b.at && *b.at != ';', INFER_ERROR_ARGUMENT, "operands: '%s' is left", b.at);
        b.at += *b.at == ';';
    }
    TRY(infer__graph_add_value(g, "y", &out, err));
    TRY(infer__graph_add_node(g, op, s->op, in, nin, &out, 1, &n, err));
    b.at = s->attributes;
    TRY(set_attributes(&b, n));
    if (act) {
        TRY(infer__graph_add_value(g, "z", &behind, err));
        TRY(infer__graph_add_node(g, act, s->activation, &out, 1, &behind, 1, &n, err));
        out = behind;
    }
    g->inputs = infer__region_copy(region, inputs, ninputs * sizeof *inputs);
    g->outputs = infer__region_copy(region, &out, sizeof out);
    if (!g->inputs || !g->outputs)
        return infer__no_memory(err, ninputs * sizeof *inputs);
    g->ninputs = ninputs;
    g->noutputs = 1;
    return infer__graph_verify(g, err);
}
