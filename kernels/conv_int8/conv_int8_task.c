/* What a task of an int8 convolution or dense layer says; see conv_int8.h. */
#include "kernels/conv_int8/conv_int8.h"

/* One scale for the tensor, or one for each of `count` channels along `axis`. */
static int is_quantised(const struct infer__quant *q, int64_t count, int axis)
{
    return q && (q->count == 1 || ((int64_t)q->count == count && q->axis == axis));
}

static int describe_sizes(const struct infer__task *t, struct infer__linear *s, int conv)
{
    int across = 0;
    return (conv ? infer__linear_conv(t, s) : infer__linear_dense(t, s, &across)) &&
           is_quantised(s->wq, s->y.c, across);
}

/* The types of what stands behind the sum. An f32 result has no residual here. */
static int has_result(const struct infer__task *t, struct infer__linear *s)
{
    uint32_t own = t->nin - (t->epi.residual ? 1 : 0);
    s->f32 = t->out[0].type == INFER_F32;
    s->s32 = t->out[0].type == INFER_S32;
    if (s->s32)
        return s->integer && t->epi.act == INFER__OP_NONE;
    if (s->f32)
        return !s->rq && !s->residual && infer__is_clamp(t->epi.act);
    return s->rq && t->out[0].type == INFER_U8 && t->epi.act == INFER__OP_NONE &&
           (!s->residual || t->in[own].type == INFER_U8);
}

/* Zero point and scale of x. Of ConvInteger and MatMulInteger they are operands, and the weights'
 * scales are 1. */
static int describe_x(const struct infer__task *t, struct infer__linear *s)
{
    const struct infer__operand *zero = t->nin > 2 ? &t->in[2] : NULL;
    s->integer = t->op == INFER__OP_CONV_INTEGER || t->op == INFER__OP_MATMUL_INTEGER;
    s->x_scale = 1;
    s->x_zero = 1;
    if (s->integer)
        return !t->epi.residual && (t->nin < 4 || t->in[3].type == INFER_TYPE_NONE) &&
               (!zero || zero->type == INFER_TYPE_NONE || infer__operand_elements(zero) == 1);
    if (!t->in[0].quant || t->in[0].quant->count != 1)
        return 0;
    s->x_scale = t->in[0].quant->scale[0];
    s->x_zero = t->in[0].quant->zero[0];
    return 1;
}

int infer__linear_int8(const struct infer__task *t, struct infer__linear *s)
{
    uint32_t own = t->nin - (t->epi.residual ? 1 : 0);
    int conv = t->op == INFER__OP_CONV || t->op == INFER__OP_CONV_INTEGER;
    int dense =
        t->op == INFER__OP_GEMM || t->op == INFER__OP_MATMUL || t->op == INFER__OP_MATMUL_INTEGER;
    if ((!conv && !dense) || t->nin < 2 || own < 2 || t->nout != 1 || t->in[0].type != INFER_U8 ||
        t->in[1].type != INFER_S8)
        return 0;
    *s = (struct infer__linear){.wq = t->in[1].quant, .rq = t->epi.requant};
    s->residual = t->epi.residual ? own : 0;
    if (!describe_x(t, s) || (own > 3 && !s->integer) || !has_result(t, s) ||
        !describe_sizes(t, s, conv))
        return 0;
    s->bias = !s->integer && own == 3 && t->in[2].type != INFER_TYPE_NONE;
    return !s->bias || (t->in[2].type == INFER_S32 && infer__operand_elements(&t->in[2]) == s->y.c);
}

uint32_t infer__conv8_taps(const struct infer__linear *s, const struct infer__task *t, int64_t m,
                           int64_t tap, int64_t end)
{
    const int8_t *w = (const int8_t *)t->in[1].data + m * s->w_m;
    int64_t sum = -(end - tap) * s->w_cg * infer__conv8_w_zero(s, m);
    for (; tap < end; tap++)
        for (int64_t c = 0; c < s->w_cg; c++)
            sum += w[c * s->w_c + tap * s->w_tap];
    return (uint32_t)(sum * s->x_zero);
}

int32_t infer__conv8_start(const struct infer__linear *s, const struct infer__task *t, int64_t m)
{
    uint32_t bias = s->bias ? (uint32_t)((const int32_t *)t->in[2].data)[m] : 0;
    return (int32_t)(bias - infer__conv8_taps(s, t, m, 0, s->taps));
}

int infer__conv8_small(const struct infer__linear *s)
{
    for (uint32_t m = 0; m < s->wq->count; m++)
        if (!(infer__conv8_factor(s, m) < 0.5f))
            return 0;
    return 1;
}

int infer__conv8_any_zero(const struct infer__linear *s)
{
    int32_t any = 0;
    for (uint32_t m = 0; m < s->wq->count; m++)
        any |= s->wq->zero[m];
    return any != 0;
}
