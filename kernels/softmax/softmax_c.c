/* Softmax and LogSoftmax, in place where wanted.
 *
 * exp(x - max) never overflows. The sum is taken in double, in the order of the axis. A row with a
 * NaN or +infinity, and one of -infinity only, is NaN, as the formula has it.
 */
#include <math.h>

#include "kernels/nd.h"
#include "kernels/softmax/softmax.h"

enum { COLUMNS = 64 }; /* columns that are worked on at a time where the axis is not the last */

struct view {
    int64_t outer, axis, inner;
};

static struct view view_of(const struct infer__task *t)
{
    struct view v = {1, 1, 1};
    for (int i = 0; i < t->in[0].rank; i++) {
        int on = i == t->p.axis.axis || (t->p.axis.to_end && i > t->p.axis.axis);
        *(on ? &v.axis : i < t->p.axis.axis ? &v.outer : &v.inner) *= t->in[0].dims[i];
    }
    return v;
}

/* Items: an outer row each, times chunks of columns. */
static int64_t items_of(const struct view *v)
{
    return v->outer * ((v->inner + COLUMNS - 1) / COLUMNS);
}

static uint32_t units_of(const struct infer__task *t, const struct view *v)
{
    int64_t columns = v->inner < COLUMNS ? v->inner : COLUMNS;
    return infer__task_units(t, items_of(v), 2048 / (v->axis * columns + 1) + 1);
}

static int is_softmax(const struct infer__task *t)
{
    return (t->op == INFER__OP_SOFTMAX || t->op == INFER__OP_LOG_SOFTMAX) &&
           t->in[0].type == t->out[0].type && infer__no_epilogue(t);
}

INFER__APART static double estimate_f32(const struct infer__task *t)
{
    if (!is_softmax(t) || t->in[0].type != INFER_F32)
        return -1;
    return infer__bytes_ns(t) + 5 * (double)infer__operand_elements(&t->in[0]);
}

INFER__APART static double estimate_f64(const struct infer__task *t)
{
    if (!is_softmax(t) || t->in[0].type != INFER_F64)
        return -1;
    return infer__bytes_ns(t) + 8 * (double)infer__operand_elements(&t->in[0]);
}

static infer_status softmax_prepare(const struct infer__task *t, struct infer__need *need,
                                    infer_error *err)
{
    struct view v = view_of(t);
    (void)err;
    need->units = units_of(t, &v);
    return INFER_OK;
}

/* `n` columns of `axis` elements each, `step` apart. */
#define COLUMNS_OF(T, exp_)                                                                        \
    static void columns_##T(const T *x, T *y, int64_t axis, int64_t step, int64_t n, int logs)     \
    {                                                                                              \
        T max[COLUMNS];                                                                            \
        double sum[COLUMNS] = {0};                                                                 \
        for (int64_t j = 0; j < n; j++)                                                            \
            max[j] = x[j];                                                                         \
        for (int64_t i = 1; i < axis; i++)                                                         \
            for (int64_t j = 0; j < n; j++)                                                        \
                max[j] = x[i * step + j] > max[j] ? x[i * step + j] : max[j];                      \
        for (int64_t i = 0; i < axis; i++)                                                         \
            for (int64_t j = 0; j < n; j++) {                                                      \
                T d = x[i * step + j] - max[j], e = exp_(d);                                       \
                y[i * step + j] = logs ? d : e;                                                    \
                sum[j] += (double)e;                                                               \
            }                                                                                      \
        for (int64_t j = 0; j < n; j++)                                                            \
            sum[j] = logs ? log(sum[j]) : 1 / sum[j];                                              \
        for (int64_t i = 0; i < axis; i++)                                                         \
            for (int64_t j = 0; j < n; j++) {                                                      \
                double d = (double)y[i * step + j];                                                \
                y[i * step + j] = (T)(logs ? d - sum[j] : d * sum[j]);                             \
            }                                                                                      \
    }                                                                                              \
    static void row_##T(const T *x, T *y, int64_t n, int logs)                                     \
    {                                                                                              \
        T max = x[0];                                                                              \
        double sum = 0;                                                                            \
        for (int64_t i = 1; i < n; i++)                                                            \
            max = x[i] > max ? x[i] : max;                                                         \
        for (int64_t i = 0; i < n; i++) {                                                          \
            T d = x[i] - max, e = exp_(d);                                                         \
            y[i] = logs ? d : e;                                                                   \
            sum += (double)e;                                                                      \
        }                                                                                          \
        sum = logs ? log(sum) : 1 / sum;                                                           \
        for (int64_t i = 0; i < n; i++)                                                            \
            y[i] = (T)(logs ? (double)y[i] - sum : (double)y[i] * sum);                            \
    }                                                                                              \
    static void run_##T(const struct infer__task *t, const struct infer__buffers *b,               \
                        uint32_t begin, uint32_t end)                                              \
    {                                                                                              \
        struct view v = view_of(t);                                                                \
        uint32_t units = units_of(t, &v);                                                          \
        int64_t chunks = (v.inner + COLUMNS - 1) / COLUMNS;                                        \
        int64_t last = infer__unit_begin(items_of(&v), units, end);                                \
        int logs = t->op == INFER__OP_LOG_SOFTMAX;                                                 \
        if (v.axis == 0)                                                                           \
            return;                                                                                \
        for (int64_t i = infer__unit_begin(items_of(&v), units, begin); i < last; i++) {           \
            int64_t column = i % chunks * COLUMNS;                                                 \
            int64_t n = v.inner - column < COLUMNS ? v.inner - column : COLUMNS;                   \
            int64_t at = i / chunks * v.axis * v.inner + column;                                   \
            const T *x = (const T *)b->in[0] + at;                                                 \
            T *y = (T *)b->out[0] + at;                                                            \
            if (v.inner == 1)                                                                      \
                row_##T(x, y, v.axis, logs);                                                       \
            else                                                                                   \
                columns_##T(x, y, v.axis, v.inner, n, logs);                                       \
        }                                                                                          \
    }
COLUMNS_OF(float, expf)
COLUMNS_OF(double, exp)

void infer__softmax_row(const float *x, float *y, int64_t n)
{
    row_float(x, y, n, 0);
}

const struct infer__kernel infer__softmax_f32_c = {.name = "softmax_f32_c",
                                                   .isa = INFER_ISA_C,
                                                   .estimate = estimate_f32,
                                                   .prepare = softmax_prepare,
                                                   .run = run_float};

const struct infer__kernel infer__softmax_f64_c = {.name = "softmax_f64_c",
                                                   .isa = INFER_ISA_C,
                                                   .estimate = estimate_f64,
                                                   .prepare = softmax_prepare,
                                                   .run = run_double};
