/* Changes of a graph's nodes: operators, attributes, wiring; nodes more and less. */
#include "tests/fuzz/mutate_internal.h"

static struct infer__node *any_node(struct mutation *m)
{
    return m->g->nnodes ? &m->g->nodes[rng_below(&m->rng, m->g->nnodes)] : NULL;
}

static uint16_t any_op(struct mutation *m)
{
    for (;;) {
        uint16_t op = (uint16_t)(1 + rng_below(&m->rng, INFER__OP_COUNT - 1));
        if (!infer__op_info(op)->internal)
            return op;
    }
}

/* ---- attributes ----------------------------------------------------------------------------- */

/* Without those that are not in `keep`. */
static void keep_attrs(struct mutation *m, struct infer__node *n, uint64_t keep)
{
    struct infer__attr *attr = infer__region_calloc(m->g->region, n->nattr + 1u, sizeof *attr);
    uint16_t kept = 0;
    for (uint32_t i = 0; i < n->nattr; i++)
        if (keep >> n->attr[i].key & 1)
            attr[kept++] = n->attr[i];
    n->attr = attr;
    n->nattr = kept;
}

static int is_list(uint16_t key)
{
    return key == INFER__ATTR_AXES || key == INFER__ATTR_DILATIONS ||
           key == INFER__ATTR_KERNEL_SHAPE || key == INFER__ATTR_OUTPUT_PADDING ||
           key == INFER__ATTR_OUTPUT_SHAPE || key == INFER__ATTR_PADS || key == INFER__ATTR_PERM ||
           key == INFER__ATTR_STRIDES;
}

static void set_attr(struct mutation *m, struct infer__node *n, uint16_t key)
{
    const struct infer__attr *old = infer__node_attr(n, key);
    int64_t ints[2 * INFER_MAX_RANK];
    float real = mutate_float(&m->rng);
    uint32_t count = old ? old->count : is_list(key) ? 1 + rng_below(&m->rng, 5) : 1;
    infer_error err;
    if (infer__attr_kind(key) == INFER__ATTR_FLOATS) {
        infer__node_set_floats(m->g, n, key, &real, 1, &err);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        ints[i] = old ? old->ints[i] : mutate_int(&m->rng);
    if (is_list(key) && rng_below(&m->rng, 8) == 0)
        ints[count++ % (2 * INFER_MAX_RANK)] = mutate_int(&m->rng);
    count = count > 2 * INFER_MAX_RANK ? 2 * INFER_MAX_RANK : count;
    if (count)
        ints[rng_below(&m->rng, count)] = mutate_int(&m->rng);
    infer__node_set_ints(m->g, n, key, ints, count, &err);
}

static void change_attr(struct mutation *m)
{
    struct infer__node *n = any_node(m);
    uint64_t mask = n ? infer__op_info(n->op)->attrs : 0;
    if (!mask)
        return;
    uint16_t key;
    do
        key = (uint16_t)(1 + rng_below(&m->rng, INFER__ATTR_COUNT - 1));
    while (!(mask >> key & 1));
    if (rng_below(&m->rng, 6) == 0)
        keep_attrs(m, n, ~(UINT64_C(1) << key));
    else
        set_attr(m, n, key);
}

/* ---- operators and wiring ------------------------------------------------------------------- */

static void set_inputs(struct mutation *m, struct infer__node *n, uint32_t count)
{
    uint32_t *in = infer__region_calloc(m->g->region, count + 1, sizeof *in);
    for (uint32_t i = 0; i < count; i++)
        in[i] = i < n->nin ? n->in[i] : mutate_any_value(m);
    n->in = in;
    n->nin = count;
}

/* Another operator, with as many inputs as it takes. */
static void change_op(struct mutation *m)
{
    struct infer__node *n = any_node(m);
    if (!n)
        return;
    n->op = any_op(m);
    const struct infer__op_info *op = infer__op_info(n->op);
    keep_attrs(m, n, op->attrs);
    if (n->nin < op->min_in)
        set_inputs(m, n, op->min_in);
    if (n->nin > op->max_in && op->max_in != 255)
        n->nin = op->max_in;
    if (n->nout > op->max_out && op->max_out != 255)
        n->nout = op->max_out;
}

static void rewire(struct mutation *m)
{
    struct infer__node *n = any_node(m);
    if (!n)
        return;
    if (rng_below(&m->rng, 6) == 0)
        set_inputs(m, n, n->nin + 1);
    else if (n->nin && rng_below(&m->rng, 8) == 0)
        n->nin--;
    else if (n->nin)
        n->in[rng_below(&m->rng, n->nin)] = rng_below(&m->rng, 10) ? mutate_any_value(m) : 0;
}

/* The graph's outputs, with one more or one less. */
static void set_outputs(struct mutation *m, uint32_t more)
{
    struct infer__graph *g = m->g;
    uint32_t *out = infer__region_calloc(g->region, g->noutputs + 1, sizeof *out);
    memcpy(out, g->outputs, g->noutputs * sizeof *out);
    for (uint32_t i = 0; i < g->noutputs; i++)
        more = out[i] == more ? 0 : more;
    g->outputs = out;
    if (more)
        out[g->noutputs++] = more;
    else if (g->noutputs > 1) {
        uint32_t at = rng_below(&m->rng, g->noutputs--);
        memmove(out + at, out + at + 1, (g->noutputs - at) * sizeof *out);
    }
}

/* ---- nodes more and less -------------------------------------------------------------------- */

/* A new operand: a value that is there, or a constant of the first operand's rank. */
static uint32_t operand(struct mutation *m, uint32_t first)
{
    int64_t dims[INFER_MAX_RANK];
    infer_error err;
    uint32_t id, v = rng_below(&m->rng, 2) ? mutate_any_value(m) : 0;
    if (v)
        return v;
    if (infer__graph_add_value(m->g, "c", &id, &err) != INFER_OK)
        return first;
    struct infer__value *c = &m->g->values[id];
    c->type = rng_below(&m->rng, 3) ? INFER_F32 : INFER_S64;
    c->rank = c->type == INFER_S64 ? 1 : (uint8_t)rng_below(&m->rng, 5);
    for (unsigned i = 0; i < c->rank; i++)
        dims[i] = mutate_dim(&m->rng);
    memcpy(c->dims, dims, c->rank * sizeof *dims);
    mutate_fill_const(m, c);
    return id;
}

/* A node behind `first`, at place `at` of the order; its output takes the place of `first` in what
 * follows, or becomes an output of the graph. */
static void insert_node(struct mutation *m)
{
    struct infer__graph *g = m->g;
    uint32_t out, first = mutate_any_value(m);
    uint32_t at = rng_below(&m->rng, g->nnodes + 1);
    uint16_t op = any_op(m);
    const struct infer__op_info *info = infer__op_info(op);
    struct infer__node *n;
    infer_error err;
    uint32_t nin = info->max_in == 255
                       ? 1 + rng_below(&m->rng, 3)
                       : info->min_in + rng_below(&m->rng, info->max_in - info->min_in + 1u);
    uint32_t *in = infer__region_calloc(g->region, nin + 1, sizeof *in);
    for (uint32_t i = 0; i < nin; i++)
        in[i] = i ? operand(m, first) : first;
    if (!first || infer__graph_add_value(g, "v", &out, &err) != INFER_OK ||
        infer__graph_add_node(g, op, "n", in, nin, &out, 1, &n, &err) != INFER_OK)
        return;
    struct infer__node added = *n;
    memmove(g->nodes + at + 1, g->nodes + at, (g->nnodes - 1 - at) * sizeof *n);
    g->nodes[at] = added;
    int used = 0;
    for (uint32_t i = at + 1; i < g->nnodes; i++)
        for (uint32_t k = 0; k < g->nodes[i].nin; k++)
            if (g->nodes[i].in[k] == first && rng_below(&m->rng, 2)) {
                g->nodes[i].in[k] = out;
                used = 1;
            }
    if (!used || rng_below(&m->rng, 8) == 0)
        set_outputs(m, out);
}

/* What read the node's first output reads its first input. */
static void remove_node(struct mutation *m)
{
    struct infer__graph *g = m->g;
    struct infer__node *n = any_node(m);
    if (!n || !n->nin || !n->nout)
        return;
    uint32_t from = n->out[0], to = n->in[0];
    memmove(n, n + 1, (size_t)(g->nodes + g->nnodes - (n + 1)) * sizeof *n);
    g->nnodes--;
    for (uint32_t i = 0; i < g->nnodes; i++)
        for (uint32_t k = 0; k < g->nodes[i].nin; k++)
            if (g->nodes[i].in[k] == from)
                g->nodes[i].in[k] = to;
    for (uint32_t i = 0; i < g->noutputs; i++)
        if (g->outputs[i] == from)
            g->outputs[i] = to;
}

/* ---- inputs --------------------------------------------------------------------------------- */

static void add_input(struct infer__graph *g, uint32_t id)
{
    uint32_t *in = infer__region_calloc(g->region, g->ninputs + 1, sizeof *in);
    memcpy(in, g->inputs, g->ninputs * sizeof *in);
    in[g->ninputs++] = id;
    g->inputs = in;
    g->values[id].kind = INFER__VALUE_INPUT;
    g->values[id].data = NULL;
}

/* A constant becomes an input, an input a constant. */
static void change_kind(struct mutation *m)
{
    struct infer__graph *g = m->g;
    uint32_t id = mutate_any_value(m);
    struct infer__value *v = &g->values[id];
    if (v->kind == INFER__VALUE_CONST) {
        add_input(g, id);
    } else if (v->kind == INFER__VALUE_INPUT) {
        for (uint32_t i = 0; i < g->ninputs; i++)
            if (g->inputs[i] == id) {
                memmove(g->inputs + i, g->inputs + i + 1, (--g->ninputs - i) * sizeof *g->inputs);
                break;
            }
        mutate_fill_const(m, v);
    }
}

void mutate_graph(struct mutation *m)
{
    switch (rng_below(&m->rng, 12)) {
    case 0:
        change_op(m);
        break;
    case 1:
    case 2:
        change_attr(m);
        break;
    case 3:
        rewire(m);
        break;
    case 4:
        set_outputs(m, mutate_any_value(m));
        break;
    case 5:
        insert_node(m);
        break;
    case 6:
        remove_node(m);
        break;
    case 7:
        change_kind(m);
        break;
    default:
        mutate_value(m);
    }
}

void mutate_join(struct mutation *m, const struct infer__graph *other)
{
    struct infer__graph *g = m->g;
    uint32_t shift, base = g->nvalues;
    infer_error err;
    struct infer__node *n;
    for (uint32_t i = 1; i < other->nvalues; i++) {
        if (infer__graph_add_value(g, other->values[i].name, &shift, &err) != INFER_OK)
            return;
        struct infer__value v = other->values[i];
        v.name = g->values[shift].name;
        g->values[shift] = v;
        if (v.kind == INFER__VALUE_INPUT)
            add_input(g, shift);
    }
    for (uint32_t i = 0; i < other->nnodes; i++) {
        const struct infer__node *from = &other->nodes[i];
        if (infer__graph_add_node(g, from->op, from->name, from->in, from->nin, from->out,
                                  from->nout, &n, &err) != INFER_OK)
            return;
        n->attr = from->attr;
        n->nattr = from->nattr;
        for (uint32_t k = 0; k < n->nin; k++) {
            uint32_t id = n->in[k];
            n->in[k] = id ? id + base - 1 : 0;
            if (id && other->values[id].kind == INFER__VALUE_INPUT && rng_below(&m->rng, 4))
                n->in[k] = g->outputs[rng_below(&m->rng, g->noutputs)];
        }
        for (uint32_t k = 0; k < n->nout; k++)
            n->out[k] += n->out[k] ? base - 1 : 0;
    }
    for (uint32_t i = 0; i < other->noutputs; i++)
        set_outputs(m, other->outputs[i] + base - 1);
}
