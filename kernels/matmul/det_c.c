/* Det: by elimination in double, with the largest element of each column as pivot. */
#include <math.h>

#include "kernels/nd.h"

static int64_t size_of(const struct infer__task *t)
{
    return t->in[0].dims[t->in[0].rank - 1];
}

static uint32_t det_units(const struct infer__task *t)
{
    const int64_t n = size_of(t);
    return infer__task_units(t, infer__operand_elements(&t->out[0]), 4096 / (n * n + 1) + 1);
}

INFER__APART static double det_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_DET || t->in[0].type != t->out[0].type ||
        (t->in[0].type != INFER_F32 && t->in[0].type != INFER_F64) || !infer__no_epilogue(t))
        return -1;
    return infer__bytes_ns(t) +
           (double)infer__operand_elements(&t->in[0]) * (3 + 0.3 * (double)size_of(t));
}

static infer_status det_prepare(const struct infer__task *t, struct infer__need *need,
                                infer_error *err)
{
    (void)err;
    need->units = det_units(t);
    need->scratch_bytes = infer__bytes_of(INFER__PRODUCT(size_of(t), size_of(t)), sizeof(double));
    return INFER_OK;
}

/* The row from `k` on with the largest element in column k. */
static int64_t pivot_of(const double *a, int64_t n, int64_t k)
{
    int64_t best = k;
    for (int64_t i = k + 1; i < n; i++)
        if (fabs(a[i * n + k]) > fabs(a[best * n + k]))
            best = i;
    return best;
}

static double determinant(double *a, int64_t n)
{
    double det = 1;
    for (int64_t k = 0; k < n; k++) {
        const int64_t p = pivot_of(a, n, k);
        for (int64_t j = k; p != k && j < n; j++) {
            double swap = a[k * n + j];
            a[k * n + j] = a[p * n + j];
            a[p * n + j] = swap;
        }
        det *= p == k ? a[k * n + k] : -a[k * n + k];
        if (a[k * n + k] == 0)
            return 0;
        for (int64_t i = k + 1; i < n; i++) {
            const double factor = a[i * n + k] / a[k * n + k];
            for (int64_t j = k + 1; j < n; j++)
                a[i * n + j] -= factor * a[k * n + j];
        }
    }
    return det;
}

static void det_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    const int64_t n = size_of(t), total = infer__operand_elements(&t->out[0]);
    const uint32_t units = det_units(t);
    const int64_t last = infer__unit_begin(total, units, end);
    double *a = b->scratch;
    for (int64_t i = infer__unit_begin(total, units, begin); i < last; i++) {
        for (int64_t k = 0; k < n * n; k++)
            a[k] = t->in[0].type == INFER_F32 ? (double)((const float *)b->in[0])[i * n * n + k]
                                              : ((const double *)b->in[0])[i * n * n + k];
        double det = determinant(a, n);
        if (t->out[0].type == INFER_F32)
            ((float *)b->out[0])[i] = (float)det;
        else
            ((double *)b->out[0])[i] = det;
    }
}

const struct infer__kernel infer__det_c = {.name = "det_c",
                                           .isa = INFER_ISA_C,
                                           .estimate = det_estimate,
                                           .prepare = det_prepare,
                                           .run = det_run};
