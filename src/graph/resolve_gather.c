/* Operators that take elements from places that are computed, or put them there, and sums that run
 * along an axis. */
#include <string.h>

#include "graph/resolve.h"

/* `index` has the data's rank, and is at most as large as they are outside of the axis. */
static infer_status check_beside(struct infer__resolve *r, int axis)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *at = infer__resolve_in(r, 1);
    char a[96], b[96];
    int fits = x->rank == at->rank;
    for (int i = 0; fits && i < x->rank; i++)
        fits = i == axis || at->dims[i] <= x->dims[i];
    RESOLVE_FAIL_IF(!fits, INFER_ERROR_SHAPE, "indices of %s do not fit data of %s",
                    infer__value_text(at, a, sizeof a), infer__value_text(x, b, sizeof b));
    return INFER_OK;
}

infer_status infer__resolve_gather_elements(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *at = infer__resolve_in(r, 1);
    int32_t axis = 0;
    TRY(infer__resolve_type(r, 1, INFER__SET_INDEX));
    TRY(infer__resolve_rank(r, 0, 1, INFER_MAX_RANK));
    TRY(infer__resolve_axis_attr(r, 0, x->rank, &axis));
    TRY(check_beside(r, axis));
    RESOLVE_FAIL_IF(!x->dims[axis] && infer__value_elements(at), INFER_ERROR_SHAPE,
                    "axis %d of the data is empty: there is nothing to take", axis);
    r->params->axis.axis = axis;
    return infer__resolve_out(r, 0, (infer_type)x->type, at->rank, at->dims);
}

infer_status infer__resolve_gather_nd(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *at = infer__resolve_in(r, 1);
    int64_t batch = 0, dims[2 * INFER_MAX_RANK];
    int rank = 0, most = x->rank < at->rank ? x->rank : at->rank;
    TRY(infer__resolve_type(r, 1, INFER__SET_INDEX));
    TRY(infer__resolve_rank(r, 0, 1, INFER_MAX_RANK));
    TRY(infer__resolve_rank(r, 1, 1, INFER_MAX_RANK));
    TRY(infer__resolve_int(r, INFER__ATTR_BATCH_DIMS, 0, 0, most - 1, &batch));
    int64_t named = at->dims[at->rank - 1];
    RESOLVE_FAIL_IF(named < 1 || named > x->rank - batch, INFER_ERROR_SHAPE,
                    "indices of %lld numbers can't name places in a tensor of rank %d, of which "
                    "%lld axes are shared",
                    (long long)named, x->rank, (long long)batch);
    for (int i = 0; i < at->rank - 1; i++) {
        RESOLVE_FAIL_IF(i < batch && at->dims[i] != x->dims[i], INFER_ERROR_SHAPE,
                        "axis %d of data and indices must be the same", i);
        dims[rank++] = at->dims[i];
    }
    for (int i = (int)(batch + named); i < x->rank; i++)
        dims[rank++] = x->dims[i];
    r->params->index.batch = (int32_t)batch;
    return infer__resolve_out(r, 0, (infer_type)x->type, rank, dims);
}

/* The reduction of an operator that puts elements in place, and the types that it is for. */
static infer_status read_reduction(struct infer__resolve *r)
{
    int64_t reduction = 0;
    TRY(infer__resolve_int(r, INFER__ATTR_REDUCTION, INFER__REDUCE_NONE, INFER__REDUCE_NONE,
                           INFER__REDUCE_MAX, &reduction));
    if (reduction != INFER__REDUCE_NONE)
        TRY(infer__resolve_type(r, 0, INFER__SET_NUMBER));
    r->params->index.reduction = (int32_t)reduction;
    return infer__resolve_same_type(r, 0, 2);
}

infer_status infer__resolve_scatter_elements(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *at = infer__resolve_in(r, 1);
    const struct infer__value *u = infer__resolve_in(r, 2);
    char a[96], b[96];
    TRY(infer__resolve_type(r, 1, INFER__SET_INDEX));
    TRY(infer__resolve_rank(r, 0, 1, INFER_MAX_RANK));
    TRY(infer__resolve_axis_attr(r, 0, x->rank, &r->params->index.axis));
    TRY(check_beside(r, r->params->index.axis));
    RESOLVE_FAIL_IF(u->rank != at->rank || memcmp(u->dims, at->dims, sizeof *u->dims * u->rank),
                    INFER_ERROR_SHAPE, "updates of %s do not fit indices of %s",
                    infer__value_text(u, a, sizeof a), infer__value_text(at, b, sizeof b));
    TRY(read_reduction(r));
    return infer__resolve_like_input(r);
}

/* The last axis of the indices names a place along the first axes of the data; the updates have
 * the indices' other axes and then the data's. */
infer_status infer__resolve_scatter_nd(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *at = infer__resolve_in(r, 1);
    const struct infer__value *u = infer__resolve_in(r, 2);
    TRY(infer__resolve_type(r, 1, INFER__SET(S64)));
    TRY(infer__resolve_rank(r, 0, 1, INFER_MAX_RANK));
    TRY(infer__resolve_rank(r, 1, 1, INFER_MAX_RANK));
    int64_t named = at->dims[at->rank - 1];
    RESOLVE_FAIL_IF(named < 1 || named > x->rank, INFER_ERROR_SHAPE,
                    "indices of %lld numbers can't name places in a tensor of rank %d",
                    (long long)named, x->rank);
    int rank = at->rank - 1 + x->rank - (int)named, same = u->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = u->dims[i] ==
               (i < at->rank - 1 ? at->dims[i] : x->dims[i - (at->rank - 1) + (int)named]);
    RESOLVE_FAIL_IF(!same, INFER_ERROR_SHAPE, "the updates do not fit the indices and the data");
    TRY(read_reduction(r));
    return infer__resolve_like_input(r);
}

/* CumSum, CumProd: input 1 is the axis. */
infer_status infer__resolve_cumulate(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    struct infer__index *p = &r->params->index;
    int64_t count = 0;
    int axis = 0;
    TRY(infer__resolve_type(r, 0, INFER__SET_NUMBER));
    TRY(infer__resolve_rank(r, 0, 1, INFER_MAX_RANK));
    TRY(infer__resolve_index_operand(r, 1, &count));
    TRY(infer__resolve_scalar(r, 1));
    TRY(infer__resolve_axis(r, infer__resolve_element(infer__resolve_in(r, 1), 0), x->rank, &axis));
    p->axis = axis;
    TRY(infer__resolve_flag(r, INFER__ATTR_EXCLUSIVE, 0, &p->exclusive));
    TRY(infer__resolve_flag(r, INFER__ATTR_REVERSE, 0, &p->reverse));
    return infer__resolve_like_input(r);
}
