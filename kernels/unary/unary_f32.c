/* levels: avx2 avx512 */
/* Operators of one f32 operand, element by element. They work in
 * place. Where something is fused behind, it follows on a block that is in the cache. */
#include "kernels/levels.h"

#include "kernels/vec_blocks.h"
#include "kernels/vec_epilogue.h"

static int serves(const struct infer__task *t)
{
    return ((t->op >= INFER__OP_RELU && t->op <= INFER__OP_SILU && t->op != INFER__OP_NOT) ||
            t->op == INFER__OP_GELU || t->op == INFER__OP_IDENTITY) &&
           infer__isa_has(t->isa, LEVEL_ISA) && t->in[0].type == INFER_F32 &&
           t->out[0].type == INFER_F32 && !t->epi.residual;
}

INFER__APART static double unary_estimate(const struct infer__task *t)
{
    if (!serves(t))
        return -1;
    double each = vec_activation_ns(t->op) + (t->epi.act ? vec_activation_ns(t->epi.act) : 0);
    return vec_bytes_ns(t) + each * (double)infer__operand_elements(&t->out[0]);
}

#define UNARY_CASE(id)                                                                             \
    case INFER__OP_##id:                                                                           \
        vec_epilogue_loop(INFER__OP_##id, alpha, beta, x, NULL, y, count);                         \
        break;

static void row(unsigned op, float alpha, float beta, const float *x, float *y, int64_t count)
{
    switch (op) {
        UNARY_CASE(RELU)
        UNARY_CASE(LEAKY_RELU)
        UNARY_CASE(CLIP)
        UNARY_CASE(SIGMOID)
        UNARY_CASE(HARD_SIGMOID)
        UNARY_CASE(HARD_SWISH)
        UNARY_CASE(TANH)
        UNARY_CASE(ELU)
        UNARY_CASE(SOFTPLUS)
        UNARY_CASE(MISH)
        UNARY_CASE(ERF)
        UNARY_CASE(EXP)
        UNARY_CASE(LOG)
        UNARY_CASE(SQRT)
        UNARY_CASE(RECIPROCAL)
        UNARY_CASE(ABS)
        UNARY_CASE(NEG)
        UNARY_CASE(FLOOR)
        UNARY_CASE(CEIL)
        UNARY_CASE(ROUND)
        UNARY_CASE(SILU)
        UNARY_CASE(GELU)
    default: /* Identity */
        if (x != y)
            vec_epilogue_loop(INFER__OP_NONE, 0, 0, x, NULL, y, count);
        break;
    }
}

static void unary_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end)
{
    enum { BLOCK = 2048 };
    const float *x = b->in[0];
    float *y = b->out[0], alpha = t->p.unary.alpha, beta = t->p.unary.beta;
    int64_t i, last;
    if (t->op == INFER__OP_CLIP) {
        alpha = infer__has_in(t, 1) ? *(const float *)b->in[1] : -INFINITY;
        beta = infer__has_in(t, 2) ? *(const float *)b->in[2] : INFINITY;
    }
    vec_blocks_range(t, begin, end, &i, &last);
    if (t->epi.act == INFER__OP_NONE) {
        row(t->op, alpha, beta, x + i, y + i, last - i);
        return;
    }
    for (; i < last; i += BLOCK) {
        int64_t n = last - i < BLOCK ? last - i : BLOCK;
        row(t->op, alpha, beta, x + i, y + i, n);
        vec_epilogue_row(&t->epi, y + i, NULL, y + i, n);
    }
}

const struct infer__kernel LEVEL_NAME(infer__unary_f32) = {.name = LEVEL_STRING("unary_f32"),
                                                           .isa = LEVEL_ISA,
                                                           .in_place = INFER__IN_PLACE_FIRST,
                                                           .estimate = unary_estimate,
                                                           .prepare = vec_blocks_prepare,
                                                           .run = unary_run};
