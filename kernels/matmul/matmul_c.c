/* The definition of MatMul and Gemm: sums in double, in the order of k. */
#include "kernels/matmul/matmul.h"

#include <string.h>

enum { COLUMNS = 64 };

/* NumPy's rules: a vector on the left is a row, on the right a column, and the axis that it gained
 * is taken away again, which changes nothing in memory. */
static void describe_matmul(const struct infer__task *t, struct infer__matmul *m)
{
    const struct infer__operand *a = &t->in[0], *b = &t->in[1];
    int ar = a->rank > 1 ? a->rank - 2 : 0, br = b->rank > 1 ? b->rank - 2 : 0; /* batch axes */
    struct infer__operand out = {.rank = (uint8_t)(ar > br ? ar : br)};
    struct infer__operand ab = *a, bb = *b;
    int64_t a_size, b_size;
    m->m = a->rank > 1 ? a->dims[a->rank - 2] : 1;
    m->k = a->dims[a->rank - 1];
    m->n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    m->a_row = m->k;
    m->a_col = 1;
    m->b_row = m->n;
    m->b_col = 1;
    a_size = m->m * m->k;
    b_size = m->k * m->n;
    for (int i = 0; i < out.rank; i++)
        out.dims[i] = t->out[0].dims[i];
    ab.rank = (uint8_t)ar;
    bb.rank = (uint8_t)br;
    m->batches = infer__operand_elements(&out);
    m->b_matrices = infer__operand_elements(&bb);
    infer__nd_init(&m->batch, &out);
    infer__nd_broadcast(&m->batch, &ab);
    infer__nd_broadcast(&m->batch, &bb);
    infer__nd_merge(&m->batch);
    if (m->b_matrices == 1 && infer__operand_elements(&ab) == m->batches) { /* all rows as one */
        m->m *= m->batches;
        m->batches = 1;
        m->batch.axes = 0;
    }
    if (t->op == INFER__OP_DENSE) {
        m->bias = 2;
        m->c_col = 1;
        m->beta = 1;
    }
    for (int i = 0; i < m->batch.axes; i++) {
        m->batch.stride[0][i] *= a_size;
        m->batch.stride[1][i] *= b_size;
    }
}

static int describe_gemm(const struct infer__task *t, struct infer__matmul *m)
{
    const struct infer__operand *a = &t->in[0], *b = &t->in[1];
    if (a->rank != 2 || b->rank != 2)
        return 0;
    int ta = t->p.gemm.trans_a != 0, tb = t->p.gemm.trans_b != 0;
    m->m = a->dims[ta];
    m->k = a->dims[!ta];
    m->n = b->dims[!tb];
    m->a_row = ta ? 1 : m->k;
    m->a_col = ta ? m->m : 1;
    m->b_row = tb ? 1 : m->n;
    m->b_col = tb ? m->k : 1;
    m->alpha = t->p.gemm.alpha;
    m->beta = t->p.gemm.beta;
    m->batches = m->b_matrices = 1;
    m->batch.axes = 0;
    m->batch.operands = 2;
    if (infer__has_in(t, 2) && t->nin - t->epi.residual > 2) {
        const struct infer__operand *c = &t->in[2];
        int r = c->rank;
        if (c->type != t->in[0].type || r > 2)
            return 0;
        m->bias = 2;
        m->c_col = r > 0 && c->dims[r - 1] > 1 ? 1 : 0;
        m->c_row = r > 1 && c->dims[0] > 1 ? c->dims[1] : 0;
    }
    return 1;
}

int infer__matmul_of(const struct infer__task *t, struct infer__matmul *m)
{
    if ((t->op != INFER__OP_GEMM && t->op != INFER__OP_MATMUL && t->op != INFER__OP_DENSE) ||
        t->in[0].type != INFER_F32 || t->in[1].type != INFER_F32 || t->out[0].type != INFER_F32)
        return 0;
    return infer__matmul_shape(t, m);
}

int infer__matmul_shape(const struct infer__task *t, struct infer__matmul *m)
{
    if (t->in[0].rank < 1 || t->in[1].rank < 1)
        return 0;
    memset(m, 0, sizeof *m);
    m->alpha = 1;
    m->bias = m->residual = -1;
    if (t->epi.residual)
        m->residual = (int)t->nin - 1;
    if (t->op == INFER__OP_MATMUL || t->op == INFER__OP_DENSE)
        describe_matmul(t, m);
    else if (!describe_gemm(t, m))
        return 0;
    m->batch.dims[m->batch.axes] = 1; /* the row that walking leaves out */
    m->batch.stride[0][m->batch.axes] = m->batch.stride[1][m->batch.axes] = 0;
    m->batch.axes++;
    return 1;
}

void infer__matmul_finish(const struct infer__task *t, const struct infer__buffers *b,
                          const struct infer__matmul *m, int64_t batch, int64_t row, int64_t col,
                          int64_t n, float *sums)
{
    int64_t at = (batch * m->m + row) * m->n + col;
    float *y = (float *)b->out[0] + at, alpha = m->alpha, beta = m->beta;
    const float *c = NULL, *residual = NULL;
    if (m->bias >= 0)
        c = (const float *)b->in[m->bias] + row * m->c_row + col * m->c_col;
    if (m->residual >= 0)
        residual = (const float *)b->in[m->residual] + at;
    if (alpha != 1)
        for (int64_t j = 0; j < n; j++)
            sums[j] *= alpha;
    if (c && m->c_col)
        for (int64_t j = 0; j < n; j++)
            sums[j] += beta * c[j];
    else if (c)
        for (int64_t j = 0; j < n; j++)
            sums[j] += beta * *c;
    infer__epilogue_apply(&t->epi, sums, residual, n);
    for (int64_t j = 0; j < n; j++)
        y[j] = sums[j];
}

/* ---- the reference -------------------------------------------------------------------------- */

INFER__APART static double matmul_estimate(const struct infer__task *t)
{
    struct infer__matmul m;
    if (!infer__matmul_of(t, &m))
        return -1;
    double products = (double)m.batches * (double)m.m * (double)m.n * (double)m.k;
    return infer__bytes_ns(t) + products * (m.b_col == 1 ? 0.2 : 1);
}

static int64_t items_of(const struct infer__matmul *m)
{
    return m->batches * m->m * ((m->n + COLUMNS - 1) / COLUMNS);
}

static uint32_t units_of(const struct infer__task *t, const struct infer__matmul *m)
{
    return infer__task_units(t, items_of(m), 1024 / (m->k + 1) + 1);
}

static infer_status matmul_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    struct infer__matmul *m = need->cut;
    FAIL_IF(!infer__matmul_of(t, m), INFER_ERROR_INTERNAL, "not a product of f32 matrices");
    need->units = units_of(t, m);
    return INFER_OK;
}

static void matmul_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    const struct infer__matmul *m = b->cut;
    struct infer__nd_at at;
    uint32_t units = units_of(t, m);
    int64_t chunks = (m->n + COLUMNS - 1) / COLUMNS;
    int64_t last = infer__unit_begin(items_of(m), units, end);
    for (int64_t i = infer__unit_begin(items_of(m), units, begin); i < last; i++) {
        int64_t col = i % chunks * COLUMNS, row = i / chunks % m->m, batch = i / chunks / m->m;
        int64_t n = m->n - col < COLUMNS ? m->n - col : COLUMNS;
        double sums[COLUMNS] = {0};
        float y[COLUMNS];
        infer__nd_seek(&m->batch, batch, &at);
        const float *a = (const float *)b->in[0] + at.offset[0] + row * m->a_row;
        const float *w = (const float *)b->in[1] + at.offset[1] + col * m->b_col;
        for (int64_t k = 0; k < m->k; k++)
            for (int64_t j = 0; j < n; j++)
                sums[j] += (double)a[k * m->a_col] * (double)w[k * m->b_row + j * m->b_col];
        for (int64_t j = 0; j < n; j++)
            y[j] = (float)sums[j];
        infer__matmul_finish(t, b, m, batch, row, col, n, y);
    }
}

const struct infer__kernel infer__matmul_f32_c = {.name = "matmul_f32_c",
                                                  .isa = INFER_ISA_C,
                                                  .cut_bytes = sizeof(struct infer__matmul),
                                                  .estimate = matmul_estimate,
                                                  .prepare = matmul_prepare,
                                                  .run = matmul_run};
