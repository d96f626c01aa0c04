/* The int8 Winograd convolutions against the C definition, byte by byte: random shapes, every tail
 * of channels and pixels, zero points of both kinds, extreme values, tables, residuals, f32
 * results, between guard pages and in several splits.
 */
#include "base/cpu.h"
#include "conv_int8_problem.h"

static uint64_t seed;

/* A kernel that serves the shape refuses weights with which sums may be too large. */
static int can_prepare(const struct infer__kernel *k, const struct infer__task *t)
{
    struct infer__need need;
    infer_error err;
    infer_status status = infer__kernel_prepare(k, t, "", cut_memory(k), &need, &err);
    assert_true(status == INFER_OK || status == INFER_ERROR_UNSUPPORTED);
    return status == INFER_OK;
}

/* How many kernels serve the shape; all must be right. */
static int check_shape(const struct shape *s, uint64_t *r)
{
    struct problem p;
    const void *in[4];
    int served = 0;
    if (!build(s, &p, r))
        return 0;
    void *out[1] = {p.got};
    inputs(s, &p, in);
    define(&p, in);
    for (const struct infer__kernel *const *k = infer__kernels; *k; k++) {
        if (strncmp((*k)->name, "winograd_int8_", 14) != 0 || !infer_cpu_has((infer_isa)(*k)->isa))
            continue;
        p.t.isa = (*k)->isa;
        p.in[1].data = p.w;
        if ((*k)->estimate(&p.t) < 0 || !can_prepare(*k, &p.t))
            continue;
        served++;
        check_kernel(*k, &p.t, in, out, r);
        compare(s, &p, (*k)->name);
    }
    drop(&p);
    return served;
}

static int rows(void)
{
    return infer_cpu_has(INFER_ISA_AVX2) + infer_cpu_has(INFER_ISA_AVX2VNNI) +
           infer_cpu_has(INFER_ISA_AVX512) + infer_cpu_has(INFER_ISA_AVX512VNNI);
}

static struct shape random_shape(int64_t c, int64_t m, int64_t h, int64_t w, uint64_t *r)
{
    struct shape s = plain(c, m, 3, 1, 1, h, w, r);
    for (int a = 1; a < 3; a++) {
        s.begin[a] = random_int(r, 0, 3);
        s.end[a] = random_int(r, 0, 3);
    }
    return s;
}

static void test_channels(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int64_t c = 1; c <= 70; c++) {
        struct shape s =
            random_shape(c, random_int(&r, 1, 70), random_int(&r, 3, 9), random_int(&r, 3, 9), &r);
        assert_int_equal(check_shape(&s, &r), rows());
        s = random_shape(random_int(&r, 1, 40), c, random_int(&r, 3, 9), random_int(&r, 3, 9), &r);
        assert_int_equal(check_shape(&s, &r), rows());
    }
}

/* Every width and height, so every number of tiles up to some groups of them. */
static void test_sizes(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int64_t size = 1; size <= 40; size++) {
        struct shape s = random_shape(random_int(&r, 1, 40), random_int(&r, 1, 40),
                                      random_int(&r, 1, 40), size, &r);
        s.n = random_int(&r, 1, 2);
        int64_t h = s.size[1] + s.begin[1] + s.end[1], w = size + s.begin[2] + s.end[2];
        assert_int_equal(check_shape(&s, &r), h < 3 || w < 3 ? 0 : rows());
    }
}

/* 150 channels of the largest bytes there are stay below 2^25 where the zero points allow it. */
static void test_extremes(void **state)
{
    uint64_t r = seed + 2;
    int served = 0, refused = 0;
    (void)state;
    for (int x = 0; x < BYTES_KINDS; x++)
        for (int w = 0; w < BYTES_KINDS; w++)
            for (int i = 0; i < 9; i++) {
                struct shape s = random_shape(50 + 60 * (i / 3), 20, 7, 9, &r);
                s.x_bytes = x;
                s.w_bytes = w;
                s.w_zero = i % 3;
                if (check_shape(&s, &r))
                    served++;
                else
                    refused++;
            }
    assert_true(!rows() || (served > 20 && refused > 5));
}

/* Maps as in the networks: groups, parts of their panels, several units. */
static void test_large(void **state)
{
    static const int64_t shapes[][3] = {{64, 64, 56}, {128, 128, 28}, {256, 260, 14}, {512, 96, 7}};
    uint64_t r = seed + 3;
    (void)state;
    for (int i = 0; i < 8; i++) {
        const int64_t *size = shapes[i / 2];
        struct shape s = plain(size[0], size[1], 3, 1, 1, size[2], size[2], &r);
        s.w_zero = 0;
        check_shape(&s, &r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_large),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
