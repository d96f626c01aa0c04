/* The bf16 convolution for AMX against the definition: with a model of the tile instructions in
 * plain C (amx_tiles.h) on any CPU that has AVX-512 BF16, for what the kernel does around the
 * tiles, and with the tiles themselves where there are any. Inputs, outputs and residuals are of
 * f32 or bf16 in any mixture. */
#include "base/cpu.h"
#include "conv_bf16_problem.h"

#if defined(__x86_64__)
#define AMX_MODEL 1
#define infer__conv_bf16_amx infer__conv_bf16_amx_model
#include "kernels/conv_bf16/conv_bf16_amx.c"
#undef infer__conv_bf16_amx
extern const struct infer__kernel infer__conv_bf16_amx;

static uint64_t seed;

static void any_types(struct shape *s, uint64_t *r)
{
    s->half_x = (int)random_int(r, 0, 1);
    s->half_y = (int)random_int(r, 0, 1);
    s->half_residual = (int)random_int(r, 0, 1);
}

/* 1 if the kernel serves the shape and is right. */
static int check_tiles(struct shape *s, uint64_t *r)
{
    struct problem p;
    const void *in[4];
    any_types(s, r);
    if (!build(s, &p, r))
        return -1;
    define(&p, in, r);
    p.t.isa = INFER_ISA_AMX;
    int served = infer__conv_bf16_amx_model.estimate(&p.t) >= 0;
    if (served)
        check_against(&p, &infer__conv_bf16_amx_model, in, bound_of(s), r);
    if (served && infer_cpu_has(INFER_ISA_AMX))
        check_against(&p, &infer__conv_bf16_amx, in, bound_of(s), r);
    drop(&p);
    return served;
}

/* Every number of output channels around panels, widths around blocks, depths around steps. */
static void test_channels(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int64_t m = 1; m <= 70; m++) {
        struct shape s = square(random_int(&r, 1, 100), m, 1, 1, 0, 3, 1 + m % 35, &r);
        assert_int_equal(check_tiles(&s, &r), 1);
        s = square(m, random_int(&r, 1, 70), 3, 1 + m % 2, 1, 4, 1 + m % 37, &r);
        assert_int_equal(check_tiles(&s, &r), 1);
    }
}

/* Whole steps of bf16, which are read in place: sizes around blocks and chunks. */
static void test_in_place(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int64_t i = 1; i <= 70; i++) {
        struct shape s = square(32 * random_int(&r, 1, 4), random_int(&r, 1, 70), 1, 1, 0,
                                random_int(&r, 1, 20), i, &r);
        assert_int_equal(check_tiles(&s, &r), 1);
    }
}

/* First layers: runs of kernel rows, blocks that end with their line. */
static void test_first_layer(void **state)
{
    static const int64_t kernels[][3] = {{3, 2, 1}, {7, 2, 3}, {11, 4, 2}, {3, 1, 1}, {5, 1, 2}};
    uint64_t r = seed + 2;
    (void)state;
    for (int64_t w = 5; w <= 37; w++)
        for (int i = 0; i < 5; i++) {
            struct shape s = square(1 + w % 4, random_int(&r, 1, 70), kernels[i][0], kernels[i][1],
                                    kernels[i][2], 9, w * kernels[i][1], &r);
            s.n = random_int(&r, 1, 2);
            assert_int_equal(check_tiles(&s, &r), 1);
        }
}

/* Windows of any kind: paddings that differ and exceed the kernel, dilation, groups. */
static void test_windows(void **state)
{
    uint64_t r = seed + 3;
    int served = 0;
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct shape s = square(random_int(&r, 1, 70), random_int(&r, 1, 70), 1, 1, 0, 1, 1, &r);
        s.spatial = (int)random_int(&r, 1, 2);
        s.n = random_int(&r, 1, 2);
        if (random_int(&r, 0, 2) == 0)
            s.groups = random_int(&r, 2, 6), s.cg = s.cg % 20 + 1, s.mg = s.mg % 20 + 1;
        for (int a = 3 - s.spatial; a < 3; a++) {
            s.size[a] = random_int(&r, 1, 40);
            s.kernel[a] = random_int(&r, 1, 4);
            s.stride[a] = random_int(&r, 1, 3);
            s.dilation[a] = random_int(&r, 0, 2) == 0 ? random_int(&r, 1, 4) : 1;
            s.pad[a] = random_int(&r, 0, 5);
            s.pad[a + 3] = random_int(&r, 0, 5);
        }
        served += check_tiles(&s, &r) > 0;
    }
    assert_true(served >= 120);
}

/* Chunks: pictures and channels large enough to be cut into several, and parts of panels. */
static void test_chunks(void **state)
{
    static const int64_t shapes[][6] = {{500, 66, 1, 1, 20, 31},  {256, 34, 3, 1, 25, 30},
                                        {256, 290, 3, 2, 14, 15}, {130, 40, 1, 2, 60, 33},
                                        {512, 96, 3, 1, 7, 7},    {3, 64, 7, 2, 60, 61}};
    uint64_t r = seed + 4;
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int64_t *k = shapes[i];
        struct shape s = square(k[0], k[1], k[2], k[3], k[2] / 2, k[4], k[5], &r);
        assert_int_equal(check_tiles(&s, &r), 1);
    }
}

/* Every activation, with residual and without. */
static void test_epilogues(void **state)
{
    uint64_t r = seed + 5;
    (void)state;
    for (unsigned op = 1; op < INFER__OP_COUNT; op++)
        for (int residual = 0; residual < 2 && infer__is_activation(op); residual++) {
            struct shape s = square(20, 37, 3, 1, 1, 5, 9, &r);
            s.act = (uint16_t)op;
            s.residual = residual;
            s.whole = 0;
            assert_int_equal(check_tiles(&s, &r), 1);
        }
}

static __attribute__((noinline)) int run_all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channels),    cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_first_layer), cmocka_unit_test(test_windows),
        cmocka_unit_test(test_chunks),      cmocka_unit_test(test_epilogues)};
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    if (infer_cpu_has(INFER_ISA_AVX512BF16))
        return run_all();
    puts("skipped: this CPU has no AVX-512 BF16");
    return 0;
}
#else
int main(void)
{
    puts("skipped: not x86-64");
    return 0;
}
#endif
