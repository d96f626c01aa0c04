/* TopK of any type, along any axis. */
#include "kernels/find/top_k.h"

INFER__APART static double estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_TOP_K || !infer__no_epilogue(t) || t->in[0].rank < 1)
        return -1;
    return infer__bytes_ns(t) + 2 * (double)infer__operand_elements(&t->in[0]);
}

static void find(const struct infer__task *t, const struct view *v, const void *x, int64_t at,
                 struct infer__found *best)
{
    const uint64_t turn = t->p.axis.smallest ? UINT64_MAX : 0;
    int64_t n = 0;
    for (int64_t i = 0; i < v->axis; i++)
        top_k_take(v, best, &n, infer__order_key(t->in[0].type, x, at + i * v->inner) ^ turn, i);
    infer__found_sort(best, n);
}

static void run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                uint32_t end)
{
    top_k_run(find, t, b, begin, end);
}

const struct infer__kernel infer__top_k_c = {.name = "top_k_c",
                                             .isa = INFER_ISA_C,
                                             .estimate = estimate,
                                             .prepare = top_k_prepare,
                                             .run = run};
