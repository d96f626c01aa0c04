/* Gemm and MatMul with constant weights, f32: a convolution of 1 x 1 over the rows of A, which
 * reaches the same rate as oneDNN's inner product. */
#include <string.h>

#include "kernels/onednn/onednn_kernel.h"

/* Rows of A; K and N of weights B. */
struct dense {
    int64_t rows, k, n;
    int transposed; /* B is N, K */
    int bias;       /* number of the operand, -1: none */
};

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

static int gemm(const struct infer__task *t, struct dense *d)
{
    const struct infer__operand *a = &t->in[0];
    uint32_t own = t->nin - (t->epi.residual ? 1 : 0);
    const struct infer__gemm *g = &t->p.gemm;
    if (a->rank != 2 || t->in[1].rank != 2 || g->trans_a || g->alpha != 1 || own > 3)
        return 0;
    int has_bias = own == 3 && t->in[2].type != INFER_TYPE_NONE;
    d->rows = a->dims[0];
    d->transposed = g->trans_b != 0;
    d->bias = has_bias ? 2 : -1;
    return !has_bias || (g->beta == 1 && is_bias(&t->in[2], t->in[1].dims[d->transposed ? 0 : 1]));
}

/* Leading dimensions of A are rows, where B is one matrix. */
static int matmul(const struct infer__task *t, struct dense *d)
{
    const struct infer__operand *a = &t->in[0];
    uint32_t own = t->nin - (t->epi.residual ? 1 : 0);
    if (a->rank < 2 || t->in[1].rank != 2 || own != (t->op == INFER__OP_DENSE ? 3 : 2))
        return 0;
    d->rows = 1;
    for (int i = 0; i < a->rank - 1; i++)
        d->rows *= a->dims[i];
    d->transposed = 0;
    d->bias = t->op == INFER__OP_DENSE ? 2 : -1;
    return d->bias < 0 || is_bias(&t->in[2], t->in[1].dims[1]);
}

static int dense_problem(const struct infer__task *t, struct infer__dnnl_problem *p,
                         struct infer__dnnl_binding *b)
{
    struct dense d = {0};
    uint32_t last = t->nin - 1;
    memset(p, 0, sizeof *p);
    if (t->nin < 2 || !is_f32(&t->in[0]) || !is_f32(&t->in[1]) || !is_f32(&t->out[0]) ||
        !t->in[1].is_const || !t->in[1].data)
        return 0;
    if (!(t->op == INFER__OP_GEMM ? gemm(t, &d) : matmul(t, &d)))
        return 0;
    if (t->epi.residual && (!is_f32(&t->in[last]) || infer__operand_elements(&t->in[last]) !=
                                                         infer__operand_elements(&t->out[0])))
        return 0;
    d.k = t->in[1].dims[d.transposed ? 1 : 0];
    d.n = t->in[1].dims[d.transposed ? 0 : 1];
    *p = (struct infer__dnnl_problem){.kind = INFER__DNNL_CONV,
                                      .ndims = 4,
                                      .n = 1,
                                      .ci = d.k,
                                      .co = d.n,
                                      .groups = 1,
                                      .in = {1, 1, d.rows},
                                      .out = {1, 1, d.rows},
                                      .kernel = {1, 1, 1},
                                      .stride = {1, 1, 1},
                                      .dilation = {1, 1, 1},
                                      .bias = d.bias >= 0,
                                      .residual = t->epi.residual != 0};
    *b = (struct infer__dnnl_binding){.bias = d.bias, .residual = t->epi.residual ? (int)last : -1};
    b->weight_strides[0] = d.transposed ? d.k : 1;
    b->weight_strides[1] = d.transposed ? 1 : d.n;
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
                                                      .estimate = dense_estimate,
                                                      .prepare = dense_prepare,
                                                      .pack = infer__dnnl_pack,
                                                      .run = infer__dnnl_run,
                                                      .release = infer__dnnl_release};
