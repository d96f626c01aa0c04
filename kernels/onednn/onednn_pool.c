/* AveragePool and GlobalAveragePool, f32. Not the maxima, fast as they are here: oneDNN starts them
 * from -FLT_MAX and drops NaN, so a window of -infinity, or with a NaN, gives a wrong number. */
#include <string.h>

#include "kernels/onednn/onednn_kernel.h"

static dnnl_alg_kind_t algorithm(const struct infer__task *t)
{
    switch (t->op) {
    case INFER__OP_AVERAGE_POOL:
        return t->p.window.count_include_pad ? dnnl_pooling_avg_include_padding
                                             : dnnl_pooling_avg_exclude_padding;
    case INFER__OP_GLOBAL_AVERAGE_POOL:
        return dnnl_pooling_avg_exclude_padding;
    default:
        return dnnl_alg_kind_undef;
    }
}

/* Axis by axis; 0 where oneDNN's meaning is not ONNX's: windows that reach beyond the stated
 * padding (ceil mode) count there as if it were padding, and dilation has no fast kernel. */
static int set_window(struct infer__dnnl_problem *p, const struct infer__window *w, int a)
{
    p->kernel[a] = w->kernel[a];
    p->stride[a] = w->stride[a];
    p->dilation[a] = 1;
    p->pad_begin[a] = w->pad_begin[a];
    int64_t last = (p->out[a] - 1) * p->stride[a] - p->pad_begin[a] + p->kernel[a];
    p->pad_end[a] = last > p->in[a] ? last - p->in[a] : 0;
    return (w->dilation[a] == 1 || w->kernel[a] == 1) &&
           (p->alg != dnnl_pooling_avg_include_padding || p->pad_end[a] <= w->pad_end[a]);
}

static int pool_problem(const struct infer__task *t, struct infer__dnnl_problem *p)
{
    const struct infer__operand *x = &t->in[0], *y = &t->out[0];
    memset(p, 0, sizeof *p);
    if (t->nin != 1 || x->type != INFER_F32 || y->type != INFER_F32 || !x->clast || !y->clast ||
        x->rank < 3 || x->rank > 5 || x->rank != y->rank || t->epi.residual)
        return 0;
    struct infer__spatial in = infer__operand_spatial(x), out = infer__operand_spatial(y);
    *p = (struct infer__dnnl_problem){
        .kind = INFER__DNNL_POOL,
        .alg = (int64_t)algorithm(t),
        .ndims = x->rank == 5 ? 5 : 4,
        .n = in.n,
        .ci = in.c,
        .co = in.c,
        .groups = 1,
        .in = {in.d, in.h, in.w},
        .out = {out.d, out.h, out.w},
    };
    for (int a = 0; a < 3; a++) {
        if (t->op == INFER__OP_GLOBAL_AVERAGE_POOL) {
            p->kernel[a] = p->stride[a] = p->in[a];
            p->dilation[a] = 1;
        } else if (!set_window(p, &t->p.window, a)) {
            return 0;
        }
    }
    return infer__dnnl_sane(p);
}

INFER__APART static double pool_estimate(const struct infer__task *t)
{
    struct infer__dnnl_problem p;
    if (algorithm(t) == dnnl_alg_kind_undef || !infer__dnnl_allowed(t) || !pool_problem(t, &p))
        return -1;
    return infer__dnnl_estimate(&p, &t->epi, infer__task_machine(t));
}

static infer_status pool_prepare(const struct infer__task *t, struct infer__need *need,
                                 infer_error *err)
{
    const struct infer__dnnl_binding b = {.bias = -1, .residual = -1};
    struct infer__dnnl_problem p;
    FAIL_IF(!pool_problem(t, &p), INFER_ERROR_UNSUPPORTED, "not served by oneDNN");
    return infer__dnnl_prepare(&p, &b, t, need, err);
}

const struct infer__kernel infer__average_pool_f32_onednn = {.name = "average_pool_f32_onednn",
                                                             .isa = INFER_ISA_AVX2,
                                                             .cut_bytes =
                                                                 sizeof(struct infer__dnnl_cut),
                                                             .estimate = pool_estimate,
                                                             .prepare = pool_prepare,
                                                             .run = infer__dnnl_run,
                                                             .release = infer__dnnl_release};
