/* Operators of one operand against formulas in long double; Cast between all types. */
#include "kernel_run.h"
#include "kernels/convert.h"

static const float alpha = 0.3f, beta = 0.4f;

static long double clampl(long double x, long double low, long double high)
{
    return isnan(x) ? x : fminl(fmaxl(x, low), high);
}

static long double formula(unsigned op, long double x)
{
    long double a = (long double)alpha, b = (long double)beta, plus = log1pl(expl(x));
    if (x > 60)
        plus = x;
    switch (op) {
    case INFER__OP_RELU:
        return isnan(x) ? x : fmaxl(x, 0);
    case INFER__OP_LEAKY_RELU:
        return x >= 0 ? x : a * x;
    case INFER__OP_SIGMOID:
        return 1 / (1 + expl(-x));
    case INFER__OP_HARD_SIGMOID:
        return clampl(a * x + b, 0, 1);
    case INFER__OP_HARD_SWISH:
        return x * clampl(x / 6 + 0.5L, 0, 1);
    case INFER__OP_TANH:
        return tanhl(x);
    case INFER__OP_ELU:
        return x >= 0 ? x : a * expm1l(x);
    case INFER__OP_SOFTPLUS:
        return plus;
    case INFER__OP_MISH:
        return x * tanhl(plus);
    case INFER__OP_ERF:
        return erfl(x);
    case INFER__OP_EXP:
        return expl(x);
    case INFER__OP_LOG:
        return logl(x);
    case INFER__OP_SQRT:
        return sqrtl(x);
    case INFER__OP_RECIPROCAL:
        return 1 / x;
    case INFER__OP_ABS:
        return fabsl(x);
    case INFER__OP_NEG:
        return -x;
    case INFER__OP_FLOOR:
        return floorl(x);
    case INFER__OP_CEIL:
        return ceill(x);
    case INFER__OP_ROUND:
        return nearbyintl(x);
    case INFER__OP_SILU:
        return x / (1 + expl(-x));
    case INFER__OP_GELU:
        return 0.5L * x * erfcl(-x * sqrtl(0.5L));
    default:
        return x;
    }
}

static const uint16_t ops[] = {
    INFER__OP_RELU,  INFER__OP_LEAKY_RELU, INFER__OP_SIGMOID, INFER__OP_HARD_SIGMOID,
    INFER__OP_TANH,  INFER__OP_HARD_SWISH, INFER__OP_ELU,     INFER__OP_SOFTPLUS,
    INFER__OP_MISH,  INFER__OP_ERF,        INFER__OP_EXP,     INFER__OP_LOG,
    INFER__OP_SQRT,  INFER__OP_RECIPROCAL, INFER__OP_ABS,     INFER__OP_NEG,
    INFER__OP_FLOOR, INFER__OP_CEIL,       INFER__OP_ROUND,   INFER__OP_SILU,
    INFER__OP_GELU,
};
enum { OPS = sizeof ops / sizeof *ops };

static int digits_of(unsigned type)
{
    return type == INFER_F32 ? 24 : type == INFER_F16 ? 11 : type == INFER_BF16 ? 8 : 53;
}

/* Rounds x half to even to a float type by its definition. */
static long double round_to(unsigned type, long double x)
{
    int least = type == INFER_F64    ? -1074
                : type == INFER_F16  ? -24
                : type == INFER_BF16 ? -133
                                     : -149;
    int most = type == INFER_F64 ? 1024 : type == INFER_F16 ? 16 : 128, e;
    if (isnan(x) || isinf(x) || x == 0)
        return x;
    frexpl(x, &e);
    e -= digits_of(type);
    e = e < least ? least : e;
    x = ldexpl(nearbyintl(ldexpl(x, -e)), e);
    return fabsl(x) >= ldexpl(1, most) ? copysignl((long double)INFINITY, x) : x;
}

/* Inputs whose results leave the range in ways that depend on the formula's form are left to
 * test_special. */
static void check_floats(infer_type type, const char *kernel, double digits)
{
    uint64_t r = seed;
    for (int round = 0; round < OPS * 6; round++) {
        int64_t n = round % 3 ? random_int(&r, 0, 70) : random_int(&r, 8000, 20000);
        struct run k = {.t = {.op = ops[round % OPS], .nin = 1, .nout = 1}};
        k.t.p.unary.alpha = alpha;
        k.t.p.unary.beta = beta;
        k.in[0] = k.out[0] = operand(type, 1, &n);
        run_fill(&k, round & 1, &r);
        run_kernel(&k, kernel, &r);
        for (int64_t i = 0; i < n; i++) {
            long double x = value_at(type, k.x[0], i), want = formula(k.t.op, x);
            if (isinf(x) || fabsl(x) > 1e30L || (x != 0 && fabsl(x) < 1e-30L))
                continue;
            if (isinf(round_to(type, want)))
                want = round_to(type, want);
            close_to(infer__op_info(k.t.op)->name, i, value_at(type, k.y[0], i), want,
                     (long double)digits * (fabsl(want) + (type == INFER_F16 ? 6e-5L : 1e-37L)) +
                         (k.t.op == INFER__OP_HARD_SWISH || k.t.op == INFER__OP_HARD_SIGMOID
                              ? (long double)digits
                          : k.t.op == INFER__OP_GELU ? (long double)digits * fabsl(x)
                                                     : 0));
        }
        run_drop(&k);
    }
}

static void test_f32(void **state)
{
    (void)state;
    check_floats(INFER_F32, "unary_f32_c", 4e-7);
}

static void test_f64(void **state)
{
    (void)state;
    check_floats(INFER_F64, "unary_any_c", 1e-15);
}

static void test_halves(void **state)
{
    (void)state;
    check_floats(INFER_F16, "unary_any_c", 0x1p-10);
    check_floats(INFER_BF16, "unary_any_c", 0x1p-7);
}

/* What the numbers at the ends of the scale become, exactly. */
static void test_special(void **state)
{
    static const struct {
        uint16_t op;
        float x, y;
    } cases[] = {
        {INFER__OP_RELU, -INFINITY, 0},       {INFER__OP_RELU, INFINITY, INFINITY},
        {INFER__OP_RELU, 1e-40f, 1e-40f},     {INFER__OP_RELU, NAN, NAN},
        {INFER__OP_SIGMOID, -INFINITY, 0},    {INFER__OP_SIGMOID, INFINITY, 1},
        {INFER__OP_SIGMOID, -1000, 0},        {INFER__OP_SIGMOID, 0, 0.5f},
        {INFER__OP_SOFTPLUS, 1000, 1000},     {INFER__OP_SOFTPLUS, -1000, 0},
        {INFER__OP_SOFTPLUS, NAN, NAN},       {INFER__OP_HARD_SIGMOID, NAN, NAN},
        {INFER__OP_HARD_SIGMOID, 3e38f, 1},   {INFER__OP_HARD_SIGMOID, -INFINITY, 0},
        {INFER__OP_HARD_SWISH, 3e38f, 3e38f}, {INFER__OP_HARD_SWISH, -3, 0},
        {INFER__OP_MISH, 100, 100},           {INFER__OP_SILU, 200, 200},
        {INFER__OP_ROUND, 0.5f, 0},           {INFER__OP_ROUND, 1.5f, 2},
        {INFER__OP_ROUND, 2.5f, 2},           {INFER__OP_ROUND, -2.5f, -2},
        {INFER__OP_ELU, -INFINITY, -0.3f},    {INFER__OP_SQRT, -1, NAN},
        {INFER__OP_LOG, 0, -INFINITY},        {INFER__OP_EXP, 1000, INFINITY},
        {INFER__OP_RECIPROCAL, 0, INFINITY},  {INFER__OP_TANH, INFINITY, 1},
        {INFER__OP_ERF, -INFINITY, -1},       {INFER__OP_LEAKY_RELU, -10, -3},
        {INFER__OP_ABS, -INFINITY, INFINITY}, {INFER__OP_FLOOR, -0.5f, -1},
        {INFER__OP_CEIL, -1.5f, -1},          {INFER__OP_NEG, INFINITY, -INFINITY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float y = infer__activate(cases[i].op, alpha, beta, cases[i].x);
        close_to(infer__op_info(cases[i].op)->name, (int64_t)i, (long double)y,
                 (long double)cases[i].y, 1e-7L);
    }
    assert_true(signbit(infer__activate(INFER__OP_RELU, 0, 0, -0.0f)));
    assert_true(signbit(infer__activate(INFER__OP_NEG, 0, 0, 0.0f)));
}

/* An epilogue is the operator, after the residual; in a kernel it is the kernel, then that. */
static void test_epilogue(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < OPS * 4; round++) {
        int64_t n = random_int(&r, 1, 1300);
        struct run k = {.t = {.op = INFER__OP_ABS, .nin = 1, .nout = 1}};
        float *again, *residual;
        k.in[0] = k.out[0] = operand(INFER_F32, 1, &n);
        k.t.epi = (struct infer__epilogue){.act = ops[round % OPS], .alpha = alpha, .beta = beta};
        run_fill(&k, 1, &r);
        run_kernel(&k, "unary_f32_c", &r);
        again = random_data(&k.in[0], 1, &r);
        residual = random_data(&k.in[0], 1, &r);
        memcpy(again, k.x[0], (size_t)n * sizeof(float));
        infer__epilogue_apply(&k.t.epi, again, residual, n);
        for (int64_t i = 0; i < n; i++) {
            float x = ((float *)k.x[0])[i];
            float one = infer__activate(k.t.epi.act, alpha, beta, fabsf(x));
            assert_memory_equal(&((float *)k.y[0])[i], &one, sizeof one);
            one = infer__activate(k.t.epi.act, alpha, beta, x + residual[i]);
            assert_true(isnan(one) ? isnan(again[i]) : one == again[i]);
        }
        free(again);
        free(residual);
        run_drop(&k);
    }
}

/* ---- integers, Clip, Not -------------------------------------------------------------------- */

static const infer_type integers[] = {INFER_S8,  INFER_U8,  INFER_S16, INFER_U16,
                                      INFER_S32, INFER_U32, INFER_S64, INFER_U64};

static int is_signed(unsigned type)
{
    return type == INFER_S8 || type == INFER_S16 || type == INFER_S32 || type == INFER_S64;
}

static void test_integers(void **state)
{
    static const uint16_t which[] = {INFER__OP_RELU, INFER__OP_ABS, INFER__OP_NEG};
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 48; round++) {
        int64_t n = random_int(&r, 1, 9000);
        infer_type type = integers[round % 8];
        struct run k = {.t = {.op = which[round % 3], .nin = 1, .nout = 1}};
        long double bits = (long double)infer_type_size(type) * 8, all = powl(2, bits);
        k.in[0] = k.out[0] = operand(type, 1, &n);
        run_fill(&k, 0, &r);
        run_kernel(&k, "unary_any_c", &r);
        for (int64_t i = 0; i < n; i++) {
            long double x = value_at(type, k.x[0], i);
            long double y = k.t.op == INFER__OP_RELU  ? fmaxl(x, 0)
                            : k.t.op == INFER__OP_ABS ? fabsl(x)
                                                      : -x;
            if (is_signed(type) ? y == all / 2 : y < 0) /* wraps */
                y += is_signed(type) ? -all : all;
            close_to("integer", i, value_at(type, k.y[0], i), y, 0);
        }
        run_drop(&k);
    }
}

static void test_clip(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 100; round++) {
        int64_t n = random_int(&r, 1, 700);
        infer_type type = round % 10 < 8 ? integers[round % 10] : round % 2 ? INFER_F64 : INFER_F32;
        struct run k = {.t = {.op = INFER__OP_CLIP, .nin = (uint32_t)round % 3 + 1, .nout = 1}};
        k.in[0] = k.out[0] = operand(type, 1, &n);
        k.in[1] = k.in[2] = operand(type, 0, NULL);
        if (round % 7 == 0)
            k.in[1] = (struct infer__operand){0}; /* no lower bound */
        run_fill(&k, round & 1, &r);
        run_kernel(&k, type == INFER_F32 ? "unary_f32_c" : "unary_any_c", &r);
        for (int64_t i = 0; i < n; i++) {
            long double x = value_at(type, k.x[0], i);
            for (uint32_t b = 1; b < k.t.nin; b++) {
                long double bound = k.in[b].type ? value_at(type, k.x[b], 0) : (long double)NAN;
                if (b == 1 ? x < bound : x > bound)
                    x = bound;
            }
            close_to("Clip", i, value_at(type, k.y[0], i), x, 0);
        }
        run_drop(&k);
    }
}

static void test_not(void **state)
{
    uint64_t r = seed;
    int64_t n = 20001;
    struct run k = {.t = {.op = INFER__OP_NOT, .nin = 1, .nout = 1}};
    (void)state;
    k.in[0] = k.out[0] = operand(INFER_BOOL, 1, &n);
    run_fill(&k, 1, &r);
    run_kernel(&k, "not_c", &r);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(((uint8_t *)k.y[0])[i], !((uint8_t *)k.x[0])[i]);
    run_drop(&k);
}

/* ---- Cast ----------------------------------------------------------------------------------- */

static int is_float(unsigned type)
{
    return type == INFER_F32 || type == INFER_F64 || type == INFER_F16 || type == INFER_BF16;
}

static long double cast(unsigned from, unsigned to, long double x)
{
    long double all = powl(2, (long double)infer_type_size((infer_type)to) * 8);
    long double low = is_signed(to) ? -all / 2 : 0, high = low + all - 1;
    if (to == INFER_BOOL)
        return x != 0;
    if (is_float(to))
        return round_to(to, x);
    if (is_float(from))
        return isnan(x) ? 0 : x <= low ? low : x >= high ? high : truncl(x);
    x -= floorl(x / all) * all; /* modulo */
    return x > high ? x - all : x;
}

static void test_cast(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int from = INFER_F32; from <= INFER_BOOL; from++)
        for (int to = INFER_F32; to <= INFER_BOOL; to++)
            for (int tame = 0; tame < 2; tame++) {
                int64_t n = random_int(&r, 1, 9000);
                struct run k = {.t = {.op = INFER__OP_CAST, .nin = 1, .nout = 1}};
                k.in[0] = operand((infer_type)from, 1, &n);
                k.out[0] = operand((infer_type)to, 1, &n);
                run_fill(&k, tame, &r);
                run_kernel(&k, "cast_c", &r);
                for (int64_t i = 0; i < n; i++)
                    close_to(
                        "Cast", i, value_at((unsigned)to, k.y[0], i),
                        cast((unsigned)from, (unsigned)to, value_at((unsigned)from, k.x[0], i)), 0);
                run_drop(&k);
            }
}

/* Numbers between two halves, on the middle between them and a hair beside it; all 65536 halves
 * there and back. */
static void test_half(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        double d = half_value((uint16_t)h), next = half_value((uint16_t)(h + 1));
        double f = (double)infer__f16_to_f32((uint16_t)h);
        if (isnan(d)) {
            assert_true(isnan(f) && isnan(half_value(infer__f64_to_f16(f))));
            continue;
        }
        assert_true(f == d && signbit(f) == signbit(d) && infer__f64_to_f16(d) == h);
        if (isnan(next) || isinf(next) || isinf(d))
            continue;
        double middle = (d + next) / 2;
        double points[] = {middle, nextafter(middle, d), nextafter(middle, next),
                           d + (next - d) * fabs((double)random_float(&r))};
        for (int i = 0; i < 4; i++) {
            double want = (double)round_to(INFER_F16, (long double)points[i]);
            assert_true(half_value(infer__f64_to_f16(points[i])) == want);
        }
    }
    for (int i = 0; i < 200000; i++) {
        double d = ldexp((double)random_next(&r), (int)random_int(&r, -210, 70));
        uint32_t bits = (uint32_t)infer__f64_to_bf16(d) << 16;
        float f;
        memcpy(&f, &bits, sizeof f);
        assert_true((long double)f == round_to(INFER_BF16, (long double)d));
    }
    assert_int_equal(infer__f64_to_f16(65519.999), 0x7bff);
    assert_int_equal(infer__f64_to_f16(65520), 0x7c00);
    assert_int_equal(infer__f64_to_f16(-1e300), 0xfc00);
}

/* Integers just beside the middle between two bf16: rounding to double first would lose which
 * side they are on. */
static void test_half_integers(void **state)
{
    static const int64_t near[] = {1, -1, 0};
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 600; i++) {
        int64_t n = 1, shift = random_int(&r, 54, 62), odd = random_int(&r, 128, 255);
        int64_t x = ((odd << 1 | 1) << (shift - 8)) + near[i % 3];
        infer_type type = i & 1 ? INFER_S64 : INFER_U64;
        struct run k = {.t = {.op = INFER__OP_CAST, .nin = 1, .nout = 1}};
        x = type == INFER_S64 && i & 2 ? -x : x;
        k.in[0] = operand(type, 1, &n);
        k.out[0] = operand(INFER_BF16, 1, &n);
        run_fill(&k, 1, &r);
        memcpy(k.x[0], &x, sizeof x);
        run_kernel(&k, "cast_c", &r);
        close_to("bf16", i, value_at(INFER_BF16, k.y[0], 0),
                 round_to(INFER_BF16, value_at(type, k.x[0], 0)), 0);
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_f32),           cmocka_unit_test(test_f64),
        cmocka_unit_test(test_halves),        cmocka_unit_test(test_special),
        cmocka_unit_test(test_epilogue),      cmocka_unit_test(test_integers),
        cmocka_unit_test(test_clip),          cmocka_unit_test(test_not),
        cmocka_unit_test(test_cast),          cmocka_unit_test(test_half),
        cmocka_unit_test(test_half_integers),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
