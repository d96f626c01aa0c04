/* Definitions of which there is one kernel each, by what they say: RoundFloat, BitCast, Random,
 * Det, products of f64 and integers, DeformConv, LpPool, MaxRoiPool, LinearAttention. */
#include "kernel_run.h"

/* ---- RoundFloat ----------------------------------------------------------------------------- */

/* Digits behind the point, the bias of the exponent, the largest finite number. */
static const struct {
    int digits, bias, exponents;
    float largest;
} formats[] = {[INFER__E4M3FN] = {3, 7, 16, 448},
               [INFER__E4M3FNUZ] = {3, 8, 16, 240},
               [INFER__E5M2] = {2, 15, 32, 57344},
               [INFER__E5M2FNUZ] = {2, 16, 32, 57344},
               [INFER__E2M1] = {1, 1, 4, 6}};

/* The numbers of a format that are not below 0, in order; returns how many. */
static int numbers_of(int format, float *to)
{
    int n = 0;
    for (int e = 0; e < formats[format].exponents; e++)
        for (int d = 0; d < 1 << formats[format].digits; d++) {
            int digits = formats[format].digits, bias = formats[format].bias;
            float f = e ? ldexpf((float)(d + (1 << digits)), e - bias - digits)
                        : ldexpf((float)d, 1 - bias - digits);
            if (f <= formats[format].largest)
                to[n++] = f;
        }
    return n;
}

static float rounded(int format, int overflows, float x)
{
    uint64_t r = 1;
    struct run k = {.t = {.op = INFER__OP_ROUND_FLOAT, .nin = 1, .nout = 1}};
    k.in[0] = k.out[0] = operand(INFER_F32, 1, (int64_t[]){1});
    k.t.p.round_float.format = format;
    k.t.p.round_float.overflows = overflows;
    k.x[0] = malloc(sizeof x);
    memcpy(k.x[0], &x, sizeof x);
    run_fill(&k, 1, &r);
    run_kernel(&k, "round_float_c", &r);
    memcpy(&x, k.y[0], sizeof x);
    run_drop(&k);
    return x;
}

static void equal(float got, float want)
{
    close_to("RoundFloat", 0, (long double)got, (long double)want, 0);
}

/* Every number stays; between two of them the nearer one is taken, half way the even one. */
static void test_round_float(void **state)
{
    float all[256];
    (void)state;
    for (int f = INFER__E4M3FN; f <= INFER__E2M1; f++) {
        const int n = numbers_of(f, all);
        for (int i = 0; i + 1 < n; i++) {
            const float middle = (all[i] + all[i + 1]) / 2;
            equal(rounded(f, 0, all[i]), all[i]);
            equal(rounded(f, 0, -all[i]), -all[i]);
            equal(rounded(f, 0, middle), i % 2 ? all[i + 1] : all[i]);
            equal(rounded(f, 0, nextafterf(middle, 0)), all[i]);
            equal(rounded(f, 0, nextafterf(-middle, -INFINITY)), -all[i + 1]);
        }
        const float largest = all[n - 1];
        equal(largest, formats[f].largest);
        equal(rounded(f, 0, INFINITY), largest);
        equal(rounded(f, 0, -1e30f), -largest);
        equal(rounded(f, 0, NAN), f == INFER__E2M1 ? 0 : NAN);
        if (f != INFER__E2M1)
            equal(rounded(f, 1, -1e30f), f == INFER__E5M2 ? -INFINITY : NAN);
    }
}

static void test_round_power(void **state)
{
    (void)state;
    equal(rounded(INFER__E8M0_UP, 0, 1), 1);
    equal(rounded(INFER__E8M0_UP, 0, nextafterf(1, 2)), 2);
    equal(rounded(INFER__E8M0_DOWN, 0, 1.99f), 1);
    equal(rounded(INFER__E8M0_NEAREST, 0, 1.5f), 2);
    equal(rounded(INFER__E8M0_NEAREST, 0, 1.49f), 1);
    equal(rounded(INFER__E8M0_UP, 0, 3e38f), 0x1p127f);
    equal(rounded(INFER__E8M0_UP, 1, 3e38f), NAN);
    equal(rounded(INFER__E8M0_DOWN, 0, -INFINITY), NAN);
}

static void test_bit_cast(void **state)
{
    uint64_t r = seed;
    (void)state;
    struct run k = {.t = {.op = INFER__OP_BIT_CAST, .nin = 1, .nout = 1}};
    k.in[0] = operand(INFER_F32, 1, (int64_t[]){20000});
    k.out[0] = operand(INFER_U32, 1, (int64_t[]){20000});
    run_fill(&k, 0, &r);
    run_kernel(&k, "bit_cast_c", &r);
    assert_memory_equal(k.y[0], k.x[0], 80000);
    run_drop(&k);
}

/* ---- Random --------------------------------------------------------------------------------- */

/* Mean and deviation of 40,000 numbers, which two seeds do not share. */
static void test_random(void **state)
{
    enum { N = 40000 };
    uint64_t r = seed;
    float *first = NULL;
    (void)state;
    for (int round = 0; round < 4; round++) {
        const int normal = round % 2;
        struct run k = {.t = {.op = INFER__OP_RANDOM, .nin = 1, .nout = 1}};
        k.in[0] = operand(INFER_S64, 1, (int64_t[]){1});
        k.out[0] = operand(INFER_F32, 1, (int64_t[]){N});
        k.t.p.random.mode = normal;
        k.t.p.random.a = normal ? 3 : -1;
        k.t.p.random.b = normal ? 2 : 5;
        k.t.p.random.seed = (float)(round / 2);
        run_fill(&k, 1, &r);
        run_kernel(&k, "random_c", &r);
        double sum = 0, squares = 0;
        const float *y = k.y[0];
        for (int i = 0; i < N; i++) {
            assert_true(normal || (y[i] >= -1 && y[i] < 5));
            sum += (double)y[i];
            squares += (double)y[i] * (double)y[i];
        }
        const double mean = sum / N, deviation = sqrt(squares / N - mean * mean);
        close_to("mean", 0, (long double)mean, normal ? 3 : 2, 0.05L);
        close_to("deviation", 0, (long double)deviation, normal ? 2 : 6 / sqrtl(12), 0.03L);
        if (first)
            assert_memory_not_equal(first, k.y[0], 4 * N);
        free(first);
        first = k.y[0];
        k.y[0] = NULL;
        run_drop(&k);
    }
    free(first);
}

/* ---- matrices ------------------------------------------------------------------------------- */

/* By the first row, as schools teach it. */
static long double minor(const double *a, int n, const int *columns, int row)
{
    long double sum = 0;
    if (row == n)
        return 1;
    for (int j = 0; j < n - row; j++) {
        int rest[8];
        for (int c = 0, to = 0; c < n - row; c++)
            if (c != j)
                rest[to++] = columns[c];
        long double part = (long double)a[row * n + columns[j]] * minor(a, n, rest, row + 1);
        sum += j % 2 ? -part : part;
    }
    return sum;
}

static void test_det(void **state)
{
    static const int all[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 60; round++) {
        const int64_t n = random_int(&r, 1, 5), m = random_int(&r, 1, 9);
        struct run k = {.t = {.op = INFER__OP_DET, .nin = 1, .nout = 1}};
        k.in[0] = operand(INFER_F64, 3, (int64_t[]){m, n, n});
        k.out[0] = operand(INFER_F64, 1, &m);
        run_fill(&k, 1, &r);
        if (round % 4 == 0) /* a column of zeros */
            for (int64_t i = 0; i < n; i++)
                ((double *)k.x[0])[i * n] = 0;
        run_kernel(&k, "det_c", &r);
        for (int64_t i = 0; i < m; i++) {
            const double *a = (const double *)k.x[0] + i * n * n;
            close_to("Det", i, (long double)((double *)k.y[0])[i], minor(a, (int)n, all, 0), 1e-9L);
        }
        run_drop(&k);
    }
}

static void test_matmul_any(void **state)
{
    static const infer_type types[] = {INFER_F64, INFER_S32, INFER_U32, INFER_S64};
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 80; round++) {
        const infer_type type = types[round % 4];
        const int64_t b = random_int(&r, 1, 3), m = random_int(&r, 1, 5);
        const int64_t n = random_int(&r, 1, round % 8 ? 5 : 140), d = random_int(&r, 1, 9);
        struct run k = {.t = {.op = INFER__OP_MATMUL, .nin = 2, .nout = 1}};
        k.in[0] = operand(type, 3, (int64_t[]){b, m, d});
        k.in[1] = operand(type, 3, (int64_t[]){round % 3 ? b : 1, d, n});
        k.out[0] = operand(type, 3, (int64_t[]){b, m, n});
        run_fill(&k, 1, &r);
        run_kernel(&k, "matmul_any_c", &r);
        for (int64_t i = 0; i < b * m * n; i++) {
            const int64_t batch = round % 3 ? i / n / m : 0;
            long double sum = 0;
            for (int64_t j = 0; j < d; j++)
                sum += value_at(type, k.x[0], i / n * d + j) *
                       value_at(type, k.x[1], (batch * d + j) * n + i % n);
            close_to("MatMul", i, value_at(type, k.y[0], i), sum, type == INFER_F64 ? 1e-12L : 0);
        }
        run_drop(&k);
    }
}

/* ---- windows -------------------------------------------------------------------------------- */

static struct infer__operand picture(int64_t n, int64_t h, int64_t w, int64_t c)
{
    return spatial_operand(INFER_F32, 2, n, (int64_t[]){1, h, w}, c);
}

static float at(const struct infer__operand *o, const float *x, int64_t n, int64_t h, int64_t w,
                int64_t c)
{
    if (h < 0 || w < 0 || h >= o->dims[1] || w >= o->dims[2])
        return 0;
    return x[((n * o->dims[1] + h) * o->dims[2] + w) * o->dims[3] + c];
}

/* Offsets of whole pixels: what the window reads stands elsewhere. */
static void test_deform_conv(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 40; round++) {
        const int64_t groups = 1 + round % 2, offsets = 1 + round / 2 % 2, m = 4, c = 4, kh = 2;
        const int64_t kw = 3, stride = 1 + round / 4 % 2, h = 5, w = 6;
        const int64_t oh = (h + 1 - kh) / stride + 1, ow = (w + 1 - kw) / stride + 1;
        struct run k = {.t = {.op = INFER__OP_DEFORM_CONV, .nin = 5, .nout = 1}};
        k.in[0] = picture(2, h, w, c);
        k.in[1] = operand(INFER_F32, 4, (int64_t[]){m, c / groups, kh, kw});
        k.in[2] = operand(INFER_F32, 4, (int64_t[]){2, offsets * 2 * kh * kw, oh, ow});
        k.in[3] = operand(INFER_F32, 1, (int64_t[]){m});
        k.in[4] = operand(INFER_F32, 4, (int64_t[]){2, offsets * kh * kw, oh, ow});
        k.out[0] = picture(2, oh, ow, m);
        k.t.p.window = (struct infer__window){.kernel = {1, kh, kw},
                                              .stride = {1, stride, stride},
                                              .dilation = {1, 1, 1},
                                              .pad_begin = {0, 1, 0},
                                              .pad_end = {0, 0, 1},
                                              .groups = groups,
                                              .spatial = 2};
        const int64_t moves = infer__operand_elements(&k.in[2]);
        float *move = malloc((size_t)moves * sizeof *move);
        for (int64_t i = 0; i < moves; i++)
            move[i] = (float)random_int(&r, -2, 2);
        k.x[2] = move;
        run_fill(&k, 1, &r);
        run_kernel(&k, "deform_conv_c", &r);
        const float *x = k.x[0], *wt = k.x[1], *bias = k.x[3], *mask = k.x[4];
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int64_t o[INFER_MAX_RANK] = {0}, each = c / groups;
            unravel(&k.out[0], i, o);
            double sum = (double)bias[o[3]];
            for (int64_t q = 0; q < each * kh * kw; q++) {
                const int64_t ch = o[3] / (m / groups) * each + q / (kh * kw), tap = q % (kh * kw);
                const int64_t g = ch / (c / offsets) * kh * kw + tap;
                const int64_t place = ((o[0] * offsets * kh * kw + g) * oh + o[1]) * ow + o[2];
                const int64_t to = ((o[0] * offsets * kh * kw * 2 + 2 * g) * oh + o[1]) * ow + o[2];
                const int64_t row = o[1] * stride - 1 + tap / kw + (int64_t)move[to];
                const int64_t col = o[2] * stride + tap % kw + (int64_t)move[to + oh * ow];
                sum += (double)at(&k.in[0], x, o[0], row, col, ch) * (double)mask[place] *
                       (double)wt[(o[3] * each + q / (kh * kw)) * kh * kw + tap];
            }
            close_to("DeformConv", i, (long double)((float *)k.y[0])[i], (long double)sum, 1e-3L);
        }
        run_drop(&k);
    }
}

static void test_lp_pool(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 40; round++) {
        const int64_t p = 1 + round % 4, h = random_int(&r, 2, 7), w = random_int(&r, 3, 7), c = 3;
        struct run k = {.t = {.op = INFER__OP_LP_POOL, .nin = 1, .nout = 1}};
        k.in[0] = picture(2, h, w, c);
        k.out[0] = picture(2, h, w - 2, c);
        k.t.p.window = (struct infer__window){.kernel = {1, 2, 3},
                                              .stride = {1, 1, 1},
                                              .dilation = {1, 1, 1},
                                              .pad_begin = {0, 1, 0},
                                              .groups = p,
                                              .spatial = 2};
        run_fill(&k, 1, &r);
        run_kernel(&k, "lp_pool_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int64_t o[INFER_MAX_RANK] = {0};
            double sum = 0;
            unravel(&k.out[0], i, o);
            for (int64_t q = 0; q < 6; q++)
                sum += pow(
                    fabs((double)at(&k.in[0], k.x[0], o[0], o[1] - 1 + q / 3, o[2] + q % 3, o[3])),
                    (double)p);
            close_to("LpPool", i, (long double)((float *)k.y[0])[i],
                     (long double)pow(sum, 1 / (double)p), 1e-5L);
        }
        run_drop(&k);
    }
}

/* A box of whole pixels in the middle, one outside, pictures that do not exist, and no place. */
static void test_max_roi_pool(void **state)
{
    uint64_t r = seed;
    static const float boxes[] = {1, 1, 2, 4, 5, /**/ 0, 90, 90,  95, 95, /**/
                                  7, 0, 0, 7, 5, /**/ 0, 1,  NAN, 4,  5};
    (void)state;
    struct run k = {.t = {.op = INFER__OP_MAX_ROI_POOL, .nin = 2, .nout = 1}};
    k.in[0] = picture(2, 6, 8, 2);
    k.in[1] = operand(INFER_F32, 2, (int64_t[]){4, 5});
    k.out[0] = picture(4, 2, 2, 2);
    k.t.p.roi.scale = 1;
    k.x[1] = malloc(sizeof boxes);
    memcpy(k.x[1], boxes, sizeof boxes);
    run_fill(&k, 1, &r);
    run_kernel(&k, "max_roi_pool_c", &r);
    for (int64_t i = 0; i < 24; i++) {
        int64_t o[INFER_MAX_RANK] = {0};
        float top = -INFINITY;
        unravel(&k.out[0], i, o);
        const int64_t y0 = o[0] ? 0 : 2, x0 = o[0] ? 0 : 1, bh = o[0] ? 3 : 2, bw = o[0] ? 4 : 2;
        for (int64_t q = 0; q < bh * bw; q++) {
            float v =
                at(&k.in[0], k.x[0], 1, y0 + o[1] * bh + q / bw, x0 + o[2] * bw + q % bw, o[3]);
            top = v > top ? v : top;
        }
        close_to("MaxRoiPool", i, (long double)((float *)k.y[0])[i],
                 o[0] == 1 ? 0 : (long double)top, 0);
    }
    for (int64_t i = 24; i < 32; i++)
        assert_true(isnan(((float *)k.y[0])[i]));
    run_drop(&k);
}

/* ---- LinearAttention ------------------------------------------------------------------------ */

/* Element (i, j) of the state of one head behind step `s`, by its recurrence. */
static void step(const struct run *k, int64_t n, int64_t s, int64_t head, int64_t heads,
                 int64_t key, int64_t value, double *state)
{
    const int rule = k->t.p.linear_attention.rule;
    const int64_t steps = k->in[0].dims[1], row = n * steps + s;
    const float *keys = (const float *)k->x[1] + (row * heads + head) * key;
    double v[8];
    for (int64_t i = 0; rule & INFER__GATED && i < key; i++) {
        const int64_t width = k->in[4].dims[2];
        const double g =
            (double)((const float *)k->x[4])[row * width + (width > heads ? head * key + i : head)];
        for (int64_t j = 0; j < value; j++)
            state[i * value + j] *= exp(g);
    }
    for (int64_t j = 0; j < value; j++) {
        v[j] = (double)((const float *)k->x[2])[(row * heads + head) * value + j];
        for (int64_t i = 0; rule & INFER__DELTA && i < key; i++)
            v[j] -= state[i * value + j] * (double)keys[i];
        if (rule & INFER__DELTA)
            v[j] *= (double)((const float *)k->x[5])[row * heads + head];
    }
    for (int64_t i = 0; i < key * value; i++)
        state[i] += (double)keys[i / value] * v[i % value];
}

static void test_linear_attention(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 32; round++) {
        const int64_t n = 2, steps = 3, heads = 2, each = 1 + round / 4 % 2, key = 3, value = 4;
        const int rule = round % 4, wide = round / 8 % 2;
        struct run k = {.t = {.op = INFER__OP_LINEAR_ATTENTION, .nin = 6, .nout = 2}};
        k.in[0] = operand(INFER_F32, 3, (int64_t[]){n, steps, heads * each * key});
        k.in[1] = operand(INFER_F32, 3, (int64_t[]){n, steps, heads * key});
        k.in[2] = operand(INFER_F32, 3, (int64_t[]){n, steps, heads * value});
        if (round / 16)
            k.in[3] = operand(INFER_F32, 4, (int64_t[]){n, heads, key, value});
        if (rule & INFER__GATED)
            k.in[4] = operand(INFER_F32, 3, (int64_t[]){n, steps, wide ? heads * key : heads});
        if (rule & INFER__DELTA)
            k.in[5] = operand(INFER_F32, 3, (int64_t[]){n, steps, heads});
        k.out[0] = operand(INFER_F32, 3, (int64_t[]){n, steps, heads * each * value});
        if (round % 3)
            k.out[1] = operand(INFER_F32, 4, (int64_t[]){n, heads, key, value});
        k.t.p.linear_attention = (struct infer__linear_attention){rule, heads * each, heads, 0.5f};
        run_fill(&k, 1, &r);
        for (uint32_t i = 0; i < 6; i++) /* so that states stay small */
            for (int64_t e = 0; k.x[i] && e < infer__operand_elements(&k.in[i]); e++)
                ((float *)k.x[i])[e] *= 0.2f;
        run_kernel(&k, "linear_attention_c", &r);
        for (int64_t head = 0; head < n * heads; head++) {
            double s[12];
            for (int64_t i = 0; i < key * value; i++)
                s[i] = round / 16 ? (double)((float *)k.x[3])[head * key * value + i] : 0;
            for (int64_t t = 0; t < steps; t++) {
                step(&k, head / heads, t, head % heads, heads, key, value, s);
                for (int64_t q = 0; q < each * value; q++) {
                    const int64_t row = (head / heads * steps + t) * heads + head % heads;
                    const int64_t query = row * each + q / value;
                    double sum = 0;
                    for (int64_t i = 0; i < key; i++)
                        sum +=
                            (double)((float *)k.x[0])[query * key + i] * s[i * value + q % value];
                    close_to("LinearAttention", query,
                             (long double)((float *)k.y[0])[query * value + q % value],
                             (long double)sum / 2, 1e-5L);
                }
            }
            for (int64_t i = 0; round % 3 && i < key * value; i++)
                close_to("state", i, (long double)((float *)k.y[1])[head * key * value + i],
                         (long double)s[i], 1e-5L);
        }
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_float),  cmocka_unit_test(test_round_power),
        cmocka_unit_test(test_bit_cast),     cmocka_unit_test(test_random),
        cmocka_unit_test(test_det),          cmocka_unit_test(test_matmul_any),
        cmocka_unit_test(test_deform_conv),  cmocka_unit_test(test_lp_pool),
        cmocka_unit_test(test_max_roi_pool), cmocka_unit_test(test_linear_attention),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
