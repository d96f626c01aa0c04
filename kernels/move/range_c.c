/* Range: plain loops, since it is almost always computed once, while planning. */
#include "kernels/nd.h"

INFER__APART static double estimate_range(const struct infer__task *t)
{
    if (t->op != INFER__OP_RANGE || !infer__no_epilogue(t))
        return -1;
    return 10 + 2 * (double)infer__operand_elements(&t->out[0]);
}

/* start + i * delta; integers wrap, and stay in range as long as they are before the limit. */
#define RANGE(type, wide)                                                                          \
    {                                                                                              \
        const type *start = b->in[0], *delta = b->in[2];                                           \
        type *y = b->out[0];                                                                       \
        for (int64_t i = 0; i < count; i++)                                                        \
            y[i] = (type)((wide)*start + (wide)i * (wide)*delta);                                  \
        break;                                                                                     \
    }

static void run_range(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end)
{
    int64_t count = begin < end ? infer__operand_elements(&t->out[0]) : 0;
    switch (t->out[0].type) {
    case INFER_F32:
        RANGE(float, double)
    case INFER_F64:
        RANGE(double, double)
    case INFER_S16:
        RANGE(int16_t, uint64_t)
    case INFER_S32:
        RANGE(int32_t, uint64_t)
    default:
        RANGE(int64_t, uint64_t)
    }
}

const struct infer__kernel infer__range_c = {.name = "range_c",
                                             .isa = INFER_ISA_C,
                                             .estimate = estimate_range,
                                             .prepare = infer__prepare_one,
                                             .run = run_range};
