/* GatherElements and GatherND. A negative index counts from the end; one outside goes to the
 * nearest inside, so that no value of an input makes this read outside of the data. */
#include <string.h>

#include "kernels/gather/index.h"
#include "kernels/quant.h"

static int serves(const struct infer__task *t, unsigned op)
{
    return t->op == op && t->nin == 2 && t->in[0].type == t->out[0].type &&
           infer__is_index(t->in[1].type) && infer__no_epilogue(t) &&
           infer__same_quant(&t->in[0], &t->out[0]);
}

/* ---- GatherElements ------------------------------------------------------------------------- */

INFER__APART static double estimate_elements(const struct infer__task *t)
{
    if (!serves(t, INFER__OP_GATHER_ELEMENTS))
        return -1;
    return infer__bytes_ns(t) + 2 * (double)infer__operand_elements(&t->out[0]);
}

/* `n` elements of a row of the output: from[k * stride + index[k] * step]. */
#define TAKE(type)                                                                                 \
    static void take_##type(const type *from, const void *index, unsigned kind, int64_t i,         \
                            int64_t n, int64_t stride, int64_t step, int64_t dim, type *to)        \
    {                                                                                              \
        for (int64_t k = 0; k < n; k++)                                                            \
            to[k] = from[k * stride + infer__index_inside(index, kind, i + k, dim) * step];        \
    }
TAKE(infer__e1)
TAKE(infer__e2)
TAKE(infer__e4)
TAKE(infer__e8)

/* A walk over the output, whose operand is the data with the axis standing still. */
static void run_elements(const struct infer__task *t, const struct infer__buffers *b,
                         uint32_t begin, uint32_t end)
{
    const int axis = t->p.axis.axis;
    const unsigned kind = t->in[1].type;
    const size_t size = infer__operand_size(&t->out[0]);
    int64_t dense[INFER_MAX_RANK], i, last;
    struct infer__nd w;
    struct infer__nd_at at;
    infer__elements_range(t, begin, end, &i, &last);
    if (i >= last)
        return;
    infer__nd_init(&w, &t->out[0]);
    infer__nd_strides(t->in[0].dims, t->in[0].rank, dense);
    w.operands = 1;
    for (int k = 0; k < w.axes; k++)
        w.stride[0][k] = k == axis ? 0 : dense[k];
    const int64_t length = w.dims[w.axes - 1], stride = w.stride[0][w.axes - 1];
    const int64_t step = dense[axis], dim = t->in[0].dims[axis];
    infer__nd_seek(&w, i / length, &at);
    for (int64_t inside = i % length; i < last; inside = 0) {
        int64_t n = length - inside < last - i ? length - inside : last - i;
        int64_t from = at.offset[0] + inside * stride;
        if (size == 1)
            take_infer__e1((const infer__e1 *)b->in[0] + from, b->in[1], kind, i, n, stride, step,
                           dim, (infer__e1 *)b->out[0] + i);
        else if (size == 2)
            take_infer__e2((const infer__e2 *)b->in[0] + from, b->in[1], kind, i, n, stride, step,
                           dim, (infer__e2 *)b->out[0] + i);
        else if (size == 4)
            take_infer__e4((const infer__e4 *)b->in[0] + from, b->in[1], kind, i, n, stride, step,
                           dim, (infer__e4 *)b->out[0] + i);
        else
            take_infer__e8((const infer__e8 *)b->in[0] + from, b->in[1], kind, i, n, stride, step,
                           dim, (infer__e8 *)b->out[0] + i);
        i += n;
        infer__nd_next(&w, &at);
    }
}

const struct infer__kernel infer__gather_elements_c = {.name = "gather_elements_c",
                                                       .isa = INFER_ISA_C,
                                                       .estimate = estimate_elements,
                                                       .prepare = infer__elements_prepare,
                                                       .run = run_elements};

/* ---- GatherND ------------------------------------------------------------------------------- */

/* Pieces of `inner` elements, `each` of them for each batch; a batch of the data has `whole`. */
struct gather_nd {
    int64_t pieces, each, inner, whole;
    int named, batch;
};

static struct gather_nd gather_nd_of(const struct infer__task *t)
{
    const struct infer__operand *x = &t->in[0], *at = &t->in[1];
    struct gather_nd g = {.each = 1, .inner = 1, .whole = 1, .batch = t->p.index.batch};
    g.named = (int)at->dims[at->rank - 1];
    g.pieces = infer__operand_elements(at) / g.named;
    for (int i = g.batch; i < at->rank - 1; i++)
        g.each *= at->dims[i];
    for (int i = g.batch; i < x->rank; i++) {
        g.whole *= x->dims[i];
        g.inner *= i < g.batch + g.named ? 1 : x->dims[i];
    }
    return g;
}

INFER__APART static double estimate_nd(const struct infer__task *t)
{
    if (!serves(t, INFER__OP_GATHER_ND))
        return -1;
    return infer__bytes_ns(t) + 3 * (double)infer__operand_elements(&t->in[1]);
}

static uint32_t nd_units(const struct infer__task *t, const struct gather_nd *g)
{
    return infer__task_units(t, g->pieces, 8192 / (g->inner + 1) + 1);
}

static infer_status prepare_nd(const struct infer__task *t, struct infer__need *need,
                               infer_error *err)
{
    struct gather_nd g = gather_nd_of(t);
    (void)err;
    need->units = nd_units(t, &g);
    return INFER_OK;
}

static void run_nd(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                   uint32_t end)
{
    struct gather_nd g = gather_nd_of(t);
    const uint32_t units = nd_units(t, &g);
    const size_t size = infer__operand_size(&t->in[0]), bytes = size * (size_t)g.inner;
    const int64_t last = infer__unit_begin(g.pieces, units, end);
    for (int64_t i = infer__unit_begin(g.pieces, units, begin); i < last; i++) {
        int64_t place = 0;
        for (int k = 0; k < g.named; k++) {
            int64_t dim = t->in[0].dims[g.batch + k];
            place =
                place * dim + infer__index_inside(b->in[1], t->in[1].type, i * g.named + k, dim);
        }
        place = place * g.inner + i / g.each * g.whole;
        memcpy((char *)b->out[0] + (size_t)i * bytes, (const char *)b->in[0] + (size_t)place * size,
               bytes);
    }
}

const struct infer__kernel infer__gather_nd_c = {.name = "gather_nd_c",
                                                 .isa = INFER_ISA_C,
                                                 .estimate = estimate_nd,
                                                 .prepare = prepare_nd,
                                                 .run = run_nd};
