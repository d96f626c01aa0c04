/* MatMul of two activations in int8, or of any two quantised tensors of one scale each: the
 * definition, after docs/quantization.md. Products with a constant matrix are dense layers and have
 * faster kernels in kernels/conv_int8/. */
#include <string.h>

#include "kernels/conv_int8/requantise.h"
#include "kernels/nd.h"

struct matmul8 {
    int64_t m, n, k, batches;
    struct infer__nd batch; /* operand 0: A's matrices, operand 1: B's; its row is of 1 */
    int32_t a_zero, b_zero;
    int b_signed;
    float factor;
};

static int is_matrix(const struct infer__operand *o)
{
    return (o->type == INFER_U8 || o->type == INFER_S8) && o->rank >= 2 && o->quant &&
           o->quant->count == 1;
}

/* The matrices of an operand. */
static struct infer__operand matrices(const struct infer__operand *o)
{
    struct infer__operand batch = *o;
    batch.rank = (uint8_t)(o->rank - 2);
    return batch;
}

static int describe(const struct infer__task *t, struct matmul8 *m)
{
    const struct infer__operand *a = &t->in[0], *b = &t->in[1], *y = &t->out[0];
    const struct infer__requant *q = t->epi.requant;
    if (t->op != INFER__OP_MATMUL || t->nin != 2 || t->nout != 1 || !is_matrix(a) ||
        !is_matrix(b) || a->type != INFER_U8 || t->epi.act || t->epi.residual || y->rank < 2 ||
        (q ? y->type != INFER_U8 : y->type != INFER_F32))
        return 0;
    memset(m, 0, sizeof *m);
    m->m = a->dims[a->rank - 2];
    m->k = a->dims[a->rank - 1];
    m->n = b->dims[b->rank - 1];
    m->a_zero = a->quant->zero[0];
    m->b_zero = b->quant->zero[0];
    m->b_signed = b->type == INFER_S8;
    m->factor = a->quant->scale[0] * b->quant->scale[0];
    if (q)
        m->factor /= q->scale;
    struct infer__operand out = matrices(y), am = matrices(a), bm = matrices(b);
    m->batches = infer__operand_elements(&out);
    infer__nd_init(&m->batch, &out);
    infer__nd_broadcast(&m->batch, &am);
    infer__nd_broadcast(&m->batch, &bm);
    infer__nd_merge(&m->batch);
    m->batch.dims[m->batch.axes] = 1;
    m->batch.stride[0][m->batch.axes] = m->batch.stride[1][m->batch.axes] = 0;
    m->batch.axes++;
    return 1;
}

static uint32_t units_of(const struct infer__task *t, const struct matmul8 *m)
{
    return infer__task_units(t, m->batches * m->m, 4096 / (m->k * m->n + 1) + 1);
}

/* Sum of a row of A by a column of B, modulo 2^32. */
static int32_t one_sum(const struct matmul8 *m, const uint8_t *a, const uint8_t *b)
{
    uint32_t sum = 0;
    for (int64_t k = 0; k < m->k; k++) {
        int32_t w = m->b_signed ? (int8_t)b[k * m->n] : b[k * m->n];
        sum += (uint32_t)((a[k] - m->a_zero) * (w - m->b_zero));
    }
    return (int32_t)sum;
}

static void matmul_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    const struct matmul8 *m = b->cut;
    struct infer__nd_at at;
    uint32_t units = units_of(t, m);
    int64_t last = infer__unit_begin(m->batches * m->m, units, end);
    for (int64_t i = infer__unit_begin(m->batches * m->m, units, begin); i < last; i++) {
        infer__nd_seek(&m->batch, i / m->m, &at);
        const uint8_t *x = (const uint8_t *)b->in[0] + at.offset[0] * m->m * m->k + i % m->m * m->k;
        const uint8_t *w = (const uint8_t *)b->in[1] + at.offset[1] * m->k * m->n;
        for (int64_t n = 0; n < m->n; n++) {
            int32_t sum = one_sum(m, x, w + n);
            if (t->epi.requant)
                ((uint8_t *)b->out[0])[i * m->n + n] =
                    infer__requantise(t->epi.requant, sum, m->factor, NULL);
            else
                ((float *)b->out[0])[i * m->n + n] = (float)sum * m->factor;
        }
    }
}

static infer_status matmul_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    struct matmul8 *m = need->cut;
    FAIL_IF(!describe(t, m), INFER_ERROR_INTERNAL, "not a product of quantised matrices");
    need->units = units_of(t, m);
    return INFER_OK;
}

INFER__APART static double matmul_estimate(const struct infer__task *t)
{
    struct matmul8 m;
    if (!describe(t, &m))
        return -1;
    return 1000 + (double)m.batches * (double)m.m * (double)m.n * (double)m.k;
}

const struct infer__kernel infer__matmul_int8_c = {.name = "matmul_int8_c",
                                                   .isa = INFER_ISA_C,
                                                   .cut_bytes = sizeof(struct matmul8),
                                                   .estimate = matmul_estimate,
                                                   .prepare = matmul_prepare,
                                                   .run = matmul_run};
