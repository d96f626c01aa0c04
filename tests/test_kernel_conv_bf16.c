/* Bf16 convolutions and dense layers against their definition, conv_bf16_c, and that against sums
 * written out here: tails, strides, dilations, paddings, groups, epilogues, between guard pages,
 * for any partition of the units. Vector kernels add pairs of products in the CPU's own way, hence
 * a bound; numbers whose sums are exact must be met exactly. */
#include "base/cpu.h"
#include "conv_bf16_problem.h"

static uint64_t seed;

static int has_bf16(void)
{
    static const char skipped[] = "skipped: this CPU has no AVX-512 BF16\n";
    if (infer_cpu_has(INFER_ISA_AVX512BF16))
        return 1;
    fputs(skipped, stdout);
    return 0;
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
            double want = output_at(&p, p.want, o);
            assert_true(want >= sum && want <= sum);
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
    assert_int_equal(prepare_kernel(k, &p->t, &need, &err), INFER_OK);
    unsigned char *whole = calloc(infer__bytes_count(need.packed_bytes), 1),
                  *parts = calloc(infer__bytes_count(need.packed_bytes), 1);
    k->pack(&p->t, need.cut, whole);
    for (uint32_t piece = 3; piece-- > 0;)
        k->pack_piece(&p->t, need.cut, parts, piece, 3);
    assert_memory_equal(whole, parts, infer__bytes_count(need.packed_bytes));
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
