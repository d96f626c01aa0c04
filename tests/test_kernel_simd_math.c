/* Operators of one f32 operand on vectors: their errors over the whole line of floats, the values
 * at its ends, every tail, every place in a vector. */
#include "base/cpu.h"
#include "base/status.h"
#include "kernel_run.h"

static const char *const kernels[] = {"unary_f32_avx2", "unary_f32_avx512"};
static const float alpha = 0.3f, beta = 0.4f;

static double softplus(double x)
{
    return (x < 0 ? 0 : x) + log1p(exp(-fabs(x)));
}

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static double sigmoid(double x)
{
    double e = exp(-fabs(x));
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

/* In double, so that errors of a float's last digits can be counted. */
static double formula(unsigned op, double x)
{
    switch (op) {
    case INFER__OP_RELU:
        return x < 0 ? 0 : x;
    case INFER__OP_LEAKY_RELU:
        return x < 0 ? (double)alpha * x : x;
    case INFER__OP_SIGMOID:
        return sigmoid(x);
    case INFER__OP_HARD_SIGMOID:
        return clamp((double)alpha * x + (double)beta, 0, 1);
    case INFER__OP_HARD_SWISH:
        return x * clamp(x / 6 + 0.5, 0, 1);
    case INFER__OP_TANH:
        return tanh(x);
    case INFER__OP_ELU:
        return x < 0 ? (double)alpha * expm1(x) : x;
    case INFER__OP_SOFTPLUS:
        return softplus(x);
    case INFER__OP_MISH:
        return x * tanh(softplus(x));
    case INFER__OP_ERF:
        return erf(x);
    case INFER__OP_EXP:
        return exp(x);
    case INFER__OP_LOG:
        return log(x);
    case INFER__OP_SQRT:
        return sqrt(x);
    case INFER__OP_RECIPROCAL:
        return 1 / x;
    case INFER__OP_ABS:
        return fabs(x);
    case INFER__OP_NEG:
        return -x;
    case INFER__OP_FLOOR:
        return floor(x);
    case INFER__OP_CEIL:
        return ceil(x);
    case INFER__OP_ROUND:
        return rint(x);
    case INFER__OP_SILU:
        return x * sigmoid(x);
    case INFER__OP_GELU:
        return 0.5 * x * erfc(-x * sqrt(0.5));
    default:
        return x;
    }
}

/* Largest error in units of the exact result's last digit, and of the smallest denormal. */
static const struct {
    uint16_t op;
    double ulp;
} ops[] = {
    {INFER__OP_RELU, 0},     {INFER__OP_LEAKY_RELU, 0.5}, {INFER__OP_SIGMOID, 3},
    {INFER__OP_TANH, 3},     {INFER__OP_ELU, 2.5},        {INFER__OP_SOFTPLUS, 2.5},
    {INFER__OP_MISH, 4.5},   {INFER__OP_ERF, 2},          {INFER__OP_EXP, 1.25},
    {INFER__OP_LOG, 1.5},    {INFER__OP_SQRT, 0.5},       {INFER__OP_RECIPROCAL, 0.5},
    {INFER__OP_ABS, 0},      {INFER__OP_NEG, 0},          {INFER__OP_FLOOR, 0},
    {INFER__OP_CEIL, 0},     {INFER__OP_ROUND, 0},        {INFER__OP_SILU, 4},
    {INFER__OP_IDENTITY, 0}, {INFER__OP_HARD_SIGMOID, 0}, {INFER__OP_HARD_SWISH, 0},
    {INFER__OP_GELU, 1},
};
enum { OPS = sizeof ops / sizeof *ops };

static const struct infer__kernel *kernel_at(int i)
{
    const struct infer__kernel *k = infer__kernel_find(kernels[i]);
    if (!k || !infer_cpu_has(k->isa))
        return NULL;
    return k;
}

/* `slack` is an absolute error that does not count. */
static double error_ulps(float got, double want, double slack)
{
    int e;
    if (isnan(want))
        return isnan(got) ? 0 : INFINITY;
    if (isinf((float)want) || isinf(got)) /* the largest float and infinity are neighbours */
        return (float)want == got || fabs(want) > 3.402823e38 ? 0 : INFINITY;
    frexp(want, &e);
    return fmax(fabs((double)got - want) - slack, 0) / ldexp(1, e < -125 ? -149 : e - 24);
}

/* One operator over every `step`th float; returns the largest error. */
static double sweep(const struct infer__kernel *k, uint16_t op, uint32_t step, float *worst)
{
    enum { N = 4096 };
    static float x[N], y[N];
    int64_t n = N;
    struct infer__operand o = operand(INFER_F32, 1, &n);
    struct infer__task t = {.op = op,
                            .isa = k->isa,
                            .threads = 1,
                            .nin = 1,
                            .nout = 1,
                            .in = &o,
                            .out = &o,
                            .p.unary = {alpha, beta}};
    const void *in[] = {x};
    void *out[] = {y};
    struct infer__buffers b = {.in = in, .out = out};
    double most = 0;
    for (uint64_t bits = 0; bits < (uint64_t)1 << 32; bits += (uint64_t)step * N) {
        for (int i = 0; i < N; i++) {
            uint32_t w = (uint32_t)(bits + (uint64_t)step * (uint64_t)i);
            memcpy(&x[i], &w, sizeof w);
        }
        k->run(&t, &b, 0, 1);
        for (int i = 0; i < N; i++) {
            /* Mish multiplies x by what may be denormal */
            double slack = op == INFER__OP_MISH ? fabs((double)x[i]) * 0x1p-149 : 0;
            if (op == INFER__OP_GELU) /* the error of 1 + erf */
                slack = fabs((double)x[i]) * 2.5 * 0x1p-24;
            double want = formula(op, (double)x[i]);
            if (op == INFER__OP_SILU) { /* the formula gives NaN at minus infinity */
                want = isinf(x[i]) && x[i] < 0 ? 0 : want;
                slack = fabs((double)x[i] * want) / 4 * 0x1p-24 + 2e-36;
            }
            double e = error_ulps(y[i], want, slack);
            /* of numbers this large or small only the limits are compared */
            if (op == INFER__OP_HARD_SIGMOID || op == INFER__OP_HARD_SWISH)
                e = isnan(want) ? e
                    : (fabs((double)y[i] - want) <= 2e-7 * fmax(1, fabs(want)) ||
                       (double)y[i] == want || (float)want == y[i])
                        ? 0
                        : INFINITY;
            if (e > most) {
                most = e;
                *worst = x[i];
            }
        }
    }
    return most;
}

static void test_errors(void **state)
{
    const char *text = getenv("INFER_SWEEP_STEP"); /* 1 is every float */
    uint32_t step = text ? (uint32_t)strtoul(text, NULL, 0) : 8191;
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct infer__kernel *k = kernel_at(i);
        if (!k)
            continue;
        for (int j = 0; j < OPS; j++) {
            float worst = 0;
            double e = sweep(k, ops[j].op, step ? step : 1, &worst);
            if (text)
                printf("%s %s: %.3f ulp at %g\n", k->name, infer__op_info(ops[j].op)->name, e,
                       (double)worst);
            if (!(e <= ops[j].ulp))
                fail_msg("%s, %s of %.9g: off by %.3g ulp", k->name,
                         infer__op_info(ops[j].op)->name, (double)worst, e);
        }
    }
}

static void test_tails(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct infer__kernel *k = kernel_at(i);
        for (int64_t n = 0; k && n <= 67; n++) {
            int j = (int)random_int(&r, 0, OPS - 1);
            struct run a = {.t = {.op = ops[j].op, .isa = k->isa, .nin = 1, .nout = 1}};
            struct run c;
            a.in[0] = a.out[0] = operand(INFER_F32, 1, &n);
            a.t.p.unary.alpha = alpha;
            a.t.p.unary.beta = beta;
            run_fill(&a, 0, &r);
            run_kernel(&a, kernels[i], &r);
            c = a;
            c.t.in = c.in;
            c.t.out = c.out;
            c.y[0] = calloc((size_t)n * 4 + 8, 1);
            run_kernel(&c, c.t.op == INFER__OP_IDENTITY ? "copy_c" : "unary_f32_c", &r);
            for (int64_t e = 0; e < n; e++) {
                long double want = value_at(INFER_F32, c.y[0], e);
                close_to(
                    infer__op_info(ops[j].op)->name, e, value_at(INFER_F32, a.y[0], e), want,
                    5e-7L * (fabsl(want) + 1e-37L) +
                        (ops[j].op == INFER__OP_HARD_SWISH || ops[j].op == INFER__OP_HARD_SIGMOID
                             ? 5e-7L
                         : ops[j].op == INFER__OP_SILU ? 1.5e-36L /* below -87 it is that of -87 */
                         : ops[j].op == INFER__OP_GELU
                             ? 3e-7L * fabsl(value_at(INFER_F32, a.x[0], e))
                             : 0));
            }
            free(c.y[0]);
            run_drop(&a);
        }
    }
}

/* An element has the same bits wherever it stands, in place too. */
static void test_places(void **state)
{
    enum { N = 67 };
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct infer__kernel *k = kernel_at(i);
        for (int j = 0; k && j < OPS * 4; j++) {
            int64_t n = N;
            struct infer__operand o = operand(INFER_F32, 1, &n);
            struct infer__task t = {.op = ops[j % OPS].op,
                                    .isa = k->isa,
                                    .threads = 1,
                                    .nin = 1,
                                    .nout = 1,
                                    .in = &o,
                                    .out = &o,
                                    .p.unary = {alpha, beta}};
            float x = random_float(&r) * 12, y[N];
            for (int e = 0; e < N; e++)
                y[e] = x;
            const void *in[] = {y};
            void *out[] = {y};
            struct infer__buffers b = {.in = in, .out = out};
            if (j & 1)
                t.epi.act = INFER__OP_TANH;
            k->run(&t, &b, 0, 1);
            for (int e = 1; e < N; e++)
                assert_memory_equal(&y[e], &y[0], sizeof *y);
        }
    }
}

static void test_clip_and_epilogues(void **state)
{
    static const uint16_t acts[] = {INFER__OP_RELU, INFER__OP_CLIP, INFER__OP_SIGMOID,
                                    INFER__OP_ELU,  INFER__OP_MISH, INFER__OP_LEAKY_RELU};
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 12 && kernel_at(i & 1); i++) {
        int64_t n = random_int(&r, 0, 20000);
        struct run k = {.t = {.op = INFER__OP_CLIP,
                              .isa = kernel_at(i & 1)->isa,
                              .nin = 3,
                              .nout = 1,
                              .epi = {.act = acts[i / 2], .alpha = -0.2f, .beta = 0.5f}}};
        k.in[0] = k.out[0] = operand(INFER_F32, 1, &n);
        k.in[1] = k.in[2] = operand(INFER_F32, 0, NULL);
        if (i % 3 == 0)
            k.in[1].type = INFER_TYPE_NONE;
        run_fill(&k, 1, &r);
        run_kernel(&k, kernels[i & 1], &r);
        for (int64_t e = 0; e < n; e++) {
            float low = k.x[1] ? *(float *)k.x[1] : -INFINITY, high = *(float *)k.x[2];
            float want = infer__activate(INFER__OP_CLIP, low, high, ((float *)k.x[0])[e]);
            want = infer__activate(acts[i / 2], -0.2f, 0.5f, want);
            close_to("Clip", e, value_at(INFER_F32, k.y[0], e), (long double)want,
                     1e-6L * fabsl((long double)want));
        }
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_clip_and_epilogues),
    };
    if (!infer__kernel_find(kernels[0])) {
        printf("skipped: this build has no kernels of x86-64\n");
        return 0;
    }
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
