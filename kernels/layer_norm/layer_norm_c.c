/* LayerNormalization: y = (x - mean) / sqrt(variance + epsilon) * scale + bias over the axes from
 * `axis` on; outputs 1 and 2, where present, are the mean and 1 / sqrt(variance + epsilon).
 *
 * Mean and variance are taken in double, in two passes, eight sums each.
 */
#include <math.h>

#include "kernels/nd.h"

enum { LANES = 8 };

INFER__APART static double layer_norm_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_LAYER_NORMALIZATION || t->in[0].type != INFER_F32 ||
        t->out[0].type != INFER_F32 || t->in[1].type != INFER_F32 || t->epi.residual ||
        (infer__has_in(t, 2) && t->in[2].type != INFER_F32))
        return -1;
    for (uint32_t i = 1; i < t->nout; i++)
        if (t->out[i].type != INFER_TYPE_NONE && t->out[i].type != INFER_F32)
            return -1;
    double each = 1.5 + (t->epi.act ? infer__activate_ns(t->epi.act) : 0);
    return infer__bytes_ns(t) + each * (double)infer__operand_elements(&t->in[0]);
}

static int64_t row_length(const struct infer__task *t)
{
    int64_t n = 1;
    for (int i = t->p.norm.axis; i < t->in[0].rank; i++)
        n *= t->in[0].dims[i];
    return n;
}

static int64_t rows_of(const struct infer__task *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->p.norm.axis; i++)
        n *= t->in[0].dims[i];
    return n;
}

static uint32_t units_of(const struct infer__task *t)
{
    return infer__task_units(t, rows_of(t), 4096 / (row_length(t) + 1) + 1);
}

static infer_status layer_norm_prepare(const struct infer__task *t, struct infer__need *need,
                                       infer_error *err)
{
    (void)err;
    need->units = units_of(t);
    return INFER_OK;
}

static double fold(const double sum[LANES])
{
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

static double mean_of(const float *x, int64_t n)
{
    double sum[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            sum[k] += (double)x[i + k];
    for (; i < n; i++)
        sum[i % LANES] += (double)x[i];
    return fold(sum) / (double)n;
}

static double variance_of(const float *x, int64_t n, double mean)
{
    double sum[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) {
            double d = (double)x[i + k] - mean;
            sum[k] += d * d;
        }
    for (; i < n; i++)
        sum[i % LANES] += ((double)x[i] - mean) * ((double)x[i] - mean);
    return fold(sum) / (double)n;
}

/* One row; scale and bias may have any shape that broadcasts to x. */
static void norm_row(const struct infer__task *t, const struct infer__buffers *b, int64_t row,
                     int64_t n, float mean, float inverse)
{
    float scales[INFER__BLOCK], biases[INFER__BLOCK];
    const struct infer__operand *whole = &t->in[0];
    int has_bias = infer__has_in(t, 2);
    for (int64_t i = 0; i < n; i += INFER__BLOCK) {
        int64_t m = n - i < INFER__BLOCK ? n - i : INFER__BLOCK, at = row * n + i;
        const float *x = (const float *)b->in[0] + at;
        const float *s = infer__broadcast_block(whole, &t->in[1], b->in[1], at, m, scales);
        float *y = (float *)b->out[0] + at;
        INFER__INDEPENDENT
        for (int64_t j = 0; j < m; j++)
            y[j] = (x[j] - mean) * inverse * s[j];
        if (has_bias) {
            s = infer__broadcast_block(whole, &t->in[2], b->in[2], at, m, biases);
            INFER__INDEPENDENT
            for (int64_t j = 0; j < m; j++)
                y[j] += s[j];
        }
        infer__epilogue_apply(&t->epi, y, NULL, m);
    }
}

static void layer_norm_run(const struct infer__task *t, const struct infer__buffers *b,
                           uint32_t begin, uint32_t end)
{
    uint32_t units = units_of(t);
    int64_t rows = rows_of(t), n = row_length(t), last = infer__unit_begin(rows, units, end);
    float *means = t->nout > 1 && t->out[1].type ? b->out[1] : NULL;
    float *inverses = t->nout > 2 && t->out[2].type ? b->out[2] : NULL;
    for (int64_t i = infer__unit_begin(rows, units, begin); i < last; i++) {
        const float *x = (const float *)b->in[0] + i * n;
        double mean = mean_of(x, n);
        double inverse = 1 / sqrt(variance_of(x, n, mean) + (double)t->p.norm.epsilon);
        norm_row(t, b, i, n, (float)mean, (float)inverse);
        if (means)
            means[i] = (float)mean;
        if (inverses)
            inverses[i] = (float)inverse;
    }
}

const struct infer__kernel infer__layer_norm_f32_c = {.name = "layer_norm_f32_c",
                                                      .isa = INFER_ISA_C,
                                                      .estimate = layer_norm_estimate,
                                                      .prepare = layer_norm_prepare,
                                                      .run = layer_norm_run};
