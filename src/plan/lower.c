/* Lowering: nodes to steps on tensors with a physical layout. Pictures are kept channels-last;
 * a transposing step stands only where a node needs the other order, and at most once per value. */
#include "plan/lower.h"
#include "plan/bounds.h"
#include "plan/empty.h"
#include "plan/passes.h"
#include "plan/steps.h"

#include <string.h>

/* Constants up to this size are copied together: read at run time from a mapped file, each would
 * bring in pages of weights that have long been packed. */
enum { COPIED_BYTES = 16 * 1024 };

static int has_clast(int rank)
{
    return rank >= 3 && rank <= 5;
}

int infer__layout_trivial(const int64_t *dims, int rank)
{
    if (!has_clast(rank) || dims[1] <= 1)
        return 1;
    for (int i = 2; i < rank; i++)
        if (dims[i] != 1)
            return 0;
    return 1;
}

static void clast_dims(const int64_t *dims, int rank, int64_t *out)
{
    for (int i = 0; i < rank; i++)
        out[has_clast(rank) ? infer__clast_axis(i, rank) : i] = dims[i];
}

/* ---- tensors -------------------------------------------------------------------------------- */

infer_status infer__tensor_add(struct infer__lowerer *l, const struct infer__value *v,
                               uint32_t value, int clast, uint32_t *tensor)
{
    struct infer__plan *plan = l->plan;
    TRY(infer__plan_add_tensor(plan, tensor, l->err));
    struct infer__plan_tensor *t = &plan->tensors[*tensor];
    t->value = value;
    t->place = INFER__PLACE_ARENA;
    t->desc.type = v->type;
    t->desc.rank = v->rank;
    t->desc.quant = v->quant;
    t->desc.clast = clast && has_clast(v->rank);
    if (t->desc.clast)
        clast_dims(v->dims, v->rank, t->desc.dims);
    else
        memcpy(t->desc.dims, v->dims, sizeof t->desc.dims);
    t->bytes = infer__value_bytes(v);
    return INFER_OK;
}

void infer__tensor_alias(struct infer__plan *plan, uint32_t tensor, uint32_t of)
{
    struct infer__plan_tensor *t = &plan->tensors[tensor];
    const struct infer__plan_tensor *o = &plan->tensors[of];
    t->alias = o->alias ? o->alias : of;
    t->place = o->place;
    t->offset = infer__plan_within(plan, of);
    t->desc.is_const = o->desc.is_const;
    t->desc.data = o->desc.data;
}

infer_status infer__tensor_note(struct infer__lowerer *l, uint32_t value, uint32_t tensor)
{
    if (l->depth) {
        void *noted = l->noted;
        if (!infer__region_grow(&l->plan->region, &noted, &l->noted_capacity, l->nnoted + 1,
                                sizeof *l->noted))
            return infer__no_memory(l->err, sizeof *l->noted);
        l->noted = noted;
        l->noted[l->nnoted++] = (struct infer__noted){value, l->map[value]};
    }
    if (!l->map[value].plain && !l->map[value].clast)
        l->map[value].depth = (uint8_t)l->depth;
    if (l->plan->tensors[tensor].desc.clast)
        l->map[value].clast = tensor;
    else
        l->map[value].plain = tensor;
    return INFER_OK;
}

static infer_status const_tensor(struct infer__lowerer *l, const struct infer__value *v,
                                 uint32_t value, int clast, uint32_t *tensor)
{
    TRY(infer__tensor_add(l, v, value, clast, tensor));
    struct infer__plan_tensor *t = &l->plan->tensors[*tensor];
    t->place = INFER__PLACE_CONST;
    t->desc.is_const = 1;
    t->desc.data = v->data;
    if (t->bytes <= COPIED_BYTES) {
        t->desc.data = infer__region_copy(&l->plan->region, v->data, t->bytes);
        if (!t->desc.data)
            return infer__no_memory(l->err, t->bytes);
    }
    if (t->desc.clast && !infer__layout_trivial(v->dims, v->rank)) {
        size_t size = infer_type_size((infer_type)v->type);
        size_t n = (size_t)v->dims[0], c = (size_t)v->dims[1];
        size_t s = n ? t->bytes / size / n / c : 0;
        char *to = infer__region_calloc(&l->plan->region, 1, t->bytes);
        if (!to)
            return infer__no_memory(l->err, t->bytes);
        const char *from = v->data;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < c; j++)
                for (size_t k = 0; k < s; k++, from += size)
                    memcpy(to + ((i * s + k) * c + j) * size, from, size);
        t->desc.data = to;
    }
    return INFER_OK;
}

/* A step that turns one layout of a value into the other. */
static infer_status transpose(struct infer__lowerer *l, uint32_t value, uint32_t from, int clast,
                              uint32_t *tensor)
{
    const struct infer__value *v = &l->plan->graph.values[value];
    union infer__params p = {0};
    int rank = v->rank;
    TRY(infer__tensor_add(l, v, value, clast, tensor));
    for (int i = 0; i < rank; i++)
        if (clast)
            p.transpose.perm[infer__clast_axis(i, rank)] = i;
        else
            p.transpose.perm[i] = infer__clast_axis(i, rank);
    return infer__step_add(l, NULL, INFER__OP_TRANSPOSE, &p, &from, 1, tensor, 1);
}

infer_status infer__tensor_want(struct infer__lowerer *l, uint32_t value, int clast,
                                uint32_t *tensor)
{
    const struct infer__value *v = &l->plan->graph.values[value];
    clast = clast && has_clast(v->rank);
    *tensor = clast ? l->map[value].clast : l->map[value].plain;
    if (*tensor || !value)
        return INFER_OK;
    uint32_t other = clast ? l->map[value].plain : l->map[value].clast;
    if (v->kind == INFER__VALUE_CONST) {
        TRY(const_tensor(l, v, value, clast, tensor));
    } else if (!other) {
        return infer__fail(l->err, INFER_ERROR_INTERNAL, "value '%s' is read before it is made",
                           v->name);
    } else if (infer__layout_trivial(v->dims, v->rank)) {
        TRY(infer__tensor_add(l, v, value, clast, tensor));
        infer__tensor_alias(l->plan, *tensor, other);
    } else {
        TRY(transpose(l, value, other, clast, tensor));
    }
    return infer__tensor_note(l, value, *tensor);
}

/* A value with its dims aligned at the end of `rank` axes. */
static struct infer__value expanded(const struct infer__value *v, int rank)
{
    struct infer__value e = *v;
    e.rank = (uint8_t)rank;
    for (int i = 0; i < rank; i++)
        e.dims[i] = i < rank - v->rank ? 1 : v->dims[i - (rank - v->rank)];
    return e;
}

int infer__tensor_can_broadcast(const struct infer__lowerer *l, uint32_t value, int rank)
{
    const struct infer__value *v = &l->plan->graph.values[value];
    if (!value || v->rank == rank || v->kind == INFER__VALUE_CONST)
        return 1;
    struct infer__value e = expanded(v, rank);
    return infer__layout_trivial(e.dims, rank);
}

infer_status infer__tensor_broadcast(struct infer__lowerer *l, uint32_t value, int rank, int clast,
                                     uint32_t *tensor)
{
    const struct infer__value *v = &l->plan->graph.values[value];
    if (!value || v->rank == rank || !clast)
        return infer__tensor_want(l, value, clast, tensor);
    struct infer__value e = expanded(v, rank);
    if (v->kind == INFER__VALUE_CONST)
        return const_tensor(l, &e, value, clast, tensor);
    uint32_t plain;
    TRY(infer__tensor_want(l, value, 0, &plain));
    TRY(infer__tensor_add(l, &e, value, clast, tensor));
    infer__tensor_alias(l->plan, *tensor, plain);
    return INFER_OK;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static int is_bounded(const struct infer__plan *plan, const uint32_t *tensors, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (tensors[i] && plan->graph.values[plan->tensors[tensors[i]].value].free_dims)
            return 1;
    return 0;
}

/* What each run needs to find out about a step. */
static infer_status add_bounded(struct infer__lowerer *l, const struct infer__node *n,
                                struct infer__step *s, infer_error *err)
{
    struct infer__bounded *b = infer__region_calloc(&l->plan->region, 1, sizeof *b);
    union infer__params p;
    if (!b)
        return infer__no_memory(err, sizeof *b);
    s->bounded = b;
    if (!n)
        return INFER_OK;
    b->node = *n;
    struct infer__node plain = *n;
    plain.nin -= n->epi.residual;
    TRY(infer__bounds_resolve(&l->plan->graph, &plain, l->options->max_tensor_bytes, &p, &b->values,
                              err));
    b->values |= n->op == INFER__OP_END_IF; /* its shapes depend on which branch was taken */
    return INFER_OK;
}

infer_status infer__step_add(struct infer__lowerer *l, const struct infer__node *n, uint16_t op,
                             const union infer__params *p, const uint32_t *in, uint32_t nin,
                             const uint32_t *out, uint32_t nout)
{
    struct infer__plan *plan = l->plan;
    void *steps = plan->steps;
    if (!infer__region_grow(&plan->region, &steps, &plan->steps_capacity, plan->nsteps + 1,
                            sizeof *plan->steps))
        return infer__no_memory(l->err, sizeof *plan->steps);
    plan->steps = steps;
    struct infer__step *s = &plan->steps[plan->nsteps];
    memset(s, 0, sizeof *s);
    s->name = n ? n->name : NULL;
    s->task.op = op;
    s->task.nin = nin;
    s->task.nout = nout;
    s->task.p = *p;
    if (n) {
        s->task.epi = n->epi;
        s->task.inner = n->inner;
    }
    s->in = infer__region_calloc(&plan->region, infer__length_add(nin, nout), sizeof *in);
    if (!s->in)
        return infer__no_memory(l->err, ((size_t)nin + nout) * sizeof *in);
    s->out = s->in + nin;
    memcpy(s->in, in, nin * sizeof *in);
    memcpy(s->out, out, nout * sizeof *out);
    plan->nsteps++;
    return is_bounded(plan, s->in, nin + nout) ? add_bounded(l, n, s, l->err) : INFER_OK;
}

/* ---- inputs and outputs --------------------------------------------------------------------- */

static infer_status lower_inputs(struct infer__lowerer *l)
{
    struct infer__plan *plan = l->plan;
    for (uint32_t i = 0; i < plan->graph.ninputs; i++) {
        uint32_t v = plan->graph.inputs[i], t;
        TRY(infer__tensor_add(l, &plan->graph.values[v], v, 0, &t));
        plan->tensors[t].place = INFER__PLACE_INPUT;
        plan->tensors[t].offset = i;
        plan->inputs[i] = t;
        if (plan->graph.values[v].kind == INFER__VALUE_INPUT)
            TRY(infer__tensor_note(l, v, t));
    }
    return INFER_OK;
}

/* The value of an output must end in the output's own memory: the tensor itself, or what it is a
 * whole view of, is placed there, or a copying step is added. */
static infer_status lower_output(struct infer__lowerer *l, uint32_t index)
{
    struct infer__plan *plan = l->plan;
    uint32_t v = plan->graph.outputs[index], t;
    if (infer__value_empty(&plan->graph, v)) /* nothing to write */
        TRY(infer__tensor_add(l, &plan->graph.values[v], v, 0, &t));
    else
        TRY(infer__tensor_want(l, v, 0, &t));
    uint32_t root = plan->tensors[t].alias ? plan->tensors[t].alias : t;
    if (plan->tensors[root].place != INFER__PLACE_ARENA ||
        plan->tensors[root].bytes != plan->tensors[t].bytes) {
        union infer__params p = {0};
        uint32_t copy;
        TRY(infer__tensor_add(l, &plan->graph.values[v], v, 0, &copy));
        TRY(infer__step_add(l, NULL, INFER__OP_IDENTITY, &p, &t, 1, &copy, 1));
        root = t = copy;
    }
    plan->tensors[root].place = INFER__PLACE_OUTPUT;
    plan->tensors[root].offset = index;
    plan->outputs[index] = t;
    return INFER_OK;
}

/* Room for what there will be, but for the steps that transpose. */
static infer_status reserve(struct infer__lowerer *l)
{
    struct infer__plan *plan = l->plan;
    const struct infer__graph *g = &plan->graph;
    void *steps = NULL, *tensors = NULL;
    if (!infer__region_grow(&plan->region, &steps, &plan->steps_capacity,
                            infer__length_add(g->nnodes, g->noutputs), sizeof *plan->steps) ||
        !infer__region_grow(&plan->region, &tensors, &plan->tensors_capacity,
                            infer__length_add(g->nvalues, g->noutputs), sizeof *plan->tensors))
        return infer__no_memory(l->err, g->nnodes * sizeof *plan->steps);
    plan->steps = steps;
    plan->tensors = tensors;
    return INFER_OK;
}

/* What steps need of the nodes they have; a large graph's nodes are not held beside its steps. */
static void end(struct infer__lowerer *l)
{
    struct infer__region *r = &l->plan->region;
    struct infer__graph *g = &l->plan->graph;
    infer__uses_end(g, &l->uses);
    infer__region_drop(r, l->map, g->nvalues * sizeof *l->map);
    infer__region_drop(r, l->ids, l->ids_capacity * sizeof *l->ids);
    infer__region_drop(r, l->noted, l->noted_capacity * sizeof *l->noted);
    infer__region_drop(r, g->nodes, g->nodes_capacity * sizeof *g->nodes);
    g->nodes = NULL;
    g->nnodes = g->nodes_capacity = 0;
}

infer_status infer__lower(struct infer__plan *plan, const struct infer__plan_options *o,
                          infer_error *err)
{
    const struct infer__graph *g = &plan->graph;
    struct infer__lowerer l = {.plan = plan, .options = o, .err = err};
    l.map = infer__region_calloc(&plan->region, g->nvalues, sizeof *l.map);
    plan->inputs = infer__region_calloc(&plan->region, g->ninputs, sizeof *plan->inputs);
    plan->outputs = infer__region_calloc(&plan->region, g->noutputs, sizeof *plan->outputs);
    if (!l.map || !plan->inputs || !plan->outputs)
        return infer__no_memory(err, g->nvalues * sizeof *l.map);
    TRY(infer__uses_of(g, &l.uses, err));
    TRY(reserve(&l));
    uint32_t absent;
    TRY(infer__tensor_add(&l, &g->values[0], 0, 0, &absent));
    plan->tensors[0].place = INFER__PLACE_NONE;
    plan->tensors[0].bytes = 0;
    TRY(lower_inputs(&l));
    for (uint32_t i = 0; i < g->nnodes; i++)
        TRY(infer__lower_node(&l, &g->nodes[i]));
    for (uint32_t i = 0; i < g->noutputs; i++)
        TRY(lower_output(&l, i));
    end(&l);
    return INFER_OK;
}
