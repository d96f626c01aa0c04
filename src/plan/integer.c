/* Integer steps out of quantised models: nodes between DequantizeLinear and QuantizeLinear work on
 * the integers themselves (docs/quantization.md).
 *
 *   Dequantize -> Conv -> (Relu) -> Quantize     an integer Conv
 *   Dequantize -> functions -> Quantize          a table of 256 entries
 *   Dequantize -> Reshape, Slice ...             the same on integers, Dequantize behind it
 *   Dequantize -> Quantize                       nothing, or a table where scales differ
 *
 * What is left over, a float node with a quantised operand, keeps its DequantizeLinear. Activations
 * become u8 and weights s8, whatever the model has.
 */
#include <math.h>
#include <string.h>

#include "kernels/table/table_u8.h"
#include "plan/bounds.h"
#include "plan/fold.h"
#include "plan/integer.h"
#include "plan/passes.h"
#include "plan/uses.h"

/* ---- bookkeeping ---------------------------------------------------------------------------- */

uint32_t infer__integer_source(const struct infer__integer *p, uint32_t v)
{
    return v ? p->source[v] : 0;
}

infer_status infer__integer_emit(struct infer__integer *p, const struct infer__node *n)
{
    infer_error *err = p->err;
    void *nodes = p->nodes;
    if (!infer__region_grow(p->g->region, &nodes, &p->capacity, p->nnodes + 1, sizeof *n))
        return infer__no_memory(err, sizeof *n);
    p->nodes = nodes;
    p->nodes[p->nnodes++] = *n;
    for (uint32_t i = 0; i < n->nout; i++)
        if (n->out[i])
            p->producer[n->out[i]] = p->nnodes;
    return INFER_OK;
}

infer_status infer__integer_grow(struct infer__integer *p)
{
    uint32_t **lists[] = {&p->producer, &p->uses, &p->source, &p->same};
    infer_error *err = p->err;
    uint32_t n = p->g->nvalues, want = n + n / 2 + 64, old = p->values_capacity;
    if (n <= old)
        return INFER_OK;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        uint32_t *list = infer__region_calloc(p->g->region, want, sizeof *list);
        if (!list)
            return infer__no_memory(err, want * sizeof *list);
        if (old)
            memcpy(list, *lists[i], old * sizeof *list);
        infer__region_drop(p->g->region, *lists[i], old * sizeof *list);
        *lists[i] = list;
    }
    p->values_capacity = want;
    return INFER_OK;
}

infer_status infer__integer_value(struct infer__integer *p, uint32_t like, infer_type type,
                                  uint32_t *id)
{
    TRY(infer__graph_add_value(p->g, p->g->values[like].name, id, p->err));
    struct infer__value *v = &p->g->values[*id];
    *v = p->g->values[like];
    v->type = (uint8_t)type;
    v->kind = INFER__VALUE_NODE;
    v->data = NULL;
    v->quant = NULL;
    return infer__integer_grow(p);
}

struct infer__node *infer__integer_sole(const struct infer__integer *p, uint32_t v)
{
    if (!p->producer[v] || p->uses[v] != 1)
        return NULL;
    struct infer__node *n = &p->nodes[p->producer[v] - 1];
    return n->nout == 1 ? n : NULL;
}

/* ---- scales and zero points ----------------------------------------------------------------- */

static int64_t zero_at(const struct infer__value *z, uint32_t i)
{
    switch (z->type) {
    case INFER_U8:
        return ((const uint8_t *)z->data)[i];
    case INFER_S8:
        return ((const int8_t *)z->data)[i];
    case INFER_S32:
        return ((const int32_t *)z->data)[i];
    default:
        return INT32_MAX;
    }
}

infer_status infer__integer_quant(struct infer__integer *p, uint32_t scale, uint32_t zero,
                                  int32_t shift, int32_t axis, const struct infer__quant **quant)
{
    const struct infer__value *s = &p->g->values[scale], *z = &p->g->values[zero];
    infer_error *err = p->err;
    *quant = NULL;
    if (s->kind != INFER__VALUE_CONST || s->type != INFER_F32 || s->rank > 1 ||
        (zero && z->kind != INFER__VALUE_CONST))
        return INFER_OK;
    int64_t count = infer__value_elements(s);
    if (count < 1 || count > UINT32_MAX || (zero && infer__value_elements(z) != count))
        return INFER_OK;
    struct infer__quant *q = infer__region_calloc(p->g->region, 1, sizeof *q);
    int32_t *zeros = infer__region_calloc(p->g->region, (size_t)count, sizeof *zeros);
    if (!q || !zeros)
        return infer__no_memory(err, (size_t)count * sizeof *zeros);
    *q = (struct infer__quant){(uint32_t)count, axis, s->data, zeros};
    for (uint32_t i = 0; i < q->count; i++) {
        int64_t at = zero ? zero_at(z, i) : 0;
        if (!(q->scale[i] > 0) || !isfinite(q->scale[i]) || at < -128 || at > 255)
            return INFER_OK;
        zeros[i] = (int32_t)at + shift;
    }
    *quant = q;
    return INFER_OK;
}

/* ---- signed activations become unsigned ----------------------------------------------------- */

/* Whether a node moves integers of its first operand and keeps what they mean. */
static int is_move(const struct infer__node *n)
{
    switch (n->op) {
    case INFER__OP_MAX_POOL:
        return n->nout == 1 || !n->out[1];
    case INFER__OP_RESIZE:
        return infer__node_int(n, INFER__ATTR_MODE, INFER__NEAREST) == INFER__NEAREST;
    default:
        return infer__works_on(n, INFER__INTEGERS_MOVED);
    }
}

/* Which s8 values may become u8: made by QuantizeLinear or moved, read by DequantizeLinear or
 * moved on. */
static void mark_signed(const struct infer__graph *g, uint8_t *free_to)
{
    for (uint32_t i = 0; i < g->nnodes; i++)
        for (uint32_t k = 0; k < g->nodes[i].nout; k++) {
            uint32_t v = g->nodes[i].out[k];
            free_to[v] = v && g->values[v].type == INFER_S8 &&
                         (g->nodes[i].op == INFER__OP_QUANTIZE_LINEAR ||
                          (is_move(&g->nodes[i]) && free_to[g->nodes[i].in[0]]));
        }
    for (uint32_t i = 0; i < g->noutputs; i++)
        free_to[g->outputs[i]] = 0;
    for (uint32_t i = g->nnodes; i-- > 0;) {
        const struct infer__node *n = &g->nodes[i];
        int kept = n->op == INFER__OP_DEQUANTIZE_LINEAR || is_move(n);
        for (uint32_t k = 0; kept && is_move(n) && k < n->nout; k++)
            kept = !n->out[k] || free_to[n->out[k]];
        for (uint32_t k = 0; k < n->nin; k++)
            if (k || !kept)
                free_to[n->in[k]] = 0;
    }
    for (uint32_t i = 0; i < g->nnodes; i++) /* what is moved from a value that stays, stays */
        for (uint32_t k = 0; is_move(&g->nodes[i]) && k < g->nodes[i].nout; k++)
            free_to[g->nodes[i].out[k]] &= free_to[g->nodes[i].in[0]];
}

/* A zero point of s8 as one of u8. */
static infer_status shift_zero(struct infer__graph *g, uint32_t *zero, infer_error *err)
{
    const struct infer__value *z = &g->values[*zero];
    int64_t n = *zero ? infer__value_elements(z) : 1, dims[1] = {n};
    uint8_t *shifted = infer__region_calloc(g->region, (size_t)n, 1);
    if (!shifted)
        return infer__no_memory(err, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        shifted[i] = (uint8_t)((*zero ? ((const int8_t *)z->data)[i] : 0) + 128);
    return infer__graph_add_const(g, "", INFER_U8, *zero ? z->rank : 0, dims, shifted, 0, zero,
                                  err);
}

static infer_status make_unsigned(struct infer__graph *g, infer_error *err)
{
    uint8_t *free_to = infer__region_calloc(g->region, g->nvalues, 1);
    if (!free_to)
        return infer__no_memory(err, g->nvalues);
    for (uint32_t i = 0; i < g->nnodes; i++) { /* zero points that are no constants */
        struct infer__node *n = &g->nodes[i];
        if (infer__works_on(n, INFER__INTEGERS_CONVERTED) && n->nin > 2 && n->in[2] &&
            g->values[n->in[2]].kind != INFER__VALUE_CONST)
            return INFER_OK;
    }
    mark_signed(g, free_to);
    uint32_t marked = g->nvalues;
    for (uint32_t i = 0; i < g->nnodes; i++) {
        struct infer__node *n = &g->nodes[i];
        uint32_t v = n->op == INFER__OP_QUANTIZE_LINEAR     ? n->out[0]
                     : n->op == INFER__OP_DEQUANTIZE_LINEAR ? n->in[0]
                                                            : 0;
        if (v && v < marked && free_to[v]) {
            uint32_t *in = infer__region_calloc(g->region, 3, sizeof *in);
            if (!in)
                return infer__no_memory(err, 3 * sizeof *in);
            memcpy(in, n->in, n->nin * sizeof *in);
            n->in = in;
            n->nin = 3;
            TRY(shift_zero(g, &in[2], err));
        }
    }
    for (uint32_t v = 1; v < marked; v++)
        if (free_to[v])
            g->values[v].type = INFER_U8;
    return INFER_OK;
}

/* ---- one node after the other --------------------------------------------------------------- */

static uint32_t zero_of(const struct infer__node *n)
{
    return n->nin > 2 ? n->in[2] : 0;
}

/* Whether a value is bytes that the model itself has joined: they stay as they are, whatever its
 * parts mean elsewhere, and so mean nothing in particular. */
static int is_joined(const struct infer__integer *p, uint32_t v)
{
    return p->producer[v] && !p->g->values[v].quant &&
           infer__works_on(&p->nodes[p->producer[v] - 1], INFER__INTEGERS_CONCAT);
}

/* Notes what an f32 value is the meaning of. Constants are theirs too: of an addition, say. */
static infer_status do_dequantize(struct infer__integer *p, const struct infer__node *n)
{
    struct infer__value *x = &p->g->values[n->in[0]];
    const struct infer__quant *q;
    TRY(infer__integer_emit(p, n));
    if (x->type != INFER_U8 || is_joined(p, n->in[0]))
        return INFER_OK;
    TRY(infer__integer_quant(p, n->in[1], zero_of(n), 0, 0, &q));
    if (!q || q->count != 1 || (x->quant && !infer__quant_same(x->quant, q)))
        return INFER_OK;
    if (!x->quant)
        x->quant = q;
    p->source[n->out[0]] = n->in[0];
    return INFER_OK;
}

/* q = Quantize(Dequantize(from)): nothing, or from one scale to another. */
static infer_status requantise(struct infer__integer *p, const struct infer__node *n, uint32_t from)
{
    const struct infer__quant *x = p->g->values[from].quant, *y = p->g->values[n->out[0]].quant;
    uint8_t table[256];
    if (infer__quant_same(x, y) && !p->is_output[n->out[0]]) {
        p->same[n->out[0]] = from;
        return INFER_OK;
    }
    infer__table_fill(x, y, table);
    return infer__integer_emit_table(p, n->name, from, n->out[0], table);
}

static infer_status do_quantize(struct infer__integer *p, const struct infer__node *n)
{
    uint32_t x = n->in[0], out = n->out[0];
    const struct infer__quant *q;
    int done = 0;
    TRY(infer__integer_quant(p, n->in[1], zero_of(n), 0, 0, &q));
    if (p->g->values[out].type != INFER_U8 || !q || q->count != 1)
        return infer__integer_emit(p, n);
    p->g->values[out].quant = q;
    if (infer__integer_source(p, x))
        return requantise(p, n, p->source[x]);
    TRY(infer__integer_table(p, x, out, &done));
    struct infer__node *before = done ? NULL : infer__integer_sole(p, x), *clip = NULL;
    if (before && infer__is_clamp(before->op)) {
        clip = before;
        before = infer__integer_sole(p, clip->in[0]);
    }
    if (before)
        TRY(infer__integer_node(p, before, clip, out, &done));
    return done ? INFER_OK : infer__integer_emit(p, n);
}

/* The data moves as integers, and is dequantised where somebody wants it in f32. Parts of a Concat
 * move if all have one scale. */
static infer_status do_move(struct infer__integer *p, const struct infer__node *n, int *done)
{
    struct infer__graph *g = p->g;
    infer_error *err = p->err;
    uint32_t parts = n->op == INFER__OP_CONCAT ? n->nin : 1;
    struct infer__node move = *n;
    move.in = infer__region_copy(g->region, n->in, infer__array_bytes(n->nin, sizeof *n->in));
    move.out = infer__region_copy(g->region, n->out, infer__array_bytes(n->nout, sizeof *n->out));
    if (!move.in || !move.out)
        return infer__no_memory(err, infer__array_bytes(n->nin, sizeof *n->in));
    for (uint32_t i = 0; i < parts; i++) {
        move.in[i] = infer__integer_source(p, n->in[i]);
        if (!move.in[i] || g->values[move.in[i]].kind == INFER__VALUE_CONST ||
            !infer__quant_same(g->values[move.in[0]].quant, g->values[move.in[i]].quant))
            return INFER_OK;
    }
    const struct infer__node *dequantize = &p->nodes[p->producer[n->in[0]] - 1];
    struct infer__node after = *dequantize;
    for (uint32_t i = 0; i < n->nout; i++) {
        if (!n->out[i])
            continue;
        TRY(infer__integer_value(p, n->out[i], INFER_U8, &move.out[i]));
        g->values[move.out[i]].quant = g->values[move.in[0]].quant;
    }
    TRY(infer__integer_emit(p, &move));
    for (uint32_t i = 0; i < n->nout; i++) {
        if (!n->out[i])
            continue;
        uint32_t in[3] = {move.out[i], after.in[1], zero_of(&after)};
        after.name = n->name;
        after.nin = 3;
        after.in = infer__region_copy(g->region, in, sizeof in);
        after.out = infer__region_copy(g->region, &n->out[i], sizeof *n->out);
        if (!after.in || !after.out)
            return infer__no_memory(err, sizeof in);
        TRY(infer__integer_emit(p, &after));
        p->source[n->out[i]] = move.out[i];
    }
    *done = 1;
    return INFER_OK;
}

static infer_status do_node(struct infer__integer *p, struct infer__node *n)
{
    int done = 0;
    for (uint32_t k = 0; k < n->nin; k++)
        if (p->same[n->in[k]])
            n->in[k] = p->same[n->in[k]];
    if (infer__bounds_some(p->g, n)) /* runs work out sizes of values that mean what they are */
        return infer__integer_emit(p, n);
    if (n->op == INFER__OP_DEQUANTIZE_LINEAR)
        return do_dequantize(p, n);
    if (n->op == INFER__OP_QUANTIZE_LINEAR)
        return do_quantize(p, n);
    int f32 = n->nin && p->g->values[n->in[0]].type == INFER_F32;
    if (f32 && (is_move(n) || infer__works_on(n, INFER__INTEGERS_CONCAT)))
        TRY(do_move(p, n, &done));
    if (is_move(n) && n->nin && p->g->values[n->in[0]].type == INFER_U8)
        for (uint32_t i = 0; i < n->nout; i++)
            p->g->values[n->out[i]].quant = p->g->values[n->in[0]].quant;
    return done ? INFER_OK : infer__integer_emit(p, n);
}

/* ---- the pass ------------------------------------------------------------------------------- */

static int has_quantised(const struct infer__graph *g)
{
    for (uint32_t i = 0; i < g->nnodes; i++)
        if (g->nodes[i].op == INFER__OP_DEQUANTIZE_LINEAR)
            return 1;
    return 0;
}

/* Dense nodes with quantised operands whose result nobody quantises give it as f32. */
static infer_status float_results(struct infer__integer *p)
{
    for (uint32_t i = 0; i < p->nnodes; i++) {
        struct infer__node *n = &p->nodes[i];
        int done;
        if (infer__works_on(n, INFER__INTEGERS_LINEAR) && !infer__bounds_some(p->g, n))
            TRY(infer__integer_node(p, n, NULL, 0, &done));
    }
    return INFER_OK;
}

static infer_status begin(struct infer__integer *p)
{
    struct infer__graph *g = p->g;
    infer_error *err = p->err;
    struct infer__uses uses;
    TRY(infer__integer_grow(p));
    TRY(infer__uses_of(g, &uses, err));
    p->is_output = infer__region_calloc(g->region, g->nvalues, 1);
    if (!p->is_output || !p->uses)
        return infer__no_memory(err, g->nvalues);
    memcpy(p->uses, uses.count, g->nvalues * sizeof *p->uses);
    infer__uses_end(g, &uses);
    for (uint32_t i = 0; i < g->noutputs; i++)
        p->is_output[g->outputs[i]] = 1;
    return INFER_OK;
}

/* The nodes written take the place of the graph's. */
static void end(struct infer__integer *p)
{
    struct infer__graph *g = p->g;
    const size_t list = p->values_capacity * sizeof *p->uses;
    infer__region_drop(g->region, g->nodes, g->nodes_capacity * sizeof *g->nodes);
    infer__region_drop(g->region, p->producer, list);
    infer__region_drop(g->region, p->uses, list);
    infer__region_drop(g->region, p->source, list);
    infer__region_drop(g->region, p->same, list);
    g->nodes = p->nodes;
    g->nnodes = p->nnodes;
    g->nodes_capacity = p->capacity;
}

infer_status infer__integer(struct infer__graph *g, infer_error *err)
{
    struct infer__integer p = {.g = g, .err = err};
    if (!has_quantised(g))
        return INFER_OK;
    TRY(make_unsigned(g, err));
    TRY(begin(&p));
    for (uint32_t i = 0; i < g->nnodes; i++)
        TRY(do_node(&p, &g->nodes[i]));
    TRY(float_results(&p));
    end(&p);
    TRY(infer__remove_dead(g, err)); /* what reads a value counts in what follows */
    return infer__integer_fuse(g, err);
}
