/* What steps compute, for inspect, and for the budget of what is computed beforehand. */
#include "plan/plan.h"

/* Products that stay at the largest number where they pass it. */
static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t p;
    return __builtin_mul_overflow(a, b, &p) ? UINT64_MAX : p;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

static uint64_t product(const int64_t *v, int n)
{
    uint64_t p = 1;
    for (int i = 0; i < n; i++)
        p = times(p, (uint64_t)v[i]);
    return p;
}

static uint64_t elements(const struct infer__operand *o)
{
    return o->type ? (uint64_t)infer__operand_elements(o) : 0;
}

/* Multiply-adds of a chain: every pixel before the depthwise sees the weights of the expansion,
 * every pixel behind it those of the other two. */
static uint64_t chain_flops(const struct infer__task *t)
{
    uint64_t in = product(t->in[0].dims, 3), out = product(t->out[0].dims, 3);
    uint64_t before = times(in, elements(&t->in[3]));
    return times(2, plus(before, times(out, plus(elements(&t->in[1]), elements(&t->in[5])))));
}

uint64_t infer__task_flops(const struct infer__task *t)
{
    uint64_t out = (uint64_t)infer__operand_elements(&t->out[0]), in = 0;
    if (t->nin)
        in = (uint64_t)infer__operand_elements(&t->in[0]);
    const struct infer__window *w = &t->p.window;
    switch (t->op) {
    case INFER__OP_CONV:
    case INFER__OP_SCALED_CONV:
    case INFER__OP_CONV_INTEGER:
        return times(2 * (uint64_t)t->in[1].dims[1], times(out, product(w->kernel, 3)));
    case INFER__OP_CONV_CHAIN:
        return chain_flops(t);
    case INFER__OP_CONV_TRANSPOSE:
        return times(2 * (uint64_t)t->in[1].dims[1], times(in, product(w->kernel, 3)));
    case INFER__OP_MAX_POOL:
    case INFER__OP_AVERAGE_POOL:
        return times(out, product(w->kernel, 3));
    case INFER__OP_GEMM:
        return times(2 * out, (uint64_t)t->in[0].dims[t->p.gemm.trans_a ? 0 : 1]);
    case INFER__OP_MATMUL:
    case INFER__OP_MATMUL_INTEGER:
    case INFER__OP_DENSE:
        return times(2 * out, (uint64_t)t->in[0].dims[t->in[0].rank - 1]);
    case INFER__OP_TRANSPOSE:
    case INFER__OP_CONCAT:
    case INFER__OP_CHANNEL_SHUFFLE:
    case INFER__OP_SPLIT:
    case INFER__OP_SLICE:
    case INFER__OP_PAD:
    case INFER__OP_GATHER:
    case INFER__OP_EXPAND:
    case INFER__OP_TILE:
    case INFER__OP_SHAPE:
    case INFER__OP_CONSTANT_OF_SHAPE:
    case INFER__OP_DEPTH_TO_SPACE:
    case INFER__OP_SPACE_TO_DEPTH:
    case INFER__OP_IDENTITY:
        return 0;
    default:
        return in > out ? in : out;
    }
}

uint64_t infer__task_work(const struct infer__task *t)
{
    uint64_t work = t->nout && t->out[0].type ? infer__task_flops(t) : 0;
    for (uint32_t i = 0; i < t->nin; i++)
        work = plus(work, elements(&t->in[i]));
    for (uint32_t i = 0; i < t->nout; i++)
        work = plus(work, elements(&t->out[i]));
    return work;
}

struct infer__budget infer__budget_for(const struct infer__graph *g, uint64_t max_work)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < g->nvalues; i++)
        if (g->values[i].kind == INFER__VALUE_CONST)
            bytes = plus(bytes, infer__value_bytes(&g->values[i]));
    if (!max_work)
        max_work = plus(UINT64_C(1) << 31, times(64, bytes));
    return (struct infer__budget){max_work, max_work, plus(UINT64_C(1) << 30, times(4, bytes))};
}
