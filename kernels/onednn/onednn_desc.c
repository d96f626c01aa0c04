/* Descriptions of problems in oneDNN's terms, and the choice of an implementation. */
#include <string.h>

#include "kernels/onednn/onednn_kernel.h"

/* The problem's spatial axes in oneDNN's order: H, W or D, H, W. */
static int first_axis(const struct infer__dnnl_problem *p)
{
    return p->ndims == 5 ? 0 : 1;
}

dnnl_status_t infer__dnnl_data_desc(const struct infer__dnnl_problem *p, int64_t c,
                                    const int64_t size[3], dnnl_memory_desc_t *md)
{
    dnnl_dims_t dims = {p->n, c};
    for (int a = first_axis(p), i = 2; a < 3; a++)
        dims[i++] = size[a];
    return dnnl_memory_desc_init_by_tag(md, (int)p->ndims, dims, dnnl_f32,
                                        p->ndims == 5 ? dnnl_ndhwc : dnnl_nhwc);
}

dnnl_status_t infer__dnnl_weights_desc(const struct infer__dnnl_problem *p,
                                       const struct infer__dnnl_binding *b, dnnl_memory_desc_t *md)
{
    dnnl_dims_t dims, strides;
    int n = 0;
    int64_t step = 1;
    if (p->groups > 1) {
        dims[n] = p->groups;
        strides[n++] = b ? b->group_stride : 0;
    }
    dims[n] = p->co / p->groups;
    strides[n++] = b ? b->weight_strides[0] : 0;
    dims[n] = p->ci / p->groups;
    strides[n++] = b ? b->weight_strides[1] : 0;
    int last = n + 3 - first_axis(p);
    for (int a = 2, i = last - 1; i >= n; a--, i--) {
        dims[i] = p->kernel[a];
        strides[i] = step;
        step *= p->kernel[a];
    }
    if (b)
        return dnnl_memory_desc_init_by_strides(md, last, dims, dnnl_f32, strides);
    return dnnl_memory_desc_init_by_tag(md, last, dims, dnnl_f32, dnnl_format_tag_any);
}

/* Everything that an operation's description is made from. */
struct terms {
    dnnl_memory_desc_t src, weights, bias, dst;
    dnnl_dims_t kernel, stride, dilation, pad_begin, pad_end;
};

union operation {
    dnnl_convolution_desc_t conv;
    dnnl_deconvolution_desc_t deconv;
    dnnl_pooling_desc_t pool;
};

static dnnl_status_t collect(const struct infer__dnnl_problem *p, const dnnl_memory_desc_t *weights,
                             struct terms *t)
{
    dnnl_status_t s = infer__dnnl_data_desc(p, p->ci, p->in, &t->src);
    if (s == dnnl_success)
        s = infer__dnnl_data_desc(p, p->co, p->out, &t->dst);
    if (s == dnnl_success && weights)
        t->weights = *weights;
    else if (s == dnnl_success && p->kind != INFER__DNNL_POOL)
        s = infer__dnnl_weights_desc(p, NULL, &t->weights);
    if (s == dnnl_success && p->bias)
        s = dnnl_memory_desc_init_by_tag(&t->bias, 1, (dnnl_dims_t){p->co}, dnnl_f32, dnnl_a);
    for (int a = first_axis(p), i = 0; a < 3; a++, i++) {
        t->kernel[i] = p->kernel[a];
        t->stride[i] = p->stride[a];
        t->dilation[i] = p->dilation[a] - 1; /* oneDNN counts the gaps */
        t->pad_begin[i] = p->pad_begin[a];
        t->pad_end[i] = p->pad_end[a];
    }
    return s;
}

static dnnl_status_t describe(const struct infer__dnnl_problem *p, const struct terms *t,
                              union operation *op)
{
    const dnnl_memory_desc_t *bias = p->bias ? &t->bias : NULL;
    if (p->kind == INFER__DNNL_CONV)
        return dnnl_dilated_convolution_forward_desc_init(
            &op->conv, dnnl_forward_inference, dnnl_convolution_direct, &t->src, &t->weights, bias,
            &t->dst, t->stride, t->dilation, t->pad_begin, t->pad_end);
    if (p->kind == INFER__DNNL_DECONV)
        return dnnl_dilated_deconvolution_forward_desc_init(
            &op->deconv, dnnl_forward_inference, dnnl_deconvolution_direct, &t->src, &t->weights,
            bias, &t->dst, t->stride, t->dilation, t->pad_begin, t->pad_end);
    return dnnl_pooling_forward_desc_init(&op->pool, dnnl_forward_inference,
                                          (dnnl_alg_kind_t)p->alg, &t->src, &t->dst, t->stride,
                                          t->kernel, t->pad_begin, t->pad_end);
}

/* Reference implementations are slower than our own plain C, and "gemm" ones make their code when
 * they are executed. */
static int accepts(const_dnnl_primitive_desc_t pd, const char *name)
{
    const char *info = NULL;
    if (dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &info) != dnnl_success)
        return 0;
    if (*name)
        return strcmp(info, name) == 0;
    return !strstr(info, "ref") && !strstr(info, "simple") && !strstr(info, "gemm");
}

static dnnl_primitive_desc_t first_accepted(dnnl_primitive_desc_iterator_t it, const char *name)
{
    do {
        dnnl_primitive_desc_t pd = dnnl_primitive_desc_iterator_fetch(it);
        if (pd && accepts(pd, name))
            return pd;
        if (pd)
            dnnl_primitive_desc_destroy(pd);
    } while (dnnl_primitive_desc_iterator_next(it) == dnnl_success);
    return NULL;
}

infer_status infer__dnnl_find(const struct infer__dnnl_problem *p, const struct infer__epilogue *e,
                              dnnl_engine_t engine, const char *name,
                              const dnnl_memory_desc_t *weights, dnnl_primitive_desc_t *pd,
                              infer_error *err)
{
    struct terms t;
    union operation op;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_iterator_t it = NULL;
    *pd = NULL;
    if (!infer__dnnl_reserve(INFER__DNNL_MAKE))
        return infer__dnnl_no_room(err);
    dnnl_status_t s = collect(p, weights, &t);
    if (s == dnnl_success)
        s = describe(p, &t, &op);
    FAIL_IF(s != dnnl_success, INFER_ERROR_UNSUPPORTED, "oneDNN refuses the shape (status %d)",
            (int)s);
    TRY(infer__dnnl_attr(p, e, &attr, err));
    if (dnnl_primitive_desc_iterator_create(&it, &op, attr, engine, NULL) == dnnl_success) {
        *pd = first_accepted(it, name);
        dnnl_primitive_desc_iterator_destroy(it);
    }
    dnnl_primitive_attr_destroy(attr);
    FAIL_IF(!*pd, INFER_ERROR_UNSUPPORTED, "oneDNN has no fast implementation of this shape");
    return INFER_OK;
}
