/* What a task of a bf16 convolution or dense layer says; see conv_bf16.h. */
#include "kernels/conv_bf16/conv_bf16.h"

static int is_float(const struct infer__operand *o)
{
    return o->type == INFER_F32 || o->type == INFER_BF16;
}

static int is_spatial(const struct infer__operand *o)
{
    return is_float(o) && o->clast && o->rank >= 3 && o->rank <= 5;
}

static int describe_conv(const struct infer__task *t, struct infer__conv16 *s)
{
    if (!is_spatial(&t->in[0]) || !is_spatial(&t->out[0]) || t->in[1].rank != t->in[0].rank ||
        t->p.window.groups < 1)
        return 0;
    s->w = t->p.window;
    s->x = infer__operand_spatial(&t->in[0]);
    s->y = infer__operand_spatial(&t->out[0]);
    s->groups = s->w.groups;
    s->cg = s->x.c / s->groups;
    s->mg = s->y.c / s->groups;
    s->taps = s->w.kernel[0] * s->w.kernel[1] * s->w.kernel[2];
    s->w_m = s->cg * s->taps;
    s->w_c = s->taps;
    s->w_tap = 1;
    return 1;
}

/* A row of the left matrix is a pixel. */
static int describe_dense(const struct infer__task *t, struct infer__conv16 *s)
{
    const struct infer__operand *a = &t->in[0], *b = &t->in[1];
    int across = 1; /* the axis of b that is the output's last one */
    if (b->rank != 2 || a->rank < 2 || a->clast || t->out[0].clast)
        return 0;
    if (t->op == INFER__OP_GEMM) {
        const struct infer__gemm *g = &t->p.gemm;
        if (a->rank != 2 || g->trans_a || !(g->alpha >= 1 && g->alpha <= 1) ||
            !(g->beta >= 1 && g->beta <= 1))
            return 0;
        across = g->trans_b ? 0 : 1;
    }
    s->w = (struct infer__window){
        .kernel = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}, .groups = 1, .spatial = 1};
    s->groups = s->taps = 1;
    s->cg = b->dims[!across];
    s->mg = b->dims[across];
    s->w_m = across ? 1 : s->cg;
    s->w_c = across ? s->mg : 1;
    s->x = (struct infer__spatial){1, 1, 1, 1, s->cg};
    for (int i = 0; i < a->rank - 1; i++)
        s->x.w *= a->dims[i];
    s->y = s->x;
    s->y.c = s->mg;
    return a->dims[a->rank - 1] == s->cg;
}

/* One value for each output channel: rank 1, or all in front of it is 1. */
static int is_bias(const struct infer__operand *o, int64_t n)
{
    return o->type == INFER_F32 && o->rank >= 1 && !o->clast && o->dims[o->rank - 1] == n &&
           infer__operand_elements(o) == n;
}

int infer__conv16_of(const struct infer__task *t, struct infer__conv16 *s)
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
    *s = (struct infer__conv16){.residual = t->epi.residual ? own : 0};
    if (!(conv ? describe_conv : describe_dense)(t, s))
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
