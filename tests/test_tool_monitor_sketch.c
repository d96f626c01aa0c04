/* Sketches: ranks within 1 % whatever comes in whatever order, parts merged to a whole, and bytes
 * that are not trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/checksum.h"
#include "tools/monitor/profile.h"

enum { MANY = 200000 };

static uint64_t state = 1;

static double uniform(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-53;
}

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* ---- orders in which numbers may come ---------------------------------------------------------
 */

static float in_order(int i)
{
    return (float)i;
}
static float backwards(int i)
{
    return (float)-i;
}
static float at_random(int i)
{
    (void)i;
    return (float)uniform();
}
/* From both ends inwards. */
static float zigzag(int i)
{
    return (float)(i & 1 ? -i : i);
}
/* Blocks as long as the first level, each sorted and each above all before but every other one. */
static float blocks(int i)
{
    const int block = i / SKETCH_K;
    return (float)((block & 1 ? -block : block) * SKETCH_K + i % SKETCH_K);
}
/* Every other number is the same, so that it may be what is kept of each pair. */
static float half_equal(int i)
{
    return i & 1 ? 7.0F : (float)uniform() * 14;
}
static float few_values(int i)
{
    return (float)(i * 7 % 5);
}
static float all_equal(int i)
{
    (void)i;
    return 3.5F;
}
static float heavy_tail(int i)
{
    (void)i;
    return (float)pow(uniform() + 1e-9, -3);
}
/* A second distribution once the sketch has seen a lot of the first. */
static float late_change(int i)
{
    return i < MANY * 9 / 10 ? (float)uniform() : 100 + (float)uniform();
}
static float growing_waves(int i)
{
    return (float)(i % 1000) * (float)(1 + i / 1000);
}

static float (*const orders[])(int) = {in_order,   backwards,   at_random,    zigzag,
                                       blocks,     half_equal,  few_values,   all_equal,
                                       heavy_tail, late_change, growing_waves};

/* The greatest difference between what the sketch says of a rank and what is true; of numbers that
 * come often, from the nearer end of the ranks that they have. */
static double rank_error(const struct sketch *s, float *values, int n)
{
    struct sketch_view v;
    double worst = 0;
    qsort(values, (size_t)n, sizeof *values, ascending);
    assert_true(sketch_view(s, &v));
    assert_true(v.n == n && v.upto[v.count - 1] == n);
    for (int i = 0; i < n; i++) {
        if (i + 1 < n && values[i + 1] == values[i])
            continue;
        worst = fmax(worst, fabs(sketch_rank(&v, (double)values[i]) - (i + 1)) / n);
    }
    for (double q = 0; q <= 1; q += n > 5000 ? 0.021 : 0.001) {
        const double x = sketch_quantile(&v, q);
        int low = 0, high = 0;
        while (low < n && (double)values[low] < x)
            low++;
        for (high = low; high < n && (double)values[high] <= x;)
            high++;
        worst = fmax(worst, fmax(low - q * n, q * n - high) / n);
    }
    sketch_view_free(&v);
    return worst;
}

static double worst_of(int n, int parts)
{
    float *values = malloc((size_t)n * sizeof *values);
    double worst = 0;
    assert_non_null(values);
    for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
        struct sketch whole, part;
        sketch_begin(&whole);
        for (int k = 0; k < parts; k++) {
            sketch_begin(&part);
            for (int i = k * (n / parts); i < (k + 1 == parts ? n : (k + 1) * (n / parts)); i++)
                assert_true(sketch_add(&part, (double)(values[i] = orders[o](i))));
            assert_true(sketch_merge(&whole, &part));
            sketch_free(&part);
        }
        const double error = rank_error(&whole, values, n);
        worst = fmax(worst, error);
        assert_true(error <= sketch_error(&whole));
        assert_true(sketch_bytes(&whole) < 12000);
        sketch_free(&whole);
    }
    free(values);
    return worst;
}

static void ranks(void **unused)
{
    (void)unused;
    state = 1;
    assert_true(worst_of(400, 1) == 0);
    printf("ranks: greatest error %.4f of 3,000 numbers,", worst_of(3000, 1));
    printf(" %.4f of %d,", worst_of(MANY, 1), MANY);
    printf(" %.4f of 37 sketches merged", worst_of(MANY, 37));
    printf(" and %.4f of 1,500 small ones\n", worst_of(MANY, 1500));
}

static void moments(void **unused)
{
    struct sketch s;
    (void)unused;
    sketch_begin(&s);
    assert_true(isnan(sketch_mean(&s)) && isnan(sketch_deviation(&s)));
    for (int i = 1; i <= 1001; i++)
        sketch_add(&s, i);
    sketch_add(&s, NAN);
    sketch_add(&s, INFINITY);
    sketch_add(&s, 1e300); /* no f32 */
    assert_true(s.n == 1001 && s.bad == 3 && s.low == 1 && s.high == 1001);
    assert_true(sketch_mean(&s) == 501);
    assert_true(fabs(sketch_deviation(&s) - sqrt(1001.0 * 1002 / 12)) < 1e-6);
    sketch_free(&s);
}

/* ---- counters ------------------------------------------------------------------------------- */

static void counters(void **unused)
{
    struct counter a = {0}, b = {0};
    (void)unused;
    for (int i = 0; i < 3 * COUNTER_MOST; i++)
        assert_true(counter_add(&a, (i * 7919) % (COUNTER_MOST + 100) - 50, 1));
    assert_true(a.count == COUNTER_MOST && a.n == 3 * COUNTER_MOST && a.other > 0);
    counter_add(&b, -5, 3);
    counter_add(&b, 1000000, 4);
    const uint64_t before = counter_times(&a, -5), other = a.other;
    assert_true(counter_merge(&a, &b));
    assert_true(counter_times(&a, -5) == before + 3 && a.other == other + 4);
    assert_true(counter_times(&b, 999) == 0 && counter_times(&b, 1000000) == 4);
    counter_free(&a);
    counter_free(&b);
}

/* ---- as bytes ------------------------------------------------------------------------------- */

static void fill(struct profile *p, int n)
{
    profile_begin(p);
    for (int i = 0; i < n; i++) {
        struct features f = {0};
        features_set(&f, FEATURE_BRIGHTNESS, 255 * uniform());
        features_set(&f, FEATURE_SCORE, i % 50 ? uniform() : NAN);
        features_set(&f, FEATURE_CLASS, i % 7);
        assert_true(profile_add(p, &f));
    }
    p->window = 300;
    p->minutes = 2.5;
}

static void as_bytes(void **unused)
{
    struct profile a, b;
    void *bytes, *again;
    size_t size, size_again;
    infer_error err;
    (void)unused;
    fill(&a, 5000);
    assert_int_equal(profile_encode(&a, &bytes, &size, &err), INFER_OK);
    assert_int_equal(profile_decode(&b, bytes, size, &err), INFER_OK);
    assert_true(b.pictures == 5000 && b.window == 300 && b.minutes == 2.5);
    assert_true(b.numbers[FEATURE_SCORE].bad == 100 && b.classes.count == 7);
    assert_true(profile_told(&b, FEATURE_ENTROPY) == 0);
    assert_int_equal(profile_encode(&b, &again, &size_again, &err), INFER_OK);
    assert_true(size == size_again && memcmp(bytes, again, size) == 0);
    free(again);
    assert_true(profile_merge(&b, &a) && b.pictures == 10000); /* one that was read can grow */
    profile_free(&a);
    profile_free(&b);
    free(bytes);
}

/* Puts the checksum right, so that what stands behind it is looked at. */

static void seal(unsigned char *bytes, size_t size)
{
    const uint64_t sum = infer__checksum(bytes + 24, size - 24);
    memcpy(bytes + 16, &sum, sizeof sum);
}

static void use(struct profile *p)
{
    struct sketch_view v;
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (sketch_view(&p->numbers[i], &v)) {
            sketch_quantile(&v, 0.5);
            sketch_view_free(&v);
        }
}

static void hostile_bytes(void **unused)
{
    struct profile a, b;
    void *bytes;
    size_t size;
    unsigned taken = 0;
    infer_error err;
    (void)unused;
    fill(&a, 700);
    assert_int_equal(profile_encode(&a, &bytes, &size, &err), INFER_OK);
    unsigned char *copy = malloc(size);
    assert_non_null(copy);
    for (size_t cut = 0; cut < size; cut += cut < 200 ? 1 : 97) {
        memcpy(copy, bytes, cut);
        if (cut >= 24)
            seal(copy, cut);
        assert_int_not_equal(profile_decode(&b, copy, cut, &err), INFER_OK);
        assert_true(b.pictures == 0);
    }
    for (int i = 0; i < 20000; i++) { /* without the checksum's help */
        memcpy(copy, bytes, size);
        for (int k = i % 3; k >= 0; k--) {
            const size_t at = (size_t)(uniform() * (double)(i & 1 ? size : 400));
            copy[at] = (unsigned char)(i & 2 ? (int)(256 * uniform()) : copy[at] ^ (1 << i % 8));
        }
        seal(copy, size);
        if (profile_decode(&b, copy, size, &err) == INFER_OK) {
            use(&b);
            taken++;
        }
        profile_free(&b);
    }
    assert_true(taken > 0 && taken < 19000);
    memcpy(copy, bytes, size);
    copy[size / 2] ^= 1;
    assert_int_equal(profile_decode(&b, copy, size, &err), INFER_ERROR_FORMAT);
    memcpy(copy, bytes, size);
    copy[8] = 2;
    assert_int_equal(profile_decode(&b, copy, size, &err), INFER_ERROR_VERSION);
    free(copy);
    free(bytes);
    profile_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks),    cmocka_unit_test(moments),       cmocka_unit_test(counters),
        cmocka_unit_test(as_bytes), cmocka_unit_test(hostile_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
