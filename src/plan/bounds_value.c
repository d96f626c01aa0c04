/* Bounds of numbers that are computed with sizes which only a run knows: each element's least and
 * largest. Operators that give more where they are given more are computed twice, by their own
 * kernels, once with all least values and once with all largest. */
#include <string.h>

#include "graph/control.h"
#include "graph/resolve.h"
#include "plan/bounds.h"
#include "plan/fold.h"

/* Of a value whose numbers are looked after. */
enum { MOST_ELEMENTS = 64 };

/* The three ends of an interval of a value's numbers: a constant has both alike. */
enum end { LEAST, MOST };

static const void *end_of(const struct infer__value *v, enum end end)
{
    if (v->kind == INFER__VALUE_CONST)
        return v->data;
    return !v->bound ? NULL : end == LEAST ? v->bound->at_least : v->bound->at_most;
}

static int is_small(const struct infer__value *v)
{
    const int64_t n = v->shaped && !v->free_dims ? infer__value_elements(v) : 0;
    return n > 0 && n <= MOST_ELEMENTS;
}

static int is_integer(const struct infer__value *v)
{
    return v->type == INFER_S64 || v->type == INFER_S32;
}

/* Whether all numbers of an operand are at least `least`. */
static int is_least(const struct infer__value *v, int64_t least)
{
    struct infer__value low = *v;
    low.data = end_of(v, LEAST);
    for (int64_t i = 0; i < infer__value_elements(v); i++)
        if (infer__resolve_element(&low, i) < least)
            return 0;
    return 1;
}

/* ---- which operators ------------------------------------------------------------------------ */

/* How a result follows its operands. */
enum way {
    NO_WAY,
    RISES,        /* with all of them */
    FALLS_SECOND, /* with the first, and falls with the second */
    FALLS
};

static int second_is_constant(const struct infer__graph *g, const struct infer__node *n)
{
    for (uint32_t i = 1; i < n->nin; i++)
        if (n->in[i] && g->values[n->in[i]].kind != INFER__VALUE_CONST)
            return 0;
    return 1;
}

static int are_integers(const struct infer__graph *g, const struct infer__node *n, int64_t least)
{
    for (uint32_t i = 0; i < n->nin; i++)
        if (!is_integer(&g->values[n->in[i]]) || !is_least(&g->values[n->in[i]], least))
            return 0;
    return 1;
}

static enum way way_of(const struct infer__graph *g, const struct infer__node *n)
{
    switch (n->op) {
    case INFER__OP_IDENTITY:
    case INFER__OP_CAST:
    case INFER__OP_FLOOR:
    case INFER__OP_CEIL:
    case INFER__OP_RELU:
    case INFER__OP_CONCAT:
    case INFER__OP_ADD:
    case INFER__OP_MIN:
    case INFER__OP_MAX:
    case INFER__OP_SUM:
    case INFER__OP_TRANSPOSE:
        return RISES;
    case INFER__OP_REDUCE_SUM:
    case INFER__OP_REDUCE_MAX:
    case INFER__OP_REDUCE_MIN:
    case INFER__OP_GATHER:
    case INFER__OP_SLICE:
    case INFER__OP_SPLIT:
    case INFER__OP_RESHAPE:
    case INFER__OP_SQUEEZE:
    case INFER__OP_UNSQUEEZE:
    case INFER__OP_FLATTEN:
    case INFER__OP_EXPAND:
    case INFER__OP_TILE:
    case INFER__OP_CLIP:
        return second_is_constant(g, n) ? RISES : NO_WAY;
    case INFER__OP_WHERE:
        return g->values[n->in[0]].kind == INFER__VALUE_CONST ? RISES : NO_WAY;
    case INFER__OP_MUL:
    case INFER__OP_REDUCE_PROD:
        return are_integers(g, n, 0) ? RISES : NO_WAY;
    case INFER__OP_DIV:
        return second_is_constant(g, n) && are_integers(g, n, 0) &&
                       is_least(&g->values[n->in[1]], 1)
                   ? RISES
                   : NO_WAY;
    case INFER__OP_SUB:
        return FALLS_SECOND;
    case INFER__OP_NEG:
        return FALLS;
    default:
        return NO_WAY;
    }
}

static enum end turned(enum way way, uint32_t operand, enum end end)
{
    const int turns = way == FALLS || (way == FALLS_SECOND && operand == 1);
    return turns ? (end == LEAST ? MOST : LEAST) : end;
}

/* ---- computing ------------------------------------------------------------------------------ */

/* Computes a node with one end of each operand; the results are constants afterwards. */
static infer_status compute(struct infer__graph *g, const struct infer__node *n,
                            const union infer__params *p, enum way way, enum end end,
                            struct infer__budget *budget, infer_error *err)
{
    for (uint32_t i = 0; i < n->nin; i++) {
        struct infer__value *v = &g->values[n->in[i]];
        if (n->in[i] && v->kind != INFER__VALUE_CONST)
            v->data = end_of(v, turned(way, i, end));
    }
    infer_status status = infer__evaluate_node(g, n, p, budget, err);
    for (uint32_t i = 0; i < n->nin; i++)
        if (n->in[i] && g->values[n->in[i]].kind != INFER__VALUE_CONST)
            g->values[n->in[i]].data = NULL;
    return status;
}

static infer_status bound_of(struct infer__graph *g, struct infer__value *v, infer_error *err)
{
    if (v->bound)
        return INFER_OK;
    v->bound = infer__region_calloc(g->region, 1, sizeof *v->bound);
    if (!v->bound)
        return infer__no_memory(err, sizeof *v->bound);
    v->bound->most = v->bound->axis = -1;
    return INFER_OK;
}

/* Both ends of the node's results; they are constants if these are the same. */
static infer_status compute_both(struct infer__graph *g, const struct infer__node *n,
                                 const union infer__params *p, enum way way,
                                 struct infer__budget *budget, int *known, infer_error *err)
{
    TRY(compute(g, n, p, way, LEAST, budget, err));
    for (uint32_t k = 0; k < n->nout; k++) {
        struct infer__value *v = &g->values[n->out[k]];
        if (!n->out[k])
            continue;
        TRY(bound_of(g, v, err));
        v->bound->at_least = v->data;
    }
    TRY(compute(g, n, p, way, MOST, budget, err));
    *known = 1;
    for (uint32_t k = 0; k < n->nout; k++) {
        struct infer__value *v = &g->values[n->out[k]];
        if (!n->out[k])
            continue;
        v->bound->at_most = v->data;
        *known &= memcmp(v->bound->at_least, v->data, infer__value_bytes(v)) == 0;
    }
    for (uint32_t k = 0; k < n->nout && !*known; k++)
        if (n->out[k]) {
            g->values[n->out[k]].kind = INFER__VALUE_NODE;
            g->values[n->out[k]].data = NULL;
        }
    return INFER_OK;
}

/* ---- sizes, comparisons --------------------------------------------------------------------- */

static infer_status list_of(struct infer__graph *g, int64_t n, int64_t **low, int64_t **high,
                            infer_error *err)
{
    *low = infer__region_calloc(g->region, (size_t)n, sizeof **low);
    *high = infer__region_calloc(g->region, (size_t)n, sizeof **high);
    return *low && *high ? INFER_OK : infer__no_memory(err, (size_t)n * sizeof **low);
}

static infer_status shape_bounds(struct infer__graph *g, const struct infer__node *n,
                                 const struct infer__shape_range *p, int *known, infer_error *err)
{
    const struct infer__value *x = &g->values[n->in[0]];
    struct infer__value *y = &g->values[n->out[0]];
    int64_t *low, *high;
    TRY(list_of(g, infer__value_elements(y), &low, &high, err));
    TRY(bound_of(g, y, err));
    *known = 1;
    for (int i = p->start; i < p->end; i++) {
        const int varies = x->free_dims >> i & 1;
        high[i - p->start] = x->dims[i];
        low[i - p->start] = varies ? 0 : x->dims[i];
        *known &= !varies;
    }
    y->bound->at_least = low;
    y->bound->at_most = high;
    if (*known) {
        y->kind = INFER__VALUE_CONST;
        y->data = high;
    }
    return INFER_OK;
}

/* Equal of integers, one of which may be a single number: known where no two of them can be equal.
 */
static infer_status equal_bounds(struct infer__graph *g, const struct infer__node *n, int *known,
                                 infer_error *err)
{
    struct infer__value *y = &g->values[n->out[0]], low[2], high[2];
    const int64_t count = infer__value_elements(y);
    for (int k = 0; k < 2; k++) {
        low[k] = high[k] = g->values[n->in[k]];
        const int64_t own = infer__value_elements(&low[k]);
        low[k].data = end_of(&g->values[n->in[k]], LEAST);
        high[k].data = end_of(&g->values[n->in[k]], MOST);
        if (!is_integer(&low[k]) || (own != 1 && own != count))
            return INFER_OK;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t l[2], h[2];
        for (int k = 0; k < 2; k++) {
            const int64_t at = infer__value_elements(&low[k]) == 1 ? 0 : i;
            l[k] = infer__resolve_element(&low[k], at);
            h[k] = infer__resolve_element(&high[k], at);
        }
        if (l[0] <= h[1] && l[1] <= h[0] && !(l[0] == h[0] && l[1] == h[1]))
            return INFER_OK;
    }
    uint8_t *data = infer__region_calloc(g->region, (size_t)count, 1);
    if (!data)
        return infer__no_memory(err, (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        const int64_t a = infer__value_elements(&low[0]) == 1 ? 0 : i;
        const int64_t b = infer__value_elements(&low[1]) == 1 ? 0 : i;
        data[i] = infer__resolve_element(&low[0], a) == infer__resolve_element(&low[1], b) &&
                  infer__resolve_element(&high[0], a) == infer__resolve_element(&low[0], a);
    }
    y->kind = INFER__VALUE_CONST;
    y->data = data;
    *known = 1;
    return INFER_OK;
}

/* ---- what a run chooses --------------------------------------------------------------------- */

/* Numbers that are those of one operand or of another, as a whole or each. */
static infer_status choice_bounds(struct infer__graph *g, const uint32_t from[2], uint32_t to,
                                  infer_error *err)
{
    struct infer__value *y = &g->values[to];
    const struct infer__value *x[2] = {&g->values[from[0]], &g->values[from[1]]};
    const int64_t count = infer__value_elements(y);
    int64_t *low, *high;
    const int64_t *least[2], *most[2];
    for (int k = 0; k < 2; k++) {
        least[k] = end_of(x[k], LEAST);
        most[k] = end_of(x[k], MOST);
        if (!is_small(x[k]) || x[k]->type != INFER_S64 || x[k]->quant || !least[k] || !most[k] ||
            (infer__value_elements(x[k]) != count && infer__value_elements(x[k]) != 1))
            return INFER_OK;
    }
    TRY(list_of(g, count, &low, &high, err));
    TRY(bound_of(g, y, err));
    for (int64_t i = 0; i < count; i++)
        for (int k = 0; k < 2; k++) {
            const int64_t at = infer__value_elements(x[k]) == 1 ? 0 : i;
            low[i] = k && low[i] < least[k][at] ? low[i] : least[k][at];
            high[i] = k && high[i] > most[k][at] ? high[i] : most[k][at];
        }
    y->bound->at_least = low;
    y->bound->at_most = high;
    return INFER_OK;
}

/* Tokens are true or not. */
static infer_status token_bounds(struct infer__graph *g, uint32_t token, infer_error *err)
{
    static const uint8_t least = 0, most = 1;
    TRY(bound_of(g, &g->values[token], err));
    g->values[token].bound->at_least = &least;
    g->values[token].bound->at_most = &most;
    return INFER_OK;
}

/* An iteration is less than the limit of the loop. */
static infer_status iteration_bounds(struct infer__graph *g, const struct infer__node *n,
                                     infer_error *err)
{
    const struct infer__value *limit = &g->values[n->in[0]];
    int64_t *low, *high;
    if (!end_of(limit, MOST) || limit->type != INFER_S64)
        return INFER_OK;
    const int64_t most = *(const int64_t *)end_of(limit, MOST);
    TRY(list_of(g, 1, &low, &high, err));
    TRY(bound_of(g, &g->values[n->out[0]], err));
    *high = most > 0 ? most - 1 : 0;
    g->values[n->out[0]].bound->at_least = low;
    g->values[n->out[0]].bound->at_most = high;
    return INFER_OK;
}

/* Whether the numbers of a value are looked after as those of another of its kind. */
static int has_ends_like(const struct infer__value *v, const struct infer__value *other)
{
    return is_small(v) && v->type == INFER_S64 && !v->quant && end_of(v, LEAST) &&
           is_small(other) && other->type == INFER_S64 &&
           infer__value_elements(v) == infer__value_elements(other);
}

infer_status infer__bounds_state(struct infer__graph *g, uint32_t first, uint32_t state,
                                 infer_error *err)
{
    const struct infer__value *v = &g->values[first];
    struct infer__value *s = &g->values[state];
    const int64_t count = infer__value_elements(s);
    int64_t *low, *high;
    TRY(infer__bounds_declared(g, state, err));
    if (!has_ends_like(v, s) || end_of(s, LEAST))
        return INFER_OK;
    TRY(list_of(g, count, &low, &high, err));
    TRY(bound_of(g, s, err));
    memcpy(low, end_of(v, LEAST), (size_t)count * sizeof *low);
    memcpy(high, end_of(v, MOST), (size_t)count * sizeof *high);
    s->bound->at_least = low;
    s->bound->at_most = high;
    return INFER_OK;
}

int infer__bounds_widen(struct infer__graph *g, uint32_t next, uint32_t state)
{
    const struct infer__value *v = &g->values[next];
    const struct infer__value *s = &g->values[state];
    int changed = 0;
    if (!s->bound || !s->bound->at_most || s->bound->most >= 0)
        return 0;
    if (!has_ends_like(v, s)) {
        s->bound->at_least = s->bound->at_most = NULL;
        return 1;
    }
    int64_t *low = (int64_t *)s->bound->at_least, *high = (int64_t *)s->bound->at_most;
    for (int64_t i = 0; i < infer__value_elements(s); i++) {
        const int fewer = ((const int64_t *)end_of(v, LEAST))[i] < low[i];
        const int more = ((const int64_t *)end_of(v, MOST))[i] > high[i];
        low[i] = fewer ? INT64_MIN : low[i];
        high[i] = more ? INT64_MAX : high[i];
        changed |= fewer | more;
    }
    return changed;
}

static infer_status control_bounds(struct infer__graph *g, const struct infer__node *n,
                                   infer_error *err)
{
    if (n->op == INFER__OP_IF || n->op == INFER__OP_ELSE)
        return token_bounds(g, n->out[0], err);
    if (n->op == INFER__OP_LOOP)
        return iteration_bounds(g, n, err);
    for (uint32_t k = 0; k < n->nout && n->op == INFER__OP_END_IF; k++)
        if (is_small(&g->values[n->out[k]]))
            TRY(choice_bounds(g, &n->in[1 + 2 * k], n->out[k], err));
    const uint32_t states = infer__loop_states(n->nin, n->nout);
    for (uint32_t k = 0; k < states && n->op == INFER__OP_END_LOOP; k++)
        if (is_small(&g->values[n->out[k]]))
            TRY(choice_bounds(g, &n->in[infer__loop_state(k)], n->out[k], err));
    return INFER_OK;
}

/* ---- the entries ---------------------------------------------------------------------------- */

/* Whether all operands and results are few numbers that have both ends. */
static int has_ends(const struct infer__graph *g, const struct infer__node *n)
{
    for (uint32_t i = 0; i < n->nin; i++) {
        const struct infer__value *v = &g->values[n->in[i]];
        if (n->in[i] && (!is_small(v) || v->quant || !end_of(v, LEAST)))
            return 0;
    }
    for (uint32_t k = 0; k < n->nout; k++)
        if (n->out[k] && !is_small(&g->values[n->out[k]]))
            return 0;
    return 1;
}

infer_status infer__bounds_value(struct infer__graph *g, const struct infer__node *n,
                                 const union infer__params *p, struct infer__budget *budget,
                                 int *known, infer_error *err)
{
    *known = 0;
    if (infer__is_control(n->op))
        return control_bounds(g, n, err);
    for (uint32_t k = 0; k < n->nout; k++) {
        TRY(infer__bounds_declared(g, n->out[k], err));
        if (g->values[n->out[k]].bound && g->values[n->out[k]].bound->at_most)
            return INFER_OK;
    }
    if (n->op == INFER__OP_SHAPE)
        return g->values[n->in[0]].free_dims && p->shape.end > p->shape.start
                   ? shape_bounds(g, n, &p->shape, known, err)
                   : INFER_OK;
    if (n->op == INFER__OP_WHERE && !end_of(&g->values[n->in[0]], LEAST) &&
        is_small(&g->values[n->out[0]]))
        return choice_bounds(g, &n->in[1], n->out[0], err);
    if (!has_ends(g, n))
        return INFER_OK;
    if (n->op == INFER__OP_EQUAL)
        return equal_bounds(g, n, known, err);
    const enum way way = way_of(g, n);
    return way == NO_WAY ? INFER_OK : compute_both(g, n, p, way, budget, known, err);
}

infer_status infer__bounds_declared(struct infer__graph *g, uint32_t id, infer_error *err)
{
    struct infer__value *v = &g->values[id];
    int64_t *low, *high, count = infer__value_elements(v);
    if (!id || !v->bound || v->bound->most < 0 || v->bound->axis >= 0 || v->bound->at_most ||
        !is_small(v) || !is_integer(v) || v->kind == INFER__VALUE_CONST)
        return INFER_OK;
    TRY(list_of(g, count, &low, &high, err));
    for (int64_t i = 0; i < count; i++)
        if (v->type == INFER_S64)
            high[i] = v->bound->most;
        else
            ((int32_t *)high)[i] =
                (int32_t)(v->bound->most < INT32_MAX ? v->bound->most : INT32_MAX);
    v->bound->at_least = low;
    v->bound->at_most = high;
    return INFER_OK;
}
