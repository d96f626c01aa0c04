/* One node between DequantizeLinear and QuantizeLinear becomes an integer node. */
#include <math.h>
#include <string.h>

#include "graph/traits.h"
#include "kernels/quant.h"
#include "plan/integer.h"
#include "plan/passes.h"

/* The DequantizeLinear of a constant of an integer type that makes f32 value v, or NULL. */
static const struct infer__node *dequantized_constant(const struct infer__integer *p, uint32_t v)
{
    if (!v || !p->producer[v])
        return NULL;
    const struct infer__node *n = &p->nodes[p->producer[v] - 1];
    return n->op == INFER__OP_DEQUANTIZE_LINEAR && p->g->values[n->in[0]].kind == INFER__VALUE_CONST
               ? n
               : NULL;
}

static infer_status set_requant(struct infer__integer *p, struct infer__node *n,
                                const struct infer__node *clip, uint32_t q, int *done)
{
    const struct infer__quant *y = p->g->values[q].quant;
    struct infer__epilogue bounds = {.alpha = 0, .beta = INFINITY};
    infer_error *err = p->err;
    *done = 0;
    if (clip && clip->op == INFER__OP_CLIP && !infer__activation_bounds(p->g, clip, &bounds))
        return INFER_OK;
    struct infer__requant *r = infer__region_calloc(p->g->region, 1, sizeof *r);
    uint32_t *out = infer__region_copy(p->g->region, &q, sizeof q);
    if (!r || !out)
        return infer__no_memory(err, sizeof *r);
    *r = (struct infer__requant){.scale = *y->scale, .zero = *y->zero, .hi = 255, .add_hi = 255};
    if (clip) {
        r->lo = infer__q8_quantize(bounds.alpha, y);
        r->hi = infer__q8_quantize(bounds.beta, y);
        r->hi = r->hi < r->lo ? r->lo : r->hi;
    }
    if (infer__works_on(n, INFER__INTEGERS_ARITHMETIC)) {
        r->add_lo = r->lo;
        r->add_hi = r->hi;
    }
    n->epi.requant = r;
    n->out = out;
    p->producer[q] = (uint32_t)(n - p->nodes) + 1;
    *done = 1;
    return INFER_OK;
}

/* ---- convolution and dense ------------------------------------------------------------------ */

/* What a node multiplies: the axis of its weights that output channels are on, and how many
 * products are added. 0: it is none that can be had in integers. */
static int64_t sum_length(const struct infer__graph *g, const struct infer__node *n, int *axis)
{
    const struct infer__value *w = &g->values[n->in[1]];
    *axis = 0;
    switch (n->op) {
    case INFER__OP_CONV:
        return w->rank >= 3 && w->dims[0] > 0 ? infer__value_elements(w) / w->dims[0] : 0;
    case INFER__OP_GEMM:
        if (infer__node_float(n, INFER__ATTR_ALPHA, 1) != 1 ||
            infer__node_float(n, INFER__ATTR_BETA, 1) != 1 ||
            infer__node_int(n, INFER__ATTR_TRANS_A, 0))
            return 0;
        *axis = infer__node_int(n, INFER__ATTR_TRANS_B, 0) ? 0 : 1;
        return w->dims[1 - *axis];
    case INFER__OP_MATMUL:
        *axis = 1;
        return w->rank == 2 && g->values[n->in[0]].rank >= 2 ? w->dims[0] : 0;
    default:
        return 0;
    }
}

/* u8 to s8, 128 less: eight at a time, since a network's weights are many. */
static void shift_bytes(uint8_t *to, const uint8_t *from, size_t n)
{
    size_t i = 0;
    for (uint64_t eight; i + sizeof eight <= n; i += sizeof eight) {
        memcpy(&eight, from + i, sizeof eight);
        eight ^= UINT64_C(0x8080808080808080);
        memcpy(to + i, &eight, sizeof eight);
    }
    for (; i < n; i++)
        to[i] = from[i] ^ 0x80;
}

/* Weights as s8 with their quantisation: a value of their own, since others may see the constant
 * otherwise. *id is 0 where they can't be had so. */
static infer_status make_weights(struct infer__integer *p, const struct infer__node *n, int axis,
                                 uint32_t *id)
{
    struct infer__graph *g = p->g;
    infer_error *err = p->err;
    const struct infer__node *d = dequantized_constant(p, n->in[1]);
    *id = 0;
    if (!d)
        return INFER_OK;
    struct infer__value w = g->values[d->in[0]];
    int is_u8 = w.type == INFER_U8;
    const struct infer__quant *quant;
    if (!is_u8 && w.type != INFER_S8)
        return INFER_OK;
    TRY(infer__integer_quant(p, d->in[1], d->nin > 2 ? d->in[2] : 0, is_u8 ? -128 : 0, axis,
                             &quant));
    int64_t along = infer__node_int(d, INFER__ATTR_AXIS, 1);
    along += along < 0 ? w.rank : 0;
    if (!quant || (quant->count != 1 && (along != axis || quant->count != w.dims[axis])))
        return INFER_OK;
    const uint8_t *data = w.data;
    if (is_u8) {
        size_t bytes = infer__value_bytes(&w);
        uint8_t *shifted = infer__region_calloc(g->region, 1, bytes);
        if (!shifted)
            return infer__no_memory(err, bytes);
        shift_bytes(shifted, data, bytes);
        data = shifted;
    }
    TRY(infer__graph_add_const(g, w.name, INFER_S8, w.rank, w.dims, data, 0, id, err));
    g->values[*id].quant = quant;
    TRY(infer__integer_grow(p));
    return INFER_OK;
}

/* A bias in units of x_scale * w_scale. One that is stored so is taken as it is. */
static int bias_at(const struct infer__graph *g, const struct infer__node *d, uint32_t value,
                   uint32_t c, double unit, int32_t *bias)
{
    double real;
    if (d) {
        const struct infer__value *s = &g->values[d->in[1]];
        int32_t stored = ((const int32_t *)g->values[d->in[0]].data)[c];
        double scale = (double)((const float *)s->data)[infer__value_elements(s) == 1 ? 0 : c];
        if (fabs(scale - unit) <= 1e-4 * unit) {
            *bias = stored;
            return 1;
        }
        real = stored * scale;
    } else {
        real = (double)((const float *)g->values[value].data)[c];
    }
    double q = rint(real / unit);
    *bias = fabs(q) < 0x1p31 ? (int32_t)q : 0;
    return fabs(q) < 0x1p31;
}

/* *id is 0 where there is no bias; *most is its largest magnitude, or negative where it can't be
 * had as integers. */
static infer_status make_bias(struct infer__integer *p, const struct infer__node *n,
                              const struct infer__quant *x, const struct infer__quant *w,
                              int64_t channels, uint32_t *id, double *most)
{
    struct infer__graph *g = p->g;
    infer_error *err = p->err;
    uint32_t value = n->nin > 2 ? n->in[2] : 0;
    const struct infer__node *d = dequantized_constant(p, value);
    const struct infer__value *v = &g->values[d ? d->in[0] : value];
    *id = 0;
    *most = 0;
    if (!value)
        return INFER_OK;
    *most = -1;
    if (v->kind != INFER__VALUE_CONST || infer__value_elements(v) != channels ||
        v->type != (d ? INFER_S32 : INFER_F32) || v->dims[v->rank - 1] != channels)
        return INFER_OK;
    if (d && g->values[d->in[1]].kind != INFER__VALUE_CONST)
        return INFER_OK;
    int32_t *bias = infer__region_calloc(g->region, (size_t)channels, sizeof *bias);
    if (!bias)
        return infer__no_memory(err, (size_t)channels * sizeof *bias);
    double largest = 0;
    for (uint32_t c = 0; c < channels; c++) {
        double unit = (double)*x->scale * (double)w->scale[w->count == 1 ? 0 : c];
        if (!bias_at(g, d, value, c, unit, &bias[c]))
            return INFER_OK;
        largest = fmax(largest, fabs((double)bias[c]));
    }
    TRY(infer__graph_add_const(g, v->name, INFER_S32, 1, &channels, bias, 0, id, err));
    *most = largest;
    return infer__integer_grow(p);
}

/* No sum of products may leave 32 bits, whatever the operands. */
static int sums_fit(const struct infer__quant *w, int64_t length, double bias)
{
    double product = 255.0 * 128;
    for (uint32_t c = 0; c < w->count; c++)
        if (w->zero[c])
            product = 255.0 * 255;
    return (double)length * product + bias < 0x1p31;
}

static infer_status linear(struct infer__integer *p, struct infer__node *n,
                           const struct infer__node *clip, uint32_t q, int *done)
{
    struct infer__graph *g = p->g;
    infer_error *err = p->err;
    uint32_t in[3] = {infer__integer_source(p, n->in[0]), 0, 0};
    double bias;
    int axis;
    if (!in[0] || g->values[in[0]].kind == INFER__VALUE_CONST || n->epi.residual || n->epi.act)
        return INFER_OK;
    int64_t length = sum_length(g, n, &axis);
    if (length)
        TRY(make_weights(p, n, axis, &in[1]));
    if (!in[1])
        return INFER_OK;
    const struct infer__quant *w = g->values[in[1]].quant;
    TRY(make_bias(p, n, g->values[in[0]].quant, w, g->values[in[1]].dims[axis], &in[2], &bias));
    if (bias < 0 || !sums_fit(w, length, bias))
        return INFER_OK;
    uint32_t *operands = infer__region_copy(g->region, in, sizeof in);
    if (!operands)
        return infer__no_memory(err, sizeof in);
    *done = 1;
    if (q)
        TRY(set_requant(p, n, clip, q, done));
    if (*done) {
        n->in = operands;
        n->nin = in[2] ? 3 : 2;
    }
    return INFER_OK;
}

/* ---- others --------------------------------------------------------------------------------- */

/* Whether means are taken over height and width alone. */
static int is_spatial_mean(struct infer__graph *g, const struct infer__node *n)
{
    union infer__params params = {0};
    infer_error err;
    if (g->values[n->in[0]].rank != 4 || infer__op_traits(n->op)->axes != INFER__AXES_REDUCED)
        return g->values[n->in[0]].rank == 4;
    return infer__resolve_node(g, n, UINT64_MAX, &params, &err) == INFER_OK &&
           params.reduce.axes == 12;
}

/* How many operands of a node are data; 0: it does not work on integers. */
static uint32_t data_operands(struct infer__graph *g, const struct infer__node *n)
{
    switch (infer__op_traits(n->op)->integers) {
    case INFER__INTEGERS_ARITHMETIC:
    case INFER__INTEGERS_CONCAT:
        return infer__data_operands(n);
    case INFER__INTEGERS_MEAN:
        return (uint32_t)is_spatial_mean(g, n);
    default:
        return 0;
    }
}

infer_status infer__integer_node(struct infer__integer *p, struct infer__node *n,
                                 const struct infer__node *clip, uint32_t q, int *done)
{
    infer_error *err = p->err;
    *done = 0;
    if (n->epi.requant || !n->nin || p->g->values[n->in[0]].type != INFER_F32)
        return INFER_OK;
    if (infer__works_on(n, INFER__INTEGERS_LINEAR))
        return linear(p, n, clip, q, done);
    uint32_t count = q ? data_operands(p->g, n) : 0, variable = 0;
    int arithmetic = infer__works_on(n, INFER__INTEGERS_ARITHMETIC);
    if (!count || (clip && !arithmetic))
        return INFER_OK;
    uint32_t *in = infer__region_copy(p->g->region, n->in, infer__array_bytes(n->nin, sizeof *in));
    if (!in)
        return infer__no_memory(err, n->nin * sizeof *in);
    for (uint32_t i = 0; i < count; i++) {
        in[i] = infer__integer_source(p, n->in[i]);
        if (!in[i])
            return INFER_OK;
        variable += p->g->values[in[i]].kind != INFER__VALUE_CONST;
    }
    if (!variable)
        return INFER_OK;
    TRY(set_requant(p, n, clip, q, done));
    if (*done)
        n->in = in;
    if (*done && !arithmetic)
        n->epi.requant = NULL; /* they round to their result's scale, and that is all */
    return INFER_OK;
}
