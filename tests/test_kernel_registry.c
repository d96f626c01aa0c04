/* The list of kernels, and the helpers that all of them use. */
#include "base/cpu.h"
#include "kernel_run.h"

static void test_list(void **state)
{
    (void)state;
    assert_non_null(infer__kernels[0]);
    for (int i = 0; infer__kernels[i]; i++) {
        const struct infer__kernel *k = infer__kernels[i];
        assert_true(k->name && k->name[0] && k->estimate && k->run);
        assert_true(infer__isa_has(k->isa, INFER_ISA_C) &&
                    (infer__isa_has(INFER_ISA_AMX, k->isa) || k->isa == INFER_ISA_AVX2VNNI));
        assert_ptr_equal(infer__kernel_find(k->name), k); /* so names are unique */
    }
    assert_null(infer__kernel_find("no_such_kernel"));
    assert_null(infer__kernel_find(""));
}

/* Each kernel is found by some operator, those of an operator are in the list's order. */
static void test_by_operator(void **state)
{
    int found[1024] = {0};
    (void)state;
    for (unsigned op = 0; op < INFER__OP_COUNT + 70; op++) {
        uint32_t at = 0, before = 0;
        for (const struct infer__kernel *k; (k = infer__kernel_next(op, &at)); before = at) {
            assert_true(op < INFER__OP_COUNT && at > before);
            assert_ptr_equal(k, infer__kernels[at - 1]);
            found[at - 1] = 1;
        }
    }
    for (int i = 0; infer__kernels[i]; i++)
        assert_true(found[i]);
}

/* Choosing gives the least estimate among those that the level allows. */
static void test_choose(void **state)
{
    int64_t dims[2] = {300, 40};
    struct infer__operand o[2] = {operand(INFER_F32, 2, dims), operand(INFER_F32, 2, dims)};
    (void)state;
    for (int op = INFER__OP_RELU; op <= INFER__OP_SUM; op++)
        for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_after(isa)) {
            struct infer__task t = {.op = (uint16_t)op,
                                    .isa = (uint8_t)isa,
                                    .threads = 1,
                                    .nin = op < INFER__OP_PRELU ? 1 : 2,
                                    .nout = 1,
                                    .in = o,
                                    .out = o};
            const struct infer__kernel *k = infer__kernel_choose(&t);
            if (op == INFER__OP_NOT) { /* of floats there is none */
                assert_null(k);
                continue;
            }
            assert_non_null(k);
            assert_true(infer__isa_has(isa, k->isa) && k->estimate(&t) >= 0);
            for (int i = 0; infer__kernels[i]; i++) {
                double ns = !infer__isa_has(isa, infer__kernels[i]->isa)
                                ? -1
                                : infer__kernels[i]->estimate(&t);
                assert_true(ns < 0 || ns >= k->estimate(&t));
            }
        }
    struct infer__task none = {.op = INFER__OP_NONE, .isa = INFER_ISA_AMX, .in = o, .out = o};
    assert_null(infer__kernel_choose(&none));
}

/* A 3x3 convolution that Winograd's kernels serve: not where plain sums are asked for, and those
 * whose error would stand out not where channels are few. */
static void test_strict(void **state)
{
    int64_t picture[4] = {1, 28, 28, 64}, weights[4] = {64, 64, 3, 3};
    static float values[64 * 64 * 9];
    struct infer__operand in[2] = {operand(INFER_F32, 4, picture), operand(INFER_F32, 4, weights)};
    struct infer__operand out = in[0];
    struct infer__task t = {.op = INFER__OP_CONV,
                            .isa = (uint8_t)infer_cpu_isa(),
                            .threads = 1,
                            .nin = 2,
                            .nout = 1,
                            .in = in,
                            .out = &out};
    int served = 0;
    (void)state;
    in[0].clast = out.clast = 1;
    in[1].is_const = 1;
    in[1].data = values;
    t.p.window = (struct infer__window){.kernel = {1, 3, 3},
                                        .stride = {1, 1, 1},
                                        .dilation = {1, 1, 1},
                                        .pad_begin = {0, 1, 1},
                                        .pad_end = {0, 1, 1},
                                        .groups = 1,
                                        .spatial = 2};
    for (int i = 0; infer__kernels[i]; i++) {
        const struct infer__kernel *k = infer__kernels[i];
        const int f32 = strstr(k->name, "f32") != NULL;
        assert_int_equal(k->transforms > 0, f32 && strstr(k->name, "winograd"));
        t.strict = 0;
        double ns = infer__kernel_ns(k, &t);
        t.strict = 1;
        served += k->transforms && ns >= 0;
        assert_true(infer__kernel_ns(k, &t) == (k->transforms ? -1 : ns));
        t.strict = 0;
        in[0].dims[3] = in[1].dims[1] = 15;
        assert_int_equal(infer__kernel_ns(k, &t) >= 0, ns >= 0 && k->transforms <= 15);
        in[0].dims[3] = in[1].dims[1] = 64;
    }
    t.strict = 1;
    assert_true(served > 0);
    assert_non_null(infer__kernel_choose(&t));
    assert_false(infer__kernel_choose(&t)->transforms);
}

static void test_units(void **state)
{
    uint64_t r = seed;
    (void)state;
    assert_int_equal(infer__units(0, 10, 4), 1);
    assert_int_equal(infer__units(39, 10, 4), 3);
    assert_int_equal(infer__units(9, 10, 4), 1);
    assert_int_equal(infer__units(1000, 10, 4), 4);
    assert_int_equal(infer__units(1000, 10, 0), 1);
    for (int i = 0; i < 20000; i++) {
        int64_t total = i % 5 ? random_int(&r, 0, 300) : random_int(&r, 0, (int64_t)1 << 62);
        uint32_t units = (uint32_t)random_int(&r, 1, i % 3 ? 40 : UINT32_MAX - 1);
        uint32_t u = (uint32_t)random_int(&r, 0, units - 1);
        int64_t begin = infer__unit_begin(total, units, u);
        int64_t n = infer__unit_begin(total, units, u + 1) - begin;
        assert_true(begin >= 0 && begin <= total);
        assert_true(n == total / units || n == total / units + 1);
        assert_int_equal(infer__unit_begin(total, units, 0), 0);
        assert_true(infer__unit_begin(total, units, units) == total);
    }
}

static void test_spatial(void **state)
{
    int64_t dims[5] = {2, 3, 4, 5, 6};
    struct infer__operand o = operand(INFER_F32, 5, dims);
    struct infer__spatial s = infer__operand_spatial(&o);
    (void)state;
    assert_true(s.n == 2 && s.d == 3 && s.h == 4 && s.w == 5 && s.c == 6);
    o = operand(INFER_F32, 4, dims);
    s = infer__operand_spatial(&o);
    assert_true(s.n == 2 && s.d == 1 && s.h == 3 && s.w == 4 && s.c == 5);
    o = operand(INFER_F32, 3, dims);
    s = infer__operand_spatial(&o);
    assert_true(s.n == 2 && s.d == 1 && s.h == 1 && s.w == 3 && s.c == 4);
    assert_true(infer__operand_elements(&o) == 24);
    o.rank = 0;
    assert_true(infer__operand_elements(&o) == 1);
}

/* Whatever counts as an activation is a unary operator that epilogues can do. */
static void test_activations(void **state)
{
    (void)state;
    for (unsigned op = 0; op < INFER__OP_COUNT + 10; op++)
        if (infer__is_activation(op))
            assert_true((op >= INFER__OP_RELU && op <= INFER__OP_SILU && op != INFER__OP_NOT) ||
                        op == INFER__OP_GELU);
    assert_true(infer__is_activation(INFER__OP_RELU) && infer__is_activation(INFER__OP_CLIP));
    assert_false(infer__is_activation(INFER__OP_NONE) || infer__is_activation(INFER__OP_NOT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),        cmocka_unit_test(test_by_operator),
        cmocka_unit_test(test_choose),      cmocka_unit_test(test_strict),
        cmocka_unit_test(test_units),       cmocka_unit_test(test_spatial),
        cmocka_unit_test(test_activations),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
