/* Bf16 convolutions and dense layers against their definition, conv_bf16_c, and that against sums
 * written out here: tails, strides, dilations, paddings, groups, epilogues, between guard pages,
 * for any partition of the units. Vector kernels add pairs of products in the CPU's own way, hence
 * a bound; numbers whose sums are exact must be met exactly. */
#include <math.h>

#include "kernel_check.h"
#include "kernels/conv_bf16/conv_bf16.h"

static uint64_t seed;

struct shape {
    int spatial;
    int64_t n, size[3], cg, mg, groups, kernel[3], stride[3], dilation[3], pad[6];
    int bias, residual, whole; /* whole: small integers */
    uint16_t act;
};

struct problem {
    struct infer__operand in[4], y;
    struct infer__task t;
    float *data[4], *want, *got;
};

static float *numbers(int64_t n, int whole, uint64_t *r)
{
    float *p = malloc((size_t)(n + 1) * sizeof *p);
    for (int64_t i = 0; i < n; i++)
        p[i] = whole ? (float)random_int(r, -3, 3) : random_float(r);
    return p;
}

static void allocate(struct problem *p, int whole, uint64_t *r)
{
    p->t.in = p->in;
    p->t.out = &p->y;
    for (int i = 0; i < 4; i++)
        p->data[i] = numbers(infer__operand_elements(&p->in[i]), whole, r);
    size_t outputs = (size_t)infer__operand_elements(&p->y) + 1;
    p->want = malloc(outputs * sizeof *p->want);
    p->got = malloc(outputs * sizeof *p->got);
}

static void drop(struct problem *p)
{
    for (int i = 0; i < 4; i++)
        free(p->data[i]);
    free(p->want);
    free(p->got);
}

/* 0 if the window does not fit. */
static int build(const struct shape *s, struct problem *p, uint64_t *r)
{
    int64_t out[3];
    memset(p, 0, sizeof *p);
    for (int a = 0; a < 3; a++) {
        int64_t room = s->size[a] + s->pad[a] + s->pad[a + 3];
        int64_t reach = (s->kernel[a] - 1) * s->dilation[a] + 1;
        if (room < reach)
            return 0;
        out[a] = (room - reach) / s->stride[a] + 1;
    }
    p->in[0] = spatial_operand(INFER_F32, s->spatial, s->n, s->size, s->groups * s->cg);
    p->y = p->in[3] = spatial_operand(INFER_F32, s->spatial, s->n, out, s->groups * s->mg);
    p->in[1] = (struct infer__operand){.type = INFER_F32,
                                       .rank = p->in[0].rank,
                                       .is_const = 1,
                                       .dims = {s->groups * s->mg, s->cg}};
    for (int a = 3 - s->spatial; a < 3; a++)
        p->in[1].dims[2 + a - (3 - s->spatial)] = s->kernel[a];
    p->in[2] = (struct infer__operand){.type = s->bias ? INFER_F32 : INFER_TYPE_NONE,
                                       .rank = 1,
                                       .is_const = 1,
                                       .dims = {s->groups * s->mg}};
    p->t = (struct infer__task){.op = INFER__OP_CONV,
                                .isa = (uint8_t)infer_cpu_isa(),
                                .bf16 = 1,
                                .nin = s->residual ? 4 : 3,
                                .nout = 1};
    struct infer__window *w = &p->t.p.window;
    for (int a = 0; a < 3; a++) {
        w->kernel[a] = s->kernel[a];
        w->stride[a] = s->stride[a];
        w->dilation[a] = s->dilation[a];
        w->pad_begin[a] = s->pad[a];
        w->pad_end[a] = s->pad[a + 3];
    }
    w->groups = s->groups;
    w->spatial = s->spatial;
    p->t.epi = (struct infer__epilogue){.act = s->act,
                                        .residual = (uint16_t)s->residual,
                                        .alpha = s->act == INFER__OP_CLIP ? -0.5f : 0.25f,
                                        .beta = 0.75f};
    allocate(p, s->whole, r);
    return 1;
}

/* Runs the definition and compares the kernel of a name with it; counts it if it serves the task.
 */
static void check_problem(struct problem *p, double bound, const char *name, int *served,
                          uint64_t *r)
{
    const struct infer__kernel *c = infer__kernel_find("conv_bf16_c");
    const void *in[4] = {p->data[0], p->data[1], p->data[2], p->data[3]};
    void *out[1] = {p->want};
    assert_non_null(c);
    if (p->t.nin > 2 && !p->in[2].type)
        in[2] = NULL;
    for (int i = 0; i < 4; i++)
        p->in[i].data = p->in[i].is_const ? p->data[i] : NULL;
    check_kernel(c, &p->t, in, out, r);
    out[0] = p->got;
    for (const struct infer__kernel *const *k = infer__kernels; *k; k++) {
        if (strcmp((*k)->name, name) != 0 || *k == c || (*k)->isa > p->t.isa ||
            (*k)->estimate(&p->t) < 0)
            continue;
        check_kernel(*k, &p->t, in, out, r);
        for (int64_t i = 0; i < infer__operand_elements(&p->y); i++)
            if (!(fabs((double)p->got[i] - (double)p->want[i]) <= bound))
                fail_msg("%s, output %lld: %g instead of %g, bound %g", (*k)->name, (long long)i,
                         (double)p->got[i], (double)p->want[i], bound);
        ++*served;
    }
}

static double bound_of(const struct shape *s)
{
    double k = (double)(s->cg * s->kernel[0] * s->kernel[1] * s->kernel[2]);
    return s->whole ? 0 : 1e-6 * (k + 4) + 1e-6;
}

static int check_shape(const struct shape *s, const char *name, uint64_t *r)
{
    struct problem p;
    int served = 0;
    if (!build(s, &p, r))
        return -1;
    check_problem(&p, bound_of(s), name, &served, r);
    drop(&p);
    return served;
}

static int has_bf16(void)
{
    static const char skipped[] = "skipped: this CPU has no AVX-512 BF16\n";
    if (infer_cpu_isa() >= INFER_ISA_AVX512BF16)
        return 1;
    fputs(skipped, stdout);
    return 0;
}

static struct shape square(int64_t c, int64_t m, int64_t kernel, int64_t stride, int64_t pad,
                           int64_t h, int64_t w, uint64_t *r)
{
    static const uint16_t acts[] = {INFER__OP_NONE, INFER__OP_RELU, INFER__OP_CLIP};
    return (struct shape){.spatial = 2,
                          .n = 1,
                          .size = {1, h, w},
                          .cg = c,
                          .mg = m,
                          .groups = 1,
                          .kernel = {1, kernel, kernel},
                          .stride = {1, stride, stride},
                          .dilation = {1, 1, 1},
                          .pad = {0, pad, pad, 0, pad, pad},
                          .bias = (int)random_int(r, 0, 1),
                          .residual = (int)random_int(r, 0, 1),
                          .whole = (int)random_int(r, 0, 1),
                          .act = acts[random_int(r, 0, 2)]};
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* Rounding: exact values stay, ties go to even, NaN stays NaN. */
static void test_rounding(void **state)
{
    uint64_t r = seed;
    (void)state;
    assert_int_equal(infer__to_bf16(1.0f), 0x3f80);
    assert_int_equal(infer__to_bf16(0x1.01p0f), 0x3f80); /* half way: to even */
    assert_int_equal(infer__to_bf16(0x1.03p0f), 0x3f82);
    assert_int_equal(infer__to_bf16(0x1.010002p0f), 0x3f81);
    assert_int_equal(infer__to_bf16(INFINITY), 0x7f80);
    assert_int_equal(infer__to_bf16(-INFINITY), 0xff80);
    assert_int_equal(infer__to_bf16(3.4e38f), 0x7f80);
    assert_true(isnan(infer__round_bf16(NAN)));
    for (int i = 0; i < 100000; i++) {
        float x = random_float(&r), y = infer__round_bf16(x);
        assert_true(fabsf(x - y) <= fabsf(x) * 0x1p-8f);
        assert_true(infer__round_bf16(y) >= y && infer__round_bf16(y) <= y);
    }
}

/* The definition against sums written out: exact integers, 1 spatial axis of 1 to 3. */
static void test_definition(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int i = 0; i < 40; i++) {
        struct shape s = square(random_int(&r, 1, 5), random_int(&r, 1, 5), 3, 2, 1, 7, 6, &r);
        struct problem p;
        int served = 0;
        s.whole = 1;
        s.residual = 0;
        s.act = INFER__OP_NONE;
        assert_true(build(&s, &p, &r));
        check_problem(&p, 0, "conv_bf16_c", &served, &r);
        for (int64_t o = 0; o < infer__operand_elements(&p.y); o++) {
            int64_t wo = p.y.dims[2], m = o % s.mg, w = o / s.mg % wo, h = o / s.mg / wo;
            double sum = s.bias ? (double)p.data[2][m] : 0;
            for (int64_t k = 0; k < 9 * s.cg; k++) {
                int64_t c = k / 9, x = w * 2 - 1 + k % 3, y = h * 2 - 1 + k / 3 % 3;
                if (x >= 0 && x < s.size[2] && y >= 0 && y < s.size[1])
                    sum += (double)p.data[0][(y * s.size[2] + x) * s.cg + c] *
                           (double)p.data[1][m * s.cg * 9 + k];
            }
            assert_true((double)p.want[o] >= sum && (double)p.want[o] <= sum);
        }
        drop(&p);
    }
}

/* Every number of output channels around panels; 1x1 and 3x3; widths around tiles. */
static void test_channels(void **state)
{
    uint64_t r = seed + 2;
    (void)state;
    for (int64_t m = 1; m <= 140 && has_bf16(); m++) {
        struct shape s = square(random_int(&r, 1, 70), m, 1, 1, 0, 3, 1 + m % 14, &r);
        assert_int_equal(check_shape(&s, "conv_bf16", &r), 1);
        s = square(random_int(&r, 1, 19), m, 3, 1 + m % 2, 1, 4, 1 + m % 27, &r);
        assert_int_equal(check_shape(&s, "conv_bf16", &r), 1);
    }
}

/* First layers: odd runs whose last pair reaches past them. */
static void test_first_layer(void **state)
{
    static const int64_t kernels[][3] = {{3, 2, 1}, {7, 2, 3}, {11, 4, 2}, {3, 1, 1}, {5, 1, 2}};
    uint64_t r = seed + 3;
    (void)state;
    for (int64_t w = 5; w <= 27 && has_bf16(); w++)
        for (int i = 0; i < 5; i++) {
            struct shape s = square(1 + w % 4, random_int(&r, 1, 70), kernels[i][0], kernels[i][1],
                                    kernels[i][2], 9, w * kernels[i][1], &r);
            s.n = random_int(&r, 1, 2);
            assert_int_equal(check_shape(&s, "conv_bf16", &r), 1);
        }
}

/* Windows of any kind: paddings that differ and exceed the kernel, dilation, groups, 1 to 3 axes.
 */
static void test_windows(void **state)
{
    uint64_t r = seed + 4;
    int served = 0;
    (void)state;
    for (int i = 0; i < 300 && has_bf16(); i++) {
        struct shape s = square(random_int(&r, 1, 40), random_int(&r, 1, 70), 1, 1, 0, 1, 1, &r);
        s.spatial = (int)random_int(&r, 1, 3);
        s.n = random_int(&r, 1, 2);
        if (random_int(&r, 0, 3) == 0)
            s.groups = random_int(&r, 2, 3), s.cg = s.cg % 20 + 16, s.mg = s.mg % 20 + 16;
        for (int a = 0; a < 3; a++) {
            int used = a >= 3 - s.spatial;
            s.size[a] = used ? random_int(&r, 1, a == 2 ? 30 : 7) : 1;
            s.kernel[a] = used ? random_int(&r, 1, 4) : 1;
            s.stride[a] = used ? random_int(&r, 1, 3) : 1;
            s.dilation[a] = used && random_int(&r, 0, 2) == 0 ? random_int(&r, 1, 4) : 1;
            s.pad[a] = used ? random_int(&r, 0, 5) : 0;
            s.pad[a + 3] = used ? random_int(&r, 0, 5) : 0;
        }
        int n = check_shape(&s, "conv_bf16", &r);
        assert_int_not_equal(n, 0);
        served += n > 0;
    }
    assert_true(served >= 150 || !has_bf16());
}

/* Chunks: pictures and channels large enough to be cut into several, and parts of panels. */
static void test_chunks(void **state)
{
    uint64_t r = seed + 5;
    (void)state;
    if (!has_bf16())
        return;
    struct shape s = square(500, 66, 1, 1, 0, 20, 31, &r);
    assert_int_equal(check_shape(&s, "conv_bf16", &r), 1);
    s = square(256, 34, 3, 1, 1, 25, 30, &r);
    assert_int_equal(check_shape(&s, "conv_bf16", &r), 1);
    s = square(256, 290, 3, 2, 1, 14, 15, &r);
    assert_int_equal(check_shape(&s, "conv_bf16", &r), 1);
    s = square(130, 40, 1, 2, 0, 60, 33, &r);
    assert_int_equal(check_shape(&s, "conv_bf16", &r), 1);
}

/* Every activation, with residual and without. */
static void test_epilogues(void **state)
{
    uint64_t r = seed + 6;
    (void)state;
    for (unsigned op = 1; op < INFER__OP_COUNT && has_bf16(); op++)
        for (int residual = 0; residual < 2 && infer__is_activation(op); residual++) {
            struct shape s = square(20, 37, 3, 1, 1, 5, 9, &r);
            s.act = (uint16_t)op;
            s.residual = residual;
            s.whole = 0;
            assert_int_equal(check_shape(&s, "conv_bf16", &r), 1);
        }
}

/* Winograd rounds what it has transformed: its errors are those of bf16, here of numbers up to 1.
 */
static void test_winograd(void **state)
{
    uint64_t r = seed + 7;
    (void)state;
    for (int i = 0; i < 60 && has_bf16(); i++) {
        struct shape s =
            square(random_int(&r, 1, 70), random_int(&r, 1, 150), 3, 1, random_int(&r, 0, 2),
                   random_int(&r, 3, 17), random_int(&r, 3, 17), &r);
        struct problem p;
        int served = 0;
        s.whole = 0;
        assert_true(build(&s, &p, &r));
        check_problem(&p, 0.05 * sqrt((double)(s.cg * 9)) + 0.05, "conv_bf16_winograd2", &served,
                      &r);
        check_problem(&p, 0.05 * sqrt((double)(s.cg * 9)) + 0.05, "conv_bf16_winograd4", &served,
                      &r);
        assert_int_equal(served, 2);
        drop(&p);
    }
}

/* Packing in pieces, in any order, writes what packing in one go writes. */
static void check_pieces(struct problem *p)
{
    const struct infer__kernel *k = infer__kernel_find("conv_bf16");
    struct infer__need need = {0};
    infer_error err;
    assert_int_equal(k->prepare(&p->t, &need, &err), INFER_OK);
    unsigned char *whole = calloc(need.packed_bytes, 1), *parts = calloc(need.packed_bytes, 1);
    k->pack(&p->t, need.state, whole);
    for (uint32_t piece = 3; piece-- > 0;)
        k->pack_piece(&p->t, need.state, parts, piece, 3);
    assert_memory_equal(whole, parts, need.packed_bytes);
    free(whole);
    free(parts);
}

/* Gemm, MatMul and Dense: rows around tiles, odd depths. */
static void test_dense(void **state)
{
    uint64_t r = seed + 8;
    (void)state;
    for (int i = 0; i < 90 && has_bf16(); i++) {
        static const uint16_t ops[] = {INFER__OP_GEMM, INFER__OP_MATMUL, INFER__OP_DENSE};
        struct problem p;
        int64_t rows = random_int(&r, 1, 30), k = random_int(&r, 1, 300);
        int64_t n = random_int(&r, 1, 200);
        int op = i % 3, trans = op == 0 && random_int(&r, 0, 1), served = 0;
        memset(&p, 0, sizeof p);
        p.in[0] = (struct infer__operand){.type = INFER_F32, .rank = 2, .dims = {rows, k}};
        p.in[1] =
            (struct infer__operand){.type = INFER_F32, .rank = 2, .is_const = 1, .dims = {k, n}};
        if (trans)
            p.in[1].dims[0] = n, p.in[1].dims[1] = k;
        p.in[2] = (struct infer__operand){.type = INFER_F32, .rank = 1, .is_const = 1, .dims = {n}};
        p.in[3] = (struct infer__operand){.type = INFER_TYPE_NONE};
        p.y = (struct infer__operand){.type = INFER_F32, .rank = 2, .dims = {rows, n}};
        p.t = (struct infer__task){.op = ops[op],
                                   .isa = (uint8_t)infer_cpu_isa(),
                                   .bf16 = 1,
                                   .nin = op == 1 ? 2 : 3,
                                   .nout = 1};
        p.t.epi.act = random_int(&r, 0, 1) ? INFER__OP_RELU : INFER__OP_NONE;
        if (op == 0)
            p.t.p.gemm = (struct infer__gemm){.alpha = 1, .beta = 1, .trans_b = trans};
        allocate(&p, 0, &r);
        check_problem(&p, 1e-6 * (double)(k + 4), "conv_bf16", &served, &r);
        assert_int_equal(served, 1);
        check_pieces(&p);
        drop(&p);
    }
}

/* Without leave in the task no bf16 kernel serves anything. */
static void test_leave(void **state)
{
    uint64_t r = seed + 9;
    struct shape s = square(32, 32, 3, 1, 1, 8, 8, &r);
    struct problem p;
    (void)state;
    assert_true(build(&s, &p, &r));
    for (int i = 0; i < 4; i++)
        p.in[i].data = p.in[i].is_const ? p.data[i] : NULL;
    p.t.bf16 = 0;
    for (const struct infer__kernel *const *k = infer__kernels; *k; k++)
        assert_false(strstr((*k)->name, "bf16") && (*k)->estimate(&p.t) >= 0);
    p.t.bf16 = 1;
    assert_true(infer__kernel_find("conv_bf16_c")->estimate(&p.t) >= 0);
    drop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding),  cmocka_unit_test(test_definition),
        cmocka_unit_test(test_channels),  cmocka_unit_test(test_first_layer),
        cmocka_unit_test(test_windows),   cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_epilogues), cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_dense),     cmocka_unit_test(test_leave),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
