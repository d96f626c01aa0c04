/* Strassen products: numbers small enough that every sum is exact, so that the answer is compared
 * bit by bit with sums of integers; and the error on random numbers. */
#include <math.h>

#include "kernel_check.h"

static uint64_t seed;

struct shape {
    int64_t pictures, h, w, k, n;
    int bias, residual;
    uint16_t op, act; /* Conv, MatMul or Gemm with B transposed */
    int stride;       /* less 1, of a convolution: input lines and columns between two that count */
};

struct problem {
    struct infer__operand in[4], y;
    struct infer__task t;
    float *data[4], *got;
    double *want;
};

static float *numbers(int64_t n, int exact, uint64_t *r)
{
    float *p = malloc((size_t)(n + 1) * sizeof *p);
    for (int64_t i = 0; i < n; i++)
        p[i] = (float)random_int(r, -3, 3) + (exact ? 0 : (float)random_int(r, -1000, 1000) / 1024);
    return p;
}

static void build(const struct shape *s, struct problem *p, int exact, uint64_t *r)
{
    const int64_t size[3] = {1, s->h, s->w}, rows = s->pictures * s->h * s->w;
    const int64_t step = s->stride + 1, h = s->h * step, w = s->w * step;
    memset(p, 0, sizeof *p);
    p->in[0] = spatial_operand(INFER_F32, 2, s->pictures, (int64_t[]){1, h, w}, s->k);
    p->y = spatial_operand(INFER_F32, 2, s->pictures, size, s->n);
    p->in[1] = (struct infer__operand){.type = INFER_F32, .is_const = 1};
    int64_t *dims = p->in[1].dims;
    dims[0] = s->op == INFER__OP_MATMUL ? s->k : s->n;
    dims[1] = s->op == INFER__OP_MATMUL ? s->n : s->k;
    dims[2] = dims[3] = 1;
    p->in[1].rank = s->op == INFER__OP_CONV ? 4 : 2;
    if (s->op != INFER__OP_CONV)
        p->in[0].clast = p->y.clast = 0;
    if (s->op == INFER__OP_GEMM) {
        p->in[0].rank = p->y.rank = 2;
        p->in[0].dims[0] = p->y.dims[0] = rows;
        p->in[0].dims[1] = s->k;
        p->y.dims[1] = s->n;
    }
    p->in[2] = (struct infer__operand){
        .type = s->bias ? INFER_F32 : INFER_TYPE_NONE, .rank = 1, .is_const = 1, .dims = {s->n}};
    uint32_t own = s->op == INFER__OP_MATMUL ? 2 : 3;
    p->in[own] = s->residual ? p->y : p->in[own];
    p->t = (struct infer__task){.op = s->op,
                                .isa = (uint8_t)infer_cpu_isa(),
                                .nin = own + (uint32_t)s->residual,
                                .nout = 1,
                                .in = p->in,
                                .out = &p->y};
    if (s->op == INFER__OP_GEMM)
        p->t.p.gemm = (struct infer__gemm){1, 1, 0, 1};
    if (s->op == INFER__OP_CONV)
        p->t.p.window = (struct infer__window){.kernel = {1, 1, 1},
                                               .stride = {1, step, step},
                                               .dilation = {1, 1, 1},
                                               .groups = 1,
                                               .spatial = 2};
    p->t.epi = (struct infer__epilogue){
        .act = s->act, .residual = (uint16_t)s->residual, .alpha = -40, .beta = 60};
    for (int i = 0; i < 4; i++)
        p->data[i] = numbers(infer__operand_elements(&p->in[i]), exact, r);
    p->got = malloc((size_t)(rows * s->n) * sizeof *p->got);
    p->want = malloc((size_t)(rows * s->n) * sizeof *p->want);
    for (int64_t i = 0; i < rows * s->n; i++) {
        int64_t m = i % s->n, row = i / s->n, picture = row / (s->h * s->w);
        int64_t line = row / s->w % s->h, column = row % s->w;
        int64_t apart = s->op == INFER__OP_MATMUL ? s->n : 1;
        const float *x = p->data[0], *weights = p->data[1];
        x += ((picture * h + line * step) * w + column * step) * s->k;
        double sum = s->bias && s->op != INFER__OP_MATMUL ? (double)p->data[2][m] : 0;
        weights += s->op == INFER__OP_MATMUL ? m : m * s->k;
        for (int64_t k = 0; k < s->k; k++)
            sum += (double)x[k] * (double)weights[k * apart];
        sum += s->residual ? (double)p->data[own][i] : 0;
        p->want[i] = (double)infer__activate(s->act, -40, 60, (float)sum);
    }
}

/* How many kernels served it; `most` is the largest difference allowed. */
static int check_shape(const struct shape *s, double most, uint64_t *r)
{
    struct problem p;
    int served = 0;
    build(s, &p, most == 0, r);
    const void *in[4] = {p.data[0], p.data[1], p.data[2], p.data[3]};
    void *out[1] = {p.got};
    for (const struct infer__kernel *const *k = infer__kernels; *k; k++) {
        if (strncmp((*k)->name, "strassen", 8) != 0 || (*k)->isa > p.t.isa ||
            (*k)->estimate(&p.t) < 0)
            continue;
        check_kernel(*k, &p.t, in, out, r);
        for (int64_t i = 0; i < s->pictures * s->h * s->w * s->n; i++)
            if (!(fabs((double)p.got[i] - p.want[i]) <= most))
                fail_msg("%s, output %lld: %g instead of %g", (*k)->name, (long long)i,
                         (double)p.got[i], p.want[i]);
        served++;
    }
    for (int i = 0; i < 4; i++)
        free(p.data[i]);
    free(p.got);
    free(p.want);
    return served;
}

static int levels(void)
{
    return (infer_cpu_isa() >= INFER_ISA_AVX2) + 2 * (infer_cpu_isa() >= INFER_ISA_AVX512);
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* Every number of rows around three tiles, columns around vectors and panels, k around blocks. */
static void test_exact(void **state)
{
    static const uint16_t acts[] = {INFER__OP_NONE, INFER__OP_RELU, INFER__OP_CLIP,
                                    INFER__OP_LEAKY_RELU};
    static const uint16_t ops[] = {INFER__OP_CONV, INFER__OP_MATMUL, INFER__OP_GEMM};
    uint64_t r = seed;
    (void)state;
    for (int64_t i = 0; i < 90; i++) {
        struct shape s = {random_int(&r, 1, 2),       1, 24 + i, 64 + 2 * (i % 25),
                          random_int(&r, 64, 200),    0, 0,      ops[i % 3],
                          acts[random_int(&r, 0, 3)], 0};
        s.bias = (int)random_int(&r, 0, 1);
        s.residual = (int)random_int(&r, 0, 1);
        assert_int_equal(check_shape(&s, 0, &r), levels());
    }
}

static void test_strided(void **state)
{
    uint64_t r = seed + 4;
    (void)state;
    for (int stride = 1; stride <= 2; stride++) {
        struct shape s = {2, 7, 9, 70, 77, 1, 1, INFER__OP_CONV, INFER__OP_RELU, stride};
        assert_int_equal(check_shape(&s, 0, &r), levels());
    }
}

/* Weights that leave the second-level cache: chunks of several tiles. */
static void test_large(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    struct shape s = {1, 13, 13, 640, 330, 1, 1, INFER__OP_CONV, INFER__OP_RELU, 0};
    assert_int_equal(check_shape(&s, 0, &r), levels());
}

/* k terms of up to 16: the error is a small multiple of that of one rounding of their sum. */
static void test_error(void **state)
{
    uint64_t r = seed + 2;
    (void)state;
    struct shape s = {1, 7, 14, 512, 128, 1, 0, INFER__OP_CONV, INFER__OP_SILU, 0};
    assert_int_equal(check_shape(&s, 4e-3, &r), levels());
}

static void test_refused(void **state)
{
    uint64_t r = seed + 3;
    (void)state;
    struct shape good = {1, 6, 6, 64, 64, 1, 0, INFER__OP_CONV, INFER__OP_NONE, 0};
    struct shape bad[] = {good, good, good, good};
    bad[0].k = 65;
    bad[1].k = 62;
    bad[2].n = 63;
    bad[3].h = 3;
    assert_int_equal(check_shape(&good, 0, &r), levels());
    for (int i = 0; i < 4; i++)
        assert_int_equal(check_shape(&bad[i], 0, &r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact), cmocka_unit_test(test_strided), cmocka_unit_test(test_large),
        cmocka_unit_test(test_error), cmocka_unit_test(test_refused),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
