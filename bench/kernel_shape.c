/* Graphs of one operator from rows of text. */
#include <stdlib.h>
#include <string.h>

#include "bench/kernel_bench.h"
#include "tools/random_fill.h"

enum { MOST_OPERANDS = 12, MOST_NUMBERS = 16 };

struct builder {
    struct infer__graph *g;
    infer_error *err;
    const char *at; /* what is left of the text */
    int quantised;  /* operands are s8 or u8 behind a DequantizeLinear */
};

/* Of quantised operands; sums stay far from the ends of u8, whatever is added up. */
static const float input_scale = 0.02F, weight_scale = 0.01F, output_scale = 0.1F;

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

static infer_status add_random(struct builder *b, infer_type type, int rank, const int64_t *dims,
                               uint32_t *id)
{
    infer_tensor t = {.type = type, .rank = rank};
    memcpy(t.dims, dims, sizeof t.dims);
    size_t n = infer_tensor_elements(&t);
    t.data = infer__region_calloc(b->g->region, n, infer_type_size(type));
    if (!t.data)
        return infer__no_memory(b->err, n * infer_type_size(type));
    random_fill(&t, n);
    return infer__graph_add_const(b->g, "", type, rank, dims, t.data, 0, id, b->err);
}

/* A node between the f32 value and the integers: *id becomes its output. */
static infer_status add_quantiser(struct builder *b, uint16_t op, infer_type type, float scale,
                                  uint32_t *id)
{
    uint32_t in[3] = {*id, 0, 0}, out;
    uint8_t zero = type == INFER_U8 ? 128 : 0;
    struct infer__node *n;
    infer_error *err = b->err;
    TRY(infer__graph_add_const(b->g, "", INFER_F32, 0, NULL, &scale, 1, &in[1], err));
    if (type != INFER_S32)
        TRY(infer__graph_add_const(b->g, "", type, 0, NULL, &zero, 1, &in[2], err));
    TRY(infer__graph_add_value(b->g, "", &out, err));
    TRY(infer__graph_add_node(b->g, op, "", in, in[2] ? 3 : 2, &out, 1, &n, err));
    *id = out;
    return INFER_OK;
}

/* Weights are s8; the bias, of one dimension, s32 in steps of both scales. */
static infer_status add_constant(struct builder *b, int rank, const int64_t *dims, uint32_t *id)
{
    if (!b->quantised)
        return add_random(b, INFER_F32, rank, dims, id);
    infer_type type = rank > 1 ? INFER_S8 : INFER_S32;
    TRY(add_random(b, type, rank, dims, id));
    return add_quantiser(b, INFER__OP_DEQUANTIZE_LINEAR, type,
                         rank > 1 ? weight_scale : input_scale * weight_scale, id);
}

/* ":u8" behind a shape; f32 where there is none. */
static infer_status read_type(struct builder *b, infer_type *type)
{
    infer_error *err = b->err;
    *type = b->quantised ? INFER_U8 : INFER_F32;
    if (*b->at != ':')
        return INFER_OK;
    size_t length = strcspn(++b->at, "!=; ");
    for (int t = 1; t <= INFER_BOOL; t++) {
        const char *name = infer_type_name((infer_type)t);
        if (strlen(name) == length && strncmp(name, b->at, length) == 0) {
            *type = (infer_type)t;
            b->at += length;
            return INFER_OK;
        }
    }
    FAIL_IF(1, INFER_ERROR_ARGUMENT, "no type at '%s'", b->at);
}

/* "1x3x224x224", "1x100:s64", "64x3x7x7!", "2=2,3" or "-"; sets *input where it is an input of the
 * graph. */
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
    infer_type type;
    TRY(read_type(b, &type));
    char kind = *b->at;
    b->at += kind == '!' || kind == '=';
    if (kind == '=')
        return add_given(b, integers, rank, dims, id);
    if (kind == '!')
        return type == INFER_F32 || b->quantised ? add_constant(b, rank, dims, id)
                                                 : add_random(b, type, rank, dims, id);
    TRY(infer__graph_add_value(b->g, "x", id, err));
    struct infer__value *x = &b->g->values[*id];
    x->type = (uint8_t)type;
    x->rank = (uint8_t)rank;
    x->kind = INFER__VALUE_INPUT;
    x->shaped = 1;
    memcpy(x->dims, dims, sizeof dims);
    *input = *id;
    return b->quantised ? add_quantiser(b, INFER__OP_DEQUANTIZE_LINEAR, INFER_U8, input_scale, id)
                        : INFER_OK;
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

/* Whether numbers behind "=" are integers. */
static int takes_integers(uint16_t op)
{
    return op != INFER__OP_RESIZE && op != INFER__OP_BATCH_NORMALIZATION &&
           op != INFER__OP_QUANTIZE_LINEAR && op != INFER__OP_DEQUANTIZE_LINEAR;
}

infer_status bench_shape_graph(const struct bench_shape *s, struct infer__graph *g,
                               struct infer__region *region, infer_error *err)
{
    struct builder b = {g, err, s->operands, s->kind == MACHINE_INT8};
    uint32_t in[MOST_OPERANDS], inputs[MOST_OPERANDS], out[MOST_OPERANDS];
    uint32_t nin = 0, ninputs = 0, nout = s->outputs ? s->outputs : 1;
    struct infer__node *n;
    uint16_t op = infer__op_find(s->op), act = infer__op_find(s->activation);
    FAIL_IF(!op || (*s->activation && !act), INFER_ERROR_ARGUMENT, "no operator %s or %s", s->op,
            s->activation);
    FAIL_IF(nout > MOST_OPERANDS, INFER_ERROR_ARGUMENT, "%u outputs are too many", nout);
    TRY(infer__graph_init(g, region, err));
    for (skip_blanks(&b); *b.at && nin < MOST_OPERANDS; skip_blanks(&b)) {
        TRY(add_operand(&b, takes_integers(op), &in[nin], &inputs[ninputs]));
        ninputs += inputs[ninputs] != 0;
        nin++;
        skip_blanks(&b);
        FAIL_IF(*b.at && *b.at != ';', INFER_ERROR_ARGUMENT, "operands: '%s' is left", b.at);
        b.at += *b.at == ';';
    }
    for (uint32_t i = 0; i < nout; i++)
        TRY(infer__graph_add_value(g, "y", &out[i], err));
    TRY(infer__graph_add_node(g, op, s->op, in, nin, out, nout, &n, err));
    if (op == INFER__OP_CONV_CHAIN) {
        n->inner = infer__region_calloc(region, 2, sizeof *n->inner);
        if (!n->inner)
            return infer__no_memory(err, 2 * sizeof *n->inner);
    }
    b.at = s->attributes;
    TRY(set_attributes(&b, n));
    if (act) {
        uint32_t x = out[0];
        TRY(infer__graph_add_value(g, "z", &out[0], err));
        TRY(infer__graph_add_node(g, act, s->activation, &x, 1, out, 1, &n, err));
    }
    if (b.quantised)
        TRY(add_quantiser(&b, INFER__OP_QUANTIZE_LINEAR, INFER_U8, output_scale, &out[0]));
    g->inputs = infer__region_copy(region, inputs, ninputs * sizeof *inputs);
    g->outputs = infer__region_copy(region, out, nout * sizeof *out);
    if (!g->inputs || !g->outputs)
        return infer__no_memory(err, ninputs * sizeof *inputs);
    g->ninputs = ninputs;
    g->noutputs = nout;
    return infer__op_info(op)->internal ? INFER_OK : infer__graph_verify(g, err);
}
