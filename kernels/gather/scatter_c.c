/* ScatterElements and ScatterND: a copy of the data, in which updates stand where the indices say,
 * or are added to what stands there (or multiplied with it, or the smaller or larger of both), one
 * after the other. A negative index counts from the end; an update outside goes nowhere. */
#include <string.h>

#include "kernels/binary/binary.h"
#include "kernels/gather/index.h"
#include "kernels/quant.h"

static const uint16_t combines[] = {
    [INFER__REDUCE_NONE] = INFER__OP_NONE, [INFER__REDUCE_ADD] = INFER__OP_ADD,
    [INFER__REDUCE_MUL] = INFER__OP_MUL,   [INFER__REDUCE_MIN] = INFER__OP_MIN,
    [INFER__REDUCE_MAX] = INFER__OP_MAX,
};

/* What puts updates to where they belong: NULL for a copy. */
static infer__binary_row *combine_of(const struct infer__task *t)
{
    return t->p.index.reduction
               ? infer__binary_row_find(combines[t->p.index.reduction], t->out[0].type)
               : NULL;
}

static int serves(const struct infer__task *t, unsigned op)
{
    return t->op == op && t->nin == 3 && t->in[0].type == t->out[0].type &&
           t->in[2].type == t->out[0].type && infer__is_index(t->in[1].type) &&
           infer__no_epilogue(t) && !infer__any_quant(t) &&
           (!t->p.index.reduction || combine_of(t));
}

static void copy_data(const struct infer__task *t, const struct infer__buffers *b)
{
    size_t bytes = infer__operand_size(&t->in[0]) * (size_t)infer__operand_elements(&t->in[0]);
    if (b->in[0] != b->out[0])
        memcpy(b->out[0], b->in[0], bytes);
}

static void put(infer__binary_row *combine, void *to, const void *update, int64_t n, size_t size)
{
    if (combine)
        combine(to, update, to, n);
    else
        memcpy(to, update, (size_t)n * size);
}

/* ---- ScatterND ------------------------------------------------------------------------------ */

INFER__APART static double estimate_nd(const struct infer__task *t)
{
    if (!serves(t, INFER__OP_SCATTER_ND))
        return -1;
    return infer__bytes_ns(t) + 5 * (double)infer__operand_elements(&t->in[1]) +
           (double)infer__operand_elements(&t->in[2]);
}

static void run_nd(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                   uint32_t end)
{
    const struct infer__operand *x = &t->in[0], *at = &t->in[1];
    const int named = (int)at->dims[at->rank - 1];
    const int64_t updates = infer__operand_elements(at) / named;
    const size_t size = infer__operand_size(x);
    infer__binary_row *combine = combine_of(t);
    int64_t piece = 1;
    if (begin >= end)
        return;
    for (int i = named; i < x->rank; i++)
        piece *= x->dims[i];
    copy_data(t, b);
    for (int64_t i = 0; i < updates; i++) {
        int64_t place = 0;
        int inside = 1;
        for (int k = 0; k < named && inside; k++) {
            int64_t v = infer__index_at(b->in[1], at->type, i * named + k, x->dims[k]);
            inside = v >= 0 && v < x->dims[k];
            place = inside ? place * x->dims[k] + v : 0;
        }
        if (inside)
            put(combine, (char *)b->out[0] + (size_t)(place * piece) * size,
                (const char *)b->in[2] + (size_t)(i * piece) * size, piece, size);
    }
}

const struct infer__kernel infer__scatter_nd_c = {.name = "scatter_nd_c",
                                                  .isa = INFER_ISA_C,
                                                  .in_place = INFER__IN_PLACE_FIRST,
                                                  .estimate = estimate_nd,
                                                  .prepare = infer__prepare_one,
                                                  .run = run_nd};

/* ---- ScatterElements ------------------------------------------------------------------------ */

INFER__APART static double estimate_elements(const struct infer__task *t)
{
    if (!serves(t, INFER__OP_SCATTER_ELEMENTS))
        return -1;
    return infer__bytes_ns(t) + 5 * (double)infer__operand_elements(&t->in[1]);
}

/* A walk over the indices, whose operand is the output with the axis standing still. */
static void run_elements(const struct infer__task *t, const struct infer__buffers *b,
                         uint32_t begin, uint32_t end)
{
    const int axis = t->p.index.axis;
    const unsigned kind = t->in[1].type;
    const size_t size = infer__operand_size(&t->in[0]);
    const int64_t total = infer__operand_elements(&t->in[1]);
    infer__binary_row *combine = combine_of(t);
    int64_t dense[INFER_MAX_RANK];
    struct infer__nd w;
    struct infer__nd_at at;
    if (begin >= end)
        return;
    copy_data(t, b);
    infer__nd_init(&w, &t->in[1]);
    infer__nd_strides(t->in[0].dims, t->in[0].rank, dense);
    w.operands = 1;
    for (int k = 0; k < w.axes; k++)
        w.stride[0][k] = k == axis ? 0 : dense[k];
    const int64_t length = w.dims[w.axes - 1], stride = w.stride[0][w.axes - 1];
    const int64_t dim = t->in[0].dims[axis];
    infer__nd_seek(&w, 0, &at);
    for (int64_t i = 0; i < total; infer__nd_next(&w, &at))
        for (int64_t k = 0; k < length; k++, i++) {
            int64_t v = infer__index_at(b->in[1], kind, i, dim);
            if (v < 0 || v >= dim)
                continue;
            int64_t to = at.offset[0] + k * stride + v * dense[axis];
            put(combine, (char *)b->out[0] + (size_t)to * size,
                (const char *)b->in[2] + (size_t)i * size, 1, size);
        }
}

const struct infer__kernel infer__scatter_elements_c = {.name = "scatter_elements_c",
                                                        .isa = INFER_ISA_C,
                                                        .in_place = INFER__IN_PLACE_FIRST,
                                                        .estimate = estimate_elements,
                                                        .prepare = infer__prepare_one,
                                                        .run = run_elements};
