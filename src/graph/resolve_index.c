/* Range, with which exporters make masks and tables of positions. */
#include <math.h>
#include <string.h>

#include "graph/resolve.h"

static int64_t integer_at(const struct infer__value *v)
{
    int16_t x = 0;
    if (v->type != INFER_S16)
        return infer__resolve_element(v, 0);
    memcpy(&x, v->data, sizeof x);
    return x;
}

static double float_at(const struct infer__value *v)
{
    float f = 0;
    double d = 0;
    memcpy(v->type == INFER_F32 ? (void *)&f : (void *)&d, v->data,
           v->type == INFER_F32 ? sizeof f : sizeof d);
    return v->type == INFER_F32 ? (double)f : d;
}

/* Elements from `start` to before `limit` in steps of `delta`, not 0. */
static int64_t count_integers(int64_t start, int64_t limit, int64_t delta)
{
    if (delta > 0 ? start >= limit : start <= limit)
        return 0;
    uint64_t way =
        delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    /* cppcheck-suppress zerodivcond */
    uint64_t n = (way - 1) / step; /* one less, so that it fits */
    return n >= INT64_MAX ? INT64_MAX : (int64_t)n + 1;
}

infer_status infer__resolve_range(struct infer__resolve *r)
{
    const struct infer__value *v[3];
    int64_t n;
    TRY(infer__resolve_type(r, 0, INFER__SET_FLOAT | INFER__SET_INDEX | INFER__SET(S16)));
    for (uint32_t i = 0; i < 3; i++) {
        v[i] = infer__resolve_in(r, i);
        TRY(infer__resolve_same_type(r, 0, i));
        TRY(infer__resolve_scalar(r, i));
        RESOLVE_FAIL_IF(v[i]->kind != INFER__VALUE_CONST, INFER_ERROR_NEED_VALUE,
                        "the shape of the output depends on the value of input %u ('%.64s'), which "
                        "is not a constant",
                        i, v[i]->name);
    }
    if (INFER__SET_FLOAT >> v[0]->type & 1) {
        double delta = float_at(v[2]), count = ceil((float_at(v[1]) - float_at(v[0])) / delta);
        RESOLVE_FAIL_IF(delta == 0 || !isfinite(count), INFER_ERROR_SHAPE,
                        "there is no end to the range");
        n = count < 0 ? 0 : count > 0x1p62 ? INT64_MAX : (int64_t)count;
    } else {
        RESOLVE_FAIL_IF(!integer_at(v[2]), INFER_ERROR_SHAPE, "there is no end to the range");
        n = count_integers(integer_at(v[0]), integer_at(v[1]), integer_at(v[2]));
    }
    return infer__resolve_out(r, 0, (infer_type)v[0]->type, 1, &n);
}
