/* Windows that slide over spatial axes: convolution and pooling. */
#include <string.h>

#include "base/size.h"
#include "graph/resolve.h"

/* Everything about a window but its kernel's size, with the attributes' defaults. The tensor's
 * spatial axis i is axis `first + i` of the window. */
struct window {
    struct infer__window *p;
    const struct infer__value *x;
    int spatial, first;
    int64_t auto_pad;
    int32_t ceil_mode;
};

/* The kernel's extent on axis i of the window, its gaps included: below 2^62. */
static int64_t extent(const struct infer__window *p, int i)
{
    return (p->kernel[i] - 1) * p->dilation[i] + 1;
}

static infer_status read_pads(struct infer__resolve *r, struct window *w)
{
    int64_t pads[6];
    TRY(infer__resolve_int(r, INFER__ATTR_AUTO_PAD, INFER__PAD_NOTSET, INFER__PAD_NOTSET,
                           INFER__PAD_VALID, &w->auto_pad));
    TRY(infer__resolve_list(r, INFER__ATTR_PADS, 2 * w->spatial, 0, 0, INFER__MAX_WINDOW, pads));
    for (int i = 0; i < w->spatial; i++) {
        w->p->pad_begin[w->first + i] = pads[i];
        w->p->pad_end[w->first + i] = pads[w->spatial + i];
        RESOLVE_FAIL_IF(w->auto_pad != INFER__PAD_NOTSET && (pads[i] || pads[w->spatial + i]),
                        INFER_ERROR_FORMAT, "it has both 'pads' and 'auto_pad'");
    }
    return INFER_OK;
}

/* Starts a window on input 0: rank, strides, dilations and pads. */
static infer_status begin_window(struct infer__resolve *r, struct window *w)
{
    memset(w, 0, sizeof *w);
    w->p = &r->params->window;
    w->x = infer__resolve_in(r, 0);
    TRY(infer__resolve_rank(r, 0, 3, 5));
    w->spatial = w->x->rank - 2;
    w->first = 3 - w->spatial;
    w->p->spatial = w->spatial;
    w->p->groups = 1;
    for (int i = 0; i < 3; i++)
        w->p->kernel[i] = w->p->stride[i] = w->p->dilation[i] = 1;
    TRY(infer__resolve_list(r, INFER__ATTR_STRIDES, w->spatial, 1, 1, INFER__MAX_WINDOW,
                            w->p->stride + w->first));
    TRY(infer__resolve_list(r, INFER__ATTR_DILATIONS, w->spatial, 1, 1, INFER__MAX_WINDOW,
                            w->p->dilation + w->first));
    return read_pads(r, w);
}

/* The kernel from the weights, with which attribute kernel_shape must agree. */
static infer_status kernel_of_weights(struct infer__resolve *r, struct window *w)
{
    const struct infer__value *k = infer__resolve_in(r, 1);
    int64_t given[3];
    char text[96];
    RESOLVE_FAIL_IF(k->rank != w->x->rank, INFER_ERROR_SHAPE,
                    "the weights have rank %d, the input has %d: both must be the same", k->rank,
                    w->x->rank);
    RESOLVE_FAIL_IF(!infer__value_elements(k), INFER_ERROR_SHAPE, "the weights, %s, are empty",
                    infer__value_text(k, text, sizeof text));
    for (int i = 0; i < w->spatial; i++)
        w->p->kernel[w->first + i] = k->dims[2 + i]; /* at most INFER__MAX_WINDOW */
    if (!infer__node_attr(r->node, INFER__ATTR_KERNEL_SHAPE))
        return INFER_OK;
    TRY(infer__resolve_list(r, INFER__ATTR_KERNEL_SHAPE, w->spatial, 1, 1, INFER__MAX_WINDOW,
                            given));
    for (int i = 0; i < w->spatial; i++)
        RESOLVE_FAIL_IF(given[i] != k->dims[2 + i], INFER_ERROR_SHAPE,
                        "element %d of attribute 'kernel_shape' is %lld, the weights have %lld", i,
                        (long long)given[i], (long long)k->dims[2 + i]);
    return INFER_OK;
}

/* Divides a total of padding between both ends of axis i. */
static void divide_padding(struct infer__window *p, int i, int64_t total, int upper)
{
    int64_t less = total / 2;
    p->pad_begin[i] = upper ? less : total - less;
    p->pad_end[i] = upper ? total - less : less;
}

/* SAME_UPPER and SAME_LOWER: as many windows as fit ceil(size / stride). */
static int64_t same_size(const struct window *w, int i, int64_t size)
{
    struct infer__window *p = w->p;
    int64_t out = size ? (size - 1) / p->stride[i] + 1 : 0;
    int64_t total = out ? (out - 1) * p->stride[i] + extent(p, i) - size : 0;
    divide_padding(p, i, total > 0 ? total : 0, w->auto_pad == INFER__PAD_SAME_UPPER);
    return out;
}

/* Positions of the window on axis i of the window, spatial axis i - first of the tensor. In ceil
 * mode the last one may hang over the end, but must start inside the tensor or the padding before
 * it. (VALID's formula is the same in both modes.) */
static infer_status window_size(struct infer__resolve *r, const struct window *w, int i,
                                int64_t *out)
{
    const struct infer__window *p = w->p;
    int64_t size = w->x->dims[2 + i - w->first];
    if (w->auto_pad == INFER__PAD_SAME_UPPER || w->auto_pad == INFER__PAD_SAME_LOWER) {
        *out = same_size(w, i, size);
        return INFER_OK;
    }
    int64_t room = size + p->pad_begin[i] + p->pad_end[i] - extent(p, i); /* each below 2^62 */
    RESOLVE_FAIL_IF(room < 0 && size, INFER_ERROR_SHAPE,
                    "the kernel spans %lld but spatial axis %d has only %lld, padding included",
                    (long long)extent(p, i), i - w->first,
                    (long long)(size + p->pad_begin[i] + p->pad_end[i]));
    *out = room < 0 ? 0 : room / p->stride[i] + 1;
    if (w->ceil_mode && w->auto_pad == INFER__PAD_NOTSET && room % p->stride[i] > 0 &&
        *out * p->stride[i] < size + p->pad_begin[i])
        ++*out;
    return INFER_OK;
}

/* Kernels multiply sizes of what a window covers: `covered` are the dims of a tensor that has all
 * of it, padding included, and it must be one that there could be. Strides and dilations beyond
 * that have no effect and are brought down to it. */
static infer_status check_covered(struct infer__resolve *r, const struct window *w,
                                  const int64_t *covered)
{
    struct infer__window *p = w->p;
    size_t bytes;
    char text[128];
    RESOLVE_FAIL_IF(!infer__tensor_bytes(covered, w->x->rank, sizeof(float), UINT64_MAX, &bytes),
                    INFER_ERROR_LIMIT, "its windows cover %s, more than a tensor may have",
                    infer__dims_text(w->x->rank, covered, text, sizeof text));
    for (int i = w->first; i < 3; i++) {
        int64_t size = covered[2 + i - w->first];
        size = size > 1 ? size : 1;
        p->stride[i] = p->stride[i] < size ? p->stride[i] : size;
        p->dilation[i] = p->dilation[i] < size ? p->dilation[i] : size;
    }
    return INFER_OK;
}

static infer_status window_out(struct infer__resolve *r, struct window *w, int64_t channels,
                               infer_type type)
{
    int64_t dims[INFER_MAX_RANK] = {w->x->dims[0], channels}, covered[INFER_MAX_RANK];
    memcpy(covered, w->x->dims, sizeof covered);
    for (int i = 0; i < w->spatial; i++) {
        int k = w->first + i;
        TRY(window_size(r, w, k, &dims[2 + i]));
        /* each below 2^62, and padding only where there is something to pad */
        covered[2 + i] += w->p->pad_begin[k] + w->p->pad_end[k];
        if (covered[2 + i] < extent(w->p, k))
            covered[2 + i] = extent(w->p, k);
    }
    TRY(check_covered(r, w, covered));
    return infer__resolve_out(r, 0, type, w->x->rank, dims);
}

static infer_status conv(struct infer__resolve *r, infer_type type)
{
    struct window w;
    TRY(begin_window(r, &w));
    TRY(kernel_of_weights(r, &w));
    const struct infer__value *k = infer__resolve_in(r, 1);
    TRY(infer__resolve_int(r, INFER__ATTR_GROUP, 1, 1, INFER__MAX_WINDOW, &w.p->groups));
    RESOLVE_FAIL_IF(w.x->dims[1] % w.p->groups || w.x->dims[1] / w.p->groups != k->dims[1],
                    INFER_ERROR_SHAPE,
                    "the input has %lld channels, the weights want %lld in each of %lld groups",
                    (long long)w.x->dims[1], (long long)k->dims[1], (long long)w.p->groups);
    RESOLVE_FAIL_IF(k->dims[0] % w.p->groups, INFER_ERROR_SHAPE,
                    "%lld output channels can't be divided into %lld groups", (long long)k->dims[0],
                    (long long)w.p->groups);
    return window_out(r, &w, k->dims[0], type);
}

infer_status infer__resolve_conv(struct infer__resolve *r)
{
    for (uint32_t i = 0; i < 3; i++)
        TRY(infer__resolve_type(r, i, INFER__SET(F32)));
    TRY(conv(r, INFER_F32));
    return infer__resolve_vector(r, 2, infer__resolve_in(r, 1)->dims[0]);
}

infer_status infer__resolve_scaled_conv(struct infer__resolve *r)
{
    TRY(infer__resolve_conv(r));
    const struct infer__value *x = infer__resolve_in(r, 0), *scale = infer__resolve_in(r, 3);
    TRY(infer__resolve_type(r, 3, INFER__SET(F32)));
    TRY(infer__resolve_rank(r, 3, x->rank, x->rank));
    for (int i = 0; i < x->rank; i++)
        RESOLVE_FAIL_IF(scale->dims[i] != (i < 2 ? x->dims[i] : 1), INFER_ERROR_SHAPE,
                        "axis %d of its scale is %lld", i, (long long)scale->dims[i]);
    return INFER_OK;
}

infer_status infer__resolve_conv_integer(struct infer__resolve *r)
{
    infer_type type;
    TRY(infer__resolve_integer(r, &type));
    TRY(conv(r, type));
    return infer__resolve_channels(r, 1, infer__resolve_in(r, 1)->dims[0]);
}

/* Size of spatial axis i without padding: stride * (size - 1) + output_padding + extent. */
static infer_status transposed_size(struct infer__resolve *r, const struct window *w, int i,
                                    int64_t output_padding, int64_t *out)
{
    int64_t size = w->x->dims[2 + i];
    int64_t full = 0;
    int fits = size == 0 || (infer__dim_mul(w->p->stride[w->first + i], size - 1, &full) &&
                             infer__dim_add(full, output_padding, &full) &&
                             infer__dim_add(full, extent(w->p, w->first + i), &full));
    RESOLVE_FAIL_IF(!fits, INFER_ERROR_LIMIT, "spatial axis %d of the output would be too large",
                    i);
    *out = full;
    return INFER_OK;
}

/* Output size of spatial axis i. Where it is given, or is size * stride by auto_pad, padding
 * follows from it (none, if it is larger than what the windows cover). */
static infer_status transposed_out(struct infer__resolve *r, const struct window *w, int i,
                                   int64_t output_padding, const int64_t *given, int64_t *out)
{
    int k = w->first + i;
    int64_t full = 0, wanted = 0;
    TRY(transposed_size(r, w, i, output_padding, &full));
    if (given)
        wanted = given[i];
    else if (w->auto_pad == INFER__PAD_SAME_UPPER || w->auto_pad == INFER__PAD_SAME_LOWER)
        RESOLVE_FAIL_IF(!infer__dim_mul(w->x->dims[2 + i], w->p->stride[k], &wanted),
                        INFER_ERROR_LIMIT, "spatial axis %d of the output would be too large", i);
    else {
        *out = w->x->dims[2 + i] ? full - w->p->pad_begin[k] - w->p->pad_end[k] : 0;
        RESOLVE_FAIL_IF(*out <= 0 && w->x->dims[2 + i], INFER_ERROR_SHAPE,
                        "padding leaves nothing of the %lld elements of spatial axis %d",
                        (long long)full, i);
        return INFER_OK;
    }
    divide_padding(w->p, k, full > wanted ? full - wanted : 0,
                   w->auto_pad == INFER__PAD_SAME_UPPER);
    *out = wanted;
    return INFER_OK;
}

/* A tensor that has all that the windows of a transposed convolution with this output cover. */
static infer_status check_transposed(struct infer__resolve *r, const struct window *w,
                                     const int64_t *out, const int64_t *output_padding)
{
    int64_t covered[INFER_MAX_RANK];
    memcpy(covered, out, sizeof covered);
    for (int i = 0; i < w->spatial; i++) {
        int64_t full = 0;
        TRY(transposed_size(r, w, i, output_padding[i], &full));
        if (covered[2 + i] < full)
            covered[2 + i] = full;
    }
    return check_covered(r, w, covered);
}

infer_status infer__resolve_conv_transpose(struct infer__resolve *r)
{
    struct window w;
    int64_t more[3], shape[3], dims[INFER_MAX_RANK] = {0}, channels;
    for (uint32_t i = 0; i < 3; i++)
        TRY(infer__resolve_type(r, i, INFER__SET(F32)));
    TRY(begin_window(r, &w));
    TRY(kernel_of_weights(r, &w));
    const struct infer__value *k = infer__resolve_in(r, 1);
    TRY(infer__resolve_int(r, INFER__ATTR_GROUP, 1, 1, INFER__MAX_WINDOW, &w.p->groups));
    RESOLVE_FAIL_IF(w.x->dims[1] != k->dims[0] || k->dims[0] % w.p->groups, INFER_ERROR_SHAPE,
                    "the input has %lld channels, the weights want %lld in %lld groups",
                    (long long)w.x->dims[1], (long long)k->dims[0], (long long)w.p->groups);
    RESOLVE_FAIL_IF(!infer__dim_mul(k->dims[1], w.p->groups, &channels), INFER_ERROR_LIMIT,
                    "too many output channels");
    TRY(infer__resolve_vector(r, 2, channels));
    TRY(infer__resolve_list(r, INFER__ATTR_OUTPUT_PADDING, w.spatial, 0, 0, INFER__MAX_WINDOW,
                            more));
    int given = infer__node_attr(r->node, INFER__ATTR_OUTPUT_SHAPE) != NULL;
    if (given)
        TRY(infer__resolve_list(r, INFER__ATTR_OUTPUT_SHAPE, w.spatial, 1, 1, INFER__MAX_WINDOW,
                                shape));
    dims[0] = w.x->dims[0];
    dims[1] = channels;
    for (int i = 0; i < w.spatial; i++) {
        int64_t stride = w.p->stride[w.first + i], dilation = w.p->dilation[w.first + i];
        RESOLVE_FAIL_IF(more[i] >= (stride > dilation ? stride : dilation), INFER_ERROR_FORMAT,
                        "element %d of attribute 'output_padding' is %lld, it must be less than "
                        "the stride or the dilation",
                        i, (long long)more[i]);
        TRY(transposed_out(r, &w, i, more[i], given ? shape : NULL, &dims[2 + i]));
    }
    TRY(check_transposed(r, &w, dims, more));
    return infer__resolve_out(r, 0, INFER_F32, w.x->rank, dims);
}

infer_status infer__resolve_pool(struct infer__resolve *r)
{
    int max = r->node->op == INFER__OP_MAX_POOL;
    struct window w;
    TRY(infer__resolve_type(
        r, 0, max ? INFER__SET(F32) | INFER__SET(U8) | INFER__SET(S8) : INFER__SET(F32)));
    TRY(begin_window(r, &w));
    if (r->node->op == INFER__OP_LP_POOL)
        TRY(infer__resolve_int(r, INFER__ATTR_P, 2, 1, INT32_MAX, &w.p->groups));
    RESOLVE_FAIL_IF(!infer__node_attr(r->node, INFER__ATTR_KERNEL_SHAPE), INFER_ERROR_FORMAT,
                    "attribute 'kernel_shape' is missing");
    TRY(infer__resolve_list(r, INFER__ATTR_KERNEL_SHAPE, w.spatial, 1, 1, INFER__MAX_WINDOW,
                            w.p->kernel + w.first));
    TRY(infer__resolve_flag(r, INFER__ATTR_CEIL_MODE, 0, &w.ceil_mode));
    TRY(infer__resolve_flag(r, INFER__ATTR_COUNT_INCLUDE_PAD, 0, &w.p->count_include_pad));
    TRY(infer__resolve_flag(r, INFER__ATTR_STORAGE_ORDER, 0, &w.p->storage_order));
    for (int i = w.first; i < 3; i++) {
        RESOLVE_FAIL_IF(!w.x->dims[2 + i - w.first], INFER_ERROR_SHAPE,
                        "spatial axis %d of the input is empty", i - w.first);
        RESOLVE_FAIL_IF(w.p->pad_begin[i] >= extent(w.p, i) || w.p->pad_end[i] >= extent(w.p, i),
                        INFER_ERROR_SHAPE,
                        "the padding of spatial axis %d is not smaller than the kernel's %lld",
                        i - w.first, (long long)extent(w.p, i));
    }
    TRY(window_out(r, &w, w.x->dims[1], (infer_type)w.x->type));
    if (r->node->nout < 2 || !r->node->out[1])
        return INFER_OK;
    const struct infer__value *y = &r->g->values[r->node->out[0]];
    return infer__resolve_out(r, 1, INFER_S64, y->rank, y->dims);
}

/* Sizes of what the offsets say: for each group of channels two numbers a tap, and of the mask one;
 * for each place of the result. */
static infer_status check_offsets(struct infer__resolve *r, uint32_t i, int64_t each)
{
    const struct infer__value *v = infer__resolve_in(r, i), *x = infer__resolve_in(r, 0);
    const struct infer__value *y = &r->g->values[r->node->out[0]];
    int64_t groups = infer__node_int(r->node, INFER__ATTR_OFFSET_GROUP, 1), channels = 0;
    char text[96];
    if (!v)
        return INFER_OK;
    TRY(infer__resolve_type(r, i, INFER__SET(F32)));
    RESOLVE_FAIL_IF(groups < 1 || groups > INFER__MAX_WINDOW || x->dims[1] % groups,
                    INFER_ERROR_SHAPE, "%lld channels can't be divided into %lld groups of offsets",
                    (long long)x->dims[1], (long long)groups);
    int fits = infer__dim_mul(groups, each, &channels) && v->rank == y->rank &&
               v->dims[0] == y->dims[0] && v->dims[1] == channels;
    for (int k = 2; fits && k < y->rank; k++)
        fits = v->dims[k] == y->dims[k];
    RESOLVE_FAIL_IF(!fits, INFER_ERROR_SHAPE, "input %u is %s, which fits neither taps nor output",
                    i, infer__value_text(v, text, sizeof text));
    return INFER_OK;
}

/* Inputs: x, weights, offsets, bias, mask. */
infer_status infer__resolve_deform_conv(struct infer__resolve *r)
{
    const struct infer__value *k = infer__resolve_in(r, 1);
    int64_t taps = 0;
    TRY(infer__resolve_rank(r, 0, 4, 4));
    for (uint32_t i = 0; i < 5; i++)
        TRY(infer__resolve_type(r, i, INFER__SET(F32)));
    TRY(conv(r, INFER_F32));
    TRY(infer__resolve_vector(r, 3, k->dims[0]));
    RESOLVE_FAIL_IF(!infer__dim_mul(k->dims[2], k->dims[3], &taps) || taps > INFER__MAX_WINDOW / 2,
                    INFER_ERROR_LIMIT, "the kernel is too large");
    TRY(check_offsets(r, 2, 2 * taps));
    return check_offsets(r, 4, taps);
}

/* A window as large as the tensor. */
infer_status infer__resolve_global_pool(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    struct infer__window *p = &r->params->window;
    int64_t dims[INFER_MAX_RANK];
    TRY(infer__resolve_type(r, 0, INFER__SET(F32)));
    TRY(infer__resolve_rank(r, 0, 3, 5));
    dims[0] = x->dims[0];
    dims[1] = x->dims[1];
    p->spatial = x->rank - 2;
    p->groups = 1;
    for (int i = 0; i < 3; i++)
        p->kernel[i] = p->stride[i] = p->dilation[i] = 1;
    for (int i = 2; i < x->rank; i++) {
        RESOLVE_FAIL_IF(!x->dims[i], INFER_ERROR_SHAPE, "spatial axis %d of the input is empty",
                        i - 2);
        p->kernel[3 - p->spatial + i - 2] = x->dims[i];
        dims[i] = 1;
    }
    return infer__resolve_out(r, 0, INFER_F32, x->rank, dims);
}
