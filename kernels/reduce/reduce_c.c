/* ReduceMean, Sum, Max, Min, Prod over any set of axes.
 *
 * Floats are folded in double, integers in 64 bits (wrapping); ReduceMean of integers cuts towards
 * zero. ReduceMax and ReduceMin are NaN if anything is NaN. Of nothing the sum is 0, the product
 * 1, the mean NaN (an integer's: 0), the maximum -infinity or the type's smallest number.
 *
 * Axes are merged into kept and reduced ones. Where the last one is kept, a block of columns is
 * folded at once; else eight sums run along it. Either way the order depends on shapes alone.
 */
#include <math.h>
#include <string.h>

#include "kernels/convert.h"
#include "kernels/quant.h"

enum { LANES = 8 };

struct plan {
    struct infer__nd kept;    /* operand 0: the input; its row is the output's block */
    struct infer__nd reduced; /* operand 0: the input; its row is folded at once */
    int64_t outputs, count;   /* elements of the output; elements folded into each */
    int columns;              /* the last axis is kept */
};

static void add_axis(struct infer__nd *w, int64_t dim, int64_t stride)
{
    w->dims[w->axes] = dim;
    w->stride[0][w->axes++] = stride;
}

static struct plan plan_of(const struct infer__task *t)
{
    const struct infer__operand *in = &t->in[0];
    struct plan p = {.outputs = 1, .count = 1, .columns = 1};
    int64_t dense[INFER_MAX_RANK];
    infer__nd_strides(in->dims, in->rank, dense);
    p.kept.operands = p.reduced.operands = 1;
    for (int i = 0; i < in->rank; i++) {
        int on = t->p.reduce.axes >> i & 1;
        add_axis(on ? &p.reduced : &p.kept, in->dims[i], dense[i]);
        *(on ? &p.count : &p.outputs) *= in->dims[i];
        if (in->dims[i] != 1)
            p.columns = !on;
    }
    infer__nd_merge(&p.kept);
    infer__nd_merge(&p.reduced);
    if (p.columns) /* fold one row of columns at a time */
        add_axis(&p.reduced, 1, 1);
    else
        add_axis(&p.kept, 1, 1);
    return p;
}

static uint32_t units_of(const struct infer__task *t, const struct plan *p)
{
    return infer__task_units(t, p->outputs, 8192 / (p->count + 1) + 1);
}

INFER__APART static double reduce_estimate(const struct infer__task *t)
{
    if (t->op < INFER__OP_REDUCE_MEAN || t->op > INFER__OP_REDUCE_PROD ||
        t->in[0].type != t->out[0].type || t->in[0].type == INFER_BOOL || !infer__no_epilogue(t) ||
        infer__any_quant(t))
        return -1;
    return infer__bytes_ns(t) + 1.2 * (double)infer__operand_elements(&t->in[0]) +
           20 * (double)infer__operand_elements(&t->out[0]);
}

static infer_status reduce_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    struct plan p = plan_of(t);
    (void)err;
    need->units = units_of(t, &p);
    return INFER_OK;
}

/* ---- folding, in one of the wide types ------------------------------------------------------ */

#define FOLD(T, add_, mul_)                                                                        \
    static void fold_##T(unsigned op, T *restrict sum, const T *restrict x, int64_t n)             \
    {                                                                                              \
        switch (op) {                                                                              \
        case INFER__OP_REDUCE_MAX:                                                                 \
            for (int64_t i = 0; i < n; i++)                                                        \
                sum[i] = sum[i] > x[i] || sum[i] != sum[i] ? sum[i] : x[i];                        \
            break;                                                                                 \
        case INFER__OP_REDUCE_MIN:                                                                 \
            for (int64_t i = 0; i < n; i++)                                                        \
                sum[i] = sum[i] < x[i] || sum[i] != sum[i] ? sum[i] : x[i];                        \
            break;                                                                                 \
        case INFER__OP_REDUCE_PROD:                                                                \
            for (int64_t i = 0; i < n; i++)                                                        \
                sum[i] = mul_;                                                                     \
            break;                                                                                 \
        default:                                                                                   \
            for (int64_t i = 0; i < n; i++)                                                        \
                sum[i] = add_;                                                                     \
        }                                                                                          \
    }
FOLD(double, sum[i] + x[i], sum[i] * x[i])
FOLD(int64_t, (int64_t)((uint64_t)sum[i] + (uint64_t)x[i]),
     (int64_t)((uint64_t)sum[i] * (uint64_t)x[i]))
FOLD(uint64_t, sum[i] + x[i], sum[i] * x[i])

static void fold(enum infer__wide wide, unsigned op, union infer__wide_block *sum,
                 const union infer__wide_block *x, int64_t from, int64_t n)
{
    if (wide == INFER__WIDE_FLOAT)
        fold_double(op, sum->f, x->f + from, n);
    else if (wide == INFER__WIDE_SIGNED)
        fold_int64_t(op, sum->s, x->s + from, n);
    else
        fold_uint64_t(op, sum->u, x->u + from, n);
}

/* What folding begins with. */
static void neutral(enum infer__wide wide, unsigned op, unsigned type, int64_t n,
                    union infer__wide_block *sum)
{
    int bits = (int)infer_type_size((infer_type)type) * 8;
    uint64_t ones = UINT64_MAX >> (64 - bits), u = op == INFER__OP_REDUCE_PROD;
    int64_t largest = (int64_t)(ones >> 1), s = (int64_t)u;
    double f = (double)u;
    if (op == INFER__OP_REDUCE_MAX) {
        f = -INFINITY;
        s = -largest - 1;
        u = 0;
    } else if (op == INFER__OP_REDUCE_MIN) {
        f = INFINITY;
        s = largest;
        u = ones;
    }
    for (int64_t i = 0; i < n; i++)
        if (wide == INFER__WIDE_FLOAT)
            sum->f[i] = f;
        else if (wide == INFER__WIDE_SIGNED)
            sum->s[i] = s;
        else
            sum->u[i] = u;
}

static void finish(const struct infer__task *t, enum infer__wide wide, union infer__wide_block *sum,
                   int64_t count, int64_t n, void *y)
{
    for (int64_t i = 0; i < n && t->op == INFER__OP_REDUCE_MEAN; i++)
        if (wide == INFER__WIDE_FLOAT)
            sum->f[i] /= (double)count;
        else if (wide == INFER__WIDE_SIGNED)
            sum->s[i] = count ? sum->s[i] / count : 0;
        else
            sum->u[i] = count ? sum->u[i] / (uint64_t)count : 0;
    infer__wide_store(wide, sum, t->out[0].type, n, y);
}

/* ---- one output block ----------------------------------------------------------------------- */

/* `n` outputs side by side, whose first elements stand at x. */
static void columns(const struct infer__task *t, const struct plan *p, const char *x, int64_t n,
                    void *y)
{
    unsigned type = t->in[0].type;
    enum infer__wide wide = infer__wide_of(type);
    union infer__wide_block sum, block;
    struct infer__nd_at at;
    neutral(wide, t->op, type, n, &sum);
    infer__nd_seek(&p->reduced, 0, &at);
    for (int64_t i = 0; i < p->count; i++, infer__nd_next(&p->reduced, &at)) {
        infer__wide_load(type, x + (size_t)at.offset[0] * infer__operand_size(&t->in[0]), n,
                         &block);
        fold(wide, t->op, &sum, &block, 0, n);
    }
    finish(t, wide, &sum, p->count, n, y);
}

/* One output; the reduced row stands side by side. Lane i takes each eighth element; at a row's
 * end the first lanes take what is left. */
static void row(const struct infer__task *t, const struct plan *p, const char *x, void *y)
{
    unsigned type = t->in[0].type;
    size_t size = infer__operand_size(&t->in[0]);
    enum infer__wide wide = infer__wide_of(type);
    union infer__wide_block sum, block;
    struct infer__nd_at at;
    int64_t length = p->reduced.dims[p->reduced.axes - 1];
    neutral(wide, t->op, type, LANES, &sum);
    infer__nd_seek(&p->reduced, 0, &at);
    for (int64_t i = 0; i < p->count; i += length, infer__nd_next(&p->reduced, &at))
        for (int64_t j = 0; j < length; j += INFER__BLOCK) {
            int64_t n = length - j < INFER__BLOCK ? length - j : INFER__BLOCK;
            infer__wide_load(type, x + (size_t)(at.offset[0] + j) * size, n, &block);
            for (int64_t k = 0; k < n; k += LANES)
                fold(wide, t->op, &sum, &block, k, n - k < LANES ? n - k : LANES);
        }
    block = sum;
    for (int64_t k = 1; k < LANES; k++)
        fold(wide, t->op, &sum, &block, k, 1);
    finish(t, wide, &sum, p->count, 1, y);
}

static void reduce_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    struct plan p = plan_of(t);
    struct infer__nd_at at;
    uint32_t units = units_of(t, &p);
    size_t size = infer__operand_size(&t->in[0]);
    int64_t i = infer__unit_begin(p.outputs, units, begin);
    int64_t last = infer__unit_begin(p.outputs, units, end);
    if (i >= last)
        return;
    int64_t length = p.kept.dims[p.kept.axes - 1], n;
    infer__nd_seek(&p.kept, i / length, &at);
    for (int64_t inside = i % length; i < last; i += n, inside += n) {
        if (inside == length) {
            infer__nd_next(&p.kept, &at);
            inside = 0;
        }
        n = length - inside < last - i ? length - inside : last - i;
        n = n < INFER__BLOCK ? n : INFER__BLOCK;
        const char *x = b->in[0]; /* not to be moved where there is nothing */
        if (p.count)
            x += (size_t)(at.offset[0] + inside) * size;
        void *y = (char *)b->out[0] + (size_t)i * size;
        if (p.columns)
            columns(t, &p, x, n, y);
        else
            row(t, &p, x, y);
    }
}

const struct infer__kernel infer__reduce_c = {.name = "reduce_c",
                                              .isa = INFER_ISA_C,
                                              .estimate = reduce_estimate,
                                              .prepare = reduce_prepare,
                                              .run = reduce_run};
