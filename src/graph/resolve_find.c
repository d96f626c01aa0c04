/* Operators that look for something in their operands: TopK, and those whose results are as large
 * as what is found, NonZero, NonMaxSuppression, Compress and Unique. Their shapes are the most that
 * there can be. */
#include <string.h>

#include "base/size.h"
#include "graph/resolve.h"

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- TopK ----------------------------------------------------------------------------------- */

infer_status infer__resolve_top_k(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    struct infer__axis *p = &r->params->axis;
    int64_t dims[INFER_MAX_RANK], count, k;
    int32_t largest, sorted;
    TRY(infer__resolve_type(r, 0, INFER__SET_NUMBER));
    TRY(infer__resolve_rank(r, 0, 1, INFER_MAX_RANK));
    TRY(infer__resolve_axis_attr(r, -1, x->rank, &p->axis));
    TRY(infer__resolve_flag(r, INFER__ATTR_LARGEST, 1, &largest));
    TRY(infer__resolve_flag(r, INFER__ATTR_SORTED, 1, &sorted)); /* they are in either case */
    TRY(infer__resolve_index_operand(r, 1, &count));
    RESOLVE_FAIL_IF(count != 1, INFER_ERROR_SHAPE, "input 1 has %lld elements, it must have 1",
                    (long long)count);
    k = infer__resolve_element(infer__resolve_in(r, 1), 0);
    RESOLVE_FAIL_IF(k < 0 || k > x->dims[p->axis], INFER_ERROR_SHAPE,
                    "%lld of the %lld elements along axis %d are asked for", (long long)k,
                    (long long)x->dims[p->axis], p->axis);
    p->smallest = !largest;
    memcpy(dims, x->dims, sizeof dims);
    dims[p->axis] = k;
    TRY(infer__resolve_out(r, 0, (infer_type)x->type, x->rank, dims));
    return infer__resolve_out(r, 1, INFER_S64, x->rank, dims);
}

/* ---- NonZero -------------------------------------------------------------------------------- */

/* A row of the result for each axis; a scalar counts as a list of one. */
infer_status infer__resolve_non_zero(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    const int64_t dims[2] = {x->rank ? x->rank : 1, infer__value_elements(x)};
    TRY(infer__resolve_type(r, 0, INFER__SET_NUMBER | INFER__SET(BOOL)));
    TRY(infer__resolve_out(r, 0, INFER_S64, 2, dims));
    infer__resolve_most(r, 0, 1);
    return INFER_OK;
}

/* ---- NonMaxSuppression ---------------------------------------------------------------------- */

/* Boxes of a class of an image, at most. */
static infer_status boxes_of_class(struct infer__resolve *r, int64_t boxes, int64_t *most)
{
    const struct infer__value *v = infer__resolve_in(r, 2);
    int64_t wanted = v ? boxes : 0;
    if (v && v->kind == INFER__VALUE_CONST && v->data)
        wanted = infer__resolve_element(v, 0);
    *most = wanted < 0 ? 0 : at_most(wanted, boxes);
    return INFER_OK;
}

infer_status infer__resolve_non_max_suppression(struct infer__resolve *r)
{
    const struct infer__value *boxes = infer__resolve_in(r, 0), *scores = infer__resolve_in(r, 1);
    struct infer__nms *p = &r->params->nms;
    int64_t dims[2] = {0, 3};
    TRY(infer__resolve_rank(r, 0, 3, 3));
    TRY(infer__resolve_rank(r, 1, 3, 3));
    TRY(infer__resolve_type(r, 0, INFER__SET(F32)));
    TRY(infer__resolve_type(r, 1, INFER__SET(F32)));
    TRY(infer__resolve_type(r, 2, INFER__SET(S64)));
    for (uint32_t i = 2; i < 5; i++)
        TRY(infer__resolve_scalar(r, i));
    TRY(infer__resolve_type(r, 3, INFER__SET(F32)));
    TRY(infer__resolve_type(r, 4, INFER__SET(F32)));
    TRY(infer__resolve_flag(r, INFER__ATTR_CENTER_POINT_BOX, 0, &p->center));
    RESOLVE_FAIL_IF(
        boxes->dims[2] != 4 || boxes->dims[0] != scores->dims[0] ||
            boxes->dims[1] != scores->dims[2],
        INFER_ERROR_SHAPE, "boxes of %lldx%lldx%lld and scores of %lldx%lldx%lld do not fit",
        (long long)boxes->dims[0], (long long)boxes->dims[1], (long long)boxes->dims[2],
        (long long)scores->dims[0], (long long)scores->dims[1], (long long)scores->dims[2]);
    TRY(boxes_of_class(r, boxes->dims[1], &p->most));
    RESOLVE_FAIL_IF(!infer__dim_mul(scores->dims[0], scores->dims[1], &dims[0]) ||
                        !infer__dim_mul(dims[0], p->most, &dims[0]),
                    INFER_ERROR_LIMIT, "the output would be too large");
    TRY(infer__resolve_out(r, 0, INFER_S64, 2, dims));
    infer__resolve_most(r, 0, 0);
    return INFER_OK;
}

/* ---- Compress ------------------------------------------------------------------------------- */

/* How many of the first `size` conditions are true; -1: that is not known. */
static int64_t count_true(const struct infer__value *v, int64_t size)
{
    int64_t count = 0;
    if (v->kind != INFER__VALUE_CONST || !v->data)
        return -1;
    for (int64_t i = 0; i < size; i++)
        count += ((const uint8_t *)v->data)[i] != 0;
    return count;
}

infer_status infer__resolve_compress(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *which = infer__resolve_in(r, 1);
    struct infer__axis *p = &r->params->axis;
    int64_t dims[INFER_MAX_RANK] = {infer__value_elements(x)};
    TRY(infer__resolve_type(r, 1, INFER__SET(BOOL)));
    TRY(infer__resolve_rank(r, 1, 1, 1));
    p->flat = !infer__node_attr(r->node, INFER__ATTR_AXIS);
    if (!p->flat) {
        TRY(infer__resolve_axis_attr(r, 0, x->rank, &p->axis));
        memcpy(dims, x->dims, sizeof dims);
    }
    const int64_t most = at_most(dims[p->axis], which->dims[0]), known = count_true(which, most);
    dims[p->axis] = known >= 0 ? known : most;
    TRY(infer__resolve_out(r, 0, (infer_type)x->type, p->flat ? 1 : x->rank, dims));
    if (known < 0)
        infer__resolve_most(r, 0, p->axis);
    return INFER_OK;
}

/* ---- Unique --------------------------------------------------------------------------------- */

infer_status infer__resolve_unique(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    struct infer__axis *p = &r->params->axis;
    int64_t dims[INFER_MAX_RANK] = {infer__value_elements(x)};
    int32_t sorted;
    TRY(infer__resolve_type(r, 0, INFER__SET_NUMBER | INFER__SET(BOOL)));
    TRY(infer__resolve_flag(r, INFER__ATTR_SORTED, 1, &sorted));
    p->unsorted = !sorted;
    p->flat = !infer__node_attr(r->node, INFER__ATTR_AXIS);
    if (!p->flat) {
        TRY(infer__resolve_axis_attr(r, 0, x->rank, &p->axis));
        memcpy(dims, x->dims, sizeof dims);
    }
    TRY(infer__resolve_out(r, 0, (infer_type)x->type, p->flat ? 1 : x->rank, dims));
    infer__resolve_most(r, 0, p->axis);
    for (uint32_t i = 1; i < 4; i++) {
        TRY(infer__resolve_out(r, i, INFER_S64, 1, &dims[p->axis]));
        if (i != 2) /* each element of the operand has one in the inverse indices */
            infer__resolve_most(r, i, 0);
    }
    return INFER_OK;
}
