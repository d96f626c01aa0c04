/* Integer nodes into one: a table, or the addition of a residual, behind a convolution; tables
 * behind tables; x * table[x], which is a table again. */
#include <math.h>
#include <string.h>

#include "plan/fold.h"
#include "plan/integer.h"
#include "plan/uses.h"

struct fuser {
    struct infer__graph *g;
    struct infer__uses uses;
    infer_error *err;
};

static struct infer__node *producer(const struct fuser *f, uint32_t v)
{
    return v && f->uses.producer[v] ? &f->g->nodes[f->uses.producer[v] - 1] : NULL;
}

static int is_table(const struct infer__node *n)
{
    return n && n->op == INFER__OP_IDENTITY && n->epi.requant && n->epi.requant->table;
}

/* The node becomes an identity whose meaning is the table. */
static infer_status become_table(struct fuser *f, struct infer__node *n, uint32_t from,
                                 const uint8_t table[256])
{
    struct infer__region *region = f->g->region;
    infer_error *err = f->err;
    struct infer__requant *r = infer__region_copy(region, n->epi.requant, sizeof *r);
    n->in = infer__region_copy(region, &from, sizeof from);
    const uint8_t *entries = infer__region_copy(region, table, 256);
    if (!r || !n->in || !entries)
        return infer__no_memory(err, 256);
    r->table = entries;
    n->epi.requant = r;
    n->op = INFER__OP_IDENTITY;
    n->nin = 1;
    n->nattr = 0;
    f->uses.count[from]++;
    return INFER_OK;
}

/* ---- tables --------------------------------------------------------------------------------- */

static infer_status join_tables(struct fuser *f, struct infer__node *n)
{
    struct infer__node *first = producer(f, n->in[0]);
    uint8_t table[256];
    if (!is_table(n) || !is_table(first) || f->uses.count[n->in[0]] != 1)
        return INFER_OK;
    for (int i = 0; i < 256; i++)
        table[i] = n->epi.requant->table[first->epi.requant->table[i]];
    f->uses.count[n->in[0]]--;
    return become_table(f, n, first->in[0], table);
}

/* The operand of an operand that is a table of it, or the operand itself. */
static uint32_t base_of(const struct fuser *f, uint32_t v)
{
    const struct infer__node *n = producer(f, v);
    return is_table(n) ? n->in[0] : v;
}

/* Add, Sub or Mul of tables of one value: computed for each of its 256 values. */
static infer_status join_binary(struct fuser *f, struct infer__node *n)
{
    struct infer__graph *g = f->g;
    infer_error *err = f->err;
    if (!infer__works_on(n, INFER__INTEGERS_ARITHMETIC) || !n->epi.requant || n->in[0] == n->in[1])
        return INFER_OK;
    uint32_t from = base_of(f, n->in[0]), in[2], out;
    if (from != base_of(f, n->in[1])) {
        int first = base_of(f, n->in[1]) == n->in[0];
        if (!first && from != n->in[1])
            return INFER_OK;
        from = n->in[first ? 0 : 1];
    }
    struct infer__graph s;
    struct infer__node *node;
    int64_t entries = 256;
    union infer__params params = {0};
    TRY(infer__graph_init(&s, g->region, err));
    for (int k = 0; k < 2; k++) {
        uint8_t x[256];
        const struct infer__node *table = producer(f, n->in[k]);
        for (int i = 0; i < 256; i++)
            x[i] = n->in[k] == from ? (uint8_t)i : table->epi.requant->table[i];
        TRY(infer__graph_add_const(&s, "", INFER_U8, 1, &entries, x, 1, &in[k], err));
        s.values[in[k]].quant = g->values[n->in[k]].quant;
    }
    TRY(infer__graph_add_value(&s, "", &out, err));
    s.values[out].quant = g->values[n->out[0]].quant;
    TRY(infer__graph_add_node(&s, n->op, n->name, in, 2, &out, 1, &node, err));
    node->epi = n->epi;
    TRY(infer__plan_resolve(&s, node, UINT64_MAX, &params, err));
    s.values[out].type = INFER_U8;
    TRY(infer__evaluate_node(&s, node, &params, NULL, err));
    f->uses.count[n->in[0]]--;
    f->uses.count[n->in[1]]--;
    return become_table(f, n, from, s.values[out].data);
}

/* ---- behind a convolution ------------------------------------------------------------------- */

/* The convolution or dense node whose requantised result v is, read once and with nothing behind
 * it yet but perhaps a table. */
static struct infer__node *carrier(const struct fuser *f, uint32_t v, int table)
{
    struct infer__node *n = producer(f, v);
    if (!n || f->uses.count[v] != 1 || !n->epi.requant || n->epi.residual ||
        (n->epi.requant->table && !table))
        return NULL;
    return infer__works_on(n, INFER__INTEGERS_LINEAR) ? n : NULL;
}

static infer_status carry_table(struct fuser *f, struct infer__node *n)
{
    struct infer__node *linear = is_table(n) ? carrier(f, n->in[0], 0) : NULL;
    infer_error *err = f->err;
    if (!linear)
        return INFER_OK;
    struct infer__requant *r = infer__region_copy(f->g->region, linear->epi.requant, sizeof *r);
    if (!r)
        return infer__no_memory(err, sizeof *r);
    r->table = n->epi.requant->table;
    linear->epi.requant = r;
    linear->out = n->out;
    f->uses.producer[n->out[0]] = (uint32_t)(linear - f->g->nodes) + 1;
    infer__erase(n);
    return INFER_OK;
}

static int same_shape(const struct infer__value *a, const struct infer__value *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
}

/* Add(conv, other) becomes the convolution, at the place of the Add. */
static infer_status carry_residual(struct fuser *f, struct infer__node *add)
{
    struct infer__graph *g = f->g;
    infer_error *err = f->err;
    int side = -1;
    uint32_t best = 0;
    if (add->op != INFER__OP_ADD || !add->epi.requant ||
        !same_shape(&g->values[add->in[0]], &g->values[add->in[1]]))
        return INFER_OK;
    for (int i = 0; i < 2; i++) {
        struct infer__node *n = carrier(f, add->in[i], 1);
        if (n && n->op == INFER__OP_CONV && f->uses.producer[add->in[i]] > best &&
            g->values[add->in[1 - i]].kind != INFER__VALUE_CONST) {
            best = f->uses.producer[add->in[i]];
            side = i;
        }
    }
    if (side < 0)
        return INFER_OK;
    struct infer__node *conv = &g->nodes[best - 1], fused = *conv;
    struct infer__requant *r = infer__region_copy(g->region, conv->epi.requant, sizeof *r);
    uint32_t bias = conv->nin > 2 ? conv->in[2] : 0;
    uint32_t in[4] = {conv->in[0], conv->in[1], bias, add->in[1 - side]};
    fused.in = infer__region_copy(g->region, in, sizeof in);
    if (!r || !fused.in)
        return infer__no_memory(err, sizeof *r);
    const struct infer__quant *a = g->values[add->in[0]].quant, *b = g->values[add->in[1]].quant;
    const struct infer__quant *y = g->values[add->out[0]].quant;
    float a_ratio = *a->scale / *y->scale, b_ratio = *b->scale / *y->scale;
    float b_zero = b_ratio * (float)*b->zero;
    r->ratio = side ? b_ratio : a_ratio;
    r->residual_ratio = side ? a_ratio : b_ratio;
    r->fixed = (float)*y->zero - fmaf(a_ratio, (float)*a->zero, b_zero);
    r->residual_inner = side == 0;
    r->add_lo = add->epi.requant->add_lo;
    r->add_hi = add->epi.requant->add_hi;
    fused.epi.requant = r;
    fused.epi.residual = 1;
    fused.nin = 4;
    fused.out = add->out;
    *add = fused;
    infer__erase(conv);
    return INFER_OK;
}

infer_status infer__integer_fuse(struct infer__graph *g, infer_error *err)
{
    struct fuser f = {.g = g, .err = err};
    TRY(infer__uses_of(g, &f.uses, err));
    for (uint32_t i = 0; i < g->nnodes; i++) {
        struct infer__node *n = &g->nodes[i];
        TRY(join_binary(&f, n));
        TRY(join_tables(&f, n));
    }
    /* tables that were joined: what they read is read less often */
    TRY(infer__remove_dead(g, err));
    infer__uses_end(g, &f.uses);
    TRY(infer__uses_of(g, &f.uses, err));
    for (uint32_t i = 0; i < g->nnodes; i++) {
        TRY(carry_table(&f, &g->nodes[i]));
        TRY(carry_residual(&f, &g->nodes[i]));
    }
    infer__drop_erased(g);
    infer__uses_end(g, &f.uses);
    return INFER_OK;
}
