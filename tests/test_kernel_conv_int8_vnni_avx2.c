/* The int8 convolution for AVX-VNNI with a model of its instruction in plain C: how it packs, steps
 * and finishes is checked to the byte against the definition on any CPU that has AVX2. */
#include "base/cpu.h"
#include "conv_int8_problem.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* VPDPBUSD (Intel SDM volume 2C): to each s32 of `sum` four products of u8 of `x` by s8 of `w`,
 * without saturation. */
static __m256i model_dpbusd(__m256i sum, __m256i x, __m256i w)
{
    int32_t total[8];
    uint8_t a[32];
    int8_t b[32];
    _mm256_storeu_si256((__m256i *)(void *)total, sum);
    _mm256_storeu_si256((__m256i *)(void *)a, x);
    _mm256_storeu_si256((__m256i *)(void *)b, w);
    for (int i = 0; i < 32; i++)
        total[i / 4] = (int32_t)((uint32_t)total[i / 4] + (uint32_t)(a[i] * b[i]));
    return _mm256_loadu_si256((const __m256i *)(const void *)total);
}

/* VPDPWSSD: two products of s16. */
static inline __m256i model_dpwssd(__m256i sum, __m256i x, __m256i w)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
}

#undef LEVEL
#define LEVEL LEVEL_avx2vnni
#define _mm256_dpbusd_avx_epi32 model_dpbusd
#define _mm256_dpwssd_avx_epi32 model_dpwssd
#define infer__conv_int8_avx2vnni infer__conv_int8_model
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
    p.t.isa = INFER_ISA_AVX2VNNI;
    p.in[1].data = p.w;
    served = infer__conv_int8_model.estimate(&p.t) >= 0;
    if (served) {
        void *out[1] = {p.got};
        check_kernel(&infer__conv_int8_model, &p.t, in, out, r);
        compare(s, &p, infer__conv_int8_model.name);
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

/* Every number of pixels around two tiles, and of channels in and out around two panels. */
static void test_tails(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int64_t i = 1; i <= 36; i++) {
        struct shape s = plain(random_int(&r, 1, 70), i, 1, 1, 0, 1, 1 + i % 14, &r);
        assert_int_equal(check_shape(&s, &r), 1);
        s = plain(i, random_int(&r, 1, 36), 3, 1, 1, 3, 1 + i % 14, &r);
        s.x_bytes = s.w_bytes = i % 3 ? BYTES_RANDOM : BYTES_EXTREME;
        assert_int_equal(check_shape(&s, &r), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_windows),
                                       cmocka_unit_test(test_tails)};
    seed = random_seed();
    if (infer_cpu_has(INFER_ISA_AVX2))
        return cmocka_run_group_tests(tests, NULL, NULL);
    puts("skipped: this CPU has no AVX2");
    return 0;
}
#else
int main(void)
{
    puts("skipped: not x86-64");
    return 0;
}
#endif
