/* Resolving nodes on values whose size is only known in a run; see bounds.h. */
#include "plan/bounds.h"

#include <stdio.h>
#include <string.h>

#include "graph/control.h"
#include "graph/resolve.h"

static int some_free(const struct infer__graph *g, const uint32_t *ids, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (g->values[ids[i]].free_dims && g->values[ids[i]].shaped)
            return 1;
    return 0;
}

int infer__bounds_some(const struct infer__graph *g, const struct infer__node *n)
{
    return some_free(g, n->in, n->nin) || some_free(g, n->out, n->nout);
}

/* ---- operands with the largest sizes -------------------------------------------------------- */

/* Axes of operands are aligned at their end, or, in a Concat, at their beginning. */
static int axis_of(const struct infer__node *n, const struct infer__value *v, int axis)
{
    return n->op == INFER__OP_CONCAT ? axis : v->rank - 1 - axis;
}

/* What the operands have along an axis, where they are to have the same: the size that is known,
 * else the largest. */
static int64_t common_size(const struct infer__graph *g, const struct infer__node *n, uint32_t nin,
                           int axis, int one_counts)
{
    int64_t known = 0, most = 0;
    for (uint32_t i = 0; i < nin; i++) {
        const struct infer__value *v = &g->values[n->in[i]];
        const int a = axis_of(n, v, axis);
        if (!n->in[i] || a < 0 || a >= v->rank)
            continue;
        if (v->free_dims >> a & 1)
            most = v->dims[a] > most ? v->dims[a] : most;
        else if (v->dims[a] != 1 || one_counts)
            known = v->dims[a];
    }
    return known ? known : most;
}

/* Two sizes that differ as they are planned will be the same in every run: operands that meet
 * element by element get the same. */
static void fit_operands(struct infer__graph *g, const struct infer__node *n)
{
    const uint32_t nin = n->nin - n->epi.residual;
    const int concat = n->op == INFER__OP_CONCAT;
    if (infer__op_traits(n->op)->data != INFER__DATA_ALL ||
        infer__op_info(n->op)->layout != INFER__LAYOUT_ANY)
        return;
    int along = concat ? (int)infer__node_int(n, INFER__ATTR_AXIS, 0) : -1;
    if (concat && along < 0)
        along += g->values[n->in[0]].rank;
    for (int axis = 0; axis < INFER_MAX_RANK; axis++) {
        const int64_t size = common_size(g, n, nin, axis, concat);
        for (uint32_t i = 0; i < nin && size && (!concat || axis != along); i++) {
            struct infer__value *v = &g->values[n->in[i]];
            const int a = axis_of(n, v, axis);
            if (n->in[i] && a >= 0 && a < v->rank && (v->free_dims >> a & 1))
                v->dims[a] = size;
        }
    }
}

/* Whether operand i is better small: where something begins. */
static int is_begin(const struct infer__node *n, uint32_t i)
{
    return (n->op == INFER__OP_SLICE && i == 1) || (n->op == INFER__OP_RANGE && i == 0);
}

static int all_positive(const struct infer__value *v)
{
    if (v->kind != INFER__VALUE_CONST)
        return 0;
    for (int64_t i = 0; i < infer__value_elements(v); i++)
        if (infer__resolve_element(v, i) < 1)
            return 0;
    return 1;
}

/* Whether a bound of where a Slice begins or ends may count from the other end of the axis than the
 * number itself will: then it bounds nothing. */
static int may_count_back(const struct infer__value *v)
{
    struct infer__value low = *v;
    low.data = v->bound->at_least;
    for (int64_t i = 0; low.data && i < infer__value_elements(v); i++)
        if (infer__resolve_element(&low, i) < 0)
            return 1;
    return !low.data;
}

/* Whether operand i says where a Slice begins or ends, in the type that it can be bounded in. */
static int is_end(const struct infer__node *n, uint32_t i, const struct infer__value *v)
{
    return n->op == INFER__OP_SLICE && (i == 1 || i == 2) && v->type == INFER_S64;
}

int infer__bounds_told(const struct infer__node *n, uint32_t i, const struct infer__value *v)
{
    return (v->bound && v->bound->at_most) || is_end(n, i, v);
}

/* Where a Slice begins or ends, of which nothing useful is known: its result is at most the whole
 * axis, if steps go forward. Whether that was taken for operand i. */
static int take_axis(struct infer__graph *g, const struct infer__node *n, uint32_t i)
{
    static const int64_t first[INFER_MAX_RANK],
        last[INFER_MAX_RANK] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX,
                                INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    struct infer__value *v = &g->values[n->in[i]];
    if (!is_end(n, i, v) || v->kind == INFER__VALUE_CONST || !v->shaped || v->free_dims ||
        infer__value_elements(v) > INFER_MAX_RANK)
        return 0;
    if ((n->nin > 4 && n->in[4] && !all_positive(&g->values[n->in[4]])) ||
        (v->bound && v->bound->at_most && !may_count_back(v)))
        return 0;
    v->data = i == 1 ? first : last;
    v->kind = INFER__VALUE_CONST;
    return 1;
}

/* Takes the bounds of operands for their values; 0: there are none. */
static int take_bounds(struct infer__graph *g, const struct infer__node *n)
{
    int some = 0;
    for (uint32_t i = 0; i < n->nin; i++) {
        struct infer__value *v = &g->values[n->in[i]];
        some |= take_axis(g, n, i);
        if (!n->in[i] || v->kind == INFER__VALUE_CONST || !v->bound || !v->bound->at_most)
            continue;
        v->data = is_begin(n, i) ? v->bound->at_least : v->bound->at_most;
        v->kind = INFER__VALUE_CONST;
        some = 1;
    }
    return some;
}

static void put_back(struct infer__graph *g, const struct infer__node *n,
                     const struct infer__value *saved)
{
    for (uint32_t i = 0; i < n->nin; i++)
        if (n->in[i])
            g->values[n->in[i]] = saved[i];
}

/* ---- results -------------------------------------------------------------------------------- */

/* No more than the caller says. */
static void apply_most(struct infer__value *v)
{
    const struct infer__bound *b = v->bound;
    for (int i = 0; b && b->most >= 0 && i < v->rank; i++)
        if ((v->free_dims >> i & 1) && (b->axis < 0 || b->axis == i)) {
            v->dims[i] = v->dims[i] < b->most ? v->dims[i] : b->most;
            break;
        }
    if (!infer__value_elements(v)) /* nor ever will it have any */
        v->free_dims = 0;
}

static void mark_results(struct infer__graph *g, const struct infer__node *n,
                         const union infer__params *p, int values)
{
    for (uint32_t k = 0; k < n->nout; k++) {
        struct infer__value *v = &g->values[n->out[k]];
        if (!n->out[k] || !v->shaped)
            continue;
        v->free_dims |= infer__bounds_axes(g, n, p, k, values);
        apply_most(v);
    }
}

/* A Reshape to a shape that is a constant: sizes that are planned need not fit it. */
static infer_status reshape_known(struct infer__graph *g, const struct infer__node *n)
{
    const struct infer__value *x = &g->values[n->in[0]], *shape = &g->values[n->in[1]];
    struct infer__value *y = &g->values[n->out[0]];
    const int64_t rank = infer__value_elements(shape);
    int64_t dims[INFER_MAX_RANK];
    size_t bytes;
    if (n->op != INFER__OP_RESHAPE || shape->kind != INFER__VALUE_CONST || shape->rank != 1 ||
        rank > INFER_MAX_RANK)
        return INFER_ERROR_SHAPE;
    for (int i = 0; i < rank; i++) {
        dims[i] = infer__resolve_element(shape, i);
        if (dims[i] < 1)
            return INFER_ERROR_SHAPE;
    }
    if (!infer__tensor_bytes(dims, (int)rank, infer_type_size((infer_type)x->type),
                             infer__value_bytes(x), &bytes))
        return INFER_ERROR_SHAPE;
    y->type = x->type;
    y->rank = (uint8_t)rank;
    y->shaped = 1;
    y->free_dims = 0;
    memcpy(y->dims, dims, (size_t)rank * sizeof *dims);
    return INFER_OK;
}

static infer_status need_value(infer_error *err)
{
    const size_t at = strlen(err->message);
    snprintf(err->message + at, sizeof err->message - at, "; the most that it can be may be given");
    return INFER_ERROR_NEED_VALUE;
}

static infer_status resolve_any(struct infer__graph *g, const struct infer__node *n,
                                uint64_t max_tensor_bytes, union infer__params *p, int *values,
                                infer_error *err)
{
    const int sizes = some_free(g, n->in, n->nin);
    const size_t bytes = infer__array_bytes(n->nin, sizeof(struct infer__value));
    infer_status status = INFER_OK;
    int used = 0;
    if (values)
        *values = 0;
    if (!sizes) {
        status = infer__resolve_node(g, n, max_tensor_bytes, p, err);
        if (status != INFER_ERROR_NEED_VALUE) {
            for (uint32_t k = 0; k < n->nout && status == INFER_OK; k++)
                if (n->out[k] && g->values[n->out[k]].free_dims)
                    apply_most(&g->values[n->out[k]]);
            return status;
        }
    }
    struct infer__value *saved = infer__region_calloc(g->region, n->nin, sizeof *saved);
    if (!saved)
        return infer__no_memory(err, bytes);
    for (uint32_t i = 0; i < n->nin; i++)
        saved[i] = g->values[n->in[i]];
    if (sizes) {
        fit_operands(g, n);
        status = infer__resolve_node(g, n, max_tensor_bytes, p, err);
        if (status == INFER_ERROR_SHAPE && reshape_known(g, n) == INFER_OK)
            status = INFER_OK;
    }
    if (status == INFER_ERROR_NEED_VALUE && take_bounds(g, n)) {
        used = 1;
        status = infer__resolve_node(g, n, max_tensor_bytes, p, err);
    }
    put_back(g, n, saved);
    infer__region_drop(g->region, saved, bytes);
    if (status == INFER_OK)
        mark_results(g, n, p, used);
    if (values)
        *values = used;
    return status == INFER_ERROR_NEED_VALUE ? need_value(err) : status;
}

/* ---- states of loops ------------------------------------------------------------------------ */

/* Lets a value have room for another of its kind too. */
static void make_room(struct infer__value *v, const struct infer__value *other)
{
    if (!other->shaped)
        return;
    if (v->rank != other->rank) { /* of a state that no iteration reads: what it becomes counts */
        v->rank = other->rank;
        v->free_dims = other->free_dims;
        memcpy(v->dims, other->dims, sizeof v->dims);
        return;
    }
    v->free_dims |= other->free_dims;
    for (int i = 0; i < v->rank; i++) {
        v->free_dims |= (uint32_t)(v->dims[i] != other->dims[i]) << i;
        v->dims[i] = v->dims[i] > other->dims[i] ? v->dims[i] : other->dims[i];
    }
}

/* A state has room for what it was found to need in any iteration (fold_control.c), not only for
 * what it is at first; so has what it is behind the loop. */
static infer_status resolve_states(struct infer__graph *g, const struct infer__node *n,
                                   uint64_t max_tensor_bytes, union infer__params *p, int *values,
                                   infer_error *err)
{
    const size_t bytes = infer__array_bytes(n->nout, sizeof(struct infer__value));
    const uint32_t states = n->op == INFER__OP_LOOP ? n->nout : infer__loop_states(n->nin, n->nout);
    struct infer__value *before = infer__region_calloc(g->region, n->nout, sizeof *before);
    if (!before)
        return infer__no_memory(err, bytes);
    for (uint32_t k = 0; k < states && k < n->nout; k++)
        before[k] = g->values[n->op == INFER__OP_LOOP ? n->out[k] : n->in[infer__loop_state(k)]];
    infer_status status = resolve_any(g, n, max_tensor_bytes, p, values, err);
    for (uint32_t k = 0; k < states && k < n->nout && status == INFER_OK; k++)
        make_room(&g->values[n->out[k]], &before[k]);
    infer__region_drop(g->region, before, bytes);
    return status;
}

infer_status infer__bounds_resolve(struct infer__graph *g, const struct infer__node *n,
                                   uint64_t max_tensor_bytes, union infer__params *p, int *values,
                                   infer_error *err)
{
    if (n->op == INFER__OP_LOOP || n->op == INFER__OP_END_LOOP)
        return resolve_states(g, n, max_tensor_bytes, p, values, err);
    return resolve_any(g, n, max_tensor_bytes, p, values, err);
}

int infer__bounds_forget(struct infer__graph *g, const struct infer__node *n, infer_status status)
{
    int found = status == INFER_ERROR_LIMIT && infer__bounds_finds(n->op);
    for (uint32_t k = 0; k < n->nout && status == INFER_OK; k++)
        found |= g->values[n->out[k]].shaped && g->values[n->out[k]].free_dims;
    for (uint32_t k = 0; found && k < n->nout; k++) {
        struct infer__value *v = &g->values[n->out[k]];
        v->shaped = v->shaped && !v->free_dims;
        for (int i = 0; i < v->rank; i++)
            v->dims[i] = v->free_dims >> i & 1 ? 0 : v->dims[i];
    }
    return found;
}

/* ---- what kernels find ---------------------------------------------------------------------- */

int infer__bounds_finds(unsigned op)
{
    return op == INFER__OP_NON_ZERO || op == INFER__OP_NON_MAX_SUPPRESSION ||
           op == INFER__OP_COMPRESS || op == INFER__OP_UNIQUE || op == INFER__OP_END_LOOP;
}

void infer__bounds_found(unsigned op, const union infer__params *p, uint32_t k, int64_t extent,
                         int64_t *dims)
{
    switch (op) {
    case INFER__OP_NON_ZERO:
        dims[1] = extent;
        break;
    case INFER__OP_NON_MAX_SUPPRESSION:
        dims[0] = extent;
        break;
    case INFER__OP_COMPRESS:
        dims[p->axis.axis] = extent;
        break;
    case INFER__OP_END_LOOP: /* parts of so many iterations */
        if (k >= p->control.states)
            dims[0] = extent;
        break;
    case INFER__OP_UNIQUE:
        if (k != 2) /* each element has one in the inverse indices */
            dims[k == 0 ? p->axis.axis : 0] = extent;
        break;
    default:
        break;
    }
}
