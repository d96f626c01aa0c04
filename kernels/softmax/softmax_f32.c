/* levels: avx2 avx512 */
/* Softmax and LogSoftmax in f32, in place where wanted. As in the
 * definition, the sum is taken in double; here lane by lane, then across. Along the last axis rows
 * are worked on as they stand, along another one vectors of columns. */
#include "kernels/levels.h"

#include "kernels/nd.h"
#include "kernels/softmax/vec_softmax.h"

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

/* Items: an outer row each, times vectors of columns. */
static int64_t items_of(const struct view *v)
{
    return v->outer * ((v->inner + VEC - 1) / VEC);
}

static uint32_t units_of(const struct infer__task *t, const struct view *v)
{
    int64_t columns = v->inner < VEC ? v->inner : VEC;
    return infer__task_units(t, items_of(v), 8192 / (v->axis * columns + 1) + 1);
}

static infer_status softmax_prepare(const struct infer__task *t, struct infer__need *need,
                                    infer_error *err)
{
    struct view v = view_of(t);
    (void)err;
    need->units = units_of(t, &v);
    return INFER_OK;
}

VEC_INLINE vec load(const float *p, int n)
{
    return n == VEC ? vec_load(p) : vec_load_n(p, n);
}

VEC_INLINE void store(float *p, vec x, int n)
{
    if (n == VEC)
        vec_store(p, x);
    else
        vec_store_n(p, x, n);
}

/* The logarithm of the sum's float, and what rounding to it left. */
VEC_INLINE vec log_of(vec_double sums)
{
    vec s = vec_from_double(sums);
    vec left = vec_from_double(vec_double_sub(sums, vec_to_double(s)));
    return vec_add(vec_log(s), vec_div(left, s));
}

/* `n` columns, at most VEC, of `axis` elements each, `step` apart. */
VEC_INLINE void columns_body(const float *x, float *y, int64_t axis, int64_t step, int n, int logs)
{
    vec max = vec_set(-INFINITY);
    for (int64_t i = 0; i < axis; i++)
        max = vec_at_least(load(x + i * step, n), max);
    vec_double sums = vec_double_set(0);
    for (int64_t i = 0; i < axis; i++) {
        vec d = vec_sub(load(x + i * step, n), max), e = vec_softmax_weight(d);
        store(y + i * step, logs ? d : e, n);
        sums = vec_double_add(sums, vec_to_double(e));
    }
    vec factor = logs ? log_of(sums) : vec_from_double(vec_double_div(vec_double_set(1), sums));
    for (int64_t i = 0; i < axis; i++) {
        vec a = load(y + i * step, n);
        store(y + i * step, logs ? vec_sub(a, factor) : vec_mul(a, factor), n);
    }
}

static void softmax_columns(const float *x, float *y, int64_t axis, int64_t step, int n, int logs)
{
    if (n == VEC)
        columns_body(x, y, axis, step, VEC, logs);
    else
        columns_body(x, y, axis, step, n, logs);
}

static void softmax_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    struct view v = view_of(t);
    uint32_t units = units_of(t, &v);
    int logs = t->op == INFER__OP_LOG_SOFTMAX;
    int64_t chunks = (v.inner + VEC - 1) / VEC;
    int64_t last = infer__unit_begin(items_of(&v), units, end);
    if (v.axis == 0)
        return;
    for (int64_t i = infer__unit_begin(items_of(&v), units, begin); i < last; i++) {
        int64_t column = i % chunks * VEC;
        int64_t at = i / chunks * v.axis * v.inner + column;
        const float *x = (const float *)b->in[0] + at;
        float *y = (float *)b->out[0] + at;
        if (v.inner == 1)
            vec_softmax_row(x, y, v.axis, logs);
        else
            softmax_columns(x, y, v.axis, v.inner,
                            v.inner - column < VEC ? (int)(v.inner - column) : VEC, logs);
    }
}

INFER__APART static double softmax_estimate(const struct infer__task *t)
{
    if ((t->op != INFER__OP_SOFTMAX && t->op != INFER__OP_LOG_SOFTMAX) ||
        !infer__isa_has(t->isa, LEVEL_ISA) || t->in[0].type != INFER_F32 ||
        t->out[0].type != INFER_F32 || !infer__no_epilogue(t))
        return -1;
    struct view v = view_of(t);
    double vectors = v.inner == 1 ? (double)v.outer * (double)((v.axis + VEC - 1) / VEC)
                                  : (double)items_of(&v) * (double)v.axis;
    return 50 + 30 * (double)items_of(&v) + vectors * (VEC_LEVEL == 512 ? 10 : 7);
}

const struct infer__kernel LEVEL_NAME(infer__softmax_f32) = {.name = LEVEL_STRING("softmax_f32"),
                                                             .isa = LEVEL_ISA,
                                                             .estimate = softmax_estimate,
                                                             .prepare = softmax_prepare,
                                                             .run = softmax_run};
