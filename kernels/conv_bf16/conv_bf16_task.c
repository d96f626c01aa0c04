/* What a task of a bf16 convolution or dense layer says; see conv_bf16.h. */
#include "kernels/conv_bf16/conv_bf16.h"

static int is_float(const struct infer__operand *o)
{
    return o->type == INFER_F32 || o->type == INFER_BF16;
}

/* One value for each output channel: rank 1, or all in front of it is 1. */
static int is_bias(const struct infer__operand *o, int64_t n)
{
    return o->type == INFER_F32 && o->rank >= 1 && !o->clast && o->dims[o->rank - 1] == n &&
           infer__operand_elements(o) == n;
}

int infer__linear_bf16(const struct infer__task *t, struct infer__linear *s)
{
    uint32_t own = t->nin - (t->epi.residual ? 1 : 0);
    int conv = t->op == INFER__OP_CONV;
    if (!t->bf16 ||
        (!conv && t->op != INFER__OP_GEMM && t->op != INFER__OP_MATMUL && t->op != INFER__OP_DENSE))
        return 0;
    if (t->nin < 2 || own < 2 || own > 3 || t->nout != 1 || !is_float(&t->in[0]) ||
        t->in[1].type != INFER_F32 || !is_float(&t->out[0]) || !t->in[1].is_const ||
        !t->in[1].data || (t->op == INFER__OP_MATMUL && own != 2))
        return 0;
    *s = (struct infer__linear){.residual = t->epi.residual ? own : 0};
    int across;
    if (!(conv ? infer__linear_conv(t, s) : infer__linear_dense(t, s, &across)) ||
        (!conv && t->in[0].rank < 2))
        return 0;
    s->bias = own == 3 && t->in[2].type != INFER_TYPE_NONE;
    s->half_x = t->in[0].type == INFER_BF16;
    s->half_y = t->out[0].type == INFER_BF16;
    s->half_residual = s->residual && t->in[own].type == INFER_BF16;
    if (s->residual && (!is_float(&t->in[own]) || infer__operand_elements(&t->in[own]) !=
                                                      infer__operand_elements(&t->out[0])))
        return 0;
    return !s->bias || is_bias(&t->in[2], s->y.c);
}
