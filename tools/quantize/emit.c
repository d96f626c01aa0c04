/* Writes the quantised graph: what place.c decided as QuantizeLinear and DequantizeLinear nodes.
 *
 * Every operand of a quantised node comes out of DequantizeLinear, and its result goes into
 * QuantizeLinear where somebody wants integers. Values keep their numbers in the final form; in
 * the others the float graph stays in front and everything quantised is new. */
#include <stdio.h>
#include <string.h>

#include "tools/quantize/quantize.h"

struct emitter {
    const struct quantiser *q;
    enum quant_form form;
    struct infer__graph *g;
    struct quant_emitted *out;
    uint32_t *raw; /* per value of the float graph: it in f32, as its producer gives it */
    uint32_t *dq;  /* the same behind QuantizeLinear and DequantizeLinear; 0: not made yet */
    infer_error *err;
};

/* ---- small nodes ---------------------------------------------------------------------------- */

static infer_status named(struct emitter *e, const char *name, const char *suffix, uint32_t *value)
{
    char text[512];
    snprintf(text, sizeof text, "%.480s%s", name, suffix);
    return infer__graph_add_value(e->g, text, value, e->err);
}

static infer_status constant(struct emitter *e, const char *name, const char *suffix,
                             infer_type type, int rank, const int64_t *dims, const void *data,
                             uint32_t *value)
{
    char text[512];
    snprintf(text, sizeof text, "%.480s%s", name, suffix);
    return infer__graph_add_const(e->g, text, type, rank, dims, data, 1, value, e->err);
}

static infer_status linear(struct emitter *e, uint16_t op, const char *name, uint32_t x,
                           uint32_t scale, uint32_t zero, int axis, uint32_t out)
{
    char text[512];
    struct infer__node *node;
    uint32_t in[3] = {x, scale, zero};
    snprintf(text, sizeof text, "%.480s_%s", name,
             op == INFER__OP_QUANTIZE_LINEAR ? "quantize" : "dequantize");
    TRY(infer__graph_add_node(e->g, op, text, in, 3, &out, 1, &node, e->err));
    int64_t a = axis;
    return axis < 0 ? INFER_OK : infer__node_set_ints(e->g, node, INFER__ATTR_AXIS, &a, 1, e->err);
}

static infer_status scalars(struct emitter *e, const char *name, struct quant_params p,
                            uint32_t *scale, uint32_t *zero)
{
    uint8_t z = (uint8_t)p.zero;
    TRY(constant(e, name, "_scale", INFER_F32, 0, NULL, &p.scale, scale));
    return constant(e, name, "_zero", INFER_U8, 0, NULL, &z, zero);
}

/* The pair around value `x`, called `name`; *out is made unless it is given. */
static infer_status pair(struct emitter *e, const char *name, uint32_t x, struct quant_params p,
                         uint32_t *out)
{
    uint32_t scale, zero, integers;
    if (!(p.scale > 0))
        return infer__fail_node(e->err, INFER_ERROR_INTERNAL, name, "the tensor has no range");
    TRY(scalars(e, name, p, &scale, &zero));
    TRY(named(e, name, "_quantized", &integers));
    if (!*out)
        TRY(named(e, name, "_dequantized", out));
    TRY(linear(e, INFER__OP_QUANTIZE_LINEAR, name, x, scale, zero, -1, integers));
    return linear(e, INFER__OP_DEQUANTIZE_LINEAR, name, integers, scale, zero, -1, *out);
}

/* A constant operand in u8. */
static infer_status const_u8(struct emitter *e, uint32_t v, uint32_t *out)
{
    const struct infer__value c = e->g->values[v];
    size_t n = (size_t)infer__value_elements(&c);
    struct range r = {0, 0};
    uint32_t scale, zero, integers;
    range_add(&r, c.data, n);
    struct quant_params p = params_u8(r);
    uint8_t *u8 = infer__region_calloc(e->g->region, n + 1, 1);
    if (!u8)
        return infer__no_memory(e->err, n);
    for (size_t i = 0; i < n; i++)
        u8[i] = quantize_u8(p, ((const float *)c.data)[i]);
    TRY(scalars(e, c.name, p, &scale, &zero));
    TRY(infer__graph_add_const(e->g, c.name, INFER_U8, c.rank, c.dims, u8, 0, &integers, e->err));
    TRY(named(e, c.name, "_dequantized", out));
    return linear(e, INFER__OP_DEQUANTIZE_LINEAR, c.name, integers, scale, zero, -1, *out);
}

/* ---- operands ------------------------------------------------------------------------------- */

static infer_status operand(struct emitter *e, uint32_t v, int quantised, uint32_t *out)
{
    const struct infer__value *value = &e->q->graph.values[v];
    int integer = e->q->tensors[v].integer;
    *out = v;
    if (!v)
        return INFER_OK;
    if (value->kind == INFER__VALUE_CONST && (!quantised || value->type != INFER_F32))
        return INFER_OK;
    if (value->kind == INFER__VALUE_CONST) {
        if (!e->dq[v])
            TRY(const_u8(e, v, &e->dq[v]));
        *out = e->dq[v];
        return INFER_OK;
    }
    if (!quantised && !(integer && e->form != QUANT_ALONE)) {
        *out = e->raw[v];
        return INFER_OK;
    }
    if (!e->dq[v])
        TRY(pair(e, value->name, e->raw[v], e->q->tensors[e->q->tensors[v].root].params,
                 &e->dq[v]));
    *out = e->dq[v];
    return INFER_OK;
}

/* ---- weights -------------------------------------------------------------------------------- */

static infer_status bias(struct emitter *e, const struct infer__node *n, const struct quant_node *k,
                         const float *b, float x_scale, const float *w_scales, uint32_t *out)
{
    int64_t channels = k->channels;
    int32_t *q = infer__region_calloc(e->g->region, (size_t)channels, sizeof *q);
    int32_t *zeros = infer__region_calloc(e->g->region, (size_t)channels, sizeof *zeros);
    float *scales = infer__region_calloc(e->g->region, (size_t)channels, sizeof *scales);
    uint32_t integers, scale, zero;
    if (!q || !zeros || !scales)
        return infer__no_memory(e->err, (size_t)channels * 4);
    quant_bias_s32(b, channels, x_scale, w_scales, q);
    for (int64_t c = 0; c < channels; c++)
        scales[c] = x_scale * w_scales[c];
    TRY(constant(e, n->name, "_bias", INFER_S32, 1, &channels, q, &integers));
    TRY(constant(e, n->name, "_bias_scale", INFER_F32, 1, &channels, scales, &scale));
    TRY(constant(e, n->name, "_bias_zero", INFER_S32, 1, &channels, zeros, &zero));
    TRY(named(e, n->name, "_bias_dequantized", out));
    return linear(e, INFER__OP_DEQUANTIZE_LINEAR, n->name, integers, scale, zero, 0, *out);
}

/* Weights and bias of a dense node behind DequantizeLinear. */
static infer_status weights(struct emitter *e, const struct infer__node *n,
                            const struct quant_node *k, uint32_t in[3], uint32_t *nin)
{
    const struct infer__graph *from = &e->q->graph;
    const struct infer__value w = from->values[n->in[1]];
    const float *b = n->nin > 2 && n->in[2] ? from->values[n->in[2]].data : NULL;
    int axis = quant_weight_axis(from, n);
    int64_t channels = k->channels, inner = 1, outer = axis ? w.dims[0] : 1;
    float x_scale = e->q->tensors[e->q->tensors[n->in[0]].root].params.scale;
    for (int i = axis + 1; i < w.rank; i++)
        inner *= w.dims[i];
    struct infer__region *region = e->g->region;
    int8_t *q = infer__region_calloc(region, (size_t)(outer * channels * inner), 1);
    int8_t *zeros = infer__region_calloc(region, (size_t)channels, 1);
    float *scales = infer__region_calloc(region, (size_t)channels, sizeof *scales);
    float *fixed = infer__region_calloc(region, (size_t)channels, sizeof *fixed);
    uint32_t integers, scale, zero;
    if (!q || !zeros || !scales || !fixed)
        return infer__no_memory(e->err, (size_t)(outer * channels * inner));
    for (int64_t c = 0; c < channels; c++)
        fixed[c] = (b ? b[c] : 0) - (k->fix ? k->fix[c] : 0);
    int has_bias = b || k->fix;
    if (k->rounded) {
        memcpy(q, k->rounded, (size_t)(outer * channels * inner));
        memcpy(scales, k->scales, (size_t)channels * sizeof *scales);
    } else {
        quant_weight_scales(w.data, outer, channels, inner, has_bias ? fixed : NULL, x_scale,
                            scales);
        quant_weights_s8(w.data, outer, channels, inner, scales, q);
    }
    TRY(infer__graph_add_const(e->g, w.name, INFER_S8, w.rank, w.dims, q, 0, &integers, e->err));
    TRY(constant(e, n->name, "_weight_scale", INFER_F32, 1, &channels, scales, &scale));
    TRY(constant(e, n->name, "_weight_zero", INFER_S8, 1, &channels, zeros, &zero));
    TRY(named(e, n->name, "_weight_dequantized", &in[1]));
    TRY(linear(e, INFER__OP_DEQUANTIZE_LINEAR, w.name, integers, scale, zero, axis, in[1]));
    *nin = has_bias ? 3 : 2;
    return has_bias ? bias(e, n, k, fixed, x_scale, scales, &in[2]) : INFER_OK;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static infer_status add_node(struct emitter *e, const struct infer__node *n, const uint32_t *in,
                             uint32_t nin, const uint32_t *out)
{
    struct infer__node *node;
    TRY(infer__graph_add_node(e->g, n->op, n->name, in, nin, out, n->nout, &node, e->err));
    node->attr = n->attr;
    node->nattr = n->nattr;
    return INFER_OK;
}

/* Values for the outputs of a node. What becomes integers and is an output of the graph as well
 * keeps its number for the f32 behind the pair. */
static infer_status make_outputs(struct emitter *e, const struct infer__node *n, uint32_t *out)
{
    for (uint32_t o = 0; o < n->nout; o++) {
        uint32_t v = n->out[o];
        out[o] = v;
        if (v && (e->form != QUANT_FINAL || (e->q->tensors[v].integer && e->q->is_output[v])))
            TRY(named(e, e->q->graph.values[v].name,
                      e->form == QUANT_FINAL ? "_float" : "_quantised", &out[o]));
        if (e->form != QUANT_ALONE)
            e->raw[v] = out[o];
    }
    return INFER_OK;
}

static infer_status quantised_inputs(struct emitter *e, uint32_t i, uint32_t *in, uint32_t *nin)
{
    const struct infer__node *n = &e->q->graph.nodes[i];
    const struct quant_node *k = &e->q->nodes[i];
    uint32_t first, count = quant_operands(e->q, i, &first);
    for (uint32_t o = 0; o < n->nin; o++)
        TRY(operand(e, n->in[o], o >= first && o < first + count, &in[o]));
    if (k->kind == QUANT_DENSE)
        TRY(weights(e, n, k, in, nin));
    return INFER_OK;
}

/* The Sigmoid of a Silu, from the same operand; its result takes its place in `in`. */
static infer_status gate(struct emitter *e, uint32_t i, uint32_t *in)
{
    const struct infer__node *mul = &e->q->graph.nodes[i];
    const struct quant_node *k = &e->q->nodes[i];
    if (k->kind != QUANT_TABLE || mul->op != INFER__OP_MUL)
        return INFER_OK;
    uint32_t side = mul->in[0] == k->operand;
    const struct infer__node *inner = &e->q->graph.nodes[e->q->producer[mul->in[side]] - 1];
    TRY(named(e, inner->name, "_gate", &in[side]));
    return add_node(e, inner, &in[1 - side], 1, &in[side]);
}

/* A whole step: the node, what is inside it, the activation behind it, the pair behind that. */
static infer_status step(struct emitter *e, uint32_t i)
{
    const struct quantiser *q = e->q;
    const struct infer__node *n = &q->graph.nodes[i], *tail = &q->graph.nodes[q->nodes[i].tail];
    uint32_t nin = n->nin, most = n->nin < 3 ? 3 : n->nin;
    uint32_t *in = infer__region_calloc(e->g->region, most, sizeof *in);
    uint32_t *out = infer__region_calloc(e->g->region, n->nout, sizeof *out);
    if (!in || !out)
        return infer__no_memory(e->err, most * sizeof *in);
    TRY(quantised_inputs(e, i, in, &nin));
    TRY(gate(e, i, in));
    TRY(make_outputs(e, n, out));
    TRY(add_node(e, n, in, nin, out));
    e->out->raw[n->out[0]] = out[0];
    if (tail != n) {
        uint32_t clip[3] = {out[0], tail->nin > 1 ? tail->in[1] : 0,
                            tail->nin > 2 ? tail->in[2] : 0};
        TRY(make_outputs(e, tail, out));
        TRY(add_node(e, tail, clip, tail->nin, out));
    }
    for (uint32_t o = 0; o < tail->nout; o++) {
        uint32_t v = tail->out[o], made = 0;
        if (!v)
            continue;
        if (q->tensors[v].integer) {
            made = e->form == QUANT_FINAL && q->is_output[v] ? v : 0;
            TRY(pair(e, q->graph.values[v].name, out[o], q->tensors[q->tensors[v].root].params,
                     &made));
        }
        e->out->result[v] = made ? made : out[o];
        if (e->form != QUANT_ALONE)
            e->dq[v] = made;
    }
    return INFER_OK;
}

static infer_status float_node(struct emitter *e, const struct infer__node *n)
{
    uint32_t *in = infer__region_calloc(e->g->region, n->nin + 1, sizeof *in);
    uint32_t *out = infer__region_calloc(e->g->region, n->nout + 1, sizeof *out);
    if (!in || !out)
        return infer__no_memory(e->err, n->nin * sizeof *in);
    for (uint32_t o = 0; o < n->nin; o++)
        TRY(operand(e, n->in[o], 0, &in[o]));
    TRY(make_outputs(e, n, out));
    for (uint32_t o = 0; o < n->nout; o++)
        e->out->result[n->out[o]] = out[o];
    return add_node(e, n, in, n->nin, out);
}

infer_status quant_emit(const struct quantiser *q, enum quant_form form,
                        struct infer__region *region, struct quant_emitted *out, infer_error *err)
{
    size_t n = q->graph.nvalues;
    struct emitter e = {.q = q, .form = form, .g = &out->graph, .out = out, .err = err};
    TRY(infer__graph_copy(&out->graph, &q->graph, region, err));
    out->result = infer__region_calloc(region, n, sizeof *out->result);
    out->raw = infer__region_calloc(region, n, sizeof *out->raw);
    e.raw = infer__region_calloc(region, n, sizeof *e.raw);
    e.dq = infer__region_calloc(region, n, sizeof *e.dq);
    if (!out->result || !out->raw || !e.raw || !e.dq)
        return infer__no_memory(err, n * sizeof *e.dq);
    for (uint32_t v = 0; v < n; v++)
        e.raw[v] = v;
    if (form == QUANT_FINAL)
        out->graph.nnodes = 0;
    for (uint32_t i = 0; i < q->graph.nnodes; i++) {
        if (q->nodes[i].kind == QUANT_INNER)
            continue;
        if (q->nodes[i].kind != QUANT_FLOAT)
            TRY(step(&e, i));
        else if (form != QUANT_ALONE)
            TRY(float_node(&e, &q->graph.nodes[i]));
    }
    return INFER_OK;
}
