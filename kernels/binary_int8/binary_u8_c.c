/* Add, Sub and Mul of quantised tensors with broadcasting: the definition. In place, as long as an
 * operand that shares the output's memory has the output's shape. */
#include "kernels/binary_int8/binary_u8.h"

#include <math.h>

#include "kernels/quant.h"

int infer__binary_u8_serves(const struct infer__task *t)
{
    return (t->op == INFER__OP_ADD || t->op == INFER__OP_SUB || t->op == INFER__OP_MUL ||
            (t->op == INFER__OP_SUM && t->nin == 2)) &&
           t->nin == 2 && t->nout == 1 && infer__is_q8(&t->in[0]) && infer__is_q8(&t->in[1]) &&
           infer__is_q8(&t->out[0]) && infer__no_epilogue(t);
}

struct infer__binary_u8 infer__binary_u8_of(const struct infer__task *t)
{
    const struct infer__quant *a = t->in[0].quant, *b = t->in[1].quant, *y = t->out[0].quant;
    struct infer__binary_u8 p = {.a_zero = a->zero[0],
                                 .b_zero = b->zero[0],
                                 .zero = y->zero[0],
                                 .lo = t->epi.requant ? t->epi.requant->add_lo : 0,
                                 .hi = t->epi.requant ? t->epi.requant->add_hi : 255};
    p.a_ratio = a->scale[0] / y->scale[0];
    p.b_ratio = b->scale[0] / y->scale[0];
    if (t->op == INFER__OP_SUB)
        p.b_ratio = -p.b_ratio;
    p.fixed = (float)p.zero - fmaf(p.a_ratio, (float)p.a_zero, p.b_ratio * (float)p.b_zero);
    p.m = a->scale[0] * b->scale[0] / y->scale[0];
    return p;
}

static uint8_t one(unsigned op, const struct infer__binary_u8 *p, uint8_t a, uint8_t b)
{
    if (op == INFER__OP_MUL)
        return infer__q8_round((float)((a - p->a_zero) * (b - p->b_zero)) * p->m, p->zero, p->lo,
                               p->hi);
    float sum = fmaf((float)a, p->a_ratio, fmaf((float)b, p->b_ratio, p->fixed));
    return infer__q8_round(sum, 0, p->lo, p->hi);
}

INFER__APART static double binary_estimate(const struct infer__task *t)
{
    if (!infer__binary_u8_serves(t))
        return -1;
    return 100 + (t->op == INFER__OP_MUL ? 2 : 5) * (double)infer__operand_elements(&t->out[0]);
}

static void binary_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    struct infer__binary_u8 p = infer__binary_u8_of(t);
    uint8_t buffer[2][INFER__BLOCK], *y = b->out[0];
    int64_t i, last;
    for (infer__elements_range(t, begin, end, &i, &last); i < last; i += INFER__BLOCK) {
        int64_t n = last - i < INFER__BLOCK ? last - i : INFER__BLOCK;
        const uint8_t *x[2];
        for (int k = 0; k < 2; k++)
            x[k] = infer__broadcast_block(&t->out[0], &t->in[k], b->in[k], i, n, buffer[k]);
        for (int64_t j = 0; j < n; j++)
            y[i + j] = one(t->op, &p, x[0][j], x[1][j]);
    }
}

const struct infer__kernel infer__binary_u8_c = {.name = "binary_u8_c",
                                                 .isa = INFER_ISA_C,
                                                 .in_place =
                                                     INFER__IN_PLACE_FIRST | INFER__IN_PLACE_SECOND,
                                                 .estimate = binary_estimate,
                                                 .prepare = infer__elements_prepare,
                                                 .run = binary_run};
