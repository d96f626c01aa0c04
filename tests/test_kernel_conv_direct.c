/* The direct and grouped f32 convolutions and the dense layer of few rows, where their own rules
 * begin and end: widths around tiles and borders, channels around vectors, halves and panels,
 * groups that fill a vector or not, rows 1 to 13. Numbers add up exactly, so that the answer is
 * compared bit by bit with sums of integers; test_kernel_conv.c has the same kernels on any data.
 */
#include <math.h>

#include "base/cpu.h"
#include "kernel_check.h"

static uint64_t seed;

struct shape {
    int64_t n, h, w, cg, mg, groups, kernel[2], stride[2], dilation[2], pad[4]; /* top left .. */
    int bias, residual, scaled;
    uint16_t act;
    int strict;
};

struct problem {
    struct infer__operand in[5], y; /* x, weights, bias, scale or residual, residual */
    struct infer__task t;
    float *data[5], *want, *got;
};

static float *integers(int64_t n, uint64_t *r)
{
    float *p = malloc((size_t)(n + 1) * sizeof *p);
    for (int64_t i = 0; i < n; i++)
        p[i] = (float)random_int(r, -3, 3);
    return p;
}

static void formula(const struct shape *s, struct problem *p)
{
    int64_t ho = p->y.dims[1], wo = p->y.dims[2], c = s->groups * s->cg, m = s->groups * s->mg;
    for (int64_t i = 0; i < s->n * ho * wo * m; i++) {
        int64_t om = i % m, ow = i / m % wo, oh = i / m / wo % ho, n = i / m / wo / ho;
        double sum = s->bias ? (double)p->data[2][om] : 0;
        for (int64_t k = 0; k < s->kernel[0] * s->kernel[1] * s->cg; k++) {
            int64_t ch = k % s->cg, kw = k / s->cg % s->kernel[1], kh = k / s->cg / s->kernel[1];
            int64_t h = oh * s->stride[0] - s->pad[0] + kh * s->dilation[0];
            int64_t w = ow * s->stride[1] - s->pad[1] + kw * s->dilation[1];
            if (h < 0 || h >= s->h || w < 0 || w >= s->w)
                continue;
            int64_t x = ((n * s->h + h) * s->w + w) * c + om / s->mg * s->cg + ch;
            int64_t at = ((om * s->cg + ch) * s->kernel[0] + kh) * s->kernel[1] + kw;
            double scale = s->scaled ? (double)p->data[3][n * c + om / s->mg * s->cg + ch] : 1;
            sum += (double)p->data[0][x] * scale * (double)p->data[1][at];
        }
        sum += s->residual ? (double)p->data[3 + s->scaled][i] : 0;
        p->want[i] = infer__activate(p->t.epi.act, p->t.epi.alpha, p->t.epi.beta, (float)sum);
    }
}

/* 0 if the window does not fit. */
static int build(const struct shape *s, struct problem *p, uint64_t *r)
{
    int64_t size[3] = {1, s->h, s->w}, out[3] = {1, 1, 1};
    memset(p, 0, sizeof *p);
    for (int a = 0; a < 2; a++) {
        int64_t room = size[a + 1] + s->pad[a] + s->pad[a + 2];
        int64_t reach = (s->kernel[a] - 1) * s->dilation[a] + 1;
        if (room < reach)
            return 0;
        out[a + 1] = (room - reach) / s->stride[a] + 1;
    }
    p->in[0] = spatial_operand(INFER_F32, 2, s->n, size, s->groups * s->cg);
    p->y = spatial_operand(INFER_F32, 2, s->n, out, s->groups * s->mg);
    p->in[1] =
        (struct infer__operand){.type = INFER_F32,
                                .rank = 4,
                                .is_const = 1,
                                .dims = {s->groups * s->mg, s->cg, s->kernel[0], s->kernel[1]}};
    p->in[2] = (struct infer__operand){.type = s->bias ? INFER_F32 : INFER_TYPE_NONE,
                                       .rank = 1,
                                       .is_const = 1,
                                       .dims = {s->groups * s->mg}};
    p->in[3] = p->in[4] = p->y;
    if (s->scaled) {
        const int64_t one[3] = {1, 1, 1};
        p->in[3] = spatial_operand(INFER_F32, 2, s->n, one, s->groups * s->cg);
    }
    p->t = (struct infer__task){.op = s->scaled ? INFER__OP_SCALED_CONV : INFER__OP_CONV,
                                .isa = (uint8_t)infer_cpu_isa(),
                                .nin = 3 + (uint32_t)(s->scaled + s->residual),
                                .nout = 1,
                                .in = p->in,
                                .out = &p->y};
    p->t.p.window = (struct infer__window){{1, s->kernel[0], s->kernel[1]},
                                           {1, s->stride[0], s->stride[1]},
                                           {1, s->dilation[0], s->dilation[1]},
                                           {0, s->pad[0], s->pad[1]},
                                           {0, s->pad[2], s->pad[3]},
                                           s->groups,
                                           2,
                                           0,
                                           0};
    p->t.epi = (struct infer__epilogue){
        .act = s->act, .residual = (uint16_t)s->residual, .alpha = -4, .beta = 6};
    p->t.strict = (uint8_t)s->strict;
    for (int i = 0; i < 5; i++)
        p->data[i] = integers(infer__operand_elements(&p->in[i]), r);
    size_t outputs = (size_t)infer__operand_elements(&p->y);
    p->want = malloc((outputs + 1) * sizeof *p->want);
    p->got = malloc((outputs + 1) * sizeof *p->got);
    return 1;
}

static void drop(struct problem *p)
{
    for (int i = 0; i < 5; i++)
        free(p->data[i]);
    free(p->want);
    free(p->got);
}

/* One that was measured, or none in particular: cuts may depend on it. */
static const struct infer__machine *some_machine(uint64_t *r)
{
    return random_int(r, 0, 1) ? infer__identity_machine("GenuineIntel", 0x000c06f2) : NULL;
}

/* How many kernels whose name begins with `prefix` serve the shape; all must be right. */
static int check_shape(const struct shape *s, const char *prefix, uint64_t *r)
{
    struct problem p;
    int served = 0;
    if (!build(s, &p, r))
        return 0;
    formula(s, &p);
    p.t.machine = some_machine(r);
    const void *in[5] = {p.data[0], p.data[1], p.data[2], p.data[3], p.data[4]};
    void *out[1] = {p.got};
    for (const struct infer__kernel *const *k = infer__kernels; *k; k++) {
        if (strncmp((*k)->name, prefix, strlen(prefix)) != 0 ||
            !infer__isa_has(p.t.isa, (*k)->isa) || (*k)->estimate(&p.t) < 0)
            continue;
        check_kernel(*k, &p.t, in, out, r);
        for (int64_t i = 0; i < infer__operand_elements(&p.y); i++)
            if (p.got[i] != p.want[i])
                fail_msg("%s, output %lld: %g instead of %g", (*k)->name, (long long)i,
                         (double)p.got[i], (double)p.want[i]);
        served++;
    }
    drop(&p);
    return served;
}

/* Activations that keep integers exact. */
static uint16_t exact_activation(uint64_t *r)
{
    static const uint16_t acts[] = {INFER__OP_NONE, INFER__OP_RELU, INFER__OP_CLIP,
                                    INFER__OP_LEAKY_RELU};
    return acts[random_int(r, 0, 3)];
}

static struct shape square(int64_t c, int64_t m, int64_t kernel, int64_t stride, int64_t pad,
                           int64_t h, int64_t w, uint64_t *r)
{
    struct shape s = {1,
                      h,
                      w,
                      c,
                      m,
                      1,
                      {kernel, kernel},
                      {stride, stride},
                      {1, 1},
                      {pad, pad, pad, pad},
                      (int)random_int(r, 0, 1),
                      (int)random_int(r, 0, 1),
                      0,
                      exact_activation(r),
                      0};
    return s;
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* 1 to 4 input channels; kernels of first layers; every width of output around two tiles. */
static void test_first_layer(void **state)
{
    static const int64_t kernels[][3] = {{3, 2, 1}, {7, 2, 3}, {11, 4, 2}, {3, 1, 1}, {5, 1, 2}};
    uint64_t r = seed;
    (void)state;
    for (int64_t w = 1; w <= 27; w++)
        for (int i = 0; i < 5; i++) {
            struct shape s = square(1 + w % 4, random_int(&r, 1, 70), kernels[i][0], kernels[i][1],
                                    kernels[i][2], 5, w * kernels[i][1], &r);
            s.n = random_int(&r, 1, 2);
            if (s.w + 2 * kernels[i][2] >= kernels[i][0] && 5 + 2 * kernels[i][2] >= kernels[i][0])
                assert_true(check_shape(&s, "conv_direct_f32", &r) >= 1);
        }
}

/* Every number of output channels up to two panels and a bit, 1x1 and 3x3. */
static void test_channels(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int64_t m = 1; m <= 150; m++) {
        struct shape s = square(random_int(&r, 1, 40), m, 1, 1, 0, 3, 1 + m % 14, &r);
        assert_true(check_shape(&s, "conv_direct_f32", &r) >= 1);
        s = square(random_int(&r, 1, 9), m, 3, 1 + m % 2, 1, 4, 1 + m % 26, &r);
        assert_true(check_shape(&s, "conv_direct_f32", &r) >= 1);
    }
}

/* Panels whose weights the first-level cache does not hold, with as many pixels as make some
 * machines keep them wide, and fewer. */
static void test_far_weights(void **state)
{
    static const int64_t channels[] = {33, 40, 48, 49, 56, 64, 65, 100, 130};
    uint64_t r = seed + 6;
    (void)state;
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (int64_t h = 1; h <= 8; h += 7) {
            struct shape s = square(random_int(&r, 129, 300), channels[i], 1, 1, 0, h,
                                    random_int(&r, 12, 20), &r);
            assert_true(check_shape(&s, "conv_direct_f32", &r) >= 1);
            s = square(random_int(&r, 20, 40), channels[i], 3, 1, 1, h, random_int(&r, 12, 20), &r);
            assert_true(check_shape(&s, "conv_direct_f32", &r) >= 1);
        }
}

/* Windows of any kind, paddings that differ and exceed the kernel, dilation, groups of any size. */
static void test_windows(void **state)
{
    uint64_t r = seed + 2;
    int served = 0;
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct shape s = square(random_int(&r, 1, 20), random_int(&r, 1, 40), 1, 1, 0,
                                random_int(&r, 1, 6), random_int(&r, 1, 30), &r);
        for (int a = 0; a < 2; a++) {
            s.kernel[a] = random_int(&r, 1, 4);
            s.stride[a] = random_int(&r, 1, 3);
            s.dilation[a] = random_int(&r, 1, 3);
            s.pad[a] = random_int(&r, 0, 5);
            s.pad[a + 2] = random_int(&r, 0, 5);
        }
        s.groups = random_int(&r, 0, 1) ? 1 : random_int(&r, 2, 5);
        served += check_shape(&s, "conv_direct_f32", &r) > 0;
    }
    assert_true(served > 200);
}

/* Dilation so wide that many taps lie in the padding, some of them always. */
static void test_wide_dilation(void **state)
{
    uint64_t r = seed + 7;
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct shape s = square(random_int(&r, 1, 20), random_int(&r, 1, 80), 3, 1, 0,
                                random_int(&r, 1, 12), random_int(&r, 2, 30), &r);
        for (int a = 0; a < 2; a++) {
            s.kernel[a] = random_int(&r, 1, 7);
            s.stride[a] = random_int(&r, 1, 3);
            s.dilation[a] = random_int(&r, 1, 30);
            s.pad[a] = random_int(&r, 0, s.kernel[a] * s.dilation[a]);
            s.pad[a + 2] = (s.kernel[a] - 1) * s.dilation[a] - random_int(&r, 0, s.pad[a]);
            s.pad[a + 2] = s.pad[a + 2] < 0 ? 0 : s.pad[a + 2];
        }
        s.groups = random_int(&r, 0, 2) ? 1 : random_int(&r, 2, 3);
        check_shape(&s, "conv_direct_f32", &r);
    }
    struct shape s = square(24, 40, 3, 1, 24, 20, 20, &r);
    s.dilation[0] = s.dilation[1] = 24;
    assert_true(check_shape(&s, "conv_direct_f32", &r) >= 1);
}

/* Large reductions: panels that leave the first-level cache, and items ordered by panel. */
static void test_large(void **state)
{
    uint64_t r = seed + 3;
    (void)state;
    static const int64_t shapes[][4] = {
        {520, 300, 1, 3}, {1030, 129, 1, 2}, {70, 90, 3, 7}, {260, 33, 3, 3}};
    for (int i = 0; i < 4; i++) {
        struct shape s = square(shapes[i][0], shapes[i][1], shapes[i][2], 1, shapes[i][2] / 2,
                                shapes[i][3], shapes[i][3], &r);
        assert_true(check_shape(&s, "conv_direct_f32", &r) >= 1);
    }
}

/* Sums of several chains, cut in kernel rows, runs of a row and products of a run; with padding, so
 * that tiles leave out rows. */
static void test_long_sums(void **state)
{
    static const int64_t shapes[][5] = {{300, 1, 1, 1, 0}, {1601, 1, 1, 1, 0}, {290, 3, 3, 1, 1},
                                        {100, 5, 5, 2, 4}, {60, 5, 5, 2, 3},   {30, 7, 7, 1, 3},
                                        {40, 3, 9, 1, 4},  {200, 3, 3, 2, 2},  {900, 1, 3, 2, 2},
                                        {20, 11, 3, 1, 5}};
    uint64_t r = seed + 9;
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int strict = 0; strict < 2; strict++) {
            struct shape s = square(shapes[i][0], random_int(&r, 1, 50), 1, 1, shapes[i][4], 3,
                                    random_int(&r, 4, 9), &r);
            s.kernel[0] = shapes[i][1];
            s.kernel[1] = shapes[i][2];
            s.dilation[0] = s.dilation[1] = shapes[i][3];
            s.strict = strict;
            assert_true(check_shape(&s, "conv_direct_f32", &r) >= 1);
            assert_true(check_shape(&s, "conv_f32_blocked", &r) >= 1);
        }
}

/* What a rounding loses is in proportion to the sum so far: of 8,192 products between 0 and 1 one
 * chain loses some 2e-6, and several chains of a few hundred a tenth of that. */
static void test_exactness(void **state)
{
    uint64_t r = seed + 10;
    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        struct shape s = square(8192, 16, 1, 1, 0, 2, 9, &r);
        struct problem p;
        s.strict = strict;
        s.residual = s.bias = 0;
        assert_true(build(&s, &p, &r));
        for (int i = 0; i < 2; i++)
            for (int64_t k = 0; k < infer__operand_elements(&p.in[i]); k++)
                p.data[i][k] = (float)random_int(&r, 1, 1 << 20) * 0x1p-20f;
        p.t.epi.act = INFER__OP_NONE;
        formula(&s, &p);
        const void *in[5] = {p.data[0], p.data[1], p.data[2], p.data[3], p.data[4]};
        void *out[1] = {p.got};
        for (const struct infer__kernel *const *k = infer__kernels; *k; k++) {
            if (strncmp((*k)->name, "conv_direct_f32", 15) != 0 || !infer_cpu_has((*k)->isa))
                continue;
            double squares = 0, n = (double)infer__operand_elements(&p.y);
            check_kernel(*k, &p.t, in, out, &r);
            for (int64_t i = 0; i < infer__operand_elements(&p.y); i++) {
                double part = ((double)p.got[i] - (double)p.want[i]) / (double)p.want[i];
                squares += part * part;
            }
            assert_true(sqrt(squares / n) < 6e-7);
        }
        drop(&p);
    }
}

/* Inputs scaled by image and channel: every number of channels around vectors, pictures that end
 * inside a tile, and reductions whose items are ordered by panel. */
static void test_scaled(void **state)
{
    uint64_t r = seed + 8;
    (void)state;
    for (int64_t c = 1; c <= 70; c++) {
        struct shape s = square(c, random_int(&r, 1, 70), 1, 1, 0, random_int(&r, 1, 5),
                                random_int(&r, 1, 15), &r);
        s.n = random_int(&r, 1, 3);
        s.scaled = 1;
        assert_true(check_shape(&s, "conv_direct_f32", &r) >= 1);
        assert_true(check_shape(&s, "conv_f32_c", &r) == 1);
    }
    for (int64_t w = 3; w <= 13; w += 5) {
        struct shape s = square(1030, 131, 1, 1, 0, 7, w, &r);
        s.scaled = 1;
        assert_true(check_shape(&s, "conv_direct_f32", &r) >= 1);
    }
    struct shape s = square(12, 20, 3, 1, 1, 6, 9, &r); /* the definition's own; others refuse */
    s.scaled = 1;
    assert_int_equal(check_shape(&s, "conv_direct_f32", &r), 0);
    assert_int_equal(check_shape(&s, "conv_", &r), 1);
}

/* Groups of 4 and 8: every number of groups up to three vectors, every width up to three tiles. */
static void test_groups(void **state)
{
    uint64_t r = seed + 4;
    (void)state;
    for (int64_t i = 1; i <= 52; i++)
        for (int64_t size = 4; size <= 8; size += 4) {
            struct shape s =
                square(size, size, 3, 1 + i % 2, random_int(&r, 0, 2), 4, 2 + i % 26, &r);
            s.groups = 2 + i % 12;
            s.pad[1] = random_int(&r, 0, 3);
            s.pad[3] = random_int(&r, s.w + s.pad[1] < 3 ? 1 : 0, 3);
            s.stride[0] = random_int(&r, 1, 3);
            s.dilation[0] = s.pad[0] ? random_int(&r, 1, 2) : 1;
            int served = check_shape(&s, "conv_groups_f32", &r);
            assert_true(served >= (infer_cpu_has(INFER_ISA_AVX512)              ? 1
                                   : infer_cpu_has(INFER_ISA_AVX2) && size == 4 ? 1
                                                                                : 0));
            assert_true(check_shape(&s, "conv_direct_f32", &r) >= 1);
        }
}

/* What the grouped kernel must leave to others. */
static void test_groups_refused(void **state)
{
    uint64_t r = seed + 5;
    (void)state;
    struct shape good = square(4, 4, 3, 1, 1, 5, 9, &r);
    good.groups = 4;
    struct shape bad[6] = {good, good, good, good, good, good};
    bad[0].mg = 8;
    bad[1].cg = bad[1].mg = 5;
    bad[2].stride[1] = 3;
    bad[3].dilation[1] = 2;
    bad[4].kernel[1] = 2;
    bad[5].groups = 1;
    for (int i = 0; i < 6; i++)
        assert_int_equal(check_shape(&bad[i], "conv_groups_f32", &r), 0);
}

/* A dense layer of 1 to 13 rows is that many rows of the same bits. */
static void test_dense_rows(void **state)
{
    uint64_t r = seed + 6;
    (void)state;
    for (int64_t m = 1; m <= 13; m++) {
        int64_t k = random_int(&r, 1, 90), n = random_int(&r, 1, 100);
        struct infer__operand in[3] = {
            {.type = INFER_F32, .rank = 2, .dims = {m, k}},
            {.type = INFER_F32, .rank = 2, .is_const = 1, .dims = {n, k}},
            {.type = INFER_F32, .rank = 1, .is_const = 1, .dims = {n}}};
        struct infer__operand y = {.type = INFER_F32, .rank = 2, .dims = {m, n}};
        struct infer__task t = {.op = INFER__OP_GEMM,
                                .isa = (uint8_t)infer_cpu_isa(),
                                .nin = 3,
                                .nout = 1,
                                .in = in,
                                .out = &y};
        t.p.gemm = (struct infer__gemm){1, 1, 0, 1};
        float *a = integers(m * k, &r), *b = integers(n * k, &r), *c = integers(n, &r);
        float *got = malloc((size_t)(m * n) * sizeof *got);
        const void *data[3] = {a, b, c};
        void *out[1] = {got};
        int served = 0;
        for (const struct infer__kernel *const *kernel = infer__kernels; *kernel; kernel++) {
            if (strncmp((*kernel)->name, "matmul_f32", 10) != 0 ||
                !infer__isa_has(t.isa, (*kernel)->isa) || (*kernel)->estimate(&t) < 0)
                continue;
            check_kernel(*kernel, &t, data, out, &r);
            for (int64_t i = 0; i < m * n; i++) {
                double want = (double)c[i % n];
                for (int64_t j = 0; j < k; j++)
                    want += (double)a[i / n * k + j] * (double)b[i % n * k + j];
                assert_true((double)got[i] == want);
            }
            served++;
        }
        assert_true(served >= 2);
        free(a);
        free(b);
        free(c);
        free(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_layer),    cmocka_unit_test(test_channels),
        cmocka_unit_test(test_far_weights),    cmocka_unit_test(test_windows),
        cmocka_unit_test(test_wide_dilation),  cmocka_unit_test(test_large),
        cmocka_unit_test(test_long_sums),      cmocka_unit_test(test_exactness),
        cmocka_unit_test(test_scaled),         cmocka_unit_test(test_groups),
        cmocka_unit_test(test_groups_refused), cmocka_unit_test(test_dense_rows),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
