/* Attention becomes one step, which never writes the scores to memory:
 *
 *   MatMul(Softmax(MatMul(q, k) * scale + mask), v)
 *
 * over the last axis, the product by a number or division by one, and the mask, being there or not;
 * weights that are NaN may be made 0, as PyTorch's exporters do. Only where no other node reads
 * what is in between. */
#include <math.h>
#include <string.h>

#include "plan/passes.h"
#include "plan/uses.h"

struct finder {
    struct infer__graph *g;
    struct infer__uses uses;
    infer_error *err;
};

/* What stands before a product with values; nodes that are not there are NULL. */
struct found {
    struct infer__node *where, *invert, *equal; /* Where(Not(Equal(w, w)), 0, w) */
    struct infer__node *softmax, *add, *scale, *product;
    uint32_t mask;
    float factor;
};

static struct infer__node *sole(const struct finder *f, uint32_t v, uint16_t op)
{
    return infer__sole_plain(f->g, &f->uses, v, op);
}

static int is_number(const struct finder *f, uint32_t v, float *number)
{
    const struct infer__value *c = &f->g->values[v];
    if (c->kind != INFER__VALUE_CONST || c->type != INFER_F32 || infer__value_elements(c) != 1)
        return 0;
    memcpy(number, c->data, sizeof *number);
    return isfinite(*number);
}

static int same_dims(const struct infer__value *a, const struct infer__value *b, int axes)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)axes * sizeof *a->dims) == 0;
}

/* The product that `v` is, perhaps times a number. */
static int find_product(const struct finder *f, uint32_t v, struct found *s)
{
    s->factor = 1;
    s->scale = sole(f, v, INFER__OP_MUL);
    for (int side = 0; s->scale && side < 2; side++)
        if (is_number(f, s->scale->in[side], &s->factor)) {
            s->product = sole(f, s->scale->in[1 - side], INFER__OP_MATMUL);
            return s->product != NULL;
        }
    s->scale = sole(f, v, INFER__OP_DIV);
    if (s->scale && is_number(f, s->scale->in[1], &s->factor)) {
        s->factor = 1 / s->factor;
        s->product = sole(f, s->scale->in[0], INFER__OP_MATMUL);
        return s->product != NULL && isfinite(s->factor);
    }
    s->scale = NULL;
    s->product = sole(f, v, INFER__OP_MATMUL);
    return s->product != NULL;
}

/* What `v` is but where that is NaN, which makes it 0; `v` itself if it is not of that form. */
static uint32_t find_weights(const struct finder *f, uint32_t v, struct found *s)
{
    float zero;
    s->where = sole(f, v, INFER__OP_WHERE);
    s->invert = s->where ? sole(f, s->where->in[0], INFER__OP_NOT) : NULL;
    s->equal = s->invert ? sole(f, s->invert->in[0], INFER__OP_EQUAL) : NULL;
    const uint32_t w = s->equal ? s->where->in[2] : 0;
    if (w && s->equal->in[0] == w && s->equal->in[1] == w && is_number(f, s->where->in[1], &zero) &&
        zero == 0)
        return w;
    s->where = NULL;
    return v;
}

/* Softmax over the last axis of a product, to which a mask may have been added. */
static int find_scores(const struct finder *f, uint32_t v, struct found *s)
{
    const struct infer__graph *g = f->g;
    memset(s, 0, sizeof *s);
    v = find_weights(f, v, s);
    s->softmax = infer__sole_producer(g, &f->uses, v, s->where ? 3 : 1);
    if (!s->softmax || s->softmax->op != INFER__OP_SOFTMAX)
        return 0;
    const struct infer__value *x = &g->values[s->softmax->in[0]];
    const int64_t axis = infer__node_int(s->softmax, INFER__ATTR_AXIS, -1);
    if (x->type != INFER_F32 || (axis != -1 && axis != x->rank - 1))
        return 0;
    if (find_product(f, s->softmax->in[0], s))
        return 1;
    s->add = sole(f, s->softmax->in[0], INFER__OP_ADD);
    for (int side = 0; s->add && side < 2; side++) {
        const uint32_t product = s->add->in[side];
        s->mask = s->add->in[1 - side];
        if (same_dims(&g->values[product], x, x->rank) && find_product(f, product, s))
            return 1;
    }
    return 0;
}

/* Queries, keys and values of one rank, and as many matrices of each. */
static int fits(const struct infer__graph *g, const struct found *s, const struct infer__node *last)
{
    const struct infer__value *q = &g->values[s->product->in[0]];
    const struct infer__value *k = &g->values[s->product->in[1]], *v = &g->values[last->in[1]];
    const struct infer__value *y = &g->values[last->out[0]];
    const struct infer__value *scores = &g->values[s->product->out[0]];
    return q->rank >= 2 && same_dims(q, k, q->rank - 2) && same_dims(q, v, q->rank - 2) &&
           same_dims(q, scores, q->rank - 1) && !y->free_dims && v->type == INFER_F32 &&
           v->kind != INFER__VALUE_CONST && k->kind != INFER__VALUE_CONST;
}

static void erase(struct infer__node *const *nodes, int n)
{
    for (int i = 0; i < n; i++)
        if (nodes[i])
            infer__erase(nodes[i]);
}

static infer_status form(struct finder *f, struct infer__node *last)
{
    struct found s;
    if (!find_scores(f, last->in[0], &s) || !fits(f->g, &s, last))
        return INFER_OK;
    const uint32_t in[4] = {s.product->in[0], s.product->in[1], last->in[1], s.mask};
    uint32_t *copy = infer__region_copy(f->g->region, in, sizeof in);
    if (!copy)
        return infer__no_memory(f->err, sizeof in);
    TRY(infer__node_set_floats(f->g, last, INFER__ATTR_ALPHA, &s.factor, 1, f->err));
    if (s.where) {
        const int64_t or_zero = 1;
        TRY(infer__node_set_ints(f->g, last, INFER__ATTR_MODE, &or_zero, 1, f->err));
        struct infer__node *made[] = {s.where, s.invert, s.equal};
        erase(made, 3);
    }
    struct infer__node *gone[] = {s.softmax, s.add, s.scale, s.product};
    erase(gone, 4);
    last->op = INFER__OP_ATTENTION;
    last->in = copy;
    last->nin = s.mask ? 4 : 3;
    return INFER_OK;
}

infer_status infer__fuse_attention(struct infer__graph *g, const struct infer__plan_options *o,
                                   infer_error *err)
{
    struct finder f = {.g = g, .err = err};
    if (!infer__isa_has(o->isa, INFER_ISA_AVX2)) /* plain C has nothing faster than the parts */
        return INFER_OK;
    TRY(infer__uses_of(g, &f.uses, err));
    for (uint32_t i = 0; i < g->nnodes; i++)
        if (g->nodes[i].op == INFER__OP_MATMUL)
            TRY(form(&f, &g->nodes[i]));
    infer__drop_erased(g);
    infer__uses_end(g, &f.uses);
    return INFER_OK;
}
