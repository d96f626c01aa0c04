/* Attention: the definition against sums in long double, the kernels of each level against the
 * definition, at all tails of queries, keys and both sizes, with and without masks of every shape.
 */
#include "simd_run.h"

struct sizes {
    int64_t batch, heads, m, n, d, e;
};

/* Shapes of a mask for 2 x 3 x m x n; -1: m, -2: n, -3: the axis is not there. */
static const int64_t masks[][4] = {{0},           {-3, -3, -1, -2}, {2, 1, 1, -2}, {2, 3, -1, -2},
                                   {1, 3, -1, 1}, {-3, -3, -3, -2}, {-3, 3, 1, 1}};
enum { MASKS = sizeof masks / sizeof *masks };

static struct run make_run(const struct sizes *s, int mask, int or_zero)
{
    struct run k = {.t = {.op = INFER__OP_ATTENTION,
                          .nin = mask ? 4 : 3,
                          .nout = 1,
                          .p.attention = {0.37f, or_zero}}};
    k.in[0] = operand(INFER_F32, 4, (int64_t[]){s->batch, s->heads, s->m, s->d});
    k.in[1] = operand(INFER_F32, 4, (int64_t[]){s->batch, s->heads, s->d, s->n});
    k.in[2] = operand(INFER_F32, 4, (int64_t[]){s->batch, s->heads, s->n, s->e});
    k.out[0] = operand(INFER_F32, 4, (int64_t[]){s->batch, s->heads, s->m, s->e});
    k.in[3] = (struct infer__operand){.type = INFER_F32};
    for (int a = 0; mask && a < 4; a++) {
        const int64_t dim = masks[mask][a];
        if (dim != -3)
            k.in[3].dims[k.in[3].rank++] = dim == -1 ? s->m : dim == -2 ? s->n : dim;
    }
    return k;
}

/* The mask's number for a query and a key, by NumPy's rule. */
static long double masked(const struct run *k, const int64_t index[4])
{
    const struct infer__operand *o = &k->in[3];
    int64_t at[4] = {0};
    if (k->t.nin < 4)
        return 0;
    for (int a = 0; a < o->rank; a++)
        at[a] = o->dims[a] == 1 ? 0 : index[4 - o->rank + a];
    return value_at(INFER_F32, k->x[3], ravel(o, at));
}

/* One row of the answer in long double; `p` has room for n. */
static void expected_row(const struct run *k, const struct sizes *s, int64_t head, int64_t row,
                         long double *p, long double *y)
{
    const float *q = (const float *)k->x[0] + (head * s->m + row) * s->d;
    const float *keys = (const float *)k->x[1] + head * s->d * s->n;
    const float *values = (const float *)k->x[2] + head * s->n * s->e;
    long double most = -INFINITY, sum = 0;
    for (int64_t j = 0; j < s->n; j++) {
        long double dot = 0;
        for (int64_t i = 0; i < s->d; i++)
            dot += (long double)q[i] * (long double)keys[i * s->n + j];
        p[j] = dot * (long double)0.37f +
               masked(k, (int64_t[]){head / s->heads, head % s->heads, row, j});
        most = p[j] > most ? p[j] : most;
    }
    for (int64_t j = 0; j < s->n; j++)
        sum += p[j] = expl(p[j] - most);
    for (int64_t c = 0; c < s->e; c++) {
        y[c] = 0;
        for (int64_t j = 0; j < s->n; j++)
            y[c] += p[j] / sum * (long double)values[j * s->e + c];
    }
}

static void test_definition(void **state)
{
    uint64_t r = seed;
    long double p[64], y[64];
    (void)state;
    for (int round = 0; round < 4 * MASKS; round++) {
        const struct sizes s = {2,
                                3,
                                random_int(&r, 1, 9),
                                random_int(&r, 1, 40),
                                random_int(&r, 1, 20),
                                random_int(&r, 1, 20)};
        struct run k = make_run(&s, round % MASKS, 0);
        run_fill(&k, 1, &r);
        run_kernel(&k, "attention_f32_c", &r);
        for (int64_t i = 0; i < s.batch * s.heads * s.m; i++) {
            expected_row(&k, &s, i / s.m, i % s.m, p, y);
            for (int64_t c = 0; c < s.e; c++) /* a score of 100 is rounded to 8e-6 of e^score */
                close_to("Attention", i * s.e + c, value_at(INFER_F32, k.y[0], i * s.e + c), y[c],
                         1e-4L);
        }
        run_drop(&k);
    }
}

/* Scores are sums of d products of up to 16, rounded, and e^score is off by as much. */
static void compare(const struct sizes *s, int level, int mask, int tame, uint64_t *r)
{
    struct run k = make_run(s, mask, !tame);
    run_fill(&k, tame, r);
    simd_compare(&k, "attention_f32", level, "attention_f32_c", 1e-5, 4e-6 * (double)(s->d + s->n),
                 0, r);
    run_drop(&k);
}

static void test_levels(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int level = 0; level < SIMD_LEVELS; level++) {
        for (int64_t i = 1; i <= 67; i++) {
            const int mask = (int)(i % MASKS);
            compare(&(struct sizes){2, 3, 5, i, 7, 9}, level, mask, 1, &r);
            compare(&(struct sizes){2, 3, i, 9, 3, 5}, level, mask, 1, &r);
            compare(&(struct sizes){2, 3, 3, 17, i, 4}, level, mask, 1, &r);
            compare(&(struct sizes){2, 3, 4, 11, 5, i}, level, mask, 1, &r);
        }
        /* several blocks of queries, chains of keys, and of sizes */
        compare(&(struct sizes){1, 2, 515, 70, 16, 40}, level, 1, 1, &r);
        compare(&(struct sizes){1, 1, 7, 1300, 8, 33}, level, 0, 1, &r);
        compare(&(struct sizes){1, 1, 7, 20, 1100, 3}, level, 0, 1, &r);
    }
}

/* A query whose keys are all masked: NaN, or nothing. */
static void test_nothing_to_attend(void **state)
{
    static const char *const names[] = {"attention_f32_c", "attention_f32_avx2",
                                        "attention_f32_avx512"};
    const struct sizes s = {1, 1, 3, 19, 4, 5};
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 6; i++) {
        const struct infer__kernel *kernel = infer__kernel_find(names[i % 3]);
        struct run k = make_run(&s, 1, i / 3);
        if (!kernel || !infer_cpu_has(kernel->isa))
            continue;
        k.t.isa = kernel->isa;
        run_fill(&k, 1, &r);
        for (int64_t j = 0; j < s.n; j++)
            ((float *)k.x[3])[s.n + j] = -INFINITY;
        run_kernel(&k, names[i % 3], &r);
        for (int64_t c = 0; c < s.m * s.e; c++) {
            const float y = ((const float *)k.y[0])[c];
            if (c / s.e != 1)
                assert_true(isfinite(y));
            else if (i / 3)
                assert_true(y == 0);
            else
                assert_true(isnan(y));
        }
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_nothing_to_attend),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
