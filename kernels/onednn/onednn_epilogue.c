/* What is fused behind a primitive: oneDNN's post-operations. */
#include "kernels/onednn/onednn_kernel.h"

struct eltwise {
    dnnl_alg_kind_t alg;
    float alpha, beta;
};

/* The activation as one of oneDNN's element-wise operations; 0 if ours is applied instead: oneDNN's
 * clamps turn a NaN into a bound; it has no plain erf; its elu, soft_relu and mish cancel: their
 * relative errors are 3e-5 near 0, 1e-3 at -8 and 1e-3 at -15, all others' below 1e-6. */
static int activation(const struct infer__epilogue *e, struct eltwise *o)
{
    switch (e->act) {
    case INFER__OP_LEAKY_RELU: /* with a slope of 0 it is a clamp too */
        *o = (struct eltwise){dnnl_eltwise_relu, e->alpha, 0};
        return e->alpha != 0;
    case INFER__OP_SIGMOID:
        *o = (struct eltwise){dnnl_eltwise_logistic, 0, 0};
        return 1;
    case INFER__OP_HARD_SWISH:
        *o = (struct eltwise){dnnl_eltwise_hardswish, 0, 0};
        return 1;
    case INFER__OP_TANH:
        *o = (struct eltwise){dnnl_eltwise_tanh, 0, 0};
        return 1;
    case INFER__OP_SILU:
        *o = (struct eltwise){dnnl_eltwise_swish, 1, 0};
        return 1;
    default:
        return 0;
    }
}

/* Behind a transposed convolution oneDNN goes through the data once more, value by value: 10
 * GFLOP/s against 117 without. */
int infer__dnnl_fuses(const struct infer__dnnl_problem *p, const struct infer__epilogue *e)
{
    struct eltwise o;
    return p->kind != INFER__DNNL_DECONV && activation(e, &o);
}

/* A residual is a sum with what the destination holds. The other form, a binary operation with a
 * tensor of its own, takes the fast implementations away: brgconv refuses it (measured on Zen 4:
 * 1.05 against 0.94 ms for 64 to 256 channels at 56 x 56; the copy that sum needs where the plan
 * does not compute in place is 0.07). */
static dnnl_status_t append(const struct infer__dnnl_problem *p, const struct infer__epilogue *e,
                            dnnl_post_ops_t ops)
{
    struct eltwise o;
    dnnl_status_t s = dnnl_success;
    if (p->residual)
        s = dnnl_post_ops_append_sum(ops, 1);
    if (s == dnnl_success && infer__dnnl_fuses(p, e) && activation(e, &o))
        s = dnnl_post_ops_append_eltwise(ops, 1, o.alg, o.alpha, o.beta);
    return s;
}

infer_status infer__dnnl_attr(const struct infer__dnnl_problem *p, const struct infer__epilogue *e,
                              dnnl_primitive_attr_t *attr, infer_error *err)
{
    dnnl_post_ops_t ops = NULL;
    *attr = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(attr);
    if (s == dnnl_success)
        s = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (s == dnnl_success) /* else ONEDNN_DEFAULT_FPMATH_MODE decides */
        s = dnnl_primitive_attr_set_fpmath_mode(*attr, dnnl_fpmath_mode_strict);
    if (s == dnnl_success)
        s = dnnl_post_ops_create(&ops);
    if (s == dnnl_success)
        s = append(p, e, ops);
    if (s == dnnl_success)
        s = dnnl_primitive_attr_set_post_ops(*attr, ops);
    if (ops)
        dnnl_post_ops_destroy(ops);
    if (s == dnnl_success)
        return INFER_OK;
    if (*attr)
        dnnl_primitive_attr_destroy(*attr);
    *attr = NULL;
    return infer__fail(err, INFER_ERROR_UNSUPPORTED, "oneDNN refuses the epilogue (status %d)",
                       (int)s);
}
