/* src/base: CPU levels from recorded words, regions, checked sizes, names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/float_mode.h"
#include "base/memory.h"
#include "base/size.h"

/* Words as CPUs give them; those that detection does not look at are left out. */
static const struct infer__cpuid zen5 = {0x10, 0x7ed8320b, 0xf1bf97a9, 0x00405fce, 0x10000010,
                                         0x30, 0x2e7,      0,          0};
/* AVX-VNNI without AVX-512, as Alder Lake has it; not recorded, the bits are the SDM's. */
static const struct infer__cpuid alder = {0x20,     0x7ffafbff, 0x239c27eb, 0x98c027ac, 0xfc1cc410,
                                          0x400810, 0x207,      0,          0};
static const struct infer__cpuid sapphire = {0x20,   0x7ffefbff, 0xf1bf07ab, 0x1b415f6e, 0xffd14410,
                                             0x1c30, 0x602e7,    0,          0};
static const struct infer__cpuid haswell = {0xd, 0x7ffafbff, 0x000027ab, 0, 0x9c000400,
                                            0,   0x7,        0,          0};
/* As qemu 7.2 emulates them; the last a Haswell whose host hides XSAVE. */
static const struct infer__cpuid sandy_bridge = {0xd, 0x9e982203, 0, 0, 0, 0, 0x7, 0, 0};
static const struct infer__cpuid nehalem = {0xb, 0x80982201, 0, 0, 0, 0, 0, 0, 0};
static const struct infer__cpuid unsaved = {0xd, 0xf2d83203, 0x3a9, 0, 0, 0, 0, 0, 0};

static void test_cpu_levels(void **state)
{
    (void)state;
    struct infer__cpuid none = {0};
    assert_int_equal(infer__cpuid_isa(&none), INFER_ISA_C);
    assert_int_equal(infer__cpuid_isa(&nehalem), INFER_ISA_C);
    assert_int_equal(infer__cpuid_isa(&sandy_bridge), INFER_ISA_C);
    assert_int_equal(infer__cpuid_isa(&unsaved), INFER_ISA_C);
    assert_int_equal(infer__cpuid_isa(&haswell), INFER_ISA_AVX2);
    assert_int_equal(infer__cpuid_isa(&zen5), INFER_ISA_AVX512BF16);
    assert_int_equal(infer__cpuid_isa(&sapphire), INFER_ISA_AMX);
    assert_int_equal(infer__cpuid_isa(&alder), INFER_ISA_AVX2VNNI);
    assert_true(infer__cpuid_has(&alder, INFER_ISA_AVX2));
    assert_false(infer__cpuid_has(&alder, INFER_ISA_AVX512VNNI));
    assert_false(infer__cpuid_has(&alder, INFER_ISA_NEON));
    assert_true(infer__cpuid_has(&zen5, INFER_ISA_AVX2VNNI)); /* its best is of AVX-512 */
    struct infer__cpuid arm = {.arm_hwcap = 1u << 1};
    assert_int_equal(infer__cpuid_isa(&arm), INFER_ISA_NEON);
    arm.arm_hwcap2 = 1u << 13; /* no i8mm without dotprod */
    assert_int_equal(infer__cpuid_isa(&arm), INFER_ISA_NEON);
    arm.arm_hwcap |= 1u << 20;
    assert_int_equal(infer__cpuid_isa(&arm), INFER_ISA_I8MM);
}

/* Row i has column k. */
static void test_isa_has(void **state)
{
    static const infer_isa isa[] = {INFER_ISA_C,      INFER_ISA_AVX2,       INFER_ISA_AVX2VNNI,
                                    INFER_ISA_AVX512, INFER_ISA_AVX512VNNI, INFER_ISA_AVX512BF16,
                                    INFER_ISA_AMX,    INFER_ISA_NEON,       INFER_ISA_DOTPROD,
                                    INFER_ISA_I8MM};
    static const char *const has[] = {"1000000000", "1100000000", "1110000000", "1101000000",
                                      "1101100000", "1101110000", "1101111000", "1000000100",
                                      "1000000110", "1000000111"};
    enum { N = sizeof isa / sizeof *isa };
    infer_isa at = INFER_ISA_C;
    (void)state;
    for (int i = 0; i < N; i++, at = infer__isa_after(at)) {
        assert_int_equal(at, isa[i]);
        for (int k = 0; k < N; k++)
            assert_int_equal(infer__isa_has(isa[i], isa[k]), has[i][k] == '1');
        assert_int_equal(infer__isa_named(infer_isa_name(isa[i])), isa[i]);
        assert_true(infer__isa_known(isa[i]));
        assert_false(infer__isa_has(isa[i], INFER_ISA_DEFAULT));
        assert_false(infer__isa_has(INFER_ISA_DEFAULT, isa[i]));
        assert_false(infer__isa_has(isa[i], (infer_isa)33));
        assert_false(infer__isa_has((infer_isa)33, isa[i]));
        assert_true(infer_cpu_has(infer__isa_usable(isa[i])));
        assert_true(infer__isa_has(isa[i], infer__isa_usable(isa[i])));
    }
    assert_int_equal(at, INFER_ISA_DEFAULT);
    assert_int_equal(infer__isa_named("sse9"), INFER_ISA_DEFAULT);
    assert_int_equal(infer__isa_usable(INFER_ISA_DEFAULT), infer_cpu_isa());
    assert_false(infer__isa_known((infer_isa)33) || infer__isa_known((infer_isa)-1));
}

/* A system that does not save the registers takes the level away, whatever the CPU says. */
static void test_cpu_needs_the_system(void **state)
{
    (void)state;
    struct infer__cpuid c = sapphire;
    c.xcr0 = 0x2e7;
    assert_int_equal(infer__cpuid_isa(&c), INFER_ISA_AVX512BF16);
    c.leaf7_1_eax = 0;
    assert_int_equal(infer__cpuid_isa(&c), INFER_ISA_AVX512VNNI);
    c.xcr0 = 0x7;
    assert_int_equal(infer__cpuid_isa(&c), INFER_ISA_AVX2);
    c.xcr0 = 0;
    assert_int_equal(infer__cpuid_isa(&c), INFER_ISA_C);
}

/* Virtual machines mask single bits: each one that a level's kernels use takes the level away, and
 * nothing of what is left brings it back. */
static void test_cpu_needs_each_bit(void **state)
{
    static const struct {
        size_t word;
        int bit;
        infer_isa left;
    } masked[] = {
        {offsetof(struct infer__cpuid, leaf1_ecx), 28, INFER_ISA_C},        /* AVX */
        {offsetof(struct infer__cpuid, leaf1_ecx), 12, INFER_ISA_C},        /* FMA */
        {offsetof(struct infer__cpuid, leaf1_ecx), 29, INFER_ISA_C},        /* F16C */
        {offsetof(struct infer__cpuid, leaf7_ebx), 5, INFER_ISA_C},         /* AVX2 */
        {offsetof(struct infer__cpuid, leaf7_ebx), 16, INFER_ISA_AVX2VNNI}, /* AVX512F */
        {offsetof(struct infer__cpuid, leaf7_ebx), 17, INFER_ISA_AVX2VNNI}, /* AVX512DQ */
        {offsetof(struct infer__cpuid, leaf7_ebx), 30, INFER_ISA_AVX2VNNI}, /* AVX512BW */
        {offsetof(struct infer__cpuid, leaf7_ebx), 31, INFER_ISA_AVX2VNNI}, /* AVX512VL */
        {offsetof(struct infer__cpuid, leaf7_ecx), 11, INFER_ISA_AVX512},
        {offsetof(struct infer__cpuid, leaf7_1_eax), 5, INFER_ISA_AVX512VNNI},
        {offsetof(struct infer__cpuid, leaf7_edx), 22, INFER_ISA_AVX512BF16},
        {offsetof(struct infer__cpuid, leaf7_edx), 24, INFER_ISA_AVX512BF16},
        {offsetof(struct infer__cpuid, leaf7_edx), 25, INFER_ISA_AVX512BF16},
        {offsetof(struct infer__cpuid, xcr0), 1, INFER_ISA_C},
        {offsetof(struct infer__cpuid, xcr0), 2, INFER_ISA_C},
        {offsetof(struct infer__cpuid, xcr0), 5, INFER_ISA_AVX2VNNI},
        {offsetof(struct infer__cpuid, xcr0), 6, INFER_ISA_AVX2VNNI},
        {offsetof(struct infer__cpuid, xcr0), 7, INFER_ISA_AVX2VNNI},
        {offsetof(struct infer__cpuid, xcr0), 17, INFER_ISA_AVX512BF16},
        {offsetof(struct infer__cpuid, xcr0), 18, INFER_ISA_AVX512BF16},
    };
    (void)state;
    for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
        struct infer__cpuid c = sapphire;
        uint32_t word;
        memcpy(&word, (char *)&c + masked[i].word, sizeof word); /* of xcr0 the lower half */
        word &= ~((uint32_t)1 << masked[i].bit);
        memcpy((char *)&c + masked[i].word, &word, sizeof word);
        assert_int_equal(infer__cpuid_isa(&c), masked[i].left);
    }
}

static void test_cpu_count(void **state)
{
    (void)state;
    assert_true(infer__cpu_count() >= 1);
    assert_true(infer_cpu_has(INFER_ISA_C));
}

/* ---- memory --------------------------------------------------------------------------------- */

struct counting {
    long live, left; /* allocations alive; how many may still succeed */
};

static void *counting_alloc(void *ctx, size_t bytes)
{
    struct counting *c = ctx;
    if (c->left-- <= 0)
        return NULL;
    void *p = test_malloc(bytes);
    c->live += p != NULL;
    return p;
}

static void counting_free(void *ctx, void *p)
{
    ((struct counting *)ctx)->live--;
    test_free(p);
}

static void test_region(void **state)
{
    (void)state;
    struct counting c = {0, 100000};
    infer_allocator a = {&c, counting_alloc, counting_free};
    struct infer__region r;
    infer__region_init(&r, &a);
    for (size_t i = 0; i < 3000; i++) {
        size_t n = i * 37 % 9000;
        unsigned char *p = infer__region_calloc(&r, n, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t k = 0; k < n; k += 101)
            assert_int_equal(p[k], 0);
        memset(p, 0xff, n);
    }
    assert_null(infer__region_calloc(&r, SIZE_MAX / 2, 3));
    assert_null(infer__region_calloc(&r, SIZE_MAX, 1));
    assert_true(c.live > 1);
    infer__region_free(&r);
    assert_int_equal(c.live, 0);
}

/* What an array has outgrown, and what is dropped, is given back at once if it is large; what
 * stands beside it stays. */
static void test_region_gives_back(void **state)
{
    (void)state;
    struct counting c = {0, 100000};
    infer_allocator a = {&c, counting_alloc, counting_free};
    struct infer__region r;
    uint64_t *numbers = NULL;
    uint32_t capacity = 0;
    infer__region_init(&r, &a);
    char *small = infer__region_string(&r, "small"), *first = infer__region_calloc(&r, 20000, 1);
    char *second = infer__region_calloc(&r, 20000, 1), *third = infer__region_calloc(&r, 20000, 1);
    assert_true(small && first && second && third);
    assert_int_equal(c.live, 4);
    infer__region_drop(&r, second, 20000);
    infer__region_drop(&r, third, 20000);
    infer__region_drop(&r, first, 20000);
    infer__region_drop(&r, small, sizeof "small");
    infer__region_drop(&r, NULL, 20000);
    assert_int_equal(c.live, 1);
    assert_string_equal(small, "small");
    for (uint32_t i = 0; i < 100000; i++) {
        void *array = numbers;
        assert_true(infer__region_grow(&r, &array, &capacity, i + 1, sizeof *numbers));
        numbers = array;
        numbers[i] = i;
    }
    assert_int_equal(c.live, 2);
    assert_true(r.total < 2 * 100000 * sizeof *numbers);
    for (uint32_t i = 0; i < 100000; i++)
        assert_true(numbers[i] == i);
    infer__region_drop(&r, numbers, capacity * sizeof *numbers);
    assert_int_equal(c.live, 1);
    infer__region_free(&r);
    assert_int_equal(c.live, 0);
}

static void test_region_without_memory(void **state)
{
    (void)state;
    struct counting c = {0, 0};
    infer_allocator a = {&c, counting_alloc, counting_free};
    struct infer__region r;
    infer__region_init(&r, &a);
    assert_null(infer__region_calloc(&r, 1, 1));
    assert_null(infer__region_string(&r, "x"));
    infer__region_free(&r);
    assert_int_equal(c.live, 0);
}

static void test_alignment(void **state)
{
    (void)state;
    infer_allocator a = infer__allocator(NULL);
    for (size_t align = 1; align <= 4096; align *= 2) {
        void *p = infer__alloc(&a, 100, align);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % align, 0);
        infer__free(&a, p);
    }
    assert_null(infer__alloc(&a, SIZE_MAX - 10, 64));
    infer__free(&a, NULL);
}

static void test_sizes(void **state)
{
    (void)state;
    size_t s;
    int64_t n;
    assert_false(infer__size_add(SIZE_MAX, 1, &s));
    assert_false(infer__size_mul(SIZE_MAX / 2 + 1, 2, &s));
    assert_false(infer__size_align(SIZE_MAX - 5, 64, &s));
    assert_true(infer__size_align(65, 64, &s) && s == 128);
    assert_true(infer__size_inside(10, 0, 10));
    assert_false(infer__size_inside(11, 0, 10));
    assert_false(infer__size_inside(UINT64_MAX, 2, 10));
    assert_true(infer__dim_add(INT64_MAX - 1, 1, &n) && n == INT64_MAX);
    assert_false(infer__dim_add(INT64_MAX, 1, &n));
    assert_true(infer__dim_mul(INT64_MAX / 2, 2, &n) && n == INT64_MAX - 1);
    assert_false(infer__dim_mul(INT64_MAX / 2 + 1, 2, &n));
    assert_true(infer__dims_product((int64_t[]){4, 0, 8}, 3, &n) && n == 0);
    assert_false(infer__dims_product((int64_t[]){INT64_MAX, 0, INT64_MAX}, 3, &n));
    assert_false(infer__dims_product((int64_t[]){INT64_MAX, 2}, 2, &n));
    assert_false(infer__dims_product((int64_t[]){2, -1}, 2, &n));
}

static void test_counts_saturate(void **state)
{
    const int64_t much = INFER__TOO_MUCH;
    (void)state;
    assert_true(INFER__PRODUCT(3, 5, 7) == 105);
    assert_true(INFER__SUM(3, 5, 7) == 15);
    assert_true(INFER__PRODUCT(much - 1, 1) == much - 1);
    assert_true(INFER__PRODUCT(much / 2, 2) == much);
    assert_true(INFER__PRODUCT((INT64_C(1) << 61) + 1, 8) == much); /* 8 where it wraps */
    assert_true(INFER__PRODUCT(INT64_MAX, INT64_MAX, INT64_MAX) == much);
    assert_true(INFER__PRODUCT(INT64_MAX, INT64_MAX, 0) == 0);
    assert_true(INFER__PRODUCT(-1, 4) == much);
    assert_true(INFER__SUM(INT64_MAX, INT64_MAX) == much);
    assert_true(INFER__SUM(much, 1, much) == much);
    assert_true(INFER__SUM(8, -1) == much);
    assert_true(infer__count_align(0, 64) == 0);
    assert_true(infer__count_align(65, 64) == 128);
    assert_true(infer__count_align(10, 7) == 14);
    assert_true(infer__count_align(much - 1, 64) == much);
    assert_true(infer__count_align(INT64_MAX, 64) == much);
    assert_true(infer__count_align(-64, 64) == much);
}

static void test_bytes(void **state)
{
    (void)state;
    assert_true(infer__bytes_count(infer__bytes_of(10, 4)) == 40);
    assert_false(infer__bytes_too_much(infer__bytes_of(INFER__TOO_MUCH / 4 - 1, 4)));
    assert_true(infer__bytes_too_much(infer__bytes_of(INFER__TOO_MUCH / 4, 4)));
    assert_true(infer__bytes_too_much(infer__bytes_of(INT64_MAX, 8)));
    assert_true(infer__bytes_too_much(infer__bytes_of(-1, 8)));
    assert_true(infer__bytes_too_much(infer__bytes_of(1, SIZE_MAX)));
    assert_true(infer__array_bytes(SIZE_MAX / 2, 4) == SIZE_MAX);
    assert_true(infer__array_bytes(6, 4) == 24);
    assert_true(infer__length_add(3, 4) == 7);
    assert_true(infer__length_add(UINT32_MAX, 2) == UINT32_MAX);
}

static void test_tensor_bytes(void **state)
{
    size_t n = 1;
    (void)state;
    assert_true(infer__tensor_bytes((int64_t[]){2, 3, 4}, 3, 4, 96, &n) && n == 96);
    assert_false(infer__tensor_bytes((int64_t[]){2, 3, 4}, 3, 4, 95, &n));
    assert_true(infer__tensor_bytes(NULL, 0, 8, 8, &n) && n == 8);
    assert_false(infer__tensor_bytes(NULL, 0, 8, 7, &n));
    assert_true(infer__tensor_bytes((int64_t[]){0, 3, 4}, 3, 4, 48, &n) && n == 0);
    assert_false(
        infer__tensor_bytes((int64_t[]){0, 3, 4}, 3, 4, 47, &n)); /* for all that is not 0 */
    assert_true(infer__tensor_bytes((int64_t[]){INT32_MAX, 0}, 2, 1, UINT64_MAX, &n) && n == 0);
    assert_false(infer__tensor_bytes((int64_t[]){(int64_t)INT32_MAX + 1, 0}, 2, 1, UINT64_MAX, &n));
    assert_false(infer__tensor_bytes((int64_t[]){4, -1}, 2, 1, UINT64_MAX, &n));
    assert_true(infer__tensor_bytes((int64_t[]){1 << 20, 1 << 20}, 2, 1, UINT64_MAX, &n));
    assert_true(n == INFER__MAX_TENSOR_BYTES);
    assert_false(infer__tensor_bytes((int64_t[]){1 << 20, (1 << 20) + 1}, 2, 1, UINT64_MAX, &n));
    assert_false(infer__tensor_bytes((int64_t[]){INT32_MAX, INT32_MAX, INT32_MAX}, 3, 8, UINT64_MAX,
                                     &n)); /* where it wraps */
}

static void test_names_are_total(void **state)
{
    (void)state;
    for (int i = -5; i < 300; i++) {
        assert_non_null(infer_status_name((infer_status)i));
        assert_non_null(infer_type_name((infer_type)i));
        assert_non_null(infer_isa_name((infer_isa)i));
        assert_true(infer_type_size((infer_type)i) <= 8);
    }
    assert_string_equal(infer_status_name((infer_status)7), "INFER_?");
    assert_string_equal(infer_version(), "0.1.0");
}

/* Only of CPUs that were measured is anything known: all others have the constants as they are. */
static void test_machines(void **state)
{
    static const struct {
        const char *vendor;
        uint32_t version;
        int apart, rapids;
    } cpus[] = {{"AuthenticAMD", 0x00a10f11, 1, 0}, /* Zen 4 */
                {"AuthenticAMD", 0x00b40f40, 0, 0}, /* Zen 5 */
                {"AuthenticAMD", 0x00870f10, 0, 0}, /* Zen 2 */
                {"GenuineIntel", 0x000c06f2, 0, 1}, /* Emerald Rapids */
                {"GenuineIntel", 0x000806f8, 0, 1}, /* Sapphire Rapids */
                {"GenuineIntel", 0x00050657, 0, 0}, /* Cascade Lake */
                {"GenuineIntel", 0x00a10f11, 0, 0}, {"AuthenticAMD", 0x000c06f2, 0, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++) {
        const struct infer__machine *m = infer__identity_machine(cpus[i].vendor, cpus[i].version);
        assert_int_equal(m->adds_apart, cpus[i].apart);
        assert_int_equal(m->products != 1, cpus[i].rapids);
        assert_int_equal(m->weight_bytes != 0, cpus[i].rapids);
        assert_int_equal(m->wide_panels, cpus[i].rapids);
    }
    assert_non_null(infer__cpu_machine());
}

/* Denormal numbers count as 0 in between, and as before afterwards. */
static void test_denormals(void **state)
{
    volatile float tiny = 1e-40f, small = 1e-30f;
    (void)state;
    struct infer__float_mode mode = infer__float_mode_kernels();
    volatile float read = tiny * 1e10f, made = small * 1e-10f;
    infer__float_mode_back(mode);
    assert_true(tiny * 1e10f > 0 && small * 1e-10f > 0);
#if defined(__x86_64__)
    assert_true(read <= 0 && made <= 0);
#else
    (void)read;
    (void)made;
#endif
}

/* Taken and given back: as often as one likes, and more than there is, is not there. */
static void test_reserve(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_true(infer__reserve(1 << 20, 64 << 20));
    errno = 7;
    assert_false(infer__reserve(1, SIZE_MAX / 2)); /* sanitizers' malloc ends the process there */
    assert_int_equal(errno, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_denormals),
        cmocka_unit_test(test_machines),
        cmocka_unit_test(test_cpu_levels),
        cmocka_unit_test(test_isa_has),
        cmocka_unit_test(test_cpu_needs_the_system),
        cmocka_unit_test(test_cpu_needs_each_bit),
        cmocka_unit_test(test_cpu_count),
        cmocka_unit_test(test_region),
        cmocka_unit_test(test_region_gives_back),
        cmocka_unit_test(test_region_without_memory),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_counts_saturate),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_tensor_bytes),
        cmocka_unit_test(test_names_are_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
