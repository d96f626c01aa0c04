/* ArgMax and ArgMin: the place of the largest or smallest element along an axis, as s64.
 *
 * Of equals the first one, or with select_last the last. A NaN beats every number, for ArgMin too
 * (as NumPy has it), and all NaNs are equals. -0 and +0 are equals.
 */
#include "kernels/convert.h"
#include "kernels/nd.h"

enum { COLUMNS = 64 };

struct view {
    int64_t outer, axis, inner;
};

static struct view view_of(const struct infer__task *t)
{
    struct view v = {1, t->in[0].dims[t->p.axis.axis], 1};
    for (int i = 0; i < t->in[0].rank; i++)
        if (i != t->p.axis.axis)
            *(i < t->p.axis.axis ? &v.outer : &v.inner) *= t->in[0].dims[i];
    return v;
}

static int64_t items_of(const struct view *v)
{
    return v->outer * ((v->inner + COLUMNS - 1) / COLUMNS);
}

static uint32_t units_of(const struct infer__task *t, const struct view *v)
{
    int64_t columns = v->inner < COLUMNS ? v->inner : COLUMNS;
    return infer__task_units(t, items_of(v), 8192 / (v->axis * columns + 1) + 1);
}

INFER__APART static double arg_estimate(const struct infer__task *t)
{
    if ((t->op != INFER__OP_ARG_MAX && t->op != INFER__OP_ARG_MIN) || t->in[0].rank < 1 ||
        t->out[0].type != INFER_S64 || !infer__no_epilogue(t))
        return -1;
    return infer__bytes_ns(t) + 2 * (double)infer__operand_elements(&t->in[0]);
}

static infer_status arg_prepare(const struct infer__task *t, struct infer__need *need,
                                infer_error *err)
{
    struct view v = view_of(t);
    (void)err;
    need->units = units_of(t, &v);
    return INFER_OK;
}

/* Whether x goes before the best so far; `equals` says what counts of two that are equal. */
#define BEATS(T)                                                                                   \
    static inline int beats_##T(T x, T best, int min, int equals)                                  \
    {                                                                                              \
        int nx = x != x, nb = best != best;                                                        \
        if (nx || nb)                                                                              \
            return nx && (!nb || equals);                                                          \
        if (x == best)                                                                             \
            return equals;                                                                         \
        return min ? x < best : x > best;                                                          \
    }
BEATS(double)
BEATS(int64_t)
BEATS(uint64_t)

static void take(enum infer__wide wide, const struct infer__task *t,
                 const union infer__wide_block *x, int64_t k, union infer__wide_block *best,
                 int64_t j, int64_t place, int64_t *y)
{
    int min = t->op == INFER__OP_ARG_MIN, equals = t->p.axis.select_last, better;
    if (wide == INFER__WIDE_FLOAT)
        better = beats_double(x->f[k], best->f[j], min, equals);
    else if (wide == INFER__WIDE_SIGNED)
        better = beats_int64_t(x->s[k], best->s[j], min, equals);
    else
        better = beats_uint64_t(x->u[k], best->u[j], min, equals);
    if (better || place == 0) {
        best->u[j] = x->u[k]; /* the bits of whichever it is */
        y[j] = place;
    }
}

static void columns(const struct infer__task *t, const struct view *v, const char *x, int64_t n,
                    int64_t *y)
{
    unsigned type = t->in[0].type;
    size_t size = infer__operand_size(&t->in[0]);
    enum infer__wide wide = infer__wide_of(type);
    union infer__wide_block best, block;
    for (int64_t j = 0; j < n; j++)
        best.u[j] = 0;
    if (v->inner == 1) {
        for (int64_t i = 0; i < v->axis; i += INFER__BLOCK) {
            int64_t m = v->axis - i < INFER__BLOCK ? v->axis - i : INFER__BLOCK;
            infer__wide_load(type, x + (size_t)i * size, m, &block);
            for (int64_t k = 0; k < m; k++)
                take(wide, t, &block, k, &best, 0, i + k, y);
        }
        return;
    }
    for (int64_t i = 0; i < v->axis; i++) {
        infer__wide_load(type, x + (size_t)(i * v->inner) * size, n, &block);
        for (int64_t j = 0; j < n; j++)
            take(wide, t, &block, j, &best, j, i, y);
    }
}

static void arg_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    struct view v = view_of(t);
    uint32_t units = units_of(t, &v);
    size_t size = infer__operand_size(&t->in[0]);
    int64_t chunks = (v.inner + COLUMNS - 1) / COLUMNS;
    int64_t last = infer__unit_begin(items_of(&v), units, end);
    for (int64_t i = infer__unit_begin(items_of(&v), units, begin); i < last; i++) {
        int64_t outer = i / chunks, column = i % chunks * COLUMNS;
        int64_t n = v.inner - column < COLUMNS ? v.inner - column : COLUMNS;
        int64_t *y = (int64_t *)b->out[0] + outer * v.inner + column;
        for (int64_t j = 0; j < n; j++)
            y[j] = 0; /* an empty axis has no place; resolving refuses it */
        columns(t, &v, (const char *)b->in[0] + (size_t)(outer * v.axis * v.inner + column) * size,
                n, y);
    }
}

const struct infer__kernel infer__arg_c = {.name = "arg_c",
                                           .isa = INFER_ISA_C,
                                           .estimate = arg_estimate,
                                           .prepare = arg_prepare,
                                           .run = arg_run};
