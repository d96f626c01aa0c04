/* Functions that exporters write out in many nodes become one node again:
 *
 *   x * (1 + Erf(x / sqrt 2)) / 2, in any order       Gelu
 *   (x - mean) / Sqrt(variance + e) * scale + bias    LayerNormalization
 *   MatMul(x, W) + bias                               Dense
 *
 * A form is recognised from its last node backwards, and only where nobody else needs a value in
 * between. */
#include <math.h>
#include <string.h>

#include "plan/passes.h"
#include "plan/uses.h"

struct former {
    struct infer__graph *g;
    struct infer__uses uses;
    infer_error *err;
};

static struct infer__node *sole(const struct former *f, uint32_t v, uint16_t op)
{
    return infer__sole_plain(f->g, &f->uses, v, op);
}

/* A constant number, whose axes add none to those of what it meets. */
static int is_number(const struct former *f, uint32_t v, float *number)
{
    const struct infer__value *c = &f->g->values[v];
    if (c->kind != INFER__VALUE_CONST || c->type != INFER_F32 || c->rank > 1 ||
        infer__value_elements(c) != 1)
        return 0;
    memcpy(number, c->data, sizeof *number);
    return 1;
}

/* The operand that a constant number near `want` is combined with; 0: there is none. */
static uint32_t beside(const struct former *f, const struct infer__node *n, float want)
{
    float c;
    for (int side = 0; n && side < 2; side++)
        if (is_number(f, n->in[side], &c) && fabsf(c - want) <= 1e-6f * want)
            return n->in[1 - side];
    return 0;
}

/* At most as many operands as the node has. */
static void set_in(struct infer__node *n, const uint32_t *in, uint32_t nin)
{
    memcpy(n->in, in, nin * sizeof *in);
    n->nin = nin;
}

/* ---- Gelu ----------------------------------------------------------------------------------- */

/* x of 1 + Erf(x / sqrt 2); its nodes go to nodes[0 .. 2]. */
static uint32_t erf_of(const struct former *f, uint32_t v, struct infer__node *nodes[3])
{
    float c;
    nodes[0] = sole(f, v, INFER__OP_ADD);
    uint32_t e = beside(f, nodes[0], 1);
    nodes[1] = e ? sole(f, e, INFER__OP_ERF) : NULL;
    if (!nodes[1])
        return 0;
    uint32_t z = nodes[1]->in[0];
    nodes[2] = sole(f, z, INFER__OP_MUL);
    if (nodes[2])
        return beside(f, nodes[2], 0.70710678f);
    nodes[2] = sole(f, z, INFER__OP_DIV);
    return nodes[2] && is_number(f, nodes[2]->in[1], &c) && fabsf(c - 1.41421356f) <= 1e-6f
               ? nodes[2]->in[0]
               : 0;
}

/* Product of x / 2 and 1 + erf: the two factors in any order and, where `half`, with the number
 * outside. Returns x. */
static uint32_t gelu_product(const struct former *f, const struct infer__node *mul, int half,
                             struct infer__node *nodes[4])
{
    for (int side = 0; side < 2; side++) {
        uint32_t a = mul->in[side], b = mul->in[1 - side], x = erf_of(f, a, nodes);
        nodes[3] = NULL;
        if (x && half && b == x)
            return x;
        if (half)
            continue;
        nodes[3] = sole(f, x ? b : a, INFER__OP_MUL);
        uint32_t inner = beside(f, nodes[3], 0.5f);
        if (x && inner == x) /* (x / 2) * (1 + erf) */
            return x;
        if (!x && inner && (x = erf_of(f, inner, nodes)) == b) /* x * ((1 + erf) / 2) */
            return x;
    }
    return 0;
}

static void form_gelu(struct former *f, struct infer__node *mul)
{
    struct infer__node *nodes[5] = {NULL};
    uint32_t product = beside(f, mul, 0.5f), x;
    if (product && (nodes[4] = sole(f, product, INFER__OP_MUL)) != NULL)
        x = gelu_product(f, nodes[4], 1, nodes);
    else
        x = gelu_product(f, mul, 0, nodes);
    if (!x || f->g->values[x].type != INFER_F32)
        return;
    for (int i = 0; i < 5; i++)
        if (nodes[i])
            infer__erase(nodes[i]);
    mul->op = INFER__OP_GELU;
    set_in(mul, &x, 1);
    f->uses.count[x]--; /* two readers have become one */
}

/* ---- LayerNormalization --------------------------------------------------------------------- */

/* Whether n is the mean over all axes from *axis on, which are kept as 1. */
static int is_mean(const struct former *f, const struct infer__node *n, int *axis)
{
    union infer__params p = {0};
    infer_error err;
    struct infer__graph scratch = *f->g; /* resolve writes shapes that are there already */
    if (!n || infer__resolve_node(&scratch, n, UINT64_MAX, &p, &err) != INFER_OK ||
        !p.reduce.keepdims || !p.reduce.axes)
        return 0;
    int rank = f->g->values[n->in[0]].rank;
    *axis = __builtin_ctz(p.reduce.axes);
    return p.reduce.axes == (1u << rank) - (1u << *axis);
}

/* The operand whose square n is. */
static uint32_t squared(const struct former *f, const struct infer__node *n)
{
    float c;
    if (n && n->op == INFER__OP_POW && is_number(f, n->in[1], &c) && c == 2)
        return n->in[0];
    return n && n->op == INFER__OP_MUL && n->in[0] == n->in[1] ? n->in[0] : 0;
}

/* The nodes behind x in the normalised (x - mean) / Sqrt(variance + e). */
struct normal {
    struct infer__node *div, *sub, *mean, *sqrt, *add, *variance, *square;
    uint32_t x;
    int axis;
    float epsilon;
};

static int find_normal(const struct former *f, uint32_t v, struct normal *s)
{
    int axis;
    memset(s, 0, sizeof *s);
    s->div = sole(f, v, INFER__OP_DIV);
    s->sqrt = s->div ? sole(f, s->div->in[1], INFER__OP_SQRT) : NULL;
    s->add = s->sqrt ? sole(f, s->sqrt->in[0], INFER__OP_ADD) : NULL;
    for (int side = 0; s->add && side < 2 && !s->variance; side++)
        if (is_number(f, s->add->in[side], &s->epsilon))
            s->variance = sole(f, s->add->in[1 - side], INFER__OP_REDUCE_MEAN);
    if (!is_mean(f, s->variance, &s->axis) || !(s->epsilon >= 0) || !isfinite(s->epsilon))
        return 0;
    s->square = infer__sole_producer(f->g, &f->uses, s->variance->in[0], 1);
    uint32_t d = squared(f, s->square);
    /* the difference is read by the division and, once or twice, by the square */
    if (!d || d != s->div->in[0])
        return 0;
    s->sub = infer__sole_producer(f->g, &f->uses, d, s->square->op == INFER__OP_POW ? 2 : 3);
    if (!s->sub || s->sub->op != INFER__OP_SUB)
        return 0;
    s->mean = sole(f, s->sub->in[1], INFER__OP_REDUCE_MEAN);
    s->x = s->sub->in[0];
    return is_mean(f, s->mean, &axis) && axis == s->axis && s->mean->in[0] == s->x &&
           f->g->values[s->x].type == INFER_F32;
}

/* Whether a constant is one row of x from `axis` on. */
static int is_row(const struct former *f, uint32_t c, uint32_t x, int axis)
{
    const struct infer__value *v = &f->g->values[c], *of = &f->g->values[x];
    return v->kind == INFER__VALUE_CONST && v->type == INFER_F32 && v->rank == of->rank - axis &&
           memcmp(v->dims, of->dims + axis, v->rank * sizeof *v->dims) == 0;
}

static infer_status form_layer_norm(struct former *f, struct infer__node *mul)
{
    struct normal s;
    for (int side = 0; side < 2; side++) {
        uint32_t scale = mul->in[1 - side];
        if (!find_normal(f, mul->in[side], &s) || !is_row(f, scale, s.x, s.axis))
            continue;
        int64_t axis = s.axis;
        TRY(infer__node_set_ints(f->g, mul, INFER__ATTR_AXIS, &axis, 1, f->err));
        TRY(infer__node_set_floats(f->g, mul, INFER__ATTR_EPSILON, &s.epsilon, 1, f->err));
        struct infer__node *gone[] = {s.div, s.sub, s.mean, s.sqrt, s.add, s.variance, s.square};
        for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
            infer__erase(gone[i]);
        mul->op = INFER__OP_LAYER_NORMALIZATION;
        set_in(mul, (uint32_t[]){s.x, scale}, 2);
        f->uses.count[s.x]--;
        return INFER_OK;
    }
    return INFER_OK;
}

/* ---- what is added to a product or a normalised tensor --------------------------------------- */

/* The node before takes the place of the Add, with one operand more. */
static infer_status take_bias(struct former *f, struct infer__node *add, struct infer__node *n,
                              uint16_t op, uint32_t bias)
{
    uint32_t in[3] = {n->in[0], n->in[1], bias}, *out = add->out;
    infer_error *err = f->err;
    uint32_t *copy = infer__region_copy(f->g->region, in, sizeof in);
    if (!copy)
        return infer__no_memory(err, sizeof in);
    *add = *n;
    add->op = op;
    add->in = copy;
    add->nin = 3;
    add->out = out;
    infer__erase(n);
    f->uses.producer[out[0]] = (uint32_t)(add - f->g->nodes) + 1;
    return INFER_OK;
}

static infer_status form_bias(struct former *f, struct infer__node *add)
{
    for (int side = 0; side < 2; side++) {
        uint32_t bias = add->in[side], v = add->in[1 - side];
        struct infer__node *n = sole(f, v, INFER__OP_MATMUL);
        const struct infer__value *y = &f->g->values[v];
        const struct infer__value *w = n ? &f->g->values[n->in[1]] : NULL;
        if (n && f->g->values[n->in[0]].type == INFER_F32 && w->type == INFER_F32 && w->rank == 2 &&
            w->kind == INFER__VALUE_CONST && is_row(f, bias, v, y->rank - 1))
            return take_bias(f, add, n, INFER__OP_DENSE, bias);
        n = sole(f, v, INFER__OP_LAYER_NORMALIZATION);
        if (n && n->nin == 2) {
            int axis = (int)infer__node_int(n, INFER__ATTR_AXIS, -1);
            if (is_row(f, bias, v, axis < 0 ? axis + y->rank : axis))
                return take_bias(f, add, n, n->op, bias);
        }
    }
    return INFER_OK;
}

infer_status infer__fuse_forms(struct infer__graph *g, infer_error *err)
{
    struct former f = {.g = g, .err = err};
    TRY(infer__uses_of(g, &f.uses, err));
    for (uint32_t i = 0; i < g->nnodes; i++) {
        struct infer__node *n = &g->nodes[i];
        if (n->op == INFER__OP_MUL)
            form_gelu(&f, n);
        if (n->op == INFER__OP_MUL)
            TRY(form_layer_norm(&f, n));
        if (n->op == INFER__OP_ADD)
            TRY(form_bias(&f, n));
    }
    infer__drop_erased(g);
    infer__uses_end(g, &f.uses);
    return INFER_OK;
}
