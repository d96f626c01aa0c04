/* The tuned section: its bytes, one file for each rule, the order of several. */
#include "tests/tuned_parts.h"

enum { ENTRY = INFER__FILE_TUNED_ENTRY, HEADER = INFER__FILE_TUNED_HEADER };

struct fixture {
    struct bytes file; /* without a tuned plan */
    struct infer__tuned_for here;
};

static int setup(void **state)
{
    static struct fixture f = {
        .here = {.vendor = "GenuineTest!", .cpu = 7, .isa = 3, .library = 5}};
    struct known k;
    make_known(&k);
    k.content.extra = &k.extra[1]; /* without the section that would stand behind the plans */
    k.content.nextra = 1;
    f.file = write_exact(&k.content);
    infer__region_free(&k.region);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    free(f->file.data);
    return 0;
}

static infer_model *load(const struct bytes *b)
{
    infer_model *m;
    infer_error err;
    check_ok(infer_load_memory(b->data, b->size, NULL, &m, &err), &err);
    return m;
}

/* `blamed` counts from the first tuned section. */
static void refused(const struct bytes *b, size_t blamed)
{
    infer_model *m;
    infer_error err;
    size_t size, at = section_at(b->data, INFER__SECTION_TUNED, &size);
    assert_int_equal(infer_load_memory(b->data, b->size, NULL, &m, &err), INFER_ERROR_FORMAT);
    if (err.offset != at + blamed)
        fail_msg("byte %llu is blamed, not %zu: %s", (unsigned long long)err.offset, at + blamed,
                 err.message);
    assert_null(m);
}

static void test_round_trip(void **state)
{
    struct fixture *f = *state;
    struct infer__tuned_entry e[] = {{7, "beta", 1},
                                     {UINT64_MAX, "alpha", 0},
                                     {3, "alpha", 0},
                                     {5, "beta", 1},
                                     {0, "", 0}},
                              got;
    struct part p = tuned_part(&f->here, e, 5);
    struct infer__tuned t;
    assert_int_equal(p.size, HEADER + 5 * ENTRY + sizeof "" + sizeof "alpha" + sizeof "beta");
    struct bytes b = with_plans(&f->file, &p, 1);
    infer_model *m = load(&b);
    assert_true(infer__tuned_find(m, &f->here, &t));
    assert_int_equal(t.nentries, 5);
    assert_memory_equal(&t.by, &f->here, sizeof t.by);
    for (uint32_t i = 0; i < 5; i++) { /* encode put them in order */
        assert_true(infer__tuned_lookup(&t, e[i].key, &got));
        assert_true(got.key == e[i].key && got.flags == e[i].flags);
        assert_string_equal(got.kernel, e[i].kernel);
        assert_string_equal(infer__tuned_get(&t, i).kernel, e[i].kernel);
    }
    for (uint64_t key = 1; key < 9; key++)
        if (key != 3 && key != 5 && key != 7)
            assert_false(infer__tuned_lookup(&t, key, &got));
    struct bytes again = rewrite(m); /* the file written anew has the same bytes */
    assert_int_equal(again.size, b.size);
    assert_memory_equal(again.data, b.data, b.size);
    infer_model_free(&m);
    free(again.data);
    free(b.data);
}

static void test_encode_refuses(void **state)
{
    struct fixture *f = *state;
    struct infer__tuned_entry e[] = {{7, "a", 0}, {7, "b", 0}};
    void *bytes = e;
    size_t size;
    infer_error err;
    assert_int_equal(infer__tuned_encode(&f->here, e, 2, NULL, &bytes, &size, &err),
                     INFER_ERROR_ARGUMENT);
    assert_null(bytes);
    assert_int_equal(infer__tuned_encode(&f->here, e, 0, NULL, &bytes, &size, &err),
                     INFER_ERROR_ARGUMENT);
    e[0].flags = 2;
    assert_int_equal(infer__tuned_encode(&f->here, e, 1, NULL, &bytes, &size, &err),
                     INFER_ERROR_ARGUMENT);
}

/* Allocations 1, 2, 3 ... fail, alone or with all after them; of many entries, so that each array
 * has memory of its own. */
static void test_failing_encode(void **state)
{
    enum { MANY = 3000 };
    static struct infer__tuned_entry e[MANY];
    static char name[MANY][8];
    struct fixture *f = *state;
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(name[i], sizeof name[i], "k%u", i);
        e[i] = (struct infer__tuned_entry){i, name[i], 0};
    }
    for (int alone = 0; alone < 2; alone++) {
        infer_status status = INFER_ERROR_NO_MEMORY;
        size_t k = 0;
        while (status != INFER_OK) {
            struct counter counter;
            infer_allocator a = counting(&counter);
            void *bytes = e;
            size_t size;
            infer_error err;
            *(alone ? &counter.fail_only : &counter.fail_from) = ++k;
            status = infer__tuned_encode(&f->here, e, MANY, &a, &bytes, &size, &err);
            assert_true(status == INFER_OK || status == INFER_ERROR_NO_MEMORY);
            assert_int_equal(status == INFER_OK, bytes != NULL);
            infer__free(&a, bytes);
            assert_int_equal(counter.blocks, 0);
        }
        assert_int_equal(k, 5); /* offsets, names, the table of strings, the section: then none */
    }
}

/* One broken rule after the other, checksums made right. */
static void test_rules(void **state)
{
    struct fixture *f = *state;
    static const struct {
        size_t at, width;
        uint64_t value;
        size_t blamed;
    } bad[] = {
        {32, 4, 0, 32},                                     /* no entries */
        {32, 4, 3, 32},                                     /* more than there are */
        {32, 4, UINT32_MAX, 32},                            /* count times size */
        {36, 4, 2, 36},                                     /* bytes of names: fewer */
        {36, 4, UINT32_MAX, 36},                            /* more */
        {40, 1, 1, 0},                                      /* reserved */
        {63, 1, 1, 0},                                      /* reserved */
        {HEADER, 8, 9, HEADER + ENTRY},                     /* keys do not ascend */
        {HEADER + ENTRY, 8, 1, HEADER + ENTRY},             /* two equal keys */
        {HEADER + 8, 4, 1, HEADER + 8},                     /* the first name is not at 0 */
        {HEADER + ENTRY + 8, 4, 0, HEADER + 2 * ENTRY + 2}, /* nothing refers to the second name */
        {HEADER + ENTRY + 8, 4, 1, HEADER + ENTRY + 8},     /* inside a name */
        {HEADER + ENTRY + 8, 4, 4, HEADER + ENTRY + 8},     /* the end of the names */
        {HEADER + 12, 4, 2, HEADER + 12},                   /* reserved flags */
        {HEADER + 2 * ENTRY, 1, 7, HEADER + 2 * ENTRY},     /* a control character */
        {HEADER + 2 * ENTRY + 1, 1, 'b', HEADER + ENTRY + 8}, /* "ab" "b": it starts elsewhere */
        {HEADER + 2 * ENTRY + 3, 1, 'c', HEADER + 2 * ENTRY + 4}, /* no NUL at the end */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct infer__tuned_entry e[] = {{1, "a", 0}, {2, "b", 0}};
        struct part p = tuned_part(&f->here, e, 2);
        assert_int_equal(p.size, HEADER + 2 * ENTRY + 4);
        put_le(p.data + bad[i].at, bad[i].width, bad[i].value);
        struct bytes b = with_plans(&f->file, &p, 1);
        refused(&b, bad[i].blamed);
        free(b.data);
    }
    for (size_t size = 1; size < HEADER + ENTRY + 2; size++) { /* every cut */
        struct infer__tuned_entry e[] = {{1, "a", 0}};
        struct part p = tuned_part(&f->here, e, 1);
        p.size = size;
        struct bytes b = with_plans(&f->file, &p, 1);
        refused(&b, size < HEADER ? 0 : size < HEADER + ENTRY ? 32 : 36);
        free(b.data);
    }
}

static void test_order_of_plans(void **state)
{
    struct fixture *f = *state;
    struct infer__tuned_for other = f->here;
    struct infer__tuned_entry e[] = {{1, "a", 0}};
    struct infer__tuned t;
    other.library++;
    for (int order = 0; order < 3; order++) {
        int first_less = memcmp(&f->here, &other, sizeof other) < 0;
        struct part p[2] = {tuned_part(order == 1 ? &other : &f->here, e, 1),
                            tuned_part(order == 0 ? &other : &f->here, e, 1)};
        struct bytes b = with_plans(&f->file, p, 2);
        if (order == !first_less) {
            infer_model *m = load(&b);
            assert_true(infer__tuned_find(m, &f->here, &t));
            assert_true(infer__tuned_find(m, &other, &t));
            infer_model_free(&m);
        } else {
            refused(&b, 128); /* the other way round; order 2: the same twice */
        }
        free(b.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_encode_refuses),
        cmocka_unit_test(test_failing_encode), cmocka_unit_test(test_rules),
        cmocka_unit_test(test_order_of_plans),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
