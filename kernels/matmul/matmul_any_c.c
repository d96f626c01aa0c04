/* MatMul and Gemm of f64, and of integers of 32 and 64 bits, whose sums wrap. */
#include "kernels/convert.h"
#include "kernels/matmul/matmul.h"

enum { COLUMNS = 64 };

static int serves(const struct infer__task *t, struct infer__matmul *m)
{
    const unsigned type = t->in[0].type;
    if ((t->op != INFER__OP_GEMM && t->op != INFER__OP_MATMUL) || type == INFER_F32 ||
        type == INFER_BOOL || infer_type_size((infer_type)type) < 4 || t->in[1].type != type ||
        t->out[0].type != type || !infer__no_epilogue(t) ||
        (infer__has_in(t, 2) && t->in[2].type != type))
        return 0;
    return infer__matmul_shape(t, m);
}

INFER__APART static double matmul_any_estimate(const struct infer__task *t)
{
    struct infer__matmul m;
    if (!serves(t, &m))
        return -1;
    return infer__bytes_ns(t) + 4 * (double)m.batches * (double)m.m * (double)m.n * (double)m.k;
}

static int64_t items_of(const struct infer__matmul *m)
{
    return m->batches * m->m * ((m->n + COLUMNS - 1) / COLUMNS);
}

static uint32_t units_of(const struct infer__task *t, const struct infer__matmul *m)
{
    return infer__task_units(t, items_of(m), 1024 / (m->k + 1) + 1);
}

static infer_status matmul_any_prepare(const struct infer__task *t, struct infer__need *need,
                                       infer_error *err)
{
    struct infer__matmul *m = need->cut;
    FAIL_IF(!serves(t, m), INFER_ERROR_INTERNAL, "not a product of matrices");
    need->units = units_of(t, m);
    return INFER_OK;
}

/* Element `at` of operand k as the wide type that it belongs to. */
static void element(const struct infer__task *t, const struct infer__buffers *b, uint32_t k,
                    int64_t at, union infer__wide_block *to)
{
    infer__wide_load(t->in[k].type,
                     (const char *)b->in[k] + (size_t)at * infer__operand_size(&t->in[k]), 1, to);
}

/* `n` elements of the second operand, `step` apart. */
static void row_of(const struct infer__task *t, const struct infer__buffers *b, int64_t at,
                   int64_t step, int64_t n, union infer__wide_block *to)
{
    const size_t size = infer__operand_size(&t->in[1]);
    const char *from = (const char *)b->in[1] + (size_t)at * size;
    if (step == 1) {
        infer__wide_load(t->in[1].type, from, n, to);
        return;
    }
    for (int64_t j = 0; j < n; j++) {
        union infer__wide_block one;
        infer__wide_load(t->in[1].type, from + (size_t)(j * step) * size, 1, &one);
        to->u[j] = one.u[0]; /* the bits of any of the three */
    }
}

/* An integer times a float; what is too large becomes the nearest of 64 bits. */
static uint64_t scaled(enum infer__wide wide, uint64_t bits, float factor)
{
    const int is_signed = wide == INFER__WIDE_SIGNED;
    if (factor == 1)
        return bits;
    const double d = (is_signed ? (double)(int64_t)bits : (double)bits) * (double)factor;
    if (!is_signed)
        return d >= 0x1p64 ? UINT64_MAX : d >= 1 ? (uint64_t)d : 0;
    if (d >= 0x1p63)
        return INT64_MAX;
    return d >= -0x1p63 ? (uint64_t)(int64_t)d : (uint64_t)INT64_MIN;
}

/* Sums of one row become results: alpha and beta are floats for integers too. */
static void finish(const struct infer__task *t, const struct infer__buffers *b,
                   const struct infer__matmul *m, enum infer__wide wide, int64_t row, int64_t col,
                   int64_t n, union infer__wide_block *sums)
{
    union infer__wide_block c;
    for (int64_t j = 0; j < n; j++) {
        if (m->bias >= 0)
            element(t, b, (uint32_t)m->bias, row * m->c_row + (col + j) * m->c_col, &c);
        if (wide == INFER__WIDE_FLOAT)
            sums->f[j] =
                sums->f[j] * (double)m->alpha + (m->bias >= 0 ? (double)m->beta * c.f[0] : 0);
        else
            sums->u[j] = scaled(wide, sums->u[j], m->alpha) +
                         (m->bias >= 0 ? scaled(wide, c.u[0], m->beta) : 0);
    }
}

static void matmul_any_run(const struct infer__task *t, const struct infer__buffers *b,
                           uint32_t begin, uint32_t end)
{
    const struct infer__matmul *m = b->cut;
    const unsigned type = t->in[0].type;
    const uint32_t units = units_of(t, m);
    const int64_t chunks = (m->n + COLUMNS - 1) / COLUMNS;
    enum infer__wide wide = infer__wide_of(type);
    const int64_t last = infer__unit_begin(items_of(m), units, end);
    for (int64_t i = infer__unit_begin(items_of(m), units, begin); i < last; i++) {
        int64_t col = i % chunks * COLUMNS, row = i / chunks % m->m, batch = i / chunks / m->m;
        int64_t n = m->n - col < COLUMNS ? m->n - col : COLUMNS;
        union infer__wide_block sums = {.u = {0}}, x, y; /* all bits 0 is 0 in each type */
        struct infer__nd_at at;
        infer__nd_seek(&m->batch, batch, &at);
        for (int64_t k = 0; k < m->k; k++) {
            element(t, b, 0, at.offset[0] + row * m->a_row + k * m->a_col, &x);
            row_of(t, b, at.offset[1] + k * m->b_row + col * m->b_col, m->b_col, n, &y);
            for (int64_t j = 0; j < n; j++)
                if (wide == INFER__WIDE_FLOAT)
                    sums.f[j] += x.f[0] * y.f[j];
                else
                    sums.u[j] += x.u[0] * y.u[j];
        }
        finish(t, b, m, wide, row, col, n, &sums);
        int64_t to = (batch * m->m + row) * m->n + col;
        infer__wide_store(wide, &sums, type, n,
                          (char *)b->out[0] + (size_t)to * infer__operand_size(&t->out[0]));
    }
}

const struct infer__kernel infer__matmul_any_c = {.name = "matmul_any_c",
                                                  .isa = INFER_ISA_C,
                                                  .cut_bytes = sizeof(struct infer__matmul),
                                                  .estimate = matmul_any_estimate,
                                                  .prepare = matmul_any_prepare,
                                                  .run = matmul_any_run};
