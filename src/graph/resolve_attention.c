/* LinearAttention: attention as a sum over time, in a matrix for each head. */
#include <math.h>

#include "base/size.h"
#include "graph/resolve.h"

/* Input i is [images, steps, width], width being one of two. */
static infer_status check_steps(struct infer__resolve *r, uint32_t i, int64_t width, int64_t other)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *v = infer__resolve_in(r, i);
    char text[96];
    if (!v)
        return INFER_OK;
    RESOLVE_FAIL_IF(v->rank != 3 || v->dims[0] != x->dims[0] || v->dims[1] != x->dims[1] ||
                        (v->dims[2] != width && v->dims[2] != other),
                    INFER_ERROR_SHAPE, "input %u is %s, which does not fit the queries", i,
                    infer__value_text(v, text, sizeof text));
    return INFER_OK;
}

/* The operands that a rule has, and no others. */
static infer_status check_rule(struct infer__resolve *r, int64_t rule)
{
    static const uint32_t operand[2] = {4, 5};
    static const int64_t bit[2] = {INFER__GATED, INFER__DELTA};
    for (int i = 0; i < 2; i++)
        RESOLVE_FAIL_IF((infer__resolve_in(r, operand[i]) != NULL) != ((rule & bit[i]) != 0),
                        INFER_ERROR_FORMAT, "input %u does not go with the update rule",
                        operand[i]);
    return INFER_OK;
}

infer_status infer__resolve_linear_attention(struct infer__resolve *r)
{
    struct infer__linear_attention *p = &r->params->linear_attention;
    const struct infer__value *q = infer__resolve_in(r, 0), *v = infer__resolve_in(r, 2);
    const struct infer__value *past = infer__resolve_in(r, 3);
    int64_t rule = 0, width = 0;
    for (uint32_t i = 0; i < 6; i++)
        TRY(infer__resolve_type(r, i, INFER__SET(F32)));
    TRY(infer__resolve_int(r, INFER__ATTR_MODE, INFER__GATED_DELTA, INFER__UPDATE_LINEAR,
                           INFER__GATED_DELTA, &rule));
    TRY(infer__resolve_int(r, INFER__ATTR_Q_NUM_HEADS, 1, 1, INFER__MAX_WINDOW, &p->queries));
    TRY(infer__resolve_int(r, INFER__ATTR_KV_NUM_HEADS, 1, 1, INFER__MAX_WINDOW, &p->keys));
    TRY(infer__resolve_float(r, INFER__ATTR_ALPHA, 0, &p->scale));
    for (uint32_t i = 0; i < 3; i++)
        TRY(infer__resolve_rank(r, i, 3, 3));
    RESOLVE_FAIL_IF(p->queries % p->keys || q->dims[2] % p->queries || v->dims[2] % p->keys ||
                        !q->dims[2] || !v->dims[2] || !q->dims[1],
                    INFER_ERROR_SHAPE, "%lld and %lld heads do not divide the operands",
                    (long long)p->queries, (long long)p->keys);
    const int64_t key = q->dims[2] / p->queries, value = v->dims[2] / p->keys;
    RESOLVE_FAIL_IF(!infer__dim_mul(value, p->queries, &width), INFER_ERROR_LIMIT,
                    "the output is too large");
    TRY(check_steps(r, 1, key * p->keys, key * p->keys));
    TRY(check_steps(r, 2, v->dims[2], v->dims[2]));
    TRY(check_steps(r, 4, p->keys, key * p->keys));
    TRY(check_steps(r, 5, p->keys, 1));
    TRY(check_rule(r, rule));
    const int64_t state[4] = {q->dims[0], p->keys, key, value};
    int same = !past || past->rank == 4;
    for (int i = 0; past && same && i < 4; i++)
        same = past->dims[i] == state[i];
    RESOLVE_FAIL_IF(!same, INFER_ERROR_SHAPE, "the past state does not fit keys and values");
    p->rule = (int32_t)rule;
    if (p->scale == 0)
        p->scale = 1 / sqrtf((float)key);
    TRY(infer__resolve_out(r, 0, INFER_F32, 3, (int64_t[]){q->dims[0], q->dims[1], width}));
    return infer__resolve_out(r, 1, INFER_F32, 4, state);
}
