#include "plan/fold_control.h"

#include <string.h>

#include "graph/resolve.h"
#include "plan/bounds.h"
#include "plan/fold.h"

/* How often nodes may be looked at once more, on average: each time at least one more size of a
 * state is a free one. */
enum { MOST_REPEATED = 16 };

infer_status infer__control_fold_begin(struct infer__control_fold *c, struct infer__graph *g,
                                       unsigned flags, uint64_t max_tensor_bytes,
                                       struct infer__budget *budget, infer_error *err)
{
    uint64_t room = 0;
    *c = (struct infer__control_fold){
        .g = g, .flags = flags, .max_tensor_bytes = max_tensor_bytes, .budget = budget, .err = err};
    for (uint32_t i = 0; i < g->nnodes; i++)
        room += g->nodes[i].op == INFER__OP_END_IF ? g->nodes[i].nout : 0;
    if (!room)
        return INFER_OK;
    void *nodes = g->nodes;
    if (room > UINT32_MAX - g->nnodes ||
        !infer__region_grow(g->region, &nodes, &g->nodes_capacity,
                            infer__length_add(g->nnodes, (uint32_t)room), sizeof *g->nodes))
        return infer__no_memory(err, infer__array_bytes(g->nnodes, sizeof *g->nodes));
    g->nodes = nodes;
    c->first = (uint32_t)room;
    memmove(g->nodes + c->first, g->nodes, infer__array_bytes(g->nnodes, sizeof *g->nodes));
    g->nnodes += c->first;
    return INFER_OK;
}

static infer_status fold_one(struct infer__control_fold *c, struct infer__node *n, uint32_t *kept)
{
    int folded;
    TRY(infer__fold_node(c->g, n, c->flags, c->max_tensor_bytes, c->budget, &folded, c->err));
    if (!folded)
        c->g->nodes[(*kept)++] = *n;
    return INFER_OK;
}

/* ---- If ------------------------------------------------------------------------------------- */

static infer_status open_block(struct infer__control_fold *c, uint32_t i, uint32_t kept,
                               struct infer__open **o)
{
    if (c->depth == INFER__MOST_NESTED)
        return infer__fail_node(c->err, INFER_ERROR_LIMIT, c->g->nodes[i].name,
                                "more than %d branches and loops are within each other",
                                INFER__MOST_NESTED);
    *o = &c->open[c->depth++];
    **o = (struct infer__open){.op = c->g->nodes[i].op,
                               .at = i,
                               .end = infer__control_end(c->g, i, 0),
                               .kept = kept,
                               .known = -1,
                               .refused = -1};
    return INFER_OK;
}

static infer_status fold_if(struct infer__control_fold *c, uint32_t *i, uint32_t *kept)
{
    struct infer__node *n = &c->g->nodes[*i];
    const struct infer__value *condition = &c->g->values[n->in[0]];
    struct infer__open *o;
    TRY(open_block(c, *i, *kept, &o));
    o->condition = n->in[0];
    o->branch = 1;
    if (condition->kind != INFER__VALUE_CONST)
        return fold_one(c, n, kept);
    union infer__params p;
    TRY(infer__resolve_node(c->g, n, c->max_tensor_bytes, &p, c->err));
    o->known = *(const uint8_t *)condition->data != 0;
    if (!o->known)
        *i = o->end; /* what the Else is about comes next */
    return INFER_OK;
}

static infer_status fold_else(struct infer__control_fold *c, uint32_t *i, uint32_t *kept)
{
    struct infer__open *o = &c->open[c->depth - 1];
    o->branch = 0;
    o->turn = *kept;
    if (o->known < 0 && o->refused < 0)
        return fold_one(c, &c->g->nodes[*i], kept);
    if (o->known > 0)
        *i = infer__control_end(c->g, *i, 1) - 1; /* the EndIf comes next */
    return INFER_OK;
}

/* One result is what the branch made: of the one that is always taken, or of the one that must be.
 */
static infer_status take_result(struct infer__control_fold *c, const struct infer__node *end,
                                const struct infer__open *o, uint32_t k, uint32_t *kept)
{
    const int64_t wanted = o->known < 0 ? !o->refused : o->known;
    struct infer__node *n = &c->g->nodes[*kept]; /* there is room: see infer__control_fold_begin */
    uint32_t *ids = infer__region_calloc(c->g->region, 3, sizeof *ids);
    if (!ids)
        return infer__no_memory(c->err, 3 * sizeof *ids);
    ids[0] = o->condition;
    ids[1] = end->in[1 + 2 * k + !wanted];
    ids[2] = end->out[k];
    *n = (struct infer__node){.op = INFER__OP_IDENTITY,
                              .nin = 1,
                              .nout = 1,
                              .in = ids + 1,
                              .out = ids + 2,
                              .name = end->name};
    if (o->known < 0) {
        n->op = INFER__OP_REQUIRE;
        n->in = ids;
        n->nin = 2;
        n->name = o->why;
        TRY(infer__node_set_ints(c->g, n, INFER__ATTR_MODE, &wanted, 1, c->err));
    }
    return fold_one(c, n, kept);
}

static infer_status fold_end_if(struct infer__control_fold *c, uint32_t i, uint32_t *kept)
{
    const struct infer__open o = c->open[c->depth - 1];
    struct infer__node n = c->g->nodes[i];
    if (o.known < 0 && o.refused < 0)
        TRY(fold_one(c, &c->g->nodes[i], kept));
    else
        for (uint32_t k = 0; k < n.nout; k++)
            TRY(take_result(c, &n, &o, k, kept));
    c->depth--;
    return INFER_OK;
}

/* Whether a failure says that shapes do not go together, or that something can't be done. */
static int is_refusal(infer_status status)
{
    return status == INFER_ERROR_SHAPE || status == INFER_ERROR_UNSUPPORTED ||
           status == INFER_ERROR_FORMAT || status == INFER_ERROR_NEED_VALUE;
}

/* Where only a session can say whether a branch suits: a node of it stays as it is. */
static infer_status leave(struct infer__control_fold *c, const struct infer__node *n,
                          uint32_t *kept)
{
    for (uint32_t k = 0; k < n->nout; k++)
        c->g->values[n->out[k]].shaped = 0;
    c->depth -= n->op == INFER__OP_END_IF || n->op == INFER__OP_END_LOOP;
    c->g->nodes[(*kept)++] = *n;
    infer__error_clear(c->err);
    return INFER_OK;
}

infer_status infer__control_refuse(struct infer__control_fold *c, infer_status status, uint32_t *i,
                                   uint32_t *kept)
{
    struct infer__graph *g = c->g;
    uint32_t depth = c->depth;
    while (depth && !(c->open[depth - 1].op == INFER__OP_IF && c->open[depth - 1].known < 0 &&
                      c->open[depth - 1].refused < 0))
        depth--;
    if (!depth || !is_refusal(status))
        return status;
    if (c->flags & INFER__FOLD_PARTIAL)
        return leave(c, &g->nodes[*i], kept);
    struct infer__open *o = &c->open[depth - 1];
    c->depth = depth;
    o->why = infer__region_string(g->region, c->err->message);
    if (!o->why)
        return infer__no_memory(c->err, sizeof c->err->message);
    infer__error_clear(c->err);
    o->refused = o->branch;
    if (o->branch) {
        *kept = o->kept; /* without the If */
        *i = o->end - 1;
    } else {
        memmove(g->nodes + o->kept, g->nodes + o->kept + 1,
                (o->turn - o->kept - 1) * sizeof *g->nodes);
        *kept = o->turn - 1;
        *i = infer__control_end(g, o->end, 1) - 1;
    }
    return INFER_OK;
}

/* ---- Loop ----------------------------------------------------------------------------------- */

/* Bounds that were worked out; what the caller says of the value stays. */
static void forget_bounds(const struct infer__value *v)
{
    if (v->bound)
        v->bound->at_least = v->bound->at_most = NULL;
}

/* A node with lists of its own: folding changes those of nodes with empty operands. */
static infer_status copy_node(struct infer__control_fold *c, const struct infer__node *from,
                              struct infer__node *to)
{
    struct infer__region *r = c->g->region;
    *to = *from;
    to->in = infer__region_copy(r, from->in, infer__array_bytes(from->nin, sizeof *from->in));
    to->out = infer__region_copy(r, from->out, infer__array_bytes(from->nout, sizeof *from->out));
    to->attr =
        infer__region_copy(r, from->attr, infer__array_bytes(from->nattr, sizeof *from->attr));
    return to->in && to->out && to->attr
               ? INFER_OK
               : infer__no_memory(c->err, infer__array_bytes(from->nin, sizeof *from->in));
}

static infer_status save_body(struct infer__control_fold *c, struct infer__open *o)
{
    const struct infer__graph *g = c->g;
    const uint32_t first = o->at + 1, count = o->end - first;
    uint64_t values = 0;
    for (uint32_t i = first; i < o->end; i++)
        values += g->nodes[i].nout;
    o->nodes = infer__region_calloc(g->region, count, sizeof *o->nodes);
    o->values = infer__region_calloc(g->region, values, sizeof *o->values);
    o->limited = infer__region_calloc(g->region, g->nodes[o->at].nout, 1);
    if (!o->nodes || !o->values || !o->limited)
        return infer__no_memory(c->err, infer__array_bytes(count, sizeof *o->nodes));
    for (uint32_t i = 0; i < count; i++)
        TRY(copy_node(c, &g->nodes[first + i], &o->nodes[i]));
    for (uint32_t i = first; i < o->end; i++)
        for (uint32_t k = 0; k < g->nodes[i].nout; k++) {
            const uint32_t id = g->nodes[i].out[k];
            struct infer__saved_value *s = &o->values[o->nvalues];
            *s = (struct infer__saved_value){id, g->values[id]};
            s->value.shaped = 0;
            o->nvalues += id != 0;
        }
    return INFER_OK;
}

static infer_status restore_body(struct infer__control_fold *c, const struct infer__open *o)
{
    for (uint32_t i = 0; i < o->end - o->at - 1; i++)
        TRY(copy_node(c, &o->nodes[i], &c->g->nodes[o->at + 1 + i]));
    for (uint32_t i = 0; i < o->nvalues; i++) {
        struct infer__value *v = &c->g->values[o->values[i].id];
        *v = o->values[i].value;
        forget_bounds(v);
    }
    return INFER_OK;
}

static infer_status fold_loop(struct infer__control_fold *c, uint32_t i, uint32_t *kept)
{
    struct infer__graph *g = c->g;
    struct infer__node *n = &g->nodes[i];
    struct infer__open *o;
    TRY(open_block(c, i, *kept, &o));
    o->shaped = 1;
    for (uint32_t k = 0; k < n->nin; k++)
        o->shaped &= g->values[n->in[k]].shaped;
    for (uint32_t k = 0; k < n->nout; k++) {
        struct infer__value *v = &g->values[n->out[k]];
        v->shaped = 0;
        v->free_dims = 0;
        forget_bounds(v);
    }
    TRY(save_body(c, o));
    TRY(fold_one(c, n, kept));
    for (uint32_t k = 1; k < n->nout && o->shaped; k++)
        TRY(infer__bounds_state(g, n->in[k], n->out[k], c->err));
    return INFER_OK;
}

/* The most that the caller says axis `axis` of state k can be; -1: nothing. */
static int64_t said(const struct infer__graph *g, const struct infer__node *end, uint32_t k,
                    int axis)
{
    const uint32_t named[] = {end->out[k], end->in[infer__loop_state(k)],
                              end->in[infer__loop_next(k)]};
    for (int i = 0; i < 3; i++) {
        const struct infer__bound *b = g->values[named[i]].bound;
        if (b && b->most >= 0 && (b->axis < 0 || b->axis == axis))
            return b->most;
    }
    return -1;
}

/* What a size becomes that grows by as much in each iteration; -1: it is not known. */
static int64_t grown(const struct infer__graph *g, const struct infer__node *end, int64_t size,
                     int64_t growth)
{
    struct infer__value limit = g->values[end->in[INFER__END_LOOP_LIMIT]];
    if (limit.kind != INFER__VALUE_CONST)
        limit.data = limit.bound ? limit.bound->at_most : NULL;
    if (!limit.data)
        return -1;
    const int64_t count = infer__resolve_element(&limit, 0);
    if (count <= 0)
        return size;
    return count > INFER__MAX_DIM / growth ? -1 : INFER__SUM(size, INFER__PRODUCT(growth, count));
}

/* Makes a size of a state one that only runs know: at most what the first iteration makes of it,
 * or, where the next makes more of that, as much as it then grows to. */
static infer_status free_axis(struct infer__control_fold *c, struct infer__open *o,
                              const struct infer__node *end, uint32_t k, int axis)
{
    struct infer__value *state = &c->g->values[end->in[infer__loop_state(k)]];
    const int64_t next = c->g->values[end->in[infer__loop_next(k)]].dims[axis];
    const uint32_t bit = 1u << axis;
    int64_t most = said(c->g, end, k, axis);
    if (most >= 0 || state->free_dims & bit) {
        o->limited[k] |= (uint8_t)bit;
        most = most >= 0 ? most : grown(c->g, end, state->dims[axis], next - state->dims[axis]);
    } else {
        most = next;
    }
    if (most < 0)
        return infer__fail_node(c->err, INFER_ERROR_NEED_VALUE, end->name,
                                "EndLoop: axis %d of state %u ('%.64s') grows in each iteration; "
                                "the most that it can be may be given",
                                axis, k, c->g->values[end->out[k]].name);
    state->dims[axis] = most > state->dims[axis] ? most : state->dims[axis];
    state->free_dims |= bit;
    forget_bounds(state);
    return INFER_OK;
}

/* Counts `nodes` that are looked at once more. */
static infer_status repeat(struct infer__control_fold *c, const struct infer__node *end,
                           uint32_t nodes)
{
    c->repeated += nodes;
    if (c->repeated > (uint64_t)MOST_REPEATED * (c->g->nnodes + 64))
        return infer__fail_node(c->err, INFER_ERROR_LIMIT, end->name,
                                "EndLoop: sizes of states depend on each other in too many ways");
    return INFER_OK;
}

/* Whether an iteration reads a state. */
static int is_read(const struct infer__open *o, uint32_t state)
{
    for (uint32_t i = 0; i < o->end - o->at - 1; i++)
        for (uint32_t k = 0; k < o->nodes[i].nin; k++)
            if (o->nodes[i].in[k] == state)
                return 1;
    return 0;
}

/* A state that is of another rank at first than behind an iteration. */
static infer_status fit_rank(struct infer__control_fold *c, const struct infer__open *o,
                             const struct infer__node *end, uint32_t k)
{
    struct infer__value *state = &c->g->values[end->in[infer__loop_state(k)]];
    const struct infer__value *next = &c->g->values[end->in[infer__loop_next(k)]];
    if (!state->free_dims && !next->free_dims && infer__value_elements(state) == 1 &&
        infer__value_elements(next) == 1)
        return INFER_OK;
    TRY(repeat(c, end, o->end - o->at));
    if (is_read(o, end->in[infer__loop_state(k)]))
        return infer__fail_node(c->err, INFER_ERROR_UNSUPPORTED, end->name,
                                "EndLoop: state %u ('%.64s') has rank %d at first and %d behind an "
                                "iteration",
                                k, c->g->values[end->out[k]].name, state->rank, next->rank);
    state->rank = next->rank;
    state->free_dims = next->free_dims;
    memcpy(state->dims, next->dims, sizeof state->dims);
    forget_bounds(state); /* they are of as many numbers as it had */
    return INFER_OK;
}

/* Whether axis i of what a state becomes is no more than what was planned for it. */
static int fits_axis(const struct infer__value *state, const struct infer__value *next, int i)
{
    const uint32_t bit = 1u << i;
    return state->free_dims & bit ? next->dims[i] <= state->dims[i]
                                  : next->dims[i] == state->dims[i] && !(next->free_dims & bit);
}

/* Gives a state room for what it becomes. *changed: it had not, and the body is to be resolved
 * again. */
static infer_status fit_state(struct infer__control_fold *c, struct infer__open *o,
                              const struct infer__node *end, uint32_t k, int *changed)
{
    struct infer__value *state = &c->g->values[end->in[infer__loop_state(k)]];
    const struct infer__value *next = &c->g->values[end->in[infer__loop_next(k)]];
    const int partial = (c->flags & INFER__FOLD_PARTIAL) != 0;
    int fits = next->shaped && (next->rank == state->rank || !partial);
    if (!state->shaped)
        return INFER_OK;
    if (next->shaped && state->type != next->type)
        return infer__fail_node(c->err, INFER_ERROR_UNSUPPORTED, end->name,
                                "EndLoop: state %u ('%.64s') is %s at first and %s behind an "
                                "iteration",
                                k, c->g->values[end->out[k]].name,
                                infer_type_name((infer_type)state->type),
                                infer_type_name((infer_type)next->type));
    if (fits && next->rank != state->rank)
        return fit_rank(c, o, end, k);
    for (int i = 0; i < state->rank && fits; i++) {
        if (fits_axis(state, next, i) || o->limited[k] >> i & 1)
            continue;
        *changed = 1;
        fits = !partial;
        if (fits)
            TRY(free_axis(c, o, end, k, i));
    }
    if (!fits) { /* only a session can say how much it is at most */
        *changed = 1;
        state->shaped = 0;
    }
    return INFER_OK;
}

static infer_status fold_end_loop(struct infer__control_fold *c, uint32_t *i, uint32_t *kept)
{
    struct infer__open *o = &c->open[c->depth - 1];
    struct infer__node *n = &c->g->nodes[*i];
    const uint32_t states = infer__loop_states(n->nin, n->nout);
    int changed = 0;
    for (uint32_t k = 0; k < states && o->shaped; k++) {
        TRY(fit_state(c, o, n, k, &changed));
        changed |=
            infer__bounds_widen(c->g, n->in[infer__loop_next(k)], n->in[infer__loop_state(k)]);
    }
    if (!changed) {
        TRY(fold_one(c, n, kept));
        c->depth--;
        return INFER_OK;
    }
    TRY(repeat(c, n, o->end - o->at));
    TRY(restore_body(c, o));
    *i = o->at;
    *kept = o->kept + 1;
    return INFER_OK;
}

infer_status infer__control_fold(struct infer__control_fold *c, uint32_t *i, uint32_t *kept)
{
    switch (c->g->nodes[*i].op) {
    case INFER__OP_IF:
        return fold_if(c, i, kept);
    case INFER__OP_ELSE:
        return fold_else(c, i, kept);
    case INFER__OP_END_IF:
        return fold_end_if(c, *i, kept);
    case INFER__OP_LOOP:
        return fold_loop(c, *i, kept);
    case INFER__OP_END_LOOP:
        return fold_end_loop(c, i, kept);
    default:
        return fold_one(c, &c->g->nodes[*i], kept);
    }
}
