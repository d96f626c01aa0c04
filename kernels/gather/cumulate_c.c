/* CumSum and CumProd. Floats are folded in double, integers in 64 bits (wrapping). */
#include "kernels/convert.h"
#include "kernels/nd.h"

/* Sums run along `count` elements, `inner` apart, of outer * inner lines. */
struct lines {
    int64_t outer, count, inner;
};

static struct lines lines_of(const struct infer__task *t)
{
    struct lines l = {1, t->in[0].dims[t->p.index.axis], 1};
    for (int i = 0; i < t->in[0].rank; i++)
        if (i != t->p.index.axis)
            *(i < t->p.index.axis ? &l.outer : &l.inner) *= t->in[0].dims[i];
    return l;
}

static int64_t blocks_of(const struct lines *l)
{
    return l->outer * ((l->inner + INFER__BLOCK - 1) / INFER__BLOCK);
}

static uint32_t units_of(const struct infer__task *t, const struct lines *l)
{
    return infer__task_units(t, blocks_of(l), 1);
}

INFER__APART static double cumulate_estimate(const struct infer__task *t)
{
    if ((t->op != INFER__OP_CUM_SUM && t->op != INFER__OP_CUM_PROD) || !infer__no_epilogue(t) ||
        t->in[0].type != t->out[0].type || t->in[0].type == INFER_BOOL)
        return -1;
    return infer__bytes_ns(t) + 4 * (double)infer__operand_elements(&t->in[0]);
}

static infer_status cumulate_prepare(const struct infer__task *t, struct infer__need *need,
                                     infer_error *err)
{
    struct lines l = lines_of(t);
    (void)err;
    need->units = units_of(t, &l);
    return INFER_OK;
}

static void fold(enum infer__wide wide, int product, union infer__wide_block *sum,
                 const union infer__wide_block *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (wide == INFER__WIDE_FLOAT)
            sum->f[i] = product ? sum->f[i] * x->f[i] : sum->f[i] + x->f[i];
        else /* the low bits are those of signed numbers too */
            sum->u[i] = product ? sum->u[i] * x->u[i] : sum->u[i] + x->u[i];
}

/* `n` lines side by side, the first elements at x. */
static void cumulate(const struct infer__task *t, const struct lines *l, const char *x, char *y,
                     int64_t n)
{
    const unsigned type = t->in[0].type;
    const int product = t->op == INFER__OP_CUM_PROD;
    const size_t step = (size_t)l->inner * infer__operand_size(&t->in[0]);
    enum infer__wide wide = infer__wide_of(type);
    union infer__wide_block sum, block;
    for (int64_t i = 0; i < n; i++)
        if (wide == INFER__WIDE_FLOAT)
            sum.f[i] = product;
        else
            sum.u[i] = (uint64_t)product;
    for (int64_t k = 0; k < l->count; k++) {
        size_t at = step * (size_t)(t->p.index.reverse ? l->count - 1 - k : k);
        infer__wide_load(type, x + at, n, &block);
        if (t->p.index.exclusive)
            infer__wide_store(wide, &sum, type, n, y + at);
        fold(wide, product, &sum, &block, n);
        if (!t->p.index.exclusive)
            infer__wide_store(wide, &sum, type, n, y + at);
    }
}

static void cumulate_run(const struct infer__task *t, const struct infer__buffers *b,
                         uint32_t begin, uint32_t end)
{
    struct lines l = lines_of(t);
    const uint32_t units = units_of(t, &l);
    const size_t size = infer__operand_size(&t->in[0]);
    const int64_t blocks = (l.inner + INFER__BLOCK - 1) / INFER__BLOCK;
    const int64_t last = infer__unit_begin(blocks_of(&l), units, end);
    for (int64_t i = infer__unit_begin(blocks_of(&l), units, begin); i < last; i++) {
        int64_t first = i % blocks * INFER__BLOCK;
        int64_t n = l.inner - first < INFER__BLOCK ? l.inner - first : INFER__BLOCK;
        size_t at = (size_t)(i / blocks * l.count * l.inner + first) * size;
        cumulate(t, &l, (const char *)b->in[0] + at, (char *)b->out[0] + at, n);
    }
}

const struct infer__kernel infer__cumulate_c = {.name = "cumulate_c",
                                                .isa = INFER_ISA_C,
                                                .in_place = INFER__IN_PLACE_FIRST,
                                                .estimate = cumulate_estimate,
                                                .prepare = cumulate_prepare,
                                                .run = cumulate_run};
