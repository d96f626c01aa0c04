/* levels: avx2 avx512 */
/* TopK of f32 along the last axis: vectors without an element that goes before the worst of those
 * found so far are passed over. */
#include "kernels/levels.h"

#include "kernels/find/compare.h"
#include "kernels/find/top_k.h"

INFER__APART static double estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_TOP_K || !infer__no_epilogue(t) || t->in[0].rank < 1 ||
        t->in[0].type != INFER_F32 || t->p.axis.axis != t->in[0].rank - 1)
        return -1;
    return infer__bytes_ns(t) + PER_LEVEL(2, 0.3, 0.2) * (double)infer__operand_elements(&t->in[0]);
}

/* Whether some lane may be better than the worst: is not on its other side, nor as much as it,
 * which comes too late; one that is no number may be. */
static int some_better(const float *x, float worst, int smallest)
{
    const lanes v = LANES_LOAD(x), w = LANES_ALL(worst);
    return (smallest ? LANES_MASK(v, w, _CMP_NGE_UQ) : LANES_MASK(v, w, _CMP_NLE_UQ)) != 0;
}

static void find(const struct infer__task *t, const struct view *v, const void *x, int64_t at,
                 struct infer__found *best)
{
    const float *row = (const float *)x + at;
    const int smallest = t->p.axis.smallest;
    const uint64_t turn = smallest ? UINT64_MAX : 0;
    int64_t n = 0;
    for (int64_t i = 0; i < v->axis; i += LANES) {
        const int64_t end = v->axis - i < LANES ? v->axis : i + LANES;
        if (n == v->wanted && end == i + LANES &&
            !some_better(row + i, row[best[0].place], smallest))
            continue;
        for (int64_t k = i; k < end; k++)
            top_k_take(v, best, &n, infer__order_key(INFER_F32, row, k) ^ turn, k);
    }
    infer__found_sort(best, n);
}

static void run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                uint32_t end)
{
    top_k_run(find, t, b, begin, end);
}

const struct infer__kernel LEVEL_NAME(infer__top_k) = {.name = LEVEL_STRING("top_k"),
                                                       .isa = LEVEL_ISA,
                                                       .estimate = estimate,
                                                       .prepare = top_k_prepare,
                                                       .run = run};
