/* The section about a model: what is told comes back, and every rule of it is kept. */
#include "tests/file_fixture.h"

static infer_model *load(const struct bytes *b)
{
    infer_model *m;
    infer_error err;
    check_ok(infer_load_memory(b->data, b->size, NULL, &m, &err), &err);
    return m;
}

static void expect_pair(const infer_model *m, size_t i, const char *key, const char *value)
{
    const char *k, *v;
    assert_int_equal(infer_model_metadata(m, i, &k, &v, NULL), INFER_OK);
    assert_string_equal(k, key);
    assert_string_equal(v, value);
}

static void test_told(void **state)
{
    struct bytes b = about_file();
    infer_model *m = load(&b);
    infer_model_info about = INFER_MODEL_INFO_INIT;
    infer_value_info v = INFER_VALUE_INFO_INIT;
    const char *key = "", *value = "";
    infer_error err;
    (void)state;
    check_ok(infer_model_describe(m, &about, &err), &err);
    assert_string_equal(about.producer, "pytorch");
    assert_string_equal(about.producer_version, "2.1");
    assert_int_equal(about.opset, 17);
    assert_int_equal(about.metadata, 3);
    expect_pair(m, 0, "names", "{0: 'cat',\n\t1: 'd\xC3\xB6g'}\r\n");
    expect_pair(m, 1, "stride", "32");
    expect_pair(m, 2, "names", ""); /* keys are not looked at */
    assert_int_equal(infer_model_metadata(m, 3, &key, &value, &err), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_model_metadata(m, 0, NULL, &value, &err), INFER_ERROR_ARGUMENT);
    assert_null(key);
    assert_null(value);
    check_ok(infer_model_input(m, 0, &v, &err), &err);
    for (int i = 0; i < INFER_MAX_RANK; i++)
        assert_true((v.dim_names[i] != NULL) == (i == 2));
    assert_string_equal(v.dim_names[2], "height");
    check_ok(infer_model_output(m, 0, &v, &err), &err);
    assert_string_equal(v.dim_names[0], "batch");
    assert_null(v.dim_names[1]);
    infer_model_free(&m);
    free(b.data);
}

/* A file without the section: empty, not NULL. */
static void test_nothing_told(void **state)
{
    struct bytes b = known_file();
    infer_model *m = load(&b);
    infer_model_info about = INFER_MODEL_INFO_INIT;
    infer_value_info v = INFER_VALUE_INFO_INIT;
    (void)state;
    assert_int_equal(infer_model_describe(m, &about, NULL), INFER_OK);
    assert_string_equal(about.producer, "");
    assert_string_equal(about.producer_version, "");
    assert_int_equal(about.opset + about.metadata, 0);
    assert_int_equal(infer_model_input(m, 0, &v, NULL), INFER_OK);
    for (int i = 0; i < INFER_MAX_RANK; i++)
        assert_null(v.dim_names[i]);
    infer_model_free(&m);
    free(b.data);
}

/* Names of dimensions that are not free are left out, and a section that would tell nothing. */
static void test_left_out(void **state)
{
    struct infer__dim_name dims[] = {{0, 0, 1, "channels"}, {0, 0, 2, "height"}, {7, 0, 0, "none"}};
    struct infer__about about = {"", "", 0, 3, 0, dims, NULL};
    struct known k;
    size_t size;
    (void)state;
    make_known(&k);
    k.content.about = &about;
    struct bytes b = write_exact(&k.content);
    infer_model *m = load(&b);
    assert_int_equal(m->about.ndims, 1);
    assert_string_equal(m->about.dims[0].name, "height");
    infer_model_free(&m);
    free(b.data);
    about.ndims = 1;
    b = write_exact(&k.content);
    m = load(&b);
    assert_null(infer__model_section(m, INFER__SECTION_ABOUT, &size));
    infer_model_free(&m);
    free(b.data);
    infer__region_free(&k.region);
}

/* What can't be read again is not written. */
static void test_refused_text(void **state)
{
    static const char *const bad[] = {"a\nb", "a\x7f", "\xC3", "\x1b[2J"};
    (void)state;
    for (size_t i = 0; i < 4 * 4; i++) {
        const char *text = bad[i / 4];
        struct infer__dim_name dims[] = {{0, 0, 2, i % 4 == 1 ? text : "height"}};
        struct infer__pair pairs[] = {{i % 4 == 2 ? text : "key", i % 4 == 3 ? text : "a value\n"}};
        const struct infer__about about = {i % 4 == 0 ? text : "", "", 0, 1, 1, dims, pairs};
        struct known k;
        void *bytes;
        size_t size;
        infer_error err;
        make_known(&k);
        k.content.about = &about;
        infer_status status = infer__file_write(&k.content, NULL, &bytes, &size, &err);
        /* the first is fine as a value */
        assert_int_equal(status, i == 3 ? INFER_OK : INFER_ERROR_FORMAT);
        infer_allocator a = infer__allocator(NULL);
        infer__free(&a, bytes);
        infer__region_free(&k.region);
    }
}

/* One field changed; positions count from the section. */
static void test_rules(void **state)
{
    enum { HEADER = 32, STRINGS = HEADER + 2 * 8 };
    static const struct {
        const char *what;
        size_t at, width;
        uint64_t value;
        size_t blamed;
    } rows[] = {
        {"too many names", 4, 4, 3, HEADER + 20},
        {"more names than fit", 4, 4, UINT32_MAX, 4},
        {"a name less", 4, 4, 1, 0},
        {"a pair less", 8, 4, 2, 0},
        {"a pair more", 8, 4, 4, 0},
        {"more pairs than fit", 8, 4, UINT32_MAX, 4},
        {"reserved", 12, 1, 1, 0},
        {"reserved, the last", 31, 1, 1, 0},
        {"no such input", HEADER, 4, 1, HEADER},
        {"neither input nor output", HEADER + 4, 1, 2, HEADER + 4},
        {"a dimension that is not free", HEADER + 5, 1, 1, HEADER},
        {"a dimension beyond all", HEADER + 5, 1, 255, HEADER},
        {"a dimension beyond all, 2 in five bits", HEADER + 5, 1, 34, HEADER},
        {"reserved in a name", HEADER + 6, 2, 1, HEADER + 4},
        {"a name twice", HEADER + 8, 8, UINT64_C(2) << 40, HEADER + 8},
        {"a control character in the producer", STRINGS, 1, 7, STRINGS},
        {"an empty name", STRINGS + 12, 1, 0, STRINGS + 12},
        {"an empty key", STRINGS + 25, 1, 0, STRINGS + 25},
        {"no end of the last value", STRINGS + 72, 1, 'a', STRINGS + 73},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes b = about_file();
        size_t size = 0, at = section_at(b.data, INFER__SECTION_ABOUT, &size);
        infer_model *m;
        infer_error err;
        put_le(b.data + at + rows[i].at, rows[i].width, rows[i].value);
        reseal(b.data, b.size);
        assert_int_equal(infer_load_memory(b.data, b.size, NULL, &m, &err), INFER_ERROR_FORMAT);
        if (err.offset < at || err.offset > at + size ||
            (rows[i].blamed && err.offset != at + rows[i].blamed))
            fail_msg("%s: byte %llu of the section is blamed: %s", rows[i].what,
                     (unsigned long long)(err.offset - at), err.message);
        free(b.data);
    }
}

/* The version is looked at where nothing follows it, too. */
static void test_version(void **state)
{
    enum { VERSION = 32 + 2 };
    const struct infer__about about = {.producer = "p", .version = "version"};
    struct known k;
    size_t size;
    infer_model *m;
    infer_error err;
    (void)state;
    make_known(&k);
    k.content.about = &about;
    struct bytes b = write_exact(&k.content);
    const size_t at = section_at(b.data, INFER__SECTION_ABOUT, &size);
    b.data[at + VERSION + 3] = 7;
    reseal(b.data, b.size);
    assert_int_equal(infer_load_memory(b.data, b.size, NULL, &m, &err), INFER_ERROR_FORMAT);
    assert_int_equal(err.offset, at + VERSION + 3);
    free(b.data);
    infer__region_free(&k.region);
}

/* What there is none of. */
static void test_arguments(void **state)
{
    struct bytes b = about_file();
    infer_model *m = load(&b);
    infer_model_info about = INFER_MODEL_INFO_INIT;
    const char *key, *value;
    (void)state;
    assert_int_equal(infer_model_describe(NULL, &about, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_model_describe(m, NULL, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_model_metadata(NULL, 0, &key, &value, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_model_metadata(m, 0, NULL, &value, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_model_metadata(m, 0, &key, NULL, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_model_metadata(m, m->about.npairs, &key, &value, NULL),
                     INFER_ERROR_ARGUMENT);
    infer_model_free(&m);
    free(b.data);
}

/* It may stand once. */
static void test_twice(void **state)
{
    struct bytes b = about_file();
    infer_model *m = load(&b);
    size_t size;
    const void *data = infer__model_section(m, INFER__SECTION_ABOUT, &size);
    struct infer__section twice[2] = {{INFER__SECTION_ABOUT, data, size},
                                      {INFER__SECTION_ABOUT, data, size}};
    struct infer__file_content c = {.graph = &m->graph, .extra = twice, .nextra = 2};
    void *bytes;
    infer_error err;
    (void)state;
    assert_int_equal(infer__file_write(&c, NULL, &bytes, &size, &err), INFER_ERROR_FORMAT);
    assert_non_null(strstr(err.message, "second"));
    infer_model_free(&m);
    free(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told),     cmocka_unit_test(test_nothing_told),
        cmocka_unit_test(test_left_out), cmocka_unit_test(test_refused_text),
        cmocka_unit_test(test_rules),    cmocka_unit_test(test_twice),
        cmocka_unit_test(test_version),  cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
