/* The int8 convolution for AMX with a model of the tile instructions in plain C (amx_tiles.h): how
 * it cuts, packs, pads and finishes is checked to the byte against the definition on any CPU that
 * has AVX-512 VNNI, for what the kernel does around the tiles.
 */
#include "base/cpu.h"
#include "conv_int8_problem.h"

#if defined(__x86_64__)
#define AMX_MODEL 1
#define infer__conv_int8_amx infer__conv_int8_amx_model
#include "kernels/conv_int8/conv_int8.c"

static uint64_t seed;

/* 1 if the kernel serves the shape and is right. */
static int check_shape(const struct shape *s, uint64_t *r)
{
    struct problem p;
    const void *in[4];
    int served;
    if (!build(s, &p, r))
        return 0;
    inputs(s, &p, in);
    define(&p, in);
    p.t.isa = INFER_ISA_AMX;
    p.in[1].data = p.w;
    served = infer__conv_int8_amx_model.estimate(&p.t) >= 0;
    if (served) {
        void *out[1] = {p.got};
        check_kernel(&infer__conv_int8_amx_model, &p.t, in, out, r);
        compare(s, &p, infer__conv_int8_amx_model.name);
    }
    drop(&p);
    return served;
}

static void test_windows(void **state)
{
    uint64_t r = seed;
    int served = 0;
    (void)state;
    for (int i = 0; i < 150; i++) {
        struct shape s = any_window(&r);
        served += check_shape(&s, &r);
    }
    assert_true(served > 100);
}

/* Every number of pixels around a tile of 32 and of output channels around two panels. */
static void test_tails(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int64_t i = 1; i <= 70; i++) {
        struct shape s = plain(random_int(&r, 1, 200), i, 1, 1, 0, 1, 1 + i % 67, &r);
        assert_int_equal(check_shape(&s, &r), 1);
        s = plain(i, random_int(&r, 1, 70), 3, 1, 1, 3, 1 + i % 35, &r);
        assert_int_equal(check_shape(&s, &r), 1);
    }
}

/* Whole steps read in place, and several units. */
static void test_large(void **state)
{
    static const int64_t shapes[][5] = {
        {64, 64, 3, 1, 14}, {128, 96, 1, 1, 9}, {64, 40, 1, 2, 14}, {3, 64, 7, 2, 30}};
    uint64_t r = seed + 2;
    (void)state;
    for (int i = 0; i < 4; i++) {
        const int64_t *k = shapes[i];
        struct shape s = plain(k[0], k[1], k[2], k[3], k[2] / 2, k[4], k[4], &r);
        s.x_bytes = i % 2 ? BYTES_EXTREME : BYTES_RANDOM;
        s.w_bytes = i % 2 ? BYTES_EXTREME : BYTES_RANDOM;
        assert_int_equal(check_shape(&s, &r), 1);
    }
}

static __attribute__((noinline)) int run_all(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_windows), cmocka_unit_test(test_tails),
                                       cmocka_unit_test(test_large)};
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    if (infer_cpu_has(INFER_ISA_AVX512VNNI))
        return run_all();
    puts("skipped: this CPU has no AVX-512 VNNI");
    return 0;
}
#else
int main(void)
{
    puts("skipped: not x86-64");
    return 0;
}
#endif
