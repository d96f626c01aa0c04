/* Fusion: what follows a convolution or dense node, and padding before it, become part of it.
 *
 *   Conv -> Add(residual) -> Relu      one node with an epilogue
 *   x * Sigmoid(x)                     Silu, then as above; x * HardSigmoid(x) likewise HardSwish
 *   Pad(zeros) -> Conv, AveragePool    their own padding
 *
 * A node is fused only if nobody else needs the value in between. */
#include <math.h>
#include <string.h>

#include "graph/traits.h"
#include "plan/passes.h"
#include "plan/uses.h"

struct fuser {
    struct infer__graph *g;
    struct infer__uses uses;
    infer_error *err;
};

static int same_shape(const struct infer__value *a, const struct infer__value *b)
{
    return a->type == b->type && a->rank == b->rank &&
           memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
}

static int has_flag(const struct infer__node *n, unsigned flag)
{
    return (infer__op_traits(n->op)->flags & flag) != 0;
}

/* ---- x * Sigmoid(x), x * HardSigmoid(x) ----------------------------------------------------- */

static void fuse_gate(struct fuser *f, struct infer__node *mul)
{
    for (int side = 0; side < 2; side++) {
        uint32_t gate = mul->in[side], x = mul->in[1 - side];
        struct infer__node *s = infer__sole_producer(f->g, &f->uses, gate, 1);
        if (!s || s->in[0] != x || f->g->values[x].type != INFER_F32)
            continue;
        if (s->op == INFER__OP_HARD_SIGMOID) {
            float a = infer__node_float(s, INFER__ATTR_ALPHA, 0.2f);
            float b = infer__node_float(s, INFER__ATTR_BETA, 0.5f);
            if (fabsf(a - 1.0f / 6) > 1e-6f || b != 0.5f)
                continue;
            mul->op = INFER__OP_HARD_SWISH;
        } else if (s->op == INFER__OP_SIGMOID) {
            mul->op = INFER__OP_SILU;
        } else {
            continue;
        }
        mul->in[0] = x;
        mul->nin = 1;
        f->uses.count[x]--;
        infer__erase(s);
        return;
    }
}

/* ---- residual add --------------------------------------------------------------------------- */

/* Turns Add(conv, other) into the convolution, at the place of the Add: both operands of the
 * convolution and `other` exist by then. */
static infer_status fuse_residual(struct fuser *f, struct infer__node *add)
{
    struct infer__graph *g = f->g;
    infer_error *err = f->err;
    uint32_t best = 0;
    int side = -1;
    for (int i = 0; i < 2; i++) {
        struct infer__node *n = infer__sole_producer(f->g, &f->uses, add->in[i], 1);
        if (n && has_flag(n, INFER__FLAG_TAKES_RESIDUAL) && !n->epi.residual && !n->epi.act &&
            g->values[n->in[0]].type == INFER_F32 && f->uses.producer[add->in[i]] > best) {
            best = f->uses.producer[add->in[i]];
            side = i;
        }
    }
    uint32_t other = side >= 0 ? add->in[1 - side] : 0;
    if (side < 0 || g->values[add->in[0]].type != INFER_F32 ||
        !same_shape(&g->values[add->in[0]], &g->values[add->in[1]]) ||
        g->values[other].kind == INFER__VALUE_CONST)
        return INFER_OK;
    struct infer__node *conv = &g->nodes[best - 1];
    uint32_t nin = conv->nin < 3 ? 3 : conv->nin;
    uint32_t *in = infer__region_calloc(g->region, nin + 1, sizeof *in);
    if (!in)
        return infer__no_memory(err, nin * sizeof *in);
    memcpy(in, conv->in, conv->nin * sizeof *in);
    in[nin] = other;
    uint32_t *out = add->out;
    *add = *conv;
    add->in = in;
    add->nin = nin + 1;
    add->out = out;
    add->epi.residual = 1;
    infer__erase(conv);
    f->uses.producer[out[0]] = (uint32_t)(add - g->nodes) + 1;
    return INFER_OK;
}

/* ---- activation ----------------------------------------------------------------------------- */

int infer__activation_bounds(const struct infer__graph *g, const struct infer__node *n,
                             struct infer__epilogue *e)
{
    union infer__params p = {0};
    infer_error err;
    struct infer__graph scratch = *g; /* resolve writes shapes that are there already */
    if (infer__resolve_node(&scratch, n, UINT64_MAX, &p, &err) != INFER_OK)
        return 0;
    e->alpha = p.unary.alpha;
    e->beta = p.unary.beta;
    if (n->op != INFER__OP_CLIP)
        return 1;
    float *bound[2] = {&e->alpha, &e->beta};
    e->alpha = -INFINITY;
    e->beta = INFINITY;
    for (uint32_t i = 1; i < n->nin && i < 3; i++) {
        const struct infer__value *v = &g->values[n->in[i]];
        if (!n->in[i])
            continue;
        if (v->kind != INFER__VALUE_CONST || infer__value_elements(v) != 1)
            return 0;
        *bound[i - 1] = *(const float *)v->data;
    }
    return 1;
}

static void fuse_activation(struct fuser *f, struct infer__node *act)
{
    struct infer__graph *g = f->g;
    const uint32_t runs = g->values[act->in[0]].free_dims != 0; /* that look at its size: the result
                                                                   has the same */
    struct infer__node *n = infer__sole_producer(f->g, &f->uses, act->in[0], 1 + runs);
    if (!n || n->epi.act || g->values[act->out[0]].type != INFER_F32 ||
        g->values[n->out[0]].type != INFER_F32)
        return;
    int takes = has_flag(n, INFER__FLAG_TAKES_ACTIVATION) && g->values[n->in[0]].type == INFER_F32;
    if (!takes && !(has_flag(n, INFER__FLAG_TAKES_CLAMP) && infer__is_clamp(act->op)))
        return;
    struct infer__epilogue e = n->epi;
    if (!infer__activation_bounds(g, act, &e))
        return;
    e.act = act->op;
    uint32_t *out = act->out;
    *act = *n;
    act->out = out;
    act->epi = e;
    infer__erase(n);
    f->uses.producer[out[0]] = (uint32_t)(act - g->nodes) + 1;
}

/* ---- padding -------------------------------------------------------------------------------- */

static int is_zero(const struct infer__graph *g, const struct infer__node *pad)
{
    if (pad->nin < 3 || !pad->in[2])
        return 1;
    const struct infer__value *v = &g->values[pad->in[2]];
    return v->kind == INFER__VALUE_CONST && v->type == INFER_F32 && *(const float *)v->data == 0;
}

/* Whether padding before a pool is the same as the pool's own, counted: no window may reach beyond
 * it. `pads` are both together. */
static int pool_takes(const struct infer__node *pool, const struct infer__window *w,
                      const int64_t *pads)
{
    if (infer__node_int(pool, INFER__ATTR_CEIL_MODE, 0))
        return 0;
    for (int a = 3 - w->spatial, i = 0; a < 3; a++, i++) {
        int64_t extent = (w->kernel[a] - 1) * w->dilation[a] + 1;
        /* NOLINTNEXTLINE(clang-analyzer-core.*): a pad has two for each axis of its tensor */
        if (pads[i] >= extent || pads[i + w->spatial] >= extent ||
            (!w->count_include_pad && (w->pad_begin[a] || w->pad_end[a])))
            return 0;
    }
    return 1;
}

static infer_status fuse_pad(struct fuser *f, struct infer__node *conv)
{
    struct infer__graph *g = f->g;
    infer_error *err = f->err;
    struct infer__node *pad = infer__sole_producer(f->g, &f->uses, conv->in[0], 1);
    if (!pad || pad->op != INFER__OP_PAD || !is_zero(g, pad))
        return INFER_OK;
    union infer__params p = {0}, w = {0};
    TRY(infer__resolve_node(g, pad, UINT64_MAX, &p, err));
    TRY(infer__resolve_node(g, conv, UINT64_MAX, &w, err));
    int rank = g->values[conv->in[0]].rank, spatial = rank - 2;
    if (p.pad.mode != INFER__PAD_CONSTANT)
        return INFER_OK;
    int64_t pads[6];
    for (int i = 0; i < rank; i++) {
        if (p.pad.begin[i] < 0 || p.pad.end[i] < 0 || (i < 2 && (p.pad.begin[i] | p.pad.end[i])))
            return INFER_OK;
        if (i >= 2) {
            int axis = i - 2 + 3 - spatial;
            pads[i - 2] = p.pad.begin[i] + w.window.pad_begin[axis];
            pads[i - 2 + spatial] = p.pad.end[i] + w.window.pad_end[axis];
        }
    }
    int64_t notset = INFER__PAD_NOTSET, counted = 1;
    if (conv->op == INFER__OP_AVERAGE_POOL) {
        if (!pool_takes(conv, &w.window, pads))
            return INFER_OK;
        TRY(infer__node_set_ints(g, conv, INFER__ATTR_COUNT_INCLUDE_PAD, &counted, 1, err));
    }
    TRY(infer__node_set_ints(g, conv, INFER__ATTR_AUTO_PAD, &notset, 1, err));
    TRY(infer__node_set_ints(g, conv, INFER__ATTR_PADS, pads, (uint32_t)spatial * 2, err));
    conv->in[0] = pad->in[0];
    infer__erase(pad);
    return INFER_OK;
}

infer_status infer__fuse(struct infer__graph *g, infer_error *err)
{
    struct fuser f = {.g = g, .err = err};
    TRY(infer__uses_of(g, &f.uses, err));
    for (uint32_t i = 0; i < g->nnodes; i++) {
        struct infer__node *n = &g->nodes[i];
        if (n->op == INFER__OP_CONV || n->op == INFER__OP_AVERAGE_POOL)
            TRY(fuse_pad(&f, n));
        if (n->op == INFER__OP_MUL)
            fuse_gate(&f, n);
        if (n->op == INFER__OP_ADD)
            TRY(fuse_residual(&f, n));
        if (has_flag(n, INFER__FLAG_ACTIVATION))
            fuse_activation(&f, n);
    }
    infer__drop_erased(g);
    infer__uses_end(g, &f.uses);
    return INFER_OK;
}
