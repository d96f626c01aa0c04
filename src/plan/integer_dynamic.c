/* Quantisation at run time (DynamicQuantizeLinear, then ConvInteger or MatMulInteger):
 *
 *   ConvInteger -> Cast -> Mul(scale) -> Add(bias)   one node with an f32 result
 *   constant u8 or s8 weights                        s8 with their zero points, as elsewhere
 *   DynamicQuantizeLinear of a large tensor          DynamicRange before it, which threads share
 */
#include <string.h>

#include "graph/traits.h"
#include "plan/passes.h"
#include "plan/uses.h"

enum { SCALE = 4, BIAS = 5, OPERANDS = 6, SPLIT_ELEMENTS = 2 * INFER__RANGE_PART };

struct fuser {
    struct infer__graph *g;
    struct infer__uses uses;
    infer_error *err;
};

static int is_sum(const struct infer__node *n)
{
    return infer__op_traits(n->op)->integers == INFER__INTEGERS_SUMMED;
}

static uint32_t operand(const struct infer__node *n, uint32_t i)
{
    return i < n->nin ? n->in[i] : 0;
}

/* ---- weights -------------------------------------------------------------------------------- */

/* Zero points of the weights as s32, less `shift`; NULL if they are no constants. */
static infer_status weight_quant(struct fuser *f, const struct infer__node *n, int axis,
                                 int32_t shift, struct infer__quant **quant)
{
    struct infer__graph *g = f->g;
    infer_error *err = f->err;
    uint32_t id = operand(n, 3);
    const struct infer__value *z = &g->values[id];
    int64_t count = id ? infer__value_elements(z) : 1;
    *quant = NULL;
    if (id && z->kind != INFER__VALUE_CONST)
        return INFER_OK;
    struct infer__quant *q = infer__region_calloc(g->region, 1, sizeof *q);
    int32_t *zeros = infer__region_calloc(g->region, (size_t)count, sizeof *zeros);
    float *ones = infer__region_calloc(g->region, (size_t)count, sizeof *ones);
    if (!q || !zeros || !ones)
        return infer__no_memory(err, (size_t)count * 2 * sizeof *zeros);
    for (int64_t i = 0; i < count; i++) {
        int32_t zero = 0;
        if (id)
            zero =
                z->type == INFER_S8 ? ((const int8_t *)z->data)[i] : ((const uint8_t *)z->data)[i];
        zeros[i] = zero - shift;
        ones[i] = 1;
    }
    *q = (struct infer__quant){(uint32_t)count, axis, ones, zeros};
    *quant = q;
    return INFER_OK;
}

/* Constant weights become s8 and carry their zero points. */
static infer_status take_weights(struct fuser *f, struct infer__node *n)
{
    struct infer__graph *g = f->g;
    infer_error *err = f->err;
    struct infer__value w = g->values[n->in[1]];
    int is_u8 = w.type == INFER_U8, axis = n->op == INFER__OP_MATMUL_INTEGER;
    struct infer__quant *quant;
    uint32_t in[OPERANDS] = {0};
    if (w.kind != INFER__VALUE_CONST || w.rank < 2 || (axis && w.rank != 2))
        return INFER_OK;
    TRY(weight_quant(f, n, axis, is_u8 ? 128 : 0, &quant));
    if (!quant)
        return INFER_OK;
    uint8_t *data = infer__region_copy(g->region, w.data, infer__value_bytes(&w));
    if (!data)
        return infer__no_memory(err, infer__value_bytes(&w));
    for (size_t i = 0; is_u8 && i < infer__value_bytes(&w); i++)
        data[i] ^= 0x80;
    memcpy(in, n->in, n->nin * sizeof *in);
    TRY(infer__graph_add_const(g, w.name, INFER_S8, w.rank, w.dims, data, 0, &in[1], err));
    g->values[in[1]].quant = quant;
    in[3] = 0;
    n->in = infer__region_copy(g->region, in, sizeof in);
    return n->in ? INFER_OK : infer__no_memory(err, sizeof in);
}

/* ---- what stands behind a sum --------------------------------------------------------------- */

/* Whether v, broadcast to the result of n, is one f32 for each output channel, or one for all. */
static int is_per_channel(const struct infer__graph *g, const struct infer__node *n, uint32_t id,
                          int one_will_do)
{
    const struct infer__value *v = &g->values[id], *y = &g->values[n->out[0]];
    int axis = n->op == INFER__OP_CONV_INTEGER ? 1 : y->rank - 1;
    int own = axis - (y->rank - v->rank); /* the channels' axis of v */
    if (v->type != INFER_F32 || v->rank > y->rank)
        return 0;
    if (infer__value_elements(v) == 1 && one_will_do)
        return 1;
    /* of a MatMul by a column there is no such axis */
    if (n->op == INFER__OP_MATMUL_INTEGER && g->values[n->in[1]].rank < 2)
        return 0;
    return own >= 0 && v->dims[own] == y->dims[axis] && infer__value_elements(v) == v->dims[own];
}

/* The integer node whose result v is and nobody else reads, or NULL. */
static struct infer__node *sum_of(const struct fuser *f, uint32_t v)
{
    struct infer__node *n = infer__sole_producer(f->g, &f->uses, v, 1);
    return n && is_sum(n) ? n : NULL;
}

/* `last` becomes `sum` with one more operand. */
static infer_status take(struct fuser *f, struct infer__node *last, struct infer__node *sum,
                         uint32_t at, uint32_t value)
{
    infer_error *err = f->err;
    uint32_t in[OPERANDS] = {0};
    memcpy(in, sum->in, sum->nin * sizeof *in);
    in[at] = value;
    uint32_t *out = last->out;
    *last = *sum;
    last->in = infer__region_copy(f->g->region, in, sizeof in);
    last->nin = at + 1;
    last->out = out;
    infer__erase(sum);
    return last->in ? INFER_OK : infer__no_memory(err, sizeof in);
}

/* Mul(Cast(sum), scale) */
static infer_status take_scale(struct fuser *f, struct infer__node *mul)
{
    const struct infer__graph *g = f->g;
    for (int side = 0; side < 2; side++) {
        struct infer__node *cast = infer__sole_producer(g, &f->uses, mul->in[side], 1);
        struct infer__node *sum =
            cast && cast->op == INFER__OP_CAST ? sum_of(f, cast->in[0]) : NULL;
        if (!sum || g->values[cast->out[0]].type != INFER_F32 || operand(sum, SCALE) ||
            !is_per_channel(g, sum, mul->in[1 - side], 1))
            continue;
        infer__erase(cast);
        return take(f, mul, sum, SCALE, mul->in[1 - side]);
    }
    return INFER_OK;
}

/* Add(sum * scale, bias) */
static infer_status take_bias(struct fuser *f, struct infer__node *add)
{
    for (int side = 0; side < 2; side++) {
        struct infer__node *sum = sum_of(f, add->in[side]);
        if (sum && operand(sum, SCALE) && !operand(sum, BIAS) &&
            is_per_channel(f->g, sum, add->in[1 - side], 0))
            return take(f, add, sum, BIAS, add->in[1 - side]);
    }
    return INFER_OK;
}

/* ---- ranges --------------------------------------------------------------------------------- */

/* Large tensors' ranges are found by a node of their own. `*to` becomes it, `*n` reads it. */
static infer_status split_range(struct fuser *f, struct infer__node *n, struct infer__node *to,
                                int *done)
{
    struct infer__graph *g = f->g;
    infer_error *err = f->err;
    union infer__params p = {0};
    uint32_t ranges, x = n->in[0];
    *done = n->op == INFER__OP_DYNAMIC_QUANTIZE_LINEAR && n->nin == 1 && !g->values[x].free_dims &&
            infer__value_elements(&g->values[x]) >= SPLIT_ELEMENTS;
    if (!*done)
        return INFER_OK;
    TRY(infer__graph_add_value(g, "", &ranges, err));
    *to = (struct infer__node){.op = INFER__OP_DYNAMIC_RANGE, .name = n->name, .nin = 1, .nout = 1};
    to->in = infer__region_copy(g->region, &x, sizeof x);
    to->out = infer__region_copy(g->region, &ranges, sizeof ranges);
    n->in = infer__region_copy(g->region, (uint32_t[]){x, ranges}, sizeof(uint32_t[2]));
    n->nin = 2;
    if (!to->in || !to->out || !n->in)
        return infer__no_memory(err, 4 * sizeof x);
    return infer__resolve_node(g, to, UINT64_MAX, &p, err);
}

static infer_status split_ranges(struct fuser *f)
{
    struct infer__graph *g = f->g;
    infer_error *err = f->err;
    uint32_t n = 0, most = g->nnodes;
    for (uint32_t i = 0; i < g->nnodes; i++)
        most += g->nodes[i].op == INFER__OP_DYNAMIC_QUANTIZE_LINEAR;
    struct infer__node *nodes = infer__region_calloc(g->region, most, sizeof *nodes);
    if (!nodes)
        return infer__no_memory(err, most * sizeof *nodes);
    for (uint32_t i = 0; i < g->nnodes; i++) {
        int done;
        TRY(split_range(f, &g->nodes[i], &nodes[n], &done));
        n += done != 0;
        nodes[n++] = g->nodes[i];
    }
    infer__region_drop(g->region, g->nodes, g->nodes_capacity * sizeof *nodes);
    g->nodes = nodes;
    g->nodes_capacity = most;
    g->nnodes = n;
    return INFER_OK;
}

static int has_dynamic(const struct infer__graph *g)
{
    for (uint32_t i = 0; i < g->nnodes; i++)
        if (is_sum(&g->nodes[i]) || g->nodes[i].op == INFER__OP_DYNAMIC_QUANTIZE_LINEAR)
            return 1;
    return 0;
}

infer_status infer__integer_dynamic(struct infer__graph *g, infer_error *err)
{
    struct fuser f = {.g = g, .err = err};
    if (!has_dynamic(g))
        return INFER_OK;
    TRY(infer__uses_of(g, &f.uses, err));
    for (uint32_t i = 0; i < g->nnodes; i++) {
        struct infer__node *n = &g->nodes[i];
        if (n->op == INFER__OP_MUL)
            TRY(take_scale(&f, n));
        if (n->op == INFER__OP_ADD)
            TRY(take_bias(&f, n));
    }
    infer__drop_erased(g);
    infer__uses_end(g, &f.uses);
    for (uint32_t i = 0; i < g->nnodes; i++)
        if (is_sum(&g->nodes[i]))
            TRY(take_weights(&f, &g->nodes[i]));
    return split_ranges(&f);
}
