/* levels: avx2 avx512 */
/* LayerNormalization in f32 with a scale and a bias of one row.
 * Mean and variance are taken in double, lane by lane and then across, from differences to the
 * row's first element. Works in place. */
#include "kernels/levels.h"

#include "kernels/nd.h"
#include "kernels/vec_double.h"
#include "kernels/vec_epilogue.h"

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

/* Whether an operand is one row, whatever axes of 1 stand before it. */
static int is_row(const struct infer__task *t, const struct infer__operand *o)
{
    return o->type == INFER_F32 && infer__operand_elements(o) == row_length(t) &&
           o->rank >= t->in[0].rank - t->p.norm.axis;
}

INFER__APART static double norm_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_LAYER_NORMALIZATION || !infer__isa_has(t->isa, LEVEL_ISA) ||
        t->in[0].type != INFER_F32 || t->out[0].type != INFER_F32 || t->epi.residual ||
        !is_row(t, &t->in[1]) || (infer__has_in(t, 2) && !is_row(t, &t->in[2])))
        return -1;
    for (uint32_t i = 1; i < t->nout; i++)
        if (t->out[i].type != INFER_TYPE_NONE && t->out[i].type != INFER_F32)
            return -1;
    double each = 5.0 / VEC + (t->epi.act ? vec_activation_ns(t->epi.act) : 0);
    return 50 + 30 * (double)rows_of(t) + each * (double)infer__operand_elements(&t->in[0]);
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

/* Mean, and variance if it is not negative by rounding. */
static void moments(const float *x, int64_t n, double *mean, double *variance)
{
    vec first = vec_set(x[0]);
    struct vec_moments a = vec_moments_begin(first), b = a;
    int64_t i = 0;
    for (; i + 2 * VEC <= n; i += 2 * VEC) {
        vec_moments_add(&a, vec_load(x + i));
        vec_moments_add(&b, vec_load(x + i + VEC));
    }
    for (; i < n; i += VEC)
        vec_moments_add(&a, vec_load_or(x + i, n - i < VEC ? (int)(n - i) : VEC, first));
    double sum = vec_double_sum(vec_double_add(a.sum, b.sum));
    double squares = vec_double_sum(vec_double_add(a.squares, b.squares));
    double shift = sum / (double)n, v = squares / (double)n - shift * shift;
    *mean = (double)x[0] + shift;
    *variance = v < 0 ? 0 : v;
}

static void norm_row(const float *x, const float *scale, const float *bias, float mean,
                     float inverse, float *y, int64_t n)
{
    vec m = vec_set(mean), f = vec_set(inverse), zero = vec_set(0);
    int64_t i = 0;
    for (; i + VEC <= n; i += VEC) {
        vec d = vec_mul(vec_sub(vec_load(x + i), m), f);
        vec_store(y + i, vec_fma(d, vec_load(scale + i), bias ? vec_load(bias + i) : zero));
    }
    if (i < n) {
        int rest = (int)(n - i);
        vec d = vec_mul(vec_sub(vec_load_n(x + i, rest), m), f);
        vec b = bias ? vec_load_n(bias + i, rest) : zero;
        vec_store_n(y + i, vec_fma(d, vec_load_n(scale + i, rest), b), rest);
    }
}

static void norm_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end)
{
    uint32_t units = units_of(t);
    int64_t rows = rows_of(t), n = row_length(t), last = infer__unit_begin(rows, units, end);
    float *means = t->nout > 1 && t->out[1].type ? b->out[1] : NULL;
    float *inverses = t->nout > 2 && t->out[2].type ? b->out[2] : NULL;
    const float *bias = infer__has_in(t, 2) ? b->in[2] : NULL;
    for (int64_t i = infer__unit_begin(rows, units, begin); i < last && n > 0; i++) {
        const float *x = (const float *)b->in[0] + i * n;
        float *y = (float *)b->out[0] + i * n;
        double mean, variance;
        moments(x, n, &mean, &variance);
        double inverse = 1 / sqrt(variance + (double)t->p.norm.epsilon);
        norm_row(x, b->in[1], bias, (float)mean, (float)inverse, y, n);
        if (t->epi.act)
            vec_epilogue_row(&t->epi, y, NULL, y, n);
        if (means)
            means[i] = (float)mean;
        if (inverses)
            inverses[i] = (float)inverse;
    }
}

const struct infer__kernel LEVEL_NAME(infer__layer_norm_f32) = {
    .name = LEVEL_STRING("layer_norm_f32"),
    .isa = LEVEL_ISA,
    .estimate = norm_estimate,
    .prepare = layer_norm_prepare,
    .run = norm_run};
