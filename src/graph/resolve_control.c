/* If, Else, EndIf, Loop, EndLoop; see control.h. In a run the shapes of what EndIf and EndLoop hand
 * on are those of the branch that was taken and of the last iteration; before it they are the most
 * that there can be. */
#include <string.h>

#include "graph/control.h"
#include "graph/resolve.h"

static infer_status one_of(struct infer__resolve *r, uint32_t i, infer_type type)
{
    TRY(infer__resolve_type(r, i, 1u << type));
    return infer__resolve_scalar(r, i);
}

infer_status infer__resolve_branch(struct infer__resolve *r)
{
    TRY(one_of(r, 0, INFER_BOOL));
    return infer__resolve_out(r, 0, INFER_BOOL, 0, NULL);
}

/* A number may be a scalar in one place and a list of one in another. */
static int are_numbers(const struct infer__value *a, const struct infer__value *b)
{
    return !a->free_dims && !b->free_dims && infer__value_elements(a) == 1 &&
           infer__value_elements(b) == 1;
}

/* ---- EndIf ---------------------------------------------------------------------------------- */

static infer_status result_of(struct infer__resolve *r, uint32_t k)
{
    const struct infer__value *token = infer__resolve_in(r, 0);
    const struct infer__value *a = infer__resolve_in(r, 1 + 2 * k);
    const struct infer__value *b = infer__resolve_in(r, 2 + 2 * k);
    int64_t dims[INFER_MAX_RANK];
    RESOLVE_FAIL_IF(a->type != b->type, INFER_ERROR_UNSUPPORTED,
                    "output %u is %s in one branch and %s in the other", k,
                    infer_type_name((infer_type)a->type), infer_type_name((infer_type)b->type));
    if (are_numbers(a, b)) {
        const struct infer__value *v = a->rank < b->rank ? a : b;
        return infer__resolve_out(r, k, (infer_type)v->type, v->rank, v->dims);
    }
    RESOLVE_FAIL_IF(a->rank != b->rank, INFER_ERROR_UNSUPPORTED,
                    "output %u has rank %d in one branch and %d in the other", k, a->rank, b->rank);
    if (token->kind == INFER__VALUE_CONST) {
        const struct infer__value *v = *(const uint8_t *)token->data ? a : b;
        return infer__resolve_out(r, k, (infer_type)v->type, v->rank, v->dims);
    }
    for (int i = 0; i < a->rank; i++)
        dims[i] = a->dims[i] > b->dims[i] ? a->dims[i] : b->dims[i];
    const uint32_t free_dims = a->free_dims | b->free_dims; /* of operands of the same graph */
    TRY(infer__resolve_out(r, k, (infer_type)a->type, a->rank, dims));
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i] || free_dims >> i & 1)
            infer__resolve_most(r, k, i);
    return INFER_OK;
}

infer_status infer__resolve_end_if(struct infer__resolve *r)
{
    const struct infer__node *n = r->node;
    TRY(one_of(r, 0, INFER_BOOL));
    RESOLVE_FAIL_IF(n->nin != 1 + 2 * (uint64_t)n->nout, INFER_ERROR_FORMAT,
                    "%u inputs do not go with %u outputs", n->nin, n->nout);
    for (uint32_t k = 0; k < n->nout; k++)
        TRY(result_of(r, k));
    return INFER_OK;
}

infer_status infer__resolve_require(struct infer__resolve *r)
{
    const struct infer__value *v = infer__resolve_in(r, 1);
    TRY(one_of(r, 0, INFER_BOOL));
    TRY(infer__resolve_flag(r, INFER__ATTR_MODE, 1, &r->params->control.wanted));
    return infer__resolve_out(r, 0, (infer_type)v->type, v->rank, v->dims);
}

/* ---- loops ---------------------------------------------------------------------------------- */

infer_status infer__resolve_loop(struct infer__resolve *r)
{
    const struct infer__node *n = r->node;
    TRY(one_of(r, 0, INFER_S64));
    RESOLVE_FAIL_IF(n->nin != n->nout, INFER_ERROR_FORMAT, "%u inputs do not go with %u outputs",
                    n->nin, n->nout);
    TRY(infer__resolve_out(r, 0, INFER_S64, 0, NULL));
    for (uint32_t k = 1; k < n->nin; k++) {
        const struct infer__value *v = infer__resolve_in(r, k);
        TRY(infer__resolve_out(r, k, (infer_type)v->type, v->rank, v->dims));
    }
    return INFER_OK;
}

/* How many iterations there are at most; *exact: there are so many. */
static infer_status most_iterations(struct infer__resolve *r, uint32_t k, int64_t *most, int *exact)
{
    const struct infer__value *limit = infer__resolve_in(r, INFER__END_LOOP_LIMIT);
    const struct infer__value *go_on = infer__resolve_in(r, INFER__END_LOOP_GO_ON);
    const struct infer__bound *said = r->g->values[r->node->out[k]].bound;
    *most = said && said->most >= 0 && said->axis <= 0 ? said->most : INT64_MAX;
    *exact = 0;
    if (limit->kind == INFER__VALUE_CONST) {
        int64_t n = infer__resolve_element(limit, 0);
        n = n < 0 ? 0 : n;
        *exact = n <= *most && go_on->kind == INFER__VALUE_CONST && *(const uint8_t *)go_on->data;
        *most = n < *most ? n : *most;
    }
    RESOLVE_FAIL_IF(
        *most > INFER__MAX_DIM, INFER_ERROR_NEED_VALUE,
        "output %u ('%.64s') has a part of each iteration, and it is not known how many "
        "there will be",
        k, r->g->values[r->node->out[k]].name);
    return INFER_OK;
}

static infer_status scan_of(struct infer__resolve *r, uint32_t states, uint32_t k)
{
    const struct infer__value *v = infer__resolve_in(r, infer__loop_scan(states, k - states));
    int64_t dims[INFER_MAX_RANK];
    int exact;
    RESOLVE_FAIL_IF(v->rank == INFER_MAX_RANK, INFER_ERROR_UNSUPPORTED,
                    "output %u would have rank %d, at most %d is possible", k, v->rank + 1,
                    INFER_MAX_RANK);
    TRY(most_iterations(r, k, &dims[0], &exact));
    memcpy(dims + 1, v->dims, (size_t)v->rank * sizeof *dims);
    TRY(infer__resolve_out(r, k, (infer_type)v->type, v->rank + 1, dims));
    if (!exact)
        infer__resolve_most(r, k, 0);
    return INFER_OK;
}

/* Whether a state goes with what it becomes is for the plan to say (fold_control.c). */
static infer_status state_of(struct infer__resolve *r, uint32_t k)
{
    const struct infer__value *state = infer__resolve_in(r, infer__loop_state(k));
    const struct infer__value *next = infer__resolve_in(r, infer__loop_next(k));
    if (are_numbers(state, next))
        return infer__resolve_out(r, k, (infer_type)next->type, state->rank, state->dims);
    return infer__resolve_out(r, k, (infer_type)next->type, next->rank, next->dims);
}

infer_status infer__resolve_end_loop(struct infer__resolve *r)
{
    const struct infer__node *n = r->node;
    const uint32_t states = infer__loop_states(n->nin, n->nout);
    RESOLVE_FAIL_IF(states > n->nout, INFER_ERROR_FORMAT, "%u inputs do not go with %u outputs",
                    n->nin, n->nout);
    TRY(one_of(r, INFER__END_LOOP_ITERATION, INFER_S64));
    TRY(one_of(r, INFER__END_LOOP_LIMIT, INFER_S64));
    TRY(one_of(r, INFER__END_LOOP_GO_ON, INFER_BOOL));
    r->params->control.states = states;
    for (uint32_t k = 0; k < n->nout; k++)
        TRY(k < states ? state_of(r, k) : scan_of(r, states, k));
    return INFER_OK;
}
