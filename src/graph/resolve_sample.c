/* Operators that read a picture at places that other operands say. */
#include <string.h>

#include "base/size.h"
#include "graph/resolve.h"

/* Samples of a bin along an axis that a file may ask for; usual are 2. */
enum { MAX_SAMPLES = 256 };

/* Input 1 has a place for each pixel of the output: x, y (, z) from -1 to 1. */
infer_status infer__resolve_grid_sample(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *grid = infer__resolve_in(r, 1);
    struct infer__grid *p = &r->params->grid;
    int64_t dims[INFER_MAX_RANK] = {0}, mode = 0, padding = 0;
    TRY(infer__resolve_type(r, 0, INFER__SET_FLOAT));
    TRY(infer__resolve_type(r, 1, INFER__SET_FLOAT));
    TRY(infer__resolve_rank(r, 0, 3, 5));
    TRY(infer__resolve_rank(r, 1, x->rank, x->rank));
    TRY(infer__resolve_int(r, INFER__ATTR_MODE, INFER__LINEAR, INFER__NEAREST, INFER__CUBIC,
                           &mode));
    TRY(infer__resolve_int(r, INFER__ATTR_PADDING_MODE, INFER__GRID_ZEROS, INFER__GRID_ZEROS,
                           INFER__GRID_REFLECT, &padding));
    TRY(infer__resolve_flag(r, INFER__ATTR_ALIGN_CORNERS, 0, &p->align_corners));
    p->mode = (int32_t)mode;
    p->padding = (int32_t)padding;
    RESOLVE_FAIL_IF(grid->dims[0] != x->dims[0] || grid->dims[x->rank - 1] != x->rank - 2,
                    INFER_ERROR_SHAPE,
                    "the grid has %lld images and places of %lld numbers, not %lld and %d",
                    (long long)grid->dims[0], (long long)grid->dims[x->rank - 1],
                    (long long)x->dims[0], x->rank - 2);
    dims[0] = x->dims[0];
    dims[1] = x->dims[1];
    for (int i = 2; i < x->rank; i++) {
        RESOLVE_FAIL_IF(!x->dims[i], INFER_ERROR_SHAPE, "axis %d of the input is empty", i);
        dims[i] = grid->dims[i - 1];
    }
    return infer__resolve_out(r, 0, (infer_type)x->type, x->rank, dims);
}

/* The size of the result for `boxes` boxes. */
static infer_status roi_out(struct infer__resolve *r, int64_t boxes)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t dims[4] = {boxes, x->dims[1]};
    TRY(infer__resolve_list(r, INFER__ATTR_OUTPUT_SHAPE, 2, 1, 1, INFER__MAX_WINDOW, dims + 2));
    TRY(infer__resolve_float(r, INFER__ATTR_SPATIAL_SCALE, 1.0f, &r->params->roi.scale));
    RESOLVE_FAIL_IF(!x->dims[0] || !x->dims[2] || !x->dims[3], INFER_ERROR_SHAPE,
                    "the input is empty");
    return infer__resolve_out(r, 0, INFER_F32, 4, dims);
}

/* Inputs: pictures, boxes of 4 numbers, and the picture of each. */
infer_status infer__resolve_roi_align(struct infer__resolve *r)
{
    const struct infer__value *boxes = infer__resolve_in(r, 1);
    struct infer__roi *p = &r->params->roi;
    int64_t mode = 0, coordinates = 0, samples = 0;
    TRY(infer__resolve_type(r, 0, INFER__SET(F32)));
    TRY(infer__resolve_type(r, 1, INFER__SET(F32)));
    TRY(infer__resolve_type(r, 2, INFER__SET(S64)));
    TRY(infer__resolve_rank(r, 0, 4, 4));
    TRY(infer__resolve_rank(r, 1, 2, 2));
    RESOLVE_FAIL_IF(boxes->dims[1] != 4, INFER_ERROR_SHAPE, "boxes have 4 numbers, not %lld",
                    (long long)boxes->dims[1]);
    TRY(infer__resolve_vector(r, 2, boxes->dims[0]));
    TRY(infer__resolve_int(r, INFER__ATTR_MODE, INFER__ROI_MEAN, INFER__ROI_MEAN, INFER__ROI_MAX,
                           &mode));
    TRY(infer__resolve_int(r, INFER__ATTR_COORDINATE_MODE, INFER__HALF_PIXEL, INFER__HALF_PIXEL,
                           INFER__ASYMMETRIC, &coordinates));
    RESOLVE_FAIL_IF(coordinates != INFER__HALF_PIXEL && coordinates != INFER__ASYMMETRIC,
                    INFER_ERROR_FORMAT, "coordinates are those of half pixels or asymmetric");
    TRY(infer__resolve_int(r, INFER__ATTR_SAMPLING_RATIO, 0, 0, MAX_SAMPLES, &samples));
    p->mode = (int32_t)mode;
    p->half_pixel = coordinates == INFER__HALF_PIXEL;
    p->samples = (int32_t)samples;
    return roi_out(r, boxes->dims[0]);
}

/* Inputs: pictures, and boxes of 5 numbers, of which the first is the picture's. */
infer_status infer__resolve_max_roi_pool(struct infer__resolve *r)
{
    const struct infer__value *boxes = infer__resolve_in(r, 1);
    TRY(infer__resolve_type(r, 0, INFER__SET(F32)));
    TRY(infer__resolve_type(r, 1, INFER__SET(F32)));
    TRY(infer__resolve_rank(r, 0, 4, 4));
    TRY(infer__resolve_rank(r, 1, 2, 2));
    RESOLVE_FAIL_IF(boxes->dims[1] != 5, INFER_ERROR_SHAPE, "boxes have 5 numbers, not %lld",
                    (long long)boxes->dims[1]);
    return roi_out(r, boxes->dims[0]);
}

/* Of the last two axes, which are equal. */
infer_status infer__resolve_det(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    TRY(infer__resolve_type(r, 0, INFER__SET_FLOAT));
    TRY(infer__resolve_rank(r, 0, 2, INFER_MAX_RANK));
    RESOLVE_FAIL_IF(x->dims[x->rank - 1] != x->dims[x->rank - 2], INFER_ERROR_SHAPE,
                    "matrices of %lldx%lld have no determinant", (long long)x->dims[x->rank - 2],
                    (long long)x->dims[x->rank - 1]);
    return infer__resolve_out(r, 0, (infer_type)x->type, x->rank - 2, x->dims);
}

infer_status infer__resolve_random(struct infer__resolve *r)
{
    struct infer__random *p = &r->params->random;
    int64_t dims[2 * INFER_MAX_RANK], mode = 0;
    int rank = 0;
    TRY(infer__resolve_ints(r, 0, dims, &rank));
    RESOLVE_FAIL_IF(rank > INFER_MAX_RANK, INFER_ERROR_UNSUPPORTED, "the shape has %d axes", rank);
    for (int i = 0; i < rank; i++)
        RESOLVE_FAIL_IF(dims[i] < 0, INFER_ERROR_SHAPE, "axis %d of the shape is %lld", i,
                        (long long)dims[i]);
    TRY(infer__resolve_int(r, INFER__ATTR_MODE, INFER__UNIFORM, INFER__UNIFORM, INFER__NORMAL,
                           &mode));
    p->mode = (int32_t)mode;
    TRY(infer__resolve_float(r, INFER__ATTR_ALPHA, 0.0f, &p->a));
    TRY(infer__resolve_float(r, INFER__ATTR_BETA, 1.0f, &p->b));
    TRY(infer__resolve_float(r, INFER__ATTR_SEED, 0.0f, &p->seed));
    return infer__resolve_out(r, 0, INFER_F32, rank, dims);
}
