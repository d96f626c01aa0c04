/* What steps compute, for inspect, and for the budget of what is computed beforehand. */
#include "plan/work.h"
#include "base/size.h"
#include "graph/traits.h"

static int64_t elements(const struct infer__operand *o)
{
    return o->type ? infer__operand_elements(o) : 0;
}

static int64_t kernel_elements(const struct infer__window *w)
{
    return INFER__PRODUCT(w->kernel[0], w->kernel[1], w->kernel[2]);
}

/* Multiply-adds of a chain: every pixel before the depthwise sees the weights of the expansion,
 * every pixel behind it those of the other two. */
static int64_t chain_products(const struct infer__task *t)
{
    const int64_t *in = t->in[0].dims, *out = t->out[0].dims;
    return INFER__SUM(INFER__PRODUCT(in[0], in[1], in[2], elements(&t->in[3])),
                      INFER__PRODUCT(out[0], out[1], out[2], elements(&t->in[1])),
                      INFER__PRODUCT(out[0], out[1], out[2], elements(&t->in[5])));
}

static int64_t count_flops(const struct infer__task *t)
{
    const int64_t out = elements(&t->out[0]), in = t->nin ? elements(&t->in[0]) : 0;
    switch (infer__op_traits(t->op)->flops) {
    case INFER__FLOPS_NONE:
        return 0;
    case INFER__FLOPS_CONV:
        return INFER__PRODUCT(2, out, t->in[1].dims[1], kernel_elements(&t->p.window));
    case INFER__FLOPS_CHAIN:
        return INFER__PRODUCT(2, chain_products(t));
    case INFER__FLOPS_SCATTER:
        return INFER__PRODUCT(2, in, t->in[1].dims[1], kernel_elements(&t->p.window));
    case INFER__FLOPS_WINDOW:
        return INFER__PRODUCT(out, kernel_elements(&t->p.window));
    case INFER__FLOPS_RECURRENT:
        return INFER__PRODUCT(2, t->in[0].dims[0], t->in[0].dims[1],
                              INFER__SUM(elements(&t->in[1]), elements(&t->in[2])));
    case INFER__FLOPS_GEMM:
        return INFER__PRODUCT(2, out, t->in[0].dims[t->p.gemm.trans_a ? 0 : 1]);
    case INFER__FLOPS_ATTENTION: {
        const struct infer__operand *q = &t->in[0], *k = &t->in[1];
        const int64_t each = INFER__SUM(q->dims[q->rank - 1], t->out[0].dims[q->rank - 1]);
        return INFER__PRODUCT(2, in / q->dims[q->rank - 1], k->dims[k->rank - 1], each);
    }
    case INFER__FLOPS_MATMUL:
        return INFER__PRODUCT(2, out, t->in[0].dims[t->in[0].rank - 1]);
    default:
        return in > out ? in : out;
    }
}

uint64_t infer__task_flops(const struct infer__task *t)
{
    return (uint64_t)count_flops(t);
}

uint64_t infer__task_work(const struct infer__task *t)
{
    int64_t work = t->nout && t->out[0].type ? count_flops(t) : 0;
    for (uint32_t i = 0; i < t->nin; i++)
        work = INFER__SUM(work, elements(&t->in[i]));
    for (uint32_t i = 0; i < t->nout; i++)
        work = INFER__SUM(work, elements(&t->out[i]));
    return (uint64_t)work;
}

struct infer__budget infer__budget_for(const struct infer__graph *g, uint64_t max_work)
{
    int64_t bytes = 0;
    for (uint32_t i = 0; i < g->nvalues; i++)
        if (g->values[i].kind == INFER__VALUE_CONST)
            bytes = INFER__SUM(bytes, (int64_t)infer__value_bytes(&g->values[i]));
    if (!max_work)
        max_work = (uint64_t)INFER__SUM(INT64_C(1) << 31, INFER__PRODUCT(64, bytes));
    return (struct infer__budget){
        .max_work = max_work,
        .work = max_work,
        .bytes = (uint64_t)INFER__SUM(INT64_C(1) << 30, INFER__PRODUCT(4, bytes))};
}
