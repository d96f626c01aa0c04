/* Range and ScatterND: plain loops, since they are almost always computed once, while planning. */
#include <string.h>

#include "kernels/nd.h"

static infer_status prepare_one(const struct infer__task *t, struct infer__need *need,
                                infer_error *err)
{
    (void)t;
    (void)err;
    need->units = 1;
    return INFER_OK;
}

/* ---- Range ---------------------------------------------------------------------------------- */

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
                                             .prepare = prepare_one,
                                             .run = run_range};

/* ---- ScatterND ------------------------------------------------------------------------------ */

INFER__APART static double estimate_scatter(const struct infer__task *t)
{
    if (t->op != INFER__OP_SCATTER_ND || !infer__no_epilogue(t) ||
        t->in[0].type != t->out[0].type || t->in[2].type != t->out[0].type)
        return -1;
    return infer__bytes_ns(t) + 5 * (double)infer__operand_elements(&t->in[1]);
}

/* A copy of the data in which the updates stand where the indices say, the later one where two
 * meet. A negative index counts from the end; an update outside goes nowhere. */
static void run_scatter(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    const struct infer__operand *x = &t->in[0], *at = &t->in[1];
    int named = (int)at->dims[at->rank - 1];
    int64_t updates = infer__operand_elements(at) / named, piece = 1;
    size_t size = infer__operand_size(x), bytes = size * (size_t)infer__operand_elements(x);
    const int64_t *index = b->in[1];
    if (begin >= end)
        return;
    for (int i = named; i < x->rank; i++)
        piece *= x->dims[i];
    if (bytes)
        memcpy(b->out[0], b->in[0], bytes);
    size *= (size_t)piece;
    for (int64_t i = 0; i < updates && size; i++, index += named) {
        int64_t place = 0;
        int inside = 1;
        for (int k = 0; k < named && inside; k++) {
            int64_t v = index[k] < 0 ? index[k] + x->dims[k] : index[k];
            inside = v >= 0 && v < x->dims[k];
            place = inside ? place * x->dims[k] + v : 0;
        }
        if (inside)
            memcpy((char *)b->out[0] + (size_t)place * size,
                   (const char *)b->in[2] + (size_t)i * size, size);
    }
}

const struct infer__kernel infer__scatter_c = {.name = "scatter_c",
                                               .isa = INFER_ISA_C,
                                               .estimate = estimate_scatter,
                                               .prepare = prepare_one,
                                               .run = run_scatter};
