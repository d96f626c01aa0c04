/* The definition of Attention: products summed in double, then Softmax's definition. */
#include "kernels/attention/attention.h"

#include <string.h>

#include "kernels/softmax/softmax.h"

/* The mask's matrices, as operand 0 of a walk over the batches. */
static void describe_mask(const struct infer__task *t, struct infer__attention_shape *s)
{
    struct infer__operand batch = t->out[0], mask = t->in[3];
    const int rank = mask.rank;
    const int64_t rows = rank > 1 ? mask.dims[rank - 2] : 1, cols = rank ? mask.dims[rank - 1] : 1;
    s->masked = 1;
    s->mask_row = rows > 1 ? cols : 0;
    s->mask_col = cols > 1;
    batch.dims[batch.rank - 2] = batch.dims[batch.rank - 1] = 1;
    if (rank > 0)
        mask.dims[rank - 1] = 1;
    if (rank > 1)
        mask.dims[rank - 2] = 1;
    infer__nd_init(&s->mask, &batch);
    infer__nd_broadcast(&s->mask, &mask);
    infer__nd_merge(&s->mask);
    for (int i = 0; i < s->mask.axes; i++)
        s->mask.stride[0][i] *= rows * cols;
    /* walking leaves out the last axis, which is to be a row of one */
    const int axes = s->mask.axes++;
    s->mask.dims[axes] = 1;
    s->mask.stride[0][axes] = 0;
}

int infer__attention_of(const struct infer__task *t, struct infer__attention_shape *s)
{
    const struct infer__operand *q = &t->in[0], *k = &t->in[1], *v = &t->in[2];
    if (t->op != INFER__OP_ATTENTION || t->nin < 3 || q->type != INFER_F32 || q->rank < 2 ||
        k->rank != q->rank || v->rank != q->rank || !infer__no_epilogue(t))
        return 0;
    memset(s, 0, sizeof *s);
    s->m = q->dims[q->rank - 2];
    s->d = q->dims[q->rank - 1];
    s->n = k->dims[q->rank - 1];
    s->e = v->dims[q->rank - 1];
    s->scale = t->p.attention.scale;
    s->or_zero = t->p.attention.or_zero;
    s->batches = 1;
    for (int i = 0; i < q->rank - 2; i++)
        s->batches *= q->dims[i];
    if (infer__has_in(t, 3))
        describe_mask(t, s);
    return 1;
}

const float *infer__attention_mask(const struct infer__attention_shape *s,
                                   const struct infer__buffers *b, int64_t batch, int64_t row)
{
    struct infer__nd_at at;
    if (!s->masked)
        return NULL;
    infer__nd_seek(&s->mask, batch, &at);
    return (const float *)b->in[3] + at.offset[0] + row * s->mask_row;
}

/* ---- the definition ------------------------------------------------------------------------- */

INFER__APART static double attention_estimate(const struct infer__task *t)
{
    struct infer__attention_shape s;
    if (!infer__attention_of(t, &s))
        return -1;
    return infer__bytes_ns(t) +
           (double)s.batches * (double)s.m * (double)s.n * ((double)s.d + (double)s.e + 8);
}

static infer_status attention_prepare(const struct infer__task *t, struct infer__need *need,
                                      infer_error *err)
{
    struct infer__attention_shape *s = need->cut;
    FAIL_IF(!infer__attention_of(t, s), INFER_ERROR_INTERNAL, "not an attention of f32 tensors");
    need->units = infer__task_units(t, INFER__PRODUCT(s->batches, s->m), 4);
    need->scratch_bytes = infer__bytes_of(s->n, sizeof(float));
    return INFER_OK;
}

/* Row `row` of batch `batch`; `scores` has room for n. */
static void attend(const struct infer__attention_shape *s, const struct infer__buffers *b,
                   int64_t batch, int64_t row, float *scores)
{
    const float *q = (const float *)b->in[0] + (batch * s->m + row) * s->d;
    const float *k = (const float *)b->in[1] + batch * s->d * s->n;
    const float *v = (const float *)b->in[2] + batch * s->n * s->e;
    const float *mask = infer__attention_mask(s, b, batch, row);
    float *y = (float *)b->out[0] + (batch * s->m + row) * s->e;
    for (int64_t j = 0; j < s->n; j++) {
        double sum = 0;
        for (int64_t i = 0; i < s->d; i++)
            sum += (double)q[i] * (double)k[i * s->n + j];
        scores[j] = (float)sum * s->scale + (mask ? mask[j * s->mask_col] : 0);
    }
    infer__softmax_row(scores, scores, s->n);
    if (s->or_zero && isnan(scores[0]))
        memset(scores, 0, (size_t)s->n * sizeof *scores);
    for (int64_t j = 0; j < s->e; j++) {
        double sum = 0;
        for (int64_t i = 0; i < s->n; i++)
            sum += (double)scores[i] * (double)v[i * s->e + j];
        y[j] = (float)sum;
    }
}

static void attention_run(const struct infer__task *t, const struct infer__buffers *b,
                          uint32_t begin, uint32_t end)
{
    const struct infer__attention_shape *s = b->cut;
    const int64_t rows = s->batches * s->m;
    const uint32_t units = infer__task_units(t, rows, 4);
    const int64_t last = infer__unit_begin(rows, units, end);
    for (int64_t i = infer__unit_begin(rows, units, begin); i < last; i++)
        attend(s, b, i / s->m, i % s->m, b->scratch);
}

const struct infer__kernel infer__attention_f32_c = {.name = "attention_f32_c",
                                                     .isa = INFER_ISA_C,
                                                     .cut_bytes =
                                                         sizeof(struct infer__attention_shape),
                                                     .estimate = attention_estimate,
                                                     .prepare = attention_prepare,
                                                     .run = attention_run};
