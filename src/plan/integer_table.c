/* Whatever is a function of one quantised tensor alone, element by element, and is quantised again,
 * is a table of 256 entries: HardSwish, x * Sigmoid(x), Clip(x + 3, 0, 6) / 6. The entries are
 * computed by the real kernels. */
#include <string.h>

#include "kernels/quant.h"
#include "plan/fold.h"
#include "plan/integer.h"

enum { MOST_NODES = 16 };

struct function {
    struct infer__integer *p;
    uint32_t leaf;              /* the quantised value */
    uint32_t node[MOST_NODES];  /* numbers of nodes */
    uint32_t value[MOST_NODES]; /* what they give */
    uint32_t reads[MOST_NODES]; /* how often it is read within the function */
    int count;
};

static int is_elementwise(const struct infer__node *n)
{
    return infer__works_on(n, INFER__INTEGERS_TABLE) ||
           infer__works_on(n, INFER__INTEGERS_ARITHMETIC);
}

static int is_scalar(const struct infer__value *v)
{
    return v->kind == INFER__VALUE_CONST && v->type == INFER_F32 && infer__value_elements(v) == 1;
}

/* Adds what makes v to the function; 0: it is no function of one quantised value. Recursion ends
 * after MOST_NODES nodes. */
static int visit(struct function *f, uint32_t v) /* NOLINT(misc-no-recursion) */
{
    const struct infer__integer *p = f->p;
    uint32_t source = infer__integer_source(p, v);
    if (!v || is_scalar(&p->g->values[v]))
        return 1;
    if (source) {
        int same = !f->leaf || f->leaf == source;
        f->leaf = source;
        return same && p->g->values[source].kind != INFER__VALUE_CONST;
    }
    for (int i = 0; i < f->count; i++)
        if (f->value[i] == v) {
            f->reads[i]++;
            return 1;
        }
    if (!p->producer[v] || f->count == MOST_NODES)
        return 0;
    const struct infer__node *n = &p->nodes[p->producer[v] - 1];
    if (!is_elementwise(n) || n->nin > MOST_NODES || n->nout != 1 || n->epi.requant ||
        p->g->values[n->in[0]].type != INFER_F32)
        return 0;
    f->node[f->count] = p->producer[v] - 1;
    f->value[f->count] = v;
    f->reads[f->count++] = 1;
    for (uint32_t i = 0; i < n->nin; i++)
        if (!visit(f, n->in[i]))
            return 0;
    return 1;
}

static int is_function(struct function *f, uint32_t x)
{
    const struct infer__value *y = &f->p->g->values[x], *from;
    if (!visit(f, x) || !f->leaf || !f->count)
        return 0;
    from = &f->p->g->values[f->leaf];
    for (int i = 0; i < f->count; i++)
        if (f->reads[i] != f->p->uses[f->value[i]])
            return 0;
    return from->rank == y->rank && memcmp(from->dims, y->dims, y->rank * sizeof *y->dims) == 0;
}

static void sort(struct function *f)
{
    for (int i = 1; i < f->count; i++)
        for (int k = i; k > 0 && f->node[k - 1] > f->node[k]; k--) {
            uint32_t node = f->node[k], value = f->value[k];
            f->node[k] = f->node[k - 1];
            f->value[k] = f->value[k - 1];
            f->node[k - 1] = node;
            f->value[k - 1] = value;
        }
}

/* The new number of an old value in the graph that computes the table. */
static infer_status operand(struct function *f, struct infer__graph *s, uint32_t v, uint32_t leaf,
                            const uint32_t *made, uint32_t *id)
{
    const struct infer__value *old = &f->p->g->values[v];
    *id = 0;
    if (!v)
        return INFER_OK;
    if (infer__integer_source(f->p, v)) {
        *id = leaf;
        return INFER_OK;
    }
    for (int i = 0; i < f->count; i++)
        if (f->value[i] == v)
            *id = made[i];
    return *id ? INFER_OK
               : infer__graph_add_const(s, "", INFER_F32, 0, NULL, old->data, 0, id, f->p->err);
}

/* Builds the function on 256 numbers and folds it. */
static infer_status evaluate(struct function *f, const struct infer__quant *q, uint32_t x,
                             const float **y)
{
    struct infer__integer *p = f->p;
    struct infer__region *region = p->g->region;
    infer_error *err = p->err;
    struct infer__graph s;
    uint32_t leaf, made[MOST_NODES], in[MOST_NODES];
    int64_t entries = 256;
    float real[256];
    *y = NULL;
    for (int i = 0; i < 256; i++)
        real[i] = (float)(i - *q->zero) * *q->scale;
    TRY(infer__graph_init(&s, region, err));
    TRY(infer__graph_add_const(&s, "", INFER_F32, 1, &entries, real, 1, &leaf, err));
    for (int i = 0; i < f->count; i++)
        TRY(infer__graph_add_value(&s, "", &made[i], err));
    for (int i = 0; i < f->count; i++) {
        const struct infer__node *n = &p->nodes[f->node[i]];
        struct infer__node *copy;
        for (uint32_t k = 0; k < n->nin; k++)
            TRY(operand(f, &s, n->in[k], leaf, made, &in[k]));
        TRY(infer__graph_add_node(&s, n->op, n->name, in, n->nin, &made[i], 1, &copy, err));
        copy->attr = n->attr;
        copy->nattr = n->nattr;
    }
    TRY(infer__fold(&s, 0, UINT64_MAX, NULL, err));
    for (int i = 0; i < f->count; i++) {
        const struct infer__value *v = &s.values[made[i]];
        if (f->value[i] == x && v->kind == INFER__VALUE_CONST && v->type == INFER_F32 &&
            infer__value_elements(v) == 256)
            *y = v->data;
    }
    return INFER_OK;
}

infer_status infer__integer_emit_table(struct infer__integer *p, const char *name, uint32_t from,
                                       uint32_t q, const uint8_t table[256])
{
    struct infer__region *region = p->g->region;
    const struct infer__quant *y = p->g->values[q].quant;
    infer_error *err = p->err;
    struct infer__requant *r = infer__region_calloc(region, 1, sizeof *r);
    struct infer__node n = {.op = INFER__OP_IDENTITY, .nin = 1, .nout = 1, .name = name};
    n.in = infer__region_copy(region, &from, sizeof from);
    n.out = infer__region_copy(region, &q, sizeof q);
    if (!r || !n.in || !n.out)
        return infer__no_memory(err, sizeof *r);
    *r = (struct infer__requant){.scale = *y->scale, .zero = *y->zero, .hi = 255, .add_hi = 255};
    r->table = infer__region_copy(region, table, 256);
    if (!r->table)
        return infer__no_memory(err, 256);
    n.epi.requant = r;
    return infer__integer_emit(p, &n);
}

infer_status infer__integer_table(struct infer__integer *p, uint32_t x, uint32_t q, int *done)
{
    struct function f = {.p = p};
    const struct infer__quant *y = p->g->values[q].quant;
    const float *real;
    uint8_t table[256];
    *done = 0;
    if (!is_function(&f, x))
        return INFER_OK;
    sort(&f);
    TRY(evaluate(&f, p->g->values[f.leaf].quant, x, &real));
    if (!real)
        return INFER_OK;
    for (int i = 0; i < 256; i++)
        table[i] = infer__q8_quantize(real[i], y);
    *done = 1;
    return infer__integer_emit_table(p, p->nodes[p->producer[x] - 1].name, f.leaf, q, table);
}
