/* Operators that only the plan makes. It has looked at what it fuses, so these checks are there to
 * find its own mistakes. */
#include <string.h>

#include "base/size.h"
#include "graph/resolve.h"

/* MatMul with one matrix, and a bias for each column of it. */
infer_status infer__resolve_dense(struct infer__resolve *r)
{
    const struct infer__value *b = infer__resolve_in(r, 1), *c = infer__resolve_in(r, 2);
    RESOLVE_FAIL_IF(b->rank != 2 || c->rank != 1 || c->dims[0] != b->dims[1], INFER_ERROR_SHAPE,
                    "the bias must have one element for each column");
    TRY(infer__resolve_type(r, 2, INFER__SET(F32)));
    return infer__resolve_matmul(r);
}

/* Shape of `count` operands joined along the channels. */
static infer_status join_channels(struct infer__resolve *r, uint32_t count,
                                  int64_t dims[INFER_MAX_RANK])
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    RESOLVE_FAIL_IF(x->rank < 2, INFER_ERROR_SHAPE, "there are no channels");
    memcpy(dims, x->dims, sizeof x->dims);
    for (uint32_t i = 1; i < count; i++) {
        const struct infer__value *v = infer__resolve_in(r, i);
        TRY(infer__resolve_same_type(r, 0, i));
        int same = v->rank == x->rank;
        for (int k = 0; same && k < x->rank; k++)
            same = k == 1 || v->dims[k] == x->dims[k];
        RESOLVE_FAIL_IF(!same || !infer__dim_add(dims[1], v->dims[1], &dims[1]), INFER_ERROR_SHAPE,
                        "inputs 0 and %u can't be joined", i);
    }
    return INFER_OK;
}

infer_status infer__resolve_scale_shift(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t dims[INFER_MAX_RANK] = {0};
    uint32_t count = r->node->nin - 2;
    TRY(infer__resolve_type(r, 0, INFER__SET(F32)));
    TRY(join_channels(r, count, dims));
    for (uint32_t i = count; i < r->node->nin; i++) {
        const struct infer__value *v = infer__resolve_in(r, i);
        TRY(infer__resolve_same_type(r, 0, i));
        RESOLVE_FAIL_IF(infer__value_elements(v) != dims[1], INFER_ERROR_SHAPE,
                        "input %u must have one element for each channel", i);
    }
    return infer__resolve_out(r, 0, INFER_F32, x->rank, dims);
}

infer_status infer__resolve_channel_shuffle(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t dims[INFER_MAX_RANK] = {0}, *groups = &r->params->shuffle.groups;
    TRY(join_channels(r, r->node->nin, dims));
    TRY(infer__resolve_int(r, INFER__ATTR_GROUP, 1, 1, INT32_MAX, groups));
    RESOLVE_FAIL_IF(dims[1] % *groups || dims[1] % r->node->nout, INFER_ERROR_SHAPE,
                    "%lld channels can't be shared out evenly", (long long)dims[1]);
    dims[1] /= r->node->nout;
    for (uint32_t i = 0; i < r->node->nout; i++)
        TRY(infer__resolve_out(r, i, (infer_type)x->type, x->rank, dims));
    return INFER_OK;
}

/* Attention: queries [.., m, d], keys [.., d, n], values [.., n, e], and a mask for [.., m, n]. */
infer_status infer__resolve_attention(struct infer__resolve *r)
{
    const struct infer__value *q = infer__resolve_in(r, 0), *k = infer__resolve_in(r, 1);
    const struct infer__value *v = infer__resolve_in(r, 2);
    const int rank = q->rank;
    int64_t dims[INFER_MAX_RANK] = {0};
    for (uint32_t i = 0; i < r->node->nin; i++)
        TRY(infer__resolve_type(r, i, INFER__SET(F32)));
    TRY(infer__resolve_rank(r, 0, 2, INFER_MAX_RANK));
    memcpy(dims, q->dims, sizeof q->dims);
    int same = k->rank == rank && v->rank == rank;
    for (int i = 0; same && i < rank - 2; i++)
        same = k->dims[i] == dims[i] && v->dims[i] == dims[i];
    RESOLVE_FAIL_IF(!same || k->dims[rank - 2] != dims[rank - 1] ||
                        v->dims[rank - 2] != k->dims[rank - 1],
                    INFER_ERROR_SHAPE, "queries, keys and values do not fit");
    dims[rank - 1] = k->dims[rank - 1];
    TRY(infer__resolve_broadcasts_to(r, 3, rank, dims));
    TRY(infer__resolve_float(r, INFER__ATTR_ALPHA, 1, &r->params->attention.scale));
    TRY(infer__resolve_flag(r, INFER__ATTR_MODE, 0, &r->params->attention.or_zero));
    dims[rank - 1] = v->dims[rank - 1];
    return infer__resolve_out(r, 0, INFER_F32, rank, dims);
}
