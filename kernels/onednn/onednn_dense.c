/* Gemm and MatMul with constant weights, f32: a convolution of 1 x 1 over the rows of A, which
 * reaches the same rate as oneDNN's inner product. */
#include <string.h>

#include "kernels/linear/linear.h"
#include "kernels/onednn/onednn_kernel.h"

static int is_f32(const struct infer__operand *o)
{
    return o->type == INFER_F32 && !o->clast;
}

/* A bias that is one value per column. */
static int is_bias(const struct infer__operand *o, int64_t n)
{
    return is_f32(o) && o->rank >= 1 && o->dims[o->rank - 1] == n &&
           infer__operand_elements(o) == n;
}

static int dense_problem(const struct infer__task *t, struct infer__dnnl_problem *p,
                         struct infer__dnnl_binding *b)
{
    struct infer__linear s = {.bias = 0};
    uint32_t last = t->nin - 1, own = t->nin - (t->epi.residual ? 1 : 0);
    int across;
    memset(p, 0, sizeof *p);
    if (t->nin < 2 || !is_f32(&t->in[0]) || !is_f32(&t->in[1]) || !is_f32(&t->out[0]) ||
        !t->in[1].is_const || !t->in[1].data || !infer__linear_dense(t, &s, &across) || own > 3 ||
        (t->op != INFER__OP_GEMM && t->in[0].rank < 2))
        return 0;
    s.bias = own == 3 && t->in[2].type != INFER_TYPE_NONE;
    if ((s.bias && !is_bias(&t->in[2], s.mg)) ||
        (t->epi.residual && (!is_f32(&t->in[last]) || infer__operand_elements(&t->in[last]) !=
                                                          infer__operand_elements(&t->out[0]))))
        return 0;
    *p = (struct infer__dnnl_problem){.kind = INFER__DNNL_CONV,
                                      .ndims = 4,
                                      .n = 1,
                                      .ci = s.cg,
                                      .co = s.mg,
                                      .groups = 1,
                                      .in = {1, 1, s.x.w},
                                      .out = {1, 1, s.x.w},
                                      .kernel = {1, 1, 1},
                                      .stride = {1, 1, 1},
                                      .dilation = {1, 1, 1},
                                      .bias = s.bias,
                                      .residual = t->epi.residual != 0};
    *b = (struct infer__dnnl_binding){.bias = s.bias ? 2 : -1,
                                      .residual = t->epi.residual ? (int)last : -1,
                                      .weight_strides = {s.w_m, s.w_c}};
    return infer__dnnl_sane(p);
}

INFER__APART static double dense_estimate(const struct infer__task *t)
{
    struct infer__dnnl_problem p;
    struct infer__dnnl_binding b;
    if (t->op != INFER__OP_GEMM && t->op != INFER__OP_MATMUL && t->op != INFER__OP_DENSE)
        return -1;
    if (!infer__dnnl_allowed(t) || !dense_problem(t, &p, &b))
        return -1;
    return infer__dnnl_estimate(&p, &t->epi, infer__task_machine(t));
}

static infer_status dense_prepare(const struct infer__task *t, struct infer__need *need,
                                  infer_error *err)
{
    struct infer__dnnl_problem p;
    struct infer__dnnl_binding b;
    FAIL_IF(!dense_problem(t, &p, &b), INFER_ERROR_UNSUPPORTED, "not served by oneDNN");
    return infer__dnnl_prepare(&p, &b, t, need, err);
}

const struct infer__kernel infer__dense_f32_onednn = {.name = "dense_f32_onednn",
                                                      .isa = INFER_ISA_AVX2,
                                                      .cut_bytes = sizeof(struct infer__dnnl_cut),
                                                      .estimate = dense_estimate,
                                                      .prepare = dense_prepare,
                                                      .pack = infer__dnnl_pack,
                                                      .run = infer__dnnl_run,
                                                      .release = infer__dnnl_release};
