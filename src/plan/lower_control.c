/* Lowering of control flow: what is inside a branch or body may make a value in another layout, of
 * which nothing is left behind it; EndLoop's states are views of the states themselves. */
#include "plan/lower.h"

#include <string.h>

/* ---- what is made inside -------------------------------------------------------------------- */

static void enter(struct infer__lowerer *l)
{
    l->scopes[l->depth++] = l->nnoted; /* depth has been checked: fold_control.c */
}

/* Forgets tensors that were made inside of values that were there before. */
static void leave(struct infer__lowerer *l)
{
    const uint32_t from = l->scopes[l->depth - 1];
    while (l->nnoted > from) {
        const struct infer__noted *n = &l->noted[--l->nnoted];
        if (l->map[n->value].depth < l->depth)
            l->map[n->value] = n->before;
    }
    l->depth--;
}

/* The node that ends what a value belongs to is the last one to read it. */
static const struct infer__node *end_of(const struct infer__lowerer *l, uint32_t token)
{
    return &l->plan->graph.nodes[l->uses.reader[token] - 1];
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* Room for the operands of a step. */
static infer_status take_ids(struct infer__lowerer *l, uint32_t count)
{
    void *list = l->ids;
    if (!infer__region_grow(&l->plan->region, &list, &l->ids_capacity, count, sizeof *l->ids))
        return infer__no_memory(l->err, infer__array_bytes(count, sizeof *l->ids));
    l->ids = list;
    memset(l->ids, 0, infer__array_bytes(count, sizeof *l->ids));
    return INFER_OK;
}

/* A value as it is in ONNX's order; 0 where it has no elements, as no step is to make it. */
static infer_status want(struct infer__lowerer *l, uint32_t value, uint32_t *tensor)
{
    *tensor = 0;
    return infer__value_elements(&l->plan->graph.values[value])
               ? infer__tensor_want(l, value, 0, tensor)
               : INFER_OK;
}

static infer_status want_all(struct infer__lowerer *l, const struct infer__node *n)
{
    for (uint32_t i = 0; i < n->nin; i++)
        TRY(want(l, n->in[i], &l->ids[i]));
    return INFER_OK;
}

static infer_status make(struct infer__lowerer *l, uint32_t value, uint32_t *tensor)
{
    TRY(infer__tensor_add(l, &l->plan->graph.values[value], value, 0, tensor));
    return infer__tensor_note(l, value, *tensor);
}

static infer_status add(struct infer__lowerer *l, const struct infer__node *n,
                        const union infer__params *p, uint32_t nout)
{
    TRY(infer__step_add(l, n, n->op, p, l->ids, n->nin, l->ids + n->nin, nout));
    l->plan->steps[l->plan->nsteps - 1].control = 1;
    l->plan->control++;
    return INFER_OK;
}

/* ---- branches ------------------------------------------------------------------------------- */

/* A step with all its operands as they are, and results of its own. */
static infer_status lower_simple(struct infer__lowerer *l, const struct infer__node *n,
                                 const union infer__params *p)
{
    TRY(take_ids(l, infer__length_add(n->nin, n->nout)));
    TRY(want_all(l, n));
    for (uint32_t k = 0; k < n->nout; k++)
        TRY(make(l, n->out[k], &l->ids[n->nin + k]));
    return add(l, n, p, n->nout);
}

/* What the first branch hands on is brought into order before it ends. */
static infer_status lower_else(struct infer__lowerer *l, const struct infer__node *n,
                               const union infer__params *p)
{
    const struct infer__node *end = end_of(l, n->out[0]);
    uint32_t tensor;
    for (uint32_t i = 1; i < end->nin; i += 2)
        TRY(want(l, end->in[i], &tensor));
    leave(l);
    TRY(lower_simple(l, n, p));
    enter(l);
    return INFER_OK;
}

static infer_status lower_end_if(struct infer__lowerer *l, const struct infer__node *n,
                                 const union infer__params *p)
{
    TRY(take_ids(l, infer__length_add(n->nin, n->nout)));
    TRY(want_all(l, n));
    leave(l);
    for (uint32_t k = 0; k < n->nout; k++)
        TRY(make(l, n->out[k], &l->ids[n->nin + k]));
    return add(l, n, p, n->nout);
}

/* ---- loops ---------------------------------------------------------------------------------- */

/* Results that have a part of each iteration are there as long as the loop is: its first step takes
 * their memory. */
static infer_status lower_loop(struct infer__lowerer *l, const struct infer__node *n,
                               const union infer__params *p)
{
    const struct infer__node *end = end_of(l, n->out[0]);
    const uint32_t states = n->nout - 1, scans = end->nout - states;
    TRY(take_ids(l, infer__length_add(infer__length_add(n->nin, n->nout), scans)));
    TRY(want_all(l, n));
    for (uint32_t k = 0; k < scans; k++)
        TRY(make(l, end->out[states + k], &l->ids[n->nin + n->nout + k]));
    enter(l);
    for (uint32_t k = 0; k < n->nout; k++)
        TRY(make(l, n->out[k], &l->ids[n->nin + k]));
    return add(l, n, p, n->nout + scans);
}

/* Whether a tensor is a state of the loop that node n ends, other than number k. */
static int is_other_state(const struct infer__lowerer *l, const struct infer__node *n, uint32_t k,
                          uint32_t tensor)
{
    const uint32_t value = infer__plan_root(l->plan, tensor)->value;
    return value != n->in[infer__loop_state(k)] &&
           l->uses.producer[value] == l->uses.producer[n->in[INFER__END_LOOP_ITERATION]];
}

/* States change one after the other: what becomes of one must not be read from another that has
 * changed already. */
static infer_status part_states(struct infer__lowerer *l, const struct infer__node *n,
                                uint32_t states)
{
    for (uint32_t k = 0; k < states; k++) {
        const uint32_t value = n->in[infer__loop_next(k)], t = l->ids[infer__loop_next(k)];
        const union infer__params p = {0};
        uint32_t copy;
        if (!t || !is_other_state(l, n, k, t))
            continue;
        TRY(infer__tensor_add(l, &l->plan->graph.values[value], value, 0, &copy));
        TRY(infer__step_add(l, NULL, INFER__OP_IDENTITY, &p, &t, 1, &copy, 1));
        l->ids[infer__loop_next(k)] = copy;
    }
    return INFER_OK;
}

static infer_status lower_end_loop(struct infer__lowerer *l, const struct infer__node *n,
                                   const union infer__params *p)
{
    const uint32_t states = infer__loop_states(n->nin, n->nout);
    TRY(take_ids(l, infer__length_add(n->nin, n->nout)));
    TRY(want_all(l, n));
    TRY(part_states(l, n, states));
    leave(l);
    for (uint32_t k = 0; k < n->nout; k++) {
        uint32_t *t = &l->ids[n->nin + k];
        if (k >= states) {
            *t = l->map[n->out[k]].plain;
            continue;
        }
        TRY(make(l, n->out[k], t));
        if (l->ids[infer__loop_state(k)])
            infer__tensor_alias(l->plan, *t, l->ids[infer__loop_state(k)]);
    }
    return add(l, n, p, n->nout);
}

infer_status infer__lower_control(struct infer__lowerer *l, const struct infer__node *n,
                                  const union infer__params *p)
{
    switch (n->op) {
    case INFER__OP_IF:
        TRY(lower_simple(l, n, p));
        enter(l);
        return INFER_OK;
    case INFER__OP_ELSE:
        return lower_else(l, n, p);
    case INFER__OP_END_IF:
        return lower_end_if(l, n, p);
    case INFER__OP_LOOP:
        return lower_loop(l, n, p);
    case INFER__OP_END_LOOP:
        return lower_end_loop(l, n, p);
    default:
        return lower_simple(l, n, p);
    }
}
