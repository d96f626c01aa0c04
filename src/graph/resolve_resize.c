/* Resize: from scales or from sizes, for all axes or some. */
#include <math.h>

#include "graph/resolve.h"

/* Beyond this a product of float can't be told from what a size may be. */
#define MAX_SIZE 4611686018427387904.0f /* 2^62 */

/* Axes that the operands speak of, in their order. */
struct target {
    int axes[INFER_MAX_RANK];
    int count;
};

static infer_status read_attrs(struct infer__resolve *r)
{
    struct infer__resize *p = &r->params->resize;
    int64_t mode = 0, coordinate = 0, nearest = 0;
    TRY(infer__resolve_int(r, INFER__ATTR_MODE, INFER__NEAREST, INFER__NEAREST, INFER__CUBIC,
                           &mode));
    TRY(infer__resolve_int(r, INFER__ATTR_COORDINATE_MODE, INFER__HALF_PIXEL, INFER__HALF_PIXEL,
                           INFER__HALF_PIXEL_SYMMETRIC, &coordinate));
    TRY(infer__resolve_int(r, INFER__ATTR_NEAREST_MODE, INFER__ROUND_PREFER_FLOOR,
                           INFER__ROUND_PREFER_FLOOR, INFER__CEIL, &nearest));
    p->mode = (int32_t)mode;
    p->coordinate = (int32_t)coordinate;
    p->nearest = (int32_t)nearest;
    TRY(infer__resolve_flag(r, INFER__ATTR_EXCLUDE_OUTSIDE, 0, &p->exclude_outside));
    TRY(infer__resolve_flag(r, INFER__ATTR_ANTIALIAS, 0, &p->antialias));
    RESOLVE_FAIL_IF(p->antialias && p->mode == INFER__NEAREST, INFER_ERROR_FORMAT,
                    "attribute 'antialias' has no meaning for the mode 'nearest'");
    TRY(infer__resolve_float(r, INFER__ATTR_CUBIC_COEFF_A, -0.75f, &p->cubic_a));
    return infer__resolve_float(r, INFER__ATTR_EXTRAPOLATION_VALUE, 0.0f, &p->extrapolation);
}

static infer_status read_axes(struct infer__resolve *r, struct target *t)
{
    const struct infer__attr *a = infer__node_attr(r->node, INFER__ATTR_AXES);
    int rank = infer__resolve_in(r, 0)->rank;
    uint32_t set;
    RESOLVE_FAIL_IF(a && a->count > (uint32_t)rank, INFER_ERROR_SHAPE,
                    "%u axes are named, the input has %d", a->count, rank);
    t->count = a ? (int)a->count : rank;
    if (a)
        TRY(infer__resolve_axes(r, a->ints, t->count, rank, &set));
    for (int i = 0; i < t->count; i++)
        t->axes[i] = a ? (int)(a->ints[i] < 0 ? a->ints[i] + rank : a->ints[i]) : i;
    return INFER_OK;
}

/* The region of tf_crop_and_resize: begins, then ends, in units of the input's size. */
static infer_status read_roi(struct infer__resolve *r, const struct target *t)
{
    struct infer__resize *p = &r->params->resize;
    float v[2 * INFER_MAX_RANK];
    int count = 0;
    for (int i = 0; i < INFER_MAX_RANK; i++)
        p->roi_end[i] = 1.0f;
    if (p->coordinate != INFER__TF_CROP_AND_RESIZE)
        return INFER_OK;
    TRY(infer__resolve_floats(r, 1, v, &count));
    RESOLVE_FAIL_IF(count != 2 * t->count, INFER_ERROR_SHAPE,
                    "the region has %d numbers, it must have 2 for each of %d axes", count,
                    t->count);
    for (int i = 0; i < t->count; i++) {
        RESOLVE_FAIL_IF(!isfinite(v[i]) || !isfinite(v[t->count + i]), INFER_ERROR_SHAPE,
                        "the region of axis %d is not finite", t->axes[i]);
        p->roi_begin[t->axes[i]] = v[i];
        p->roi_end[t->axes[i]] = v[t->count + i];
    }
    return INFER_OK;
}

static infer_status from_scales(struct infer__resolve *r, const struct target *t,
                                const float *scales, int64_t *dims)
{
    for (int i = 0; i < t->count; i++) {
        int axis = t->axes[i];
        RESOLVE_FAIL_IF(!(scales[i] > 0.0f) || !isfinite(scales[i]), INFER_ERROR_SHAPE,
                        "the scale of axis %d is not above 0 and finite", axis);
        /* The product is one of float: in double, 10 * 2.3f would be less than 23. */
        float size = floorf((float)dims[axis] * scales[i]);
        RESOLVE_FAIL_IF(!(size < MAX_SIZE), INFER_ERROR_LIMIT,
                        "axis %d of the output would be too large", axis);
        r->params->resize.scale[axis] = scales[i];
        dims[axis] = (int64_t)size;
    }
    return INFER_OK;
}

/* One scale for all axes, so that the output is as large as possible inside the sizes, or as
 * small as possible around them; coordinates are mapped with this scale. */
static infer_status keep_aspect(struct infer__resolve *r, const struct target *t, int64_t policy,
                                const int64_t *sizes, int64_t *dims)
{
    double scale = 0.0;
    for (int i = 0; i < t->count; i++) {
        double s = (double)sizes[i] / (double)dims[t->axes[i]];
        if (i == 0 || (policy == INFER__NOT_LARGER ? s < scale : s > scale))
            scale = s;
    }
    for (int i = 0; i < t->count; i++) {
        int axis = t->axes[i];
        double size = floor(scale * (double)dims[axis] + 0.5);
        RESOLVE_FAIL_IF(!(size < (double)MAX_SIZE), INFER_ERROR_LIMIT,
                        "axis %d of the output would be too large", axis);
        r->params->resize.scale[axis] = (float)scale;
        dims[axis] = (int64_t)size;
    }
    return INFER_OK;
}

static infer_status from_sizes(struct infer__resolve *r, const struct target *t,
                               const int64_t *sizes, int64_t *dims)
{
    int64_t policy = 0;
    int empty = 0;
    TRY(infer__resolve_int(r, INFER__ATTR_KEEP_ASPECT, INFER__STRETCH, INFER__STRETCH,
                           INFER__NOT_SMALLER, &policy));
    for (int i = 0; i < t->count; i++) {
        int64_t size = dims[t->axes[i]];
        RESOLVE_FAIL_IF(sizes[i] < 0 || (!size && sizes[i]), INFER_ERROR_SHAPE,
                        "axis %d, of %lld, can't be resized to %lld", t->axes[i], (long long)size,
                        (long long)sizes[i]);
        empty |= !size;
    }
    if (policy != INFER__STRETCH && !empty)
        return keep_aspect(r, t, policy, sizes, dims);
    for (int i = 0; i < t->count; i++) {
        int axis = t->axes[i];
        if (dims[axis])
            r->params->resize.scale[axis] = (float)((double)sizes[i] / (double)dims[axis]);
        dims[axis] = sizes[i];
    }
    return INFER_OK;
}

infer_status infer__resolve_resize(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    struct target t = {0};
    float scales[2 * INFER_MAX_RANK];
    int64_t sizes[2 * INFER_MAX_RANK], dims[INFER_MAX_RANK];
    int nscales = 0, nsizes = 0;
    TRY(infer__resolve_type(r, 0, INFER__SET(F32) | INFER__SET(U8) | INFER__SET(S8)));
    TRY(read_attrs(r));
    TRY(read_axes(r, &t));
    TRY(read_roi(r, &t));
    TRY(infer__resolve_floats(r, 2, scales, &nscales));
    TRY(infer__resolve_ints(r, 3, sizes, &nsizes));
    for (int i = 0; i < INFER_MAX_RANK; i++) {
        r->params->resize.scale[i] = 1.0f;
        dims[i] = x->dims[i];
    }
    RESOLVE_FAIL_IF(nscales && nsizes, INFER_ERROR_SHAPE, "it has both scales and sizes");
    RESOLVE_FAIL_IF(nscales != t.count && nsizes != t.count, INFER_ERROR_SHAPE,
                    "%d scales or %d sizes are given for %d axes", nscales, nsizes, t.count);
    TRY(nscales ? from_scales(r, &t, scales, dims) : from_sizes(r, &t, sizes, dims));
    return infer__resolve_out(r, 0, (infer_type)x->type, x->rank, dims);
}
