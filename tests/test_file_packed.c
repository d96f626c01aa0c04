/* The packed section: its bytes, one file for each rule, the order of several, checksums. */
#include "tests/packed_parts.h"

enum { ENTRY = INFER__FILE_PACKED_ENTRY, HEADER = INFER__FILE_PACKED_HEADER };
enum { FIRST = 128, SECOND = 192 }; /* where the contents of two entries begin */

struct fixture {
    struct bytes file; /* without packed weights */
    struct infer__stored_for here;
    uint64_t weights;
};

static int setup(void **state)
{
    static struct fixture f;
    struct known k;
    make_known(&k);
    k.content.extra = &k.extra[1]; /* without the section that would stand behind */
    k.content.nextra = 1;
    f.file = write_exact(&k.content);
    infer__region_free(&k.region);
    f.here = (struct infer__stored_for){.level = INFER_ISA_C, .library = infer__stored_library()};
    f.weights = weights_sum(&f.file);
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

static infer_status load_status(const struct bytes *b, uint32_t verify, uint32_t skip)
{
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *m;
    infer_error err;
    o.verify = verify;
    o.skip_weight_check = skip;
    infer_status status = infer_load_memory(b->data, b->size, &o, &m, &err);
    infer_model_free(&m);
    return status;
}

/* `blamed` counts from the first section of packed weights. */
static void refused(const struct bytes *b, size_t blamed)
{
    infer_model *m;
    infer_error err;
    size_t size, at = section_at(b->data, INFER__SECTION_PACKED, &size);
    assert_int_equal(infer_load_memory(b->data, b->size, NULL, &m, &err), INFER_ERROR_FORMAT);
    if (err.offset != at + blamed)
        fail_msg("byte %llu is blamed, not %zu: %s", (unsigned long long)err.offset, at + blamed,
                 err.message);
    assert_null(m);
}

/* Two entries: "one" and "two!". */
static struct part two(const struct fixture *f, const struct infer__stored_for *by)
{
    struct infer__stored_entry e[] = {{{{9, 2}}, "two!", 5}, {{{9, 1}}, "one", 4}};
    return packed_part(by, f->weights, e, 2);
}

static void test_round_trip(void **state)
{
    struct fixture *f = *state;
    struct part p = two(f, &f->here);
    assert_int_equal(p.size, SECOND + 5);
    struct bytes b = with_parts(&f->file, &p, 1);
    infer_model *m = load(&b);
    assert_int_equal(m->npacked, 1);
    assert_int_equal(m->packed[0].nentries, 2);
    assert_int_equal(infer__stored_get(&m->packed[0], 0).bytes, 4);
    assert_string_equal(infer__stored_find(m, &(struct infer__store_key){{9, 1}}, 4), "one");
    assert_string_equal(infer__stored_find(m, &(struct infer__store_key){{9, 2}}, 5), "two!");
    assert_int_equal((uintptr_t)infer__stored_get(&m->packed[0], 1).data % 64, 0);
    assert_null(infer__stored_find(m, &(struct infer__store_key){{9, 2}}, 4)); /* another size */
    for (uint64_t k = 0; k < 16; k++) /* keys below, between and above */
        if (k != 9)
            assert_null(infer__stored_find(m, &(struct infer__store_key){{k, 1}}, 4));
    assert_null(infer__stored_find(m, &(struct infer__store_key){{9, 0}}, 4));
    infer_model_free(&m);
    free(b.data);
}

static void test_encode_refuses(void **state)
{
    struct fixture *f = *state;
    struct infer__stored_entry e[] = {{{{1, 1}}, "a", 1}, {{{1, 1}}, "b", 1}};
    void *bytes = e;
    size_t size;
    infer_error err;
    assert_int_equal(infer__stored_encode(&f->here, 0, e, 2, NULL, &bytes, &size, &err),
                     INFER_ERROR_ARGUMENT);
    assert_null(bytes);
    assert_int_equal(infer__stored_encode(&f->here, 0, e, 0, NULL, &bytes, &size, &err),
                     INFER_ERROR_ARGUMENT);
    e[0].key.word[1] = 0;
    e[0].bytes = e[1].bytes = SIZE_MAX / 2;
    assert_int_equal(infer__stored_encode(&f->here, 0, e, 2, NULL, &bytes, &size, &err),
                     INFER_ERROR_LIMIT);
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
        {0, 4, 0, 0},                                          /* of no level */
        {4, 1, 1, 4},                                          /* reserved */
        {16, 8, 5, 16},                                        /* of other weights */
        {24, 4, 0, 24},                                        /* no entries */
        {24, 4, 1, FIRST + 4},                                 /* fewer */
        {24, 4, UINT32_MAX, 24},                               /* count times size */
        {28, 1, 1, 0},                                         /* reserved */
        {63, 1, 1, 0},                                         /* reserved */
        {HEADER + 8, 8, 2, HEADER + ENTRY},                    /* two equal keys */
        {HEADER, 8, 10, HEADER + ENTRY},                       /* keys do not ascend */
        {HEADER + 16, 8, 0, HEADER + 16},                      /* the table itself */
        {HEADER + 16, 8, FIRST + 64, HEADER + 16},             /* a gap */
        {HEADER + 16, 8, UINT64_MAX - 63, HEADER + 16},        /* far outside */
        {HEADER + 24, 8, 0, HEADER + 24},                      /* nothing */
        {HEADER + 24, 8, 65, HEADER + ENTRY + 16},             /* overlaps the second */
        {HEADER + 24, 8, UINT64_MAX, HEADER + 24},             /* wraps */
        {HEADER + 24, 8, UINT64_MAX - FIRST + 1, HEADER + 24}, /* ends at 0 */
        {HEADER + ENTRY + 16, 8, FIRST, HEADER + ENTRY + 16},  /* where the first is */
        {HEADER + ENTRY + 24, 8, 6, HEADER + ENTRY + 24},      /* a byte too many */
        {HEADER + ENTRY + 24, 8, 4, SECOND + 4},               /* one too few */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct part p = two(f, &f->here);
        put_le(p.data + bad[i].at, bad[i].width, bad[i].value);
        struct bytes b = with_parts(&f->file, &p, 1);
        refused(&b, bad[i].blamed);
        free(b.data);
    }
    for (size_t size = 1; size < SECOND + 5; size++) { /* every cut */
        struct part p = two(f, &f->here);
        p.size = size;
        struct bytes b = with_parts(&f->file, &p, 1);
        assert_int_equal(load_status(&b, 0, 0), INFER_ERROR_FORMAT);
        free(b.data);
    }
}

/* Sections ascend by what they hold for, and none is there twice. */
static void test_order(void **state)
{
    struct fixture *f = *state;
    struct infer__stored_for other = f->here;
    other.library++;
    const int less = memcmp(&f->here, &other, sizeof other) < 0;
    for (int order = 0; order < 3; order++) {
        struct part p[2] = {two(f, order == 1 ? &other : &f->here),
                            two(f, order == 0 ? &other : &f->here)};
        struct bytes b = with_parts(&f->file, p, 2);
        if (order == !less) {
            infer_model *m = load(&b);
            assert_int_equal(m->npacked, 1); /* the other library's is passed over */
            infer_model_free(&m);
        } else {
            refused(&b, 256);
        }
        free(b.data);
    }
}

/* A damaged byte of a section goes unseen, where that is not to be read, but not with `verify`. */
static void test_checksums(void **state)
{
    struct fixture *f = *state;
    for (int usable = 0; usable < 2; usable++)
        for (int where = 0; where < 2; where++) {
            struct infer__stored_for by = f->here;
            by.library += !usable;
            struct part p = two(f, &by);
            struct bytes b = with_parts(&f->file, &p, 1);
            size_t size, at = section_at(
                             b.data, where ? INFER__SECTION_WEIGHTS : INFER__SECTION_PACKED, &size);
            assert_int_equal(load_status(&b, 1, 0), INFER_OK);
            b.data[at + size - 1] ^= 1;
            const int read = where && !usable;
            assert_int_equal(load_status(&b, 0, 0), read ? INFER_ERROR_CHECKSUM : INFER_OK);
            assert_int_equal(load_status(&b, 0, 1), INFER_OK);
            assert_int_equal(load_status(&b, 1, 0), INFER_ERROR_CHECKSUM);
            assert_int_equal(load_status(&b, 1, 1), INFER_ERROR_CHECKSUM);
            free(b.data);
        }
}

static void test_options(void **state)
{
    struct fixture *f = *state;
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *m;
    infer_error err;
    o.reserved = 1;
    assert_int_equal(infer_load_memory(f->file.data, f->file.size, &o, &m, &err),
                     INFER_ERROR_ARGUMENT);
    assert_null(m);
}

/* Allocations 1, 2, 3 ... fail: of loading and of writing a section. */
static void test_failing_memory(void **state)
{
    struct fixture *f = *state;
    struct part p = two(f, &f->here);
    struct bytes b = with_parts(&f->file, &p, 1);
    for (int write = 0; write < 2; write++) {
        infer_status status = INFER_ERROR_NO_MEMORY;
        for (size_t k = 1; status != INFER_OK; k++) {
            struct infer__stored_entry e[] = {{{{1, 1}}, "a", 1}};
            infer_load_options o = INFER_LOAD_OPTIONS_INIT;
            struct counter counter;
            infer_model *m = NULL;
            infer_error err;
            void *bytes = NULL;
            size_t size;
            o.allocator = counting(&counter);
            counter.fail_only = k;
            status = write ? infer__stored_encode(&f->here, f->weights, e, 1, &o.allocator, &bytes,
                                                  &size, &err)
                           : infer_load_memory(b.data, b.size, &o, &m, &err);
            assert_true(status == INFER_OK || status == INFER_ERROR_NO_MEMORY);
            assert_int_equal(status == INFER_OK, bytes || m);
            infer_model_free(&m);
            infer__free(&o.allocator, bytes);
            assert_int_equal(counter.blocks, 0);
        }
    }
    free(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_encode_refuses),
        cmocka_unit_test(test_rules),          cmocka_unit_test(test_order),
        cmocka_unit_test(test_checksums),      cmocka_unit_test(test_options),
        cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
