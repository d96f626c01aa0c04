/* Softmax, LogSoftmax and LayerNormalization against their formulas in long double. */
#include "kernel_run.h"

/* Splits dims into outer, axis and inner. */
static void view(const struct run *k, int64_t v[3])
{
    v[0] = v[1] = v[2] = 1;
    for (int i = 0; i < k->in[0].rank; i++) {
        int part = i < k->t.p.axis.axis ? 0 : i == k->t.p.axis.axis || k->t.p.axis.to_end ? 1 : 2;
        v[part] *= k->in[0].dims[i];
    }
}

static void check_softmax(const struct run *k, long double digits)
{
    int64_t v[3];
    unsigned type = k->in[0].type;
    view(k, v);
    for (int64_t i = 0; i < v[0] * v[2]; i++) {
        int64_t at = i / v[2] * v[1] * v[2] + i % v[2];
        long double max = -(long double)INFINITY, sum = 0;
        for (int64_t j = 0; j < v[1]; j++)
            max = fmaxl(max, value_at(type, k->x[0], at + j * v[2]));
        for (int64_t j = 0; j < v[1]; j++)
            sum += expl(value_at(type, k->x[0], at + j * v[2]) - max);
        for (int64_t j = 0; j < v[1]; j++) {
            long double d = value_at(type, k->x[0], at + j * v[2]) - max;
            int logs = k->t.op == INFER__OP_LOG_SOFTMAX;
            long double want = logs ? d - logl(sum) : expl(d) / sum;
            close_to("Softmax", at + j * v[2], value_at(type, k->y[0], at + j * v[2]), want,
                     digits * (fabsl(want) + (logs ? fabsl(max) : 0)) + 1e-37L);
        }
    }
}

static void test_softmax(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 300; round++) {
        infer_type type = round % 4 ? INFER_F32 : INFER_F64;
        int64_t dims[4];
        int rank = random_dims(dims, 1, 4, 9, &r);
        struct run k = {.t = {.op = round & 1 ? INFER__OP_SOFTMAX : INFER__OP_LOG_SOFTMAX,
                              .nin = 1,
                              .nout = 1}};
        k.t.p.axis.axis = (int32_t)random_int(&r, 0, rank - 1);
        k.t.p.axis.to_end = random_int(&r, 0, 3) == 0;
        dims[random_int(&r, 0, rank - 1)] = random_int(&r, 1, 200);
        k.in[0] = k.out[0] = operand(type, rank, dims);
        run_fill(&k, round % 10 != 0, &r);
        run_kernel(&k, type == INFER_F32 ? "softmax_f32_c" : "softmax_f64_c", &r);
        check_softmax(&k, type == INFER_F32 ? 6e-7L : 1e-14L);
        run_drop(&k);
    }
}

static void test_softmax_large(void **state)
{
    static const int64_t shapes[][3] = {{1, 1, 1000}, {40, 21, 100}, {2, 21, 5000}, {300, 2, 1}};
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct run k = {.t = {.op = INFER__OP_SOFTMAX, .nin = 1, .nout = 1}};
        k.t.p.axis.axis = i / 4 + 1;
        k.in[0] = k.out[0] = operand(INFER_F32, 3, shapes[i % 4]);
        run_fill(&k, 1, &r);
        ((float *)k.x[0])[0] = 88; /* exp of it alone is near the largest number */
        run_kernel(&k, "softmax_f32_c", &r);
        check_softmax(&k, 6e-7L);
        run_drop(&k);
    }
}

/* ---- LayerNormalization --------------------------------------------------------------------- */

static void check_norm(const struct run *k, int64_t rows, int64_t n)
{
    for (int64_t row = 0; row < rows; row++) {
        const float *x = (const float *)k->x[0] + row * n;
        long double mean = 0, variance = 0, most = 0;
        for (int64_t i = 0; i < n; i++) {
            mean += (long double)x[i] / (long double)n;
            most = fmaxl(most, fabsl((long double)x[i]));
        }
        for (int64_t i = 0; i < n; i++)
            variance += powl((long double)x[i] - mean, 2) / (long double)n;
        long double inverse = 1 / sqrtl(variance + (long double)k->t.p.norm.epsilon);
        for (int64_t i = 0; i < n; i++) {
            int64_t at = row * n + i;
            long double scale =
                value_at(INFER_F32, k->x[1], broadcast_at(&k->in[0], &k->in[1], at));
            long double want = ((long double)x[i] - mean) * inverse * scale;
            long double size = (most * inverse + 1) * fabsl(scale);
            if (k->t.nin > 2)
                want += value_at(INFER_F32, k->x[2], broadcast_at(&k->in[0], &k->in[2], at));
            close_to("LayerNormalization", at, value_at(INFER_F32, k->y[0], at), want,
                     8e-7L * (size + fabsl(want)));
        }
        if (k->y[1])
            close_to("mean", row, value_at(INFER_F32, k->y[1], row), mean, 1e-7L * most);
        if (k->y[2])
            close_to("inverse", row, value_at(INFER_F32, k->y[2], row), inverse, 1e-6L * inverse);
    }
}

static void test_layer_norm(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 250; round++) {
        int64_t dims[4], rows = 1, n = 1;
        int rank = random_dims(dims, 1, 4, 11, &r), axis = (int)random_int(&r, 0, rank - 1);
        struct run k = {.t = {.op = INFER__OP_LAYER_NORMALIZATION,
                              .nin = 2 + (uint32_t)(round & 1),
                              .nout = 1 + (uint32_t)(round % 3)}};
        if (round % 9 == 0)
            dims[rank - 1] = 700;
        for (int i = 0; i < rank; i++)
            *(i < axis ? &rows : &n) *= dims[i];
        k.t.p.norm.axis = axis;
        k.t.p.norm.epsilon = 1e-5f;
        k.in[0] = k.out[0] = operand(INFER_F32, rank, dims);
        for (int i = 1; i < 3; i++) {
            k.in[i] = operand(INFER_F32, rank - axis, dims + axis);
            k.out[i] = operand(INFER_F32, axis, dims);
            for (int a = 0; a < k.in[i].rank && round % 4 == 0; a++)
                k.in[i].dims[a] = random_int(&r, 0, 1) ? 1 : k.in[i].dims[a];
        }
        if (round % 5 == 0)
            k.out[1] = (struct infer__operand){0}; /* a mean that nobody wants */
        run_fill(&k, 1, &r);
        if (round % 7 == 0) /* far from 0: one-pass formulas lose all digits here */
            for (int64_t i = 0; i < rows * n; i++)
                ((float *)k.x[0])[i] += 3000;
        run_kernel(&k, "layer_norm_f32_c", &r);
        check_norm(&k, rows, n);
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_softmax_large),
        cmocka_unit_test(test_layer_norm),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
