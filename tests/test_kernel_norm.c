/* BatchNormalization, InstanceNormalization and LRN against their formulas in double. */
#include <math.h>

#include "kernel_check.h"

static uint64_t seed;

static float *samples(int64_t n, float low, float high, uint64_t *r)
{
    float *p = malloc((size_t)(n + 1) * sizeof *p);
    for (int64_t i = 0; i < n; i++)
        p[i] = low + (high - low) * (random_float(r) + 1) / 2;
    return p;
}

struct norm_case {
    int64_t n, pixels, c;
    struct infer__operand in[6], y;
    struct infer__task t;
    float *data[6], *got;
};

static void build(struct norm_case *k, uint16_t op, uint32_t nin, int rank, uint64_t *r)
{
    int64_t size[3] = {1, 1, 1};
    *k = (struct norm_case){.n = random_int(r, 1, 3), .pixels = 1, .c = random_int(r, 1, 70)};
    for (int a = 5 - rank; a < 3; a++)
        k->pixels *= size[a] = random_int(r, 1, 7);
    k->in[0] = k->in[5] = k->y = spatial_operand(INFER_F32, rank - 2, k->n, size, k->c);
    for (int i = 1; i < 5; i++)
        k->in[i] = (struct infer__operand){.type = INFER_F32, .rank = 1, .dims = {k->c}};
    k->t = (struct infer__task){
        .op = op, .isa = INFER_ISA_C, .nin = nin, .nout = 1, .in = k->in, .out = &k->y};
    for (int i = 0; i < 6; i++)
        k->data[i] = samples(infer__operand_elements(&k->in[i]), i == 4 ? 0.1f : -2, 2, r);
    k->got = malloc((size_t)infer__operand_elements(&k->y) * sizeof(float));
}

static void run_kernel(struct norm_case *k, const char *name, uint64_t *r)
{
    const struct infer__kernel *kernel = infer__kernel_find(name);
    const void *in[6] = {k->data[0], k->data[1], k->data[2], k->data[3], k->data[4], k->data[5]};
    void *out[1] = {k->got};
    assert_non_null(kernel);
    check_kernel(kernel, &k->t, in, out, r);
}

static void drop(struct norm_case *k)
{
    for (int i = 0; i < 6; i++)
        free(k->data[i]);
    free(k->got);
}

static void check(const struct norm_case *k, int64_t i, double want, double bound)
{
    double got = (double)k->got[i];
    if (!(fabs(got - want) <= bound))
        fail_msg("element %lld: %.9g instead of %.9g", (long long)i, got, want);
}

static void test_batch(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct norm_case k;
        int residual = i % 3 == 0;
        build(&k, INFER__OP_BATCH_NORMALIZATION, residual ? 6 : 5, 2 + i % 4, &r);
        k.in[0].clast = k.y.clast = (uint8_t)(i % 4 != 0);
        k.t.p.norm.epsilon = 1e-3f;
        k.t.epi = (struct infer__epilogue){.act = i % 2 ? INFER__OP_RELU : INFER__OP_NONE,
                                           .residual = (uint16_t)residual};
        run_kernel(&k, "batch_norm_f32_c", &r);
        for (int64_t j = 0; j < infer__operand_elements(&k.y); j++) {
            int64_t c = j % k.c;
            double want = ((double)k.data[0][j] - (double)k.data[3][c]) * (double)k.data[1][c] /
                              sqrt((double)k.data[4][c] + (double)1e-3f) +
                          (double)k.data[2][c];
            want += residual ? (double)k.data[5][j] : 0;
            check(&k, j, i % 2 && want < 0 ? 0 : want, 1e-5);
        }
        drop(&k);
    }
}

static void test_instance(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct norm_case k;
        build(&k, INFER__OP_INSTANCE_NORMALIZATION, 3, 3 + i % 3, &r);
        k.t.p.norm.epsilon = 1e-2f;
        if (i % 2) /* a large mean: one-pass formulas lose everything here */
            for (int64_t j = 0; j < infer__operand_elements(&k.y); j++)
                k.data[0][j] += 4096;
        run_kernel(&k, "instance_norm_f32_c", &r);
        for (int64_t j = 0; j < infer__operand_elements(&k.y); j++) {
            int64_t c = j % k.c, first = j / k.c / k.pixels * k.pixels * k.c + c;
            double mean = 0, variance = 0;
            for (int64_t p = 0; p < k.pixels; p++)
                mean += (double)k.data[0][first + p * k.c] / (double)k.pixels;
            for (int64_t p = 0; p < k.pixels; p++)
                variance += pow((double)k.data[0][first + p * k.c] - mean, 2) / (double)k.pixels;
            double factor = (double)k.data[1][c] / sqrt(variance + (double)1e-2f);
            /* the mean is rounded to f32: half a unit of 4096 is 2^-12 */
            check(&k, j, ((double)k.data[0][j] - mean) * factor + (double)k.data[2][c],
                  2e-6 + fabs(factor) * (i % 2 ? 0x1p-12 : 2e-6));
        }
        drop(&k);
    }
}

static void test_lrn(void **state)
{
    uint64_t r = seed + 2;
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct norm_case k;
        build(&k, INFER__OP_LRN, 1, 3 + i % 3, &r);
        k.t.p.norm =
            (struct infer__norm){.alpha = 0.3f, .beta = i % 2 ? 0.75f : 1.3f, .bias = 1.5f};
        k.t.p.norm.size = i == 7 ? (int64_t)1 << 40 : random_int(&r, 1, 9);
        run_kernel(&k, "lrn_f32_c", &r);
        for (int64_t j = 0; j < infer__operand_elements(&k.y); j++) {
            int64_t size = k.t.p.norm.size, c = j % k.c;
            double sum = 0;
            for (int64_t o = 0; o < k.c; o++)
                if (o >= c - (int64_t)floor((double)(size - 1) / 2) &&
                    o <= c + (int64_t)ceil((double)(size - 1) / 2))
                    sum += pow((double)k.data[0][j - c + o], 2);
            double base = 1.5 + (double)0.3f / (double)size * sum;
            check(&k, j, (double)k.data[0][j] / pow(base, (double)k.t.p.norm.beta), 2e-6);
        }
        drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_instance),
        cmocka_unit_test(test_lrn),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
