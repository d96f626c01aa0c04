/* Operators that move elements without computing, but for Resize (resolve_resize.c). They take
 * every type. Shape-like operands must be constants. */
#include <string.h>

#include "base/size.h"
#include "graph/resolve.h"

/* ---- parts ---------------------------------------------------------------------------------- */

infer_status infer__resolve_concat(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int32_t axis = 0;
    int64_t dims[INFER_MAX_RANK];
    char a[96], b[96];
    RESOLVE_FAIL_IF(!infer__node_attr(r->node, INFER__ATTR_AXIS), INFER_ERROR_FORMAT,
                    "attribute 'axis' is missing");
    TRY(infer__resolve_axis_attr(r, 0, x->rank, &axis));
    r->params->axis.axis = axis;
    memcpy(dims, x->dims, sizeof dims);
    for (uint32_t i = 1; i < r->node->nin; i++) {
        const struct infer__value *v = infer__resolve_in(r, i);
        TRY(infer__resolve_same_type(r, 0, i));
        int same = v->rank == x->rank;
        for (int k = 0; same && k < x->rank; k++)
            same = k == axis || v->dims[k] == x->dims[k];
        RESOLVE_FAIL_IF(!same, INFER_ERROR_SHAPE,
                        "input %u, %s, and input 0, %s, differ outside of axis %d", i,
                        infer__value_text(v, a, sizeof a), infer__value_text(x, b, sizeof b), axis);
        RESOLVE_FAIL_IF(!infer__dim_add(dims[axis], v->dims[axis], &dims[axis]), INFER_ERROR_LIMIT,
                        "the inputs together are too large");
    }
    return infer__resolve_out(r, 0, (infer_type)x->type, x->rank, dims);
}

/* Sizes given by input 1. */
static infer_status split_sizes(struct infer__resolve *r, int axis, int64_t dims[INFER_MAX_RANK])
{
    const struct infer__value *x = infer__resolve_in(r, 0), *sizes = infer__resolve_in(r, 1);
    int64_t count, total = 0;
    TRY(infer__resolve_index_operand(r, 1, &count));
    RESOLVE_FAIL_IF(count != r->node->nout, INFER_ERROR_SHAPE,
                    "%lld sizes are given for %u outputs", (long long)count, r->node->nout);
    for (uint32_t i = 0; i < r->node->nout; i++) {
        dims[axis] = infer__resolve_element(sizes, i);
        RESOLVE_FAIL_IF(dims[axis] < 0 || !infer__dim_add(total, dims[axis], &total),
                        INFER_ERROR_SHAPE, "size %u is %lld", i, (long long)dims[axis]);
        TRY(infer__resolve_out(r, i, (infer_type)x->type, x->rank, dims));
    }
    RESOLVE_FAIL_IF(total != x->dims[axis], INFER_ERROR_SHAPE,
                    "the sizes add up to %lld, axis %d has %lld", (long long)total, axis,
                    (long long)x->dims[axis]);
    return INFER_OK;
}

infer_status infer__resolve_split(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t dims[INFER_MAX_RANK], n = r->node->nout, parts = n;
    int32_t axis = 0;
    TRY(infer__resolve_axis_attr(r, 0, x->rank, &axis));
    TRY(infer__resolve_int(r, INFER__ATTR_NUM_OUTPUTS, n, 1, UINT32_MAX, &parts));
    RESOLVE_FAIL_IF(parts != n, INFER_ERROR_SHAPE,
                    "attribute 'num_outputs' is %lld, the node has %lld", (long long)parts,
                    (long long)n);
    r->params->axis.axis = axis;
    memcpy(dims, x->dims, sizeof dims);
    if (infer__resolve_in(r, 1))
        return split_sizes(r, axis, dims);
    /* Equal parts, the last one smaller where they can't be equal. */
    int64_t size = x->dims[axis] / n + (x->dims[axis] % n != 0), left = x->dims[axis];
    for (uint32_t i = 0; i < r->node->nout; i++) {
        RESOLVE_FAIL_IF(left < size && i + 1 < r->node->nout, INFER_ERROR_SHAPE,
                        "axis %d, of %lld, can't be split into %lld parts", axis,
                        (long long)x->dims[axis], (long long)n);
        dims[axis] = i + 1 < r->node->nout ? size : left;
        left -= dims[axis];
        TRY(infer__resolve_out(r, i, (infer_type)x->type, x->rank, dims));
    }
    return INFER_OK;
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* One axis of Slice, of `size`: ONNX's clamping. A step beyond the size takes one element, as one
 * of the size does, so that start + step can't wrap. Returns the number of elements. */
static int64_t slice_axis(int64_t size, int64_t *start, int64_t end, int64_t *step)
{
    int64_t count, most = size > 0 ? size : 1;
    int back = *step < 0;
    *step = clamp(*step, -most, most);
    *start = clamp(*start < 0 ? *start + size : *start, 0, back ? size - 1 : size);
    end = clamp(end < 0 ? end + size : end, back ? -1 : 0, back ? size - 1 : size);
    if (back)
        count = *start > end ? (*start - end - 1) / -*step + 1 : 0;
    else
        count = end > *start ? (end - *start - 1) / *step + 1 : 0;
    if (!size || !count) {
        *start = 0;
        count = 0;
    }
    return count;
}

infer_status infer__resolve_slice(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    struct infer__slice *p = &r->params->slice;
    int64_t start[16], end[16], axes[16], step[16], dims[INFER_MAX_RANK];
    int n = 0, nend = 0, naxes = 0, nstep = 0;
    uint32_t set;
    TRY(infer__resolve_ints(r, 1, start, &n));
    TRY(infer__resolve_ints(r, 2, end, &nend));
    TRY(infer__resolve_ints(r, 3, axes, &naxes));
    TRY(infer__resolve_ints(r, 4, step, &nstep));
    for (int i = 0; i < n && !infer__resolve_in(r, 3); i++, naxes++)
        axes[i] = i;
    for (int i = 0; i < n && !infer__resolve_in(r, 4); i++, nstep++)
        step[i] = 1;
    RESOLVE_FAIL_IF(nend != n || naxes != n || nstep != n, INFER_ERROR_SHAPE,
                    "%d starts, %d ends, %d axes and %d steps: must be equally many", n, nend,
                    naxes, nstep);
    TRY(infer__resolve_axes(r, axes, n, x->rank, &set));
    for (int i = 0; i < INFER_MAX_RANK; i++)
        p->step[i] = 1;
    memcpy(dims, x->dims, sizeof dims);
    for (int i = 0; i < n; i++) {
        int axis = (int)(axes[i] < 0 ? axes[i] + x->rank : axes[i]);
        RESOLVE_FAIL_IF(!step[i], INFER_ERROR_SHAPE, "the step of axis %d is 0", axis);
        dims[axis] = slice_axis(x->dims[axis], &start[i], end[i], &step[i]);
        p->start[axis] = start[i];
        p->step[axis] = step[i];
    }
    return infer__resolve_out(r, 0, (infer_type)x->type, x->rank, dims);
}

/* ---- padding -------------------------------------------------------------------------------- */

/* What mode needs of an axis of `size` elements: what is cut off must be there, and what is
 * copied must exist in what is left. */
static infer_status check_pad(struct infer__resolve *r, int axis, int64_t size)
{
    const struct infer__pad *p = &r->params->pad;
    int64_t begin = p->begin[axis], end = p->end[axis];
    int64_t left = -1, most = INT64_MAX;
    if (begin >= -size && end >= -size)
        left = size + (begin < 0 ? begin : 0) + (end < 0 ? end : 0);
    RESOLVE_FAIL_IF(left < 0, INFER_ERROR_SHAPE,
                    "pads %lld and %lld cut more from axis %d than its %lld", (long long)begin,
                    (long long)end, axis, (long long)size);
    if (p->mode == INFER__PAD_REFLECT)
        most = left - 1;
    if (p->mode == INFER__PAD_WRAP)
        most = left;
    if (p->mode == INFER__PAD_EDGE && !left)
        most = 0;
    RESOLVE_FAIL_IF((begin > 0 && begin > most) || (end > 0 && end > most), INFER_ERROR_SHAPE,
                    "pads %lld and %lld of axis %d copy more than its %lld elements have",
                    (long long)begin, (long long)end, axis, (long long)left);
    return INFER_OK;
}

infer_status infer__resolve_pad(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    struct infer__pad *p = &r->params->pad;
    int64_t pads[16], axes[16], dims[INFER_MAX_RANK], mode = 0;
    int count = 0, naxes = 0;
    uint32_t set;
    TRY(infer__resolve_int(r, INFER__ATTR_MODE, INFER__PAD_CONSTANT, INFER__PAD_CONSTANT,
                           INFER__PAD_WRAP, &mode));
    p->mode = (int32_t)mode;
    TRY(infer__resolve_same_type(r, 0, 2));
    TRY(infer__resolve_scalar(r, 2));
    TRY(infer__resolve_ints(r, 1, pads, &count));
    TRY(infer__resolve_ints(r, 3, axes, &naxes));
    for (int i = 0; i < x->rank && !infer__resolve_in(r, 3); i++, naxes++)
        axes[i] = i;
    RESOLVE_FAIL_IF(count != 2 * naxes, INFER_ERROR_SHAPE, "%d pads are given for %d axes", count,
                    naxes);
    TRY(infer__resolve_axes(r, axes, naxes, x->rank, &set));
    memcpy(dims, x->dims, sizeof dims);
    for (int i = 0; i < naxes; i++) {
        int axis = (int)(axes[i] < 0 ? axes[i] + x->rank : axes[i]);
        p->begin[axis] = pads[i];
        p->end[axis] = pads[naxes + i];
        TRY(check_pad(r, axis, x->dims[axis]));
        RESOLVE_FAIL_IF(!infer__dim_add(dims[axis], pads[i], &dims[axis]) ||
                            !infer__dim_add(dims[axis], pads[naxes + i], &dims[axis]),
                        INFER_ERROR_LIMIT, "the pads of axis %d are too large", axis);
    }
    return infer__resolve_out(r, 0, (infer_type)x->type, x->rank, dims);
}

/* ---- order and choice ----------------------------------------------------------------------- */

infer_status infer__resolve_transpose(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t perm[INFER_MAX_RANK], dims[INFER_MAX_RANK];
    uint32_t seen = 0;
    TRY(infer__resolve_list(r, INFER__ATTR_PERM, x->rank, 0, 0, x->rank ? x->rank - 1 : 0, perm));
    for (int i = 0; i < x->rank; i++) {
        if (!infer__node_attr(r->node, INFER__ATTR_PERM))
            perm[i] = x->rank - 1 - i;
        RESOLVE_FAIL_IF(seen >> perm[i] & 1, INFER_ERROR_FORMAT,
                        "attribute 'perm' has axis %lld twice", (long long)perm[i]);
        seen |= 1u << perm[i];
        r->params->transpose.perm[i] = (int32_t)perm[i];
        dims[i] = x->dims[perm[i]];
    }
    return infer__resolve_out(r, 0, (infer_type)x->type, x->rank, dims);
}

infer_status infer__resolve_depth_to_space(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    struct infer__d2s *p = &r->params->d2s;
    int64_t mode = 0, dims[4];
    TRY(infer__resolve_rank(r, 0, 4, 4));
    RESOLVE_FAIL_IF(!infer__node_attr(r->node, INFER__ATTR_BLOCKSIZE), INFER_ERROR_FORMAT,
                    "attribute 'blocksize' is missing");
    TRY(infer__resolve_int(r, INFER__ATTR_BLOCKSIZE, 0, 1, INFER__MAX_WINDOW, &p->block));
    TRY(infer__resolve_int(r, INFER__ATTR_MODE, INFER__DCR, INFER__DCR, INFER__CRD, &mode));
    p->mode = (int32_t)mode;
    RESOLVE_FAIL_IF(x->dims[1] % (p->block * p->block), INFER_ERROR_SHAPE,
                    "%lld channels can't be divided into blocks of %lld x %lld",
                    (long long)x->dims[1], (long long)p->block, (long long)p->block);
    dims[0] = x->dims[0];
    dims[1] = x->dims[1] / (p->block * p->block);
    RESOLVE_FAIL_IF(!infer__dim_mul(x->dims[2], p->block, &dims[2]) ||
                        !infer__dim_mul(x->dims[3], p->block, &dims[3]),
                    INFER_ERROR_LIMIT, "the output would be too large");
    return infer__resolve_out(r, 0, (infer_type)x->type, 4, dims);
}

infer_status infer__resolve_space_to_depth(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    struct infer__d2s *p = &r->params->d2s;
    int64_t dims[4];
    TRY(infer__resolve_rank(r, 0, 4, 4));
    RESOLVE_FAIL_IF(!infer__node_attr(r->node, INFER__ATTR_BLOCKSIZE), INFER_ERROR_FORMAT,
                    "attribute 'blocksize' is missing");
    TRY(infer__resolve_int(r, INFER__ATTR_BLOCKSIZE, 0, 1, INFER__MAX_WINDOW, &p->block));
    RESOLVE_FAIL_IF(x->dims[2] % p->block || x->dims[3] % p->block, INFER_ERROR_SHAPE,
                    "%lld x %lld can't be divided into blocks of %lld x %lld",
                    (long long)x->dims[2], (long long)x->dims[3], (long long)p->block,
                    (long long)p->block);
    dims[0] = x->dims[0];
    RESOLVE_FAIL_IF(!infer__dim_mul(x->dims[1], p->block * p->block, &dims[1]), INFER_ERROR_LIMIT,
                    "the output would be too large");
    dims[2] = x->dims[2] / p->block;
    dims[3] = x->dims[3] / p->block;
    return infer__resolve_out(r, 0, (infer_type)x->type, 4, dims);
}

/* Indices that are known are checked here; kernels clamp those that are not. */
static infer_status check_indices(struct infer__resolve *r, int64_t size)
{
    const struct infer__value *v = infer__resolve_in(r, 1);
    int64_t count = infer__value_elements(v);
    RESOLVE_FAIL_IF(count && !size, INFER_ERROR_SHAPE, "there is nothing to gather: the axis is 0");
    if (v->kind != INFER__VALUE_CONST || !v->data)
        return INFER_OK;
    for (int64_t k = 0; k < count; k++) {
        int64_t index = infer__resolve_element(v, k);
        RESOLVE_FAIL_IF(index < -size || index >= size, INFER_ERROR_SHAPE,
                        "index %lld, of element %lld, is outside of an axis of %lld",
                        (long long)index, (long long)k, (long long)size);
    }
    return INFER_OK;
}

infer_status infer__resolve_gather(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0), *v = infer__resolve_in(r, 1);
    int64_t dims[2 * INFER_MAX_RANK];
    int32_t axis = 0;
    int rank = 0;
    TRY(infer__resolve_type(r, 1, INFER__SET_INDEX));
    TRY(infer__resolve_axis_attr(r, 0, x->rank, &axis));
    TRY(check_indices(r, x->dims[axis]));
    r->params->axis.axis = axis;
    for (int i = 0; i < axis; i++)
        dims[rank++] = x->dims[i];
    for (int i = 0; i < v->rank; i++)
        dims[rank++] = v->dims[i];
    for (int i = axis + 1; i < x->rank; i++)
        dims[rank++] = x->dims[i];
    return infer__resolve_out(r, 0, (infer_type)x->type, rank, dims);
}
