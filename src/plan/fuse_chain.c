/* Chains of convolutions: what is expanded by a 1x1 convolution goes through a depthwise one and is
 * projected by another 1x1. As one node the expanded values never leave the cache.
 *
 *   Conv 1x1 -> Conv depthwise -> Conv 1x1      all three, or the first two, or the last two
 *
 * Values in between must have no other reader. Whether to fuse, and which of the three forms, is a
 * matter of estimates: those of the kernels, and what it costs to send values in between through
 * memory. It depends on the CPU's level, not on the number of threads.
 */
#include "plan/estimate.h"
#include "plan/uses.h"

struct chainer {
    struct infer__graph *g;
    const struct infer__plan_options *o;
    struct infer__uses uses;
    infer_error *err;
};

/* Three convolutions that follow each other; the first or the last may be missing. */
struct chain {
    struct infer__node *expand, *depthwise, *project;
};

/* ---- which nodes qualify -------------------------------------------------------------------- */

static const struct infer__value *value(const struct chainer *f, uint32_t v)
{
    return &f->g->values[v];
}

/* A convolution of f32 pictures whose weights and bias are constants. */
static int is_conv(const struct chainer *f, const struct infer__node *n)
{
    if (n->op != INFER__OP_CONV || n->nin < 2)
        return 0;
    int bias = n->nin > 2 && n->in[2];
    const struct infer__value *x = value(f, n->in[0]), *w = value(f, n->in[1]);
    return x->type == INFER_F32 && x->rank == 4 && w->kind == INFER__VALUE_CONST &&
           (!bias || value(f, n->in[2])->kind == INFER__VALUE_CONST);
}

static int is_depthwise(const struct chainer *f, const struct infer__node *n)
{
    if (!is_conv(f, n) || n->epi.residual)
        return 0;
    int64_t channels = value(f, n->in[0])->dims[1];
    return value(f, n->in[1])->dims[0] == channels && value(f, n->in[1])->dims[1] == 1 &&
           channels > 1 && infer__node_int(n, INFER__ATTR_GROUP, 1) == channels;
}

static int is_pointwise(const struct chainer *f, const struct infer__node *n)
{
    return is_conv(f, n) && infer__is_pointwise(f->g, n);
}

/* The activations that are known to be computed alike inside a chain. */
static int is_inner(const struct infer__node *n)
{
    unsigned act = n->epi.act;
    return !n->epi.residual &&
           (act == INFER__OP_NONE || act == INFER__OP_RELU || act == INFER__OP_CLIP ||
            act == INFER__OP_HARD_SWISH || act == INFER__OP_SILU);
}

static struct chain find_chain(const struct chainer *f, struct infer__node *depthwise)
{
    struct chain c = {.depthwise = depthwise};
    uint32_t in = depthwise->in[0], out = depthwise->out[0];
    if (f->uses.producer[in] && f->uses.count[in] == 1) {
        struct infer__node *n = &f->g->nodes[f->uses.producer[in] - 1];
        if (is_pointwise(f, n) && is_inner(n))
            c.expand = n;
    }
    if (f->uses.reader[out] && f->uses.count[out] == 1 && is_inner(depthwise)) {
        struct infer__node *n = &f->g->nodes[f->uses.reader[out] - 1];
        if (is_pointwise(f, n) && n->in[0] == out)
            c.project = n;
    }
    return c;
}

/* ---- what it costs -------------------------------------------------------------------------- */

enum { OPERANDS = INFER__ESTIMATE_OPERANDS };

/* A chain as a node, in memory that the caller has. */
struct made {
    struct infer__node node;
    uint32_t in[OPERANDS];
    struct infer__epilogue inner[2];
};

static uint32_t bias_of(const struct infer__node *n)
{
    return n->nin > 2 ? n->in[2] : 0;
}

static void make_node(const struct chain *c, struct made *m)
{
    const struct infer__node *first = c->expand ? c->expand : c->depthwise;
    const struct infer__node *last = c->project ? c->project : c->depthwise;
    *m = (struct made){.node = *last};
    m->in[0] = first->in[0];
    m->in[1] = c->depthwise->in[1];
    m->in[2] = bias_of(c->depthwise);
    if (c->expand) {
        m->in[3] = c->expand->in[1];
        m->in[4] = bias_of(c->expand);
        m->inner[0] = c->expand->epi;
    }
    if (c->project) {
        m->in[5] = c->project->in[1];
        m->in[6] = bias_of(c->project);
        m->inner[1] = c->depthwise->epi;
    }
    if (last->epi.residual)
        m->in[7] = last->in[last->nin - 1];
    m->node.op = INFER__OP_CONV_CHAIN;
    m->node.attr = c->depthwise->attr;
    m->node.nattr = c->depthwise->nattr;
    m->node.in = m->in;
    m->node.nin = 7 + (last->epi.residual ? 1u : 0);
    m->node.inner = m->inner;
}

/* Nanoseconds that a chain saves; a few percent are within the estimates' errors and no gain. */
static double gain(const struct chainer *f, const struct chain *c)
{
    struct made m;
    double apart = infer__estimate_node(f->g, f->o, c->depthwise);
    if (c->expand)
        apart += infer__estimate_node(f->g, f->o, c->expand) +
                 infer__estimate_memory((double)infer__value_bytes(value(f, c->expand->out[0])), 0);
    if (c->project)
        apart +=
            infer__estimate_node(f->g, f->o, c->project) +
            infer__estimate_memory((double)infer__value_bytes(value(f, c->depthwise->out[0])), 0);
    make_node(c, &m);
    return apart * 0.97 - infer__estimate_node(f->g, f->o, &m.node);
}

/* ---- the pass ------------------------------------------------------------------------------- */

static infer_status replace(struct chainer *f, const struct chain *c)
{
    struct infer__node *last = c->project ? c->project : c->depthwise;
    struct made m;
    make_node(c, &m);
    uint32_t *in = infer__region_copy(f->g->region, m.in, sizeof m.in);
    struct infer__epilogue *inner = infer__region_copy(f->g->region, m.inner, sizeof m.inner);
    if (!in || !inner)
        return infer__no_memory(f->err, sizeof m);
    if (c->expand)
        infer__erase(c->expand);
    infer__erase(c->depthwise);
    *last = m.node;
    last->in = in;
    last->inner = inner;
    return INFER_OK;
}

infer_status infer__fuse_chains(struct infer__plan *plan, const struct infer__plan_options *o,
                                infer_error *err)
{
    struct infer__graph *g = &plan->graph;
    struct chainer f = {.g = g, .o = o, .err = err};
    TRY(infer__uses_of(g, &f.uses, err));
    for (uint32_t i = 0; i < g->nnodes; i++) {
        if (!is_depthwise(&f, &g->nodes[i]))
            continue;
        struct chain all = find_chain(&f, &g->nodes[i]), best = {0};
        struct chain forms[3] = {all, all, all};
        double most = 0;
        forms[1].project = NULL;
        forms[2].expand = NULL;
        for (int k = 0; k < 3; k++) {
            double ns = 0;
            if ((forms[k].expand || forms[k].project) && (k || (all.expand && all.project)))
                ns = gain(&f, &forms[k]);
            if (ns > most) {
                most = ns;
                best = forms[k];
            }
        }
        if (best.depthwise)
            TRY(replace(&f, &best));
    }
    infer__drop_erased(g);
    infer__uses_end(g, &f.uses);
    return INFER_OK;
}
