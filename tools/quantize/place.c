/* Which nodes become integer steps.
 *
 * A node can, if docs/quantization.md has its operator. It does, if integers reach it and its
 * result is wanted as integers; Conv, Gemm and MatMul always. So no tensor is turned into integers
 * only to be moved about, and what nobody computes with stays float. */
#include <math.h>
#include <string.h>

#include "graph/params.h"
#include "graph/traits.h"
#include "tools/quantize/quantize.h"

const char *quant_kind_name(int kind)
{
    static const char *const names[] = {"float", "dense",  "binary", "table",
                                        "pool",  "concat", "move",   "inner"};
    return names[kind];
}

static const struct infer__value *in(const struct quantiser *q, const struct infer__node *n,
                                     uint32_t i)
{
    return i < n->nin && n->in[i] ? &q->shaped.values[n->in[i]] : NULL;
}

static int is_f32(const struct infer__value *v)
{
    return v && v->shaped && v->type == INFER_F32;
}

static int is_const(const struct infer__value *v)
{
    return v && v->kind == INFER__VALUE_CONST;
}

/* Operands but the first are constants, as far as they are there. */
static int others_const(const struct quantiser *q, const struct infer__node *n)
{
    for (uint32_t i = 1; i < n->nin; i++)
        if (n->in[i] && !is_const(in(q, n, i)))
            return 0;
    return 1;
}

/* ---- what a node could be ------------------------------------------------------------------- */

static int dense_kind(const struct quantiser *q, const struct infer__node *n, const char **why)
{
    const struct infer__value *b = in(q, n, 2);
    if (quant_weight_axis(&q->shaped, n) < 0) {
        *why = "its weights are no constants of a known form";
        return QUANT_FLOAT;
    }
    if (n->op == INFER__OP_GEMM && (infer__node_int(n, INFER__ATTR_TRANS_A, 0) ||
                                    infer__node_float(n, INFER__ATTR_ALPHA, 1) != 1 ||
                                    (b && infer__node_float(n, INFER__ATTR_BETA, 1) != 1))) {
        *why = "it has factors, or a transposed operand";
        return QUANT_FLOAT;
    }
    int axis = quant_weight_axis(&q->shaped, n);
    if (b && (!is_const(b) || !is_f32(b) || infer__value_elements(b) != in(q, n, 1)->dims[axis])) {
        *why = "its bias is no constant per channel";
        return QUANT_FLOAT;
    }
    return QUANT_DENSE;
}

static int resize_moves(const struct infer__node *n)
{
    int64_t mode = infer__node_int(n, INFER__ATTR_MODE, INFER__NEAREST);
    int64_t how = infer__node_int(n, INFER__ATTR_COORDINATE_MODE, INFER__HALF_PIXEL);
    return mode != INFER__CUBIC && how != INFER__TF_CROP_AND_RESIZE &&
           !infer__node_int(n, INFER__ATTR_ANTIALIAS, 0);
}

/* Padding moves integers where it fills with 0, which is exact. */
static int pad_moves(const struct quantiser *q, const struct infer__node *n)
{
    const struct infer__value *fill = in(q, n, 2);
    if (infer__node_int(n, INFER__ATTR_MODE, INFER__PAD_CONSTANT) != INFER__PAD_CONSTANT || !fill)
        return 1;
    return is_const(fill) && is_f32(fill) && infer__value_elements(fill) == 1 &&
           *(const float *)fill->data == 0;
}

static int move_kind(const struct quantiser *q, const struct infer__node *n)
{
    switch (n->op) {
    case INFER__OP_MAX_POOL:
        return n->nout == 1 ? QUANT_MOVE : QUANT_FLOAT;
    case INFER__OP_PAD:
        return others_const(q, n) && pad_moves(q, n) ? QUANT_MOVE : QUANT_FLOAT;
    case INFER__OP_RESIZE:
        return resize_moves(n) ? QUANT_MOVE : QUANT_FLOAT;
    case INFER__OP_RESHAPE:
    case INFER__OP_FLATTEN:
    case INFER__OP_SQUEEZE:
    case INFER__OP_UNSQUEEZE:
    case INFER__OP_TRANSPOSE:
    case INFER__OP_SLICE:
    case INFER__OP_SPLIT:
    case INFER__OP_DEPTH_TO_SPACE:
    case INFER__OP_SPACE_TO_DEPTH:
    case INFER__OP_IDENTITY:
    case INFER__OP_GLOBAL_MAX_POOL:
        return QUANT_MOVE;
    default:
        return QUANT_FLOAT;
    }
}

static int kind_of(const struct quantiser *q, const struct infer__node *n, const char **why)
{
    *why = "it stands in a branch or a loop";
    if (n->nout && q->inside[n->out[0]])
        return QUANT_FLOAT;
    *why = "integers have no such operator";
    for (uint32_t i = 0; i < n->nout; i++)
        if (n->out[i] && !is_f32(&q->shaped.values[n->out[i]]))
            return QUANT_FLOAT;
    if (n->op != INFER__OP_CONCAT && (!is_f32(in(q, n, 0)) || n->nin == 0))
        return QUANT_FLOAT;
    if (infer__op_traits(n->op)->flags & INFER__FLAG_ACTIVATION)
        return others_const(q, n) ? QUANT_TABLE : QUANT_FLOAT;
    switch (infer__op_traits(n->op)->integers) {
    case INFER__INTEGERS_LINEAR:
        return is_const(in(q, n, 0)) ? QUANT_FLOAT : dense_kind(q, n, why);
    case INFER__INTEGERS_ARITHMETIC:
        return is_f32(in(q, n, 1)) ? QUANT_BINARY : QUANT_FLOAT;
    case INFER__INTEGERS_MEAN:
        return others_const(q, n) ? QUANT_POOL : QUANT_FLOAT;
    case INFER__INTEGERS_CONCAT:
        for (uint32_t i = 0; i < n->nin; i++)
            if (!is_f32(in(q, n, i)))
                return QUANT_FLOAT;
        return QUANT_CONCAT;
    default:
        return move_kind(q, n);
    }
}

/* ---- steps of several nodes ----------------------------------------------------------------- */

/* x * Sigmoid(x), which the plan knows as one function; so does it x * HardSigmoid(x) with the
 * factors of HardSwish. */
static void find_gate(struct quantiser *q, uint32_t i)
{
    const struct infer__node *mul = &q->graph.nodes[i];
    for (uint32_t side = 0; mul->op == INFER__OP_MUL && side < 2; side++) {
        uint32_t gate = mul->in[side], x = mul->in[1 - side], p = q->producer[gate];
        const struct infer__node *s = p ? &q->graph.nodes[p - 1] : NULL;
        if (!s || q->uses[gate] != 1 || s->in[0] != x || q->nodes[p - 1].kind != QUANT_TABLE ||
            q->nodes[p - 1].keep_float)
            continue;
        int hard = s->op == INFER__OP_HARD_SIGMOID &&
                   fabsf(infer__node_float(s, INFER__ATTR_ALPHA, 0.2f) - 1.0f / 6) <= 1e-6f &&
                   infer__node_float(s, INFER__ATTR_BETA, 0.5f) == 0.5f;
        if (s->op != INFER__OP_SIGMOID && !hard)
            continue;
        q->nodes[p - 1].kind = QUANT_INNER;
        q->nodes[i].kind = QUANT_TABLE;
        q->nodes[i].operand = x;
        return;
    }
}

/* A Relu or Clip whose operand nobody else reads is a limit of the node before it. */
static void find_tail(struct quantiser *q, uint32_t i)
{
    const struct infer__node *act = &q->graph.nodes[i];
    uint32_t p = q->producer[act->in[0]];
    if ((act->op != INFER__OP_RELU && act->op != INFER__OP_CLIP) || !p ||
        q->uses[act->in[0]] != 1 || q->is_output[act->in[0]] || q->nodes[i].kind != QUANT_TABLE)
        return;
    struct quant_node *before = &q->nodes[p - 1];
    if ((before->kind == QUANT_DENSE || before->kind == QUANT_BINARY) && before->tail == p - 1) {
        before->tail = i;
        q->nodes[i].kind = QUANT_INNER;
    }
}

/* ---- who stays ------------------------------------------------------------------------------ */

uint32_t quant_result(const struct quantiser *q, uint32_t node)
{
    return q->graph.nodes[q->nodes[node].tail].out[0];
}

uint32_t quant_operands(const struct quantiser *q, uint32_t node, uint32_t *first)
{
    const struct infer__node *n = &q->graph.nodes[node];
    *first = 0;
    switch (q->nodes[node].kind) {
    case QUANT_BINARY:
        return 2;
    case QUANT_CONCAT:
        return n->nin;
    case QUANT_FLOAT:
    case QUANT_INNER:
        return 0;
    case QUANT_TABLE:
        for (uint32_t i = 0; i < n->nin; i++)
            if (n->in[i] == q->nodes[node].operand)
                *first = i;
        return 1;
    default:
        return 1;
    }
}

/* Values that quantised nodes read: a mask per value. A move hands the wish on. */
static void mark_wanted(struct quantiser *q)
{
    for (uint32_t v = 0; v < q->graph.nvalues; v++)
        q->tensors[v].wanted = 0;
    for (uint32_t i = 0; i < q->graph.nnodes; i++) {
        uint32_t first, n = quant_operands(q, i, &first);
        for (uint32_t k = first; k < first + n; k++)
            q->tensors[q->graph.nodes[i].in[k]].wanted = 1;
    }
}

/* Whether an operand is there as integers, or comes from the caller of the network. */
static int reaches(const struct quantiser *q, uint32_t v)
{
    return q->tensors[v].integer || q->graph.values[v].kind == INFER__VALUE_INPUT;
}

static const char *objection(const struct quantiser *q, uint32_t i)
{
    const struct infer__node *n = &q->graph.nodes[i];
    const struct quant_node *k = &q->nodes[i];
    uint32_t first, count = quant_operands(q, i, &first), reached = 0, wanted = 0, constant = 0;
    if (k->kind == QUANT_DENSE || k->kind == QUANT_FLOAT || k->kind == QUANT_INNER)
        return NULL;
    for (uint32_t o = first; o < first + count; o++) {
        reached += (uint32_t)reaches(q, n->in[o]);
        constant += (uint32_t)(q->graph.values[n->in[o]].kind == INFER__VALUE_CONST);
    }
    const struct infer__node *tail = &q->graph.nodes[k->tail];
    for (uint32_t o = 0; o < tail->nout; o++)
        wanted += tail->out[o] && q->tensors[tail->out[o]].wanted;
    if (!wanted)
        return "its result is needed in float";
    if (k->kind == QUANT_CONCAT ? reached + constant < count : !reached)
        return "its operands are float";
    return NULL;
}

static void mark_integers(struct quantiser *q)
{
    for (uint32_t v = 0; v < q->graph.nvalues; v++)
        q->tensors[v].integer = 0;
    for (uint32_t i = 0; i < q->graph.nnodes; i++) {
        const struct infer__node *tail = &q->graph.nodes[q->nodes[i].tail];
        if (q->nodes[i].kind == QUANT_FLOAT || q->nodes[i].kind == QUANT_INNER)
            continue;
        for (uint32_t o = 0; o < tail->nout; o++)
            if (tail->out[o])
                q->tensors[tail->out[o]].integer = q->tensors[tail->out[o]].wanted;
    }
}

/* A node that turns out to stay float frees the nodes that were to be part of its step. */
static void make_float(struct quantiser *q, uint32_t i, const char *reason)
{
    struct quant_node *k = &q->nodes[i];
    const struct infer__node *n = &q->graph.nodes[i];
    for (uint32_t o = 0; k->kind == QUANT_TABLE && n->op == INFER__OP_MUL && o < 2; o++)
        if (n->in[o] != k->operand)
            q->nodes[q->producer[n->in[o]] - 1].kind = QUANT_FLOAT;
    if (k->tail != i)
        q->nodes[k->tail].kind = QUANT_FLOAT;
    k->tail = i;
    k->kind = QUANT_FLOAT;
    k->reason = reason;
}

static void find_roots(struct quantiser *q)
{
    for (uint32_t v = 0; v < q->graph.nvalues; v++)
        q->tensors[v].root = v;
    for (uint32_t i = 0; i < q->graph.nnodes; i++) {
        const struct infer__node *n = &q->graph.nodes[i];
        if (q->nodes[i].kind == QUANT_MOVE)
            for (uint32_t o = 0; o < n->nout; o++)
                q->tensors[n->out[o]].root = q->tensors[n->in[0]].root;
    }
}

void quant_place(struct quantiser *q)
{
    const struct infer__graph *g = &q->graph;
    for (uint32_t i = 0; i < g->nnodes; i++) {
        struct quant_node *k = &q->nodes[i];
        const char *why;
        const char *outside = k->keep_float ? k->reason : NULL;
        k->tail = i;
        k->operand = g->nodes[i].nin ? g->nodes[i].in[0] : 0;
        k->kind = (uint8_t)kind_of(q, &g->nodes[i], &why);
        k->reason = k->kind == QUANT_FLOAT ? why : outside;
        if (k->keep_float)
            k->kind = QUANT_FLOAT;
    }
    for (uint32_t i = 0; i < g->nnodes; i++)
        find_gate(q, i);
    for (uint32_t i = 0; i < g->nnodes; i++)
        if (g->nodes[i].nin)
            find_tail(q, i);
    for (int changed = 1; changed;) {
        changed = 0;
        mark_wanted(q);
        mark_integers(q);
        for (uint32_t i = 0; i < g->nnodes; i++) {
            const char *reason = objection(q, i);
            if (reason) {
                make_float(q, i, reason); /* the marks now say too much: an objection stays one */
                changed = 1;
            }
        }
    }
    find_roots(q);
}

int quant_is_step(const struct quantiser *q, uint32_t node)
{
    const struct quant_node *k = &q->nodes[node];
    const struct infer__node *n = &q->graph.nodes[node];
    return k->kind != QUANT_INNER && n->nout && !q->inside[n->out[0]] &&
           is_f32(&q->shaped.values[n->out[0]]) &&
           q->shaped.values[n->out[0]].kind != INFER__VALUE_CONST;
}
