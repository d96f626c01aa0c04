/* What a model tells of itself, through the tools: imported, inspected, exported. */
#include "tests/file_fixture.h"

#include "tools/inspect.h"
#include "tools/onnx/onnx_export.h"
#include "tools/onnx/onnx_import.h"

/* What comes out of an import of what was exported from the file. */
struct imported {
    struct infer__region region;
    struct infer__graph g;
    struct infer__about about;
    struct onnx_report report;
};

static infer_model *load(const struct bytes *b)
{
    infer_model *m;
    infer_error err;
    check_ok(infer_load_memory(b->data, b->size, NULL, &m, &err), &err);
    return m;
}

/* A network of one node, input x: free batch x 2. */
static struct bytes named_net(const struct infer__about *about)
{
    struct infer__region region;
    struct infer__graph g;
    struct infer__node *node;
    uint32_t x, y;
    infer_error err;
    infer__region_init(&region, NULL);
    check_ok(infer__graph_init(&g, &region, &err), &err);
    check_ok(infer__graph_add_value(&g, "x", &x, &err), &err);
    check_ok(infer__graph_add_value(&g, "y", &y, &err), &err);
    for (uint32_t id = x; id <= y; id++) {
        struct infer__value *v = &g.values[id];
        v->type = INFER_F32, v->rank = 2, v->free_dims = 1, v->dims[1] = 2;
        v->kind = id == x ? INFER__VALUE_INPUT : INFER__VALUE_NODE;
    }
    check_ok(infer__graph_add_node(&g, INFER__OP_RELU, "relu", &x, 1, &y, 1, &node, &err), &err);
    g.inputs = &x;
    g.outputs = &y;
    g.ninputs = g.noutputs = 1;
    struct bytes b = write_exact(&(struct infer__file_content){.graph = &g, .about = about});
    infer__region_free(&region);
    return b;
}

static struct infer__dim_name dims[] = {{0, 0, 0, "batch"}, {0, 1, 0, "rows"}};
static struct infer__pair pairs[] = {{"names", "cat\ndog"}, {"stride", "32"}};
static const struct infer__about about = {"pytorch", "2.1", 17, 2, 2, dims, pairs};

static void import(struct imported *i, const void *bytes, size_t size)
{
    struct onnx_import_options o;
    infer_error err;
    onnx_import_options_init(&o);
    o.about = &i->about;
    infer__region_init(&i->region, NULL);
    onnx_report_init(&i->report, NULL);
    check_ok(onnx_import_memory(bytes, size, NULL, &o, &i->region, &i->g, &i->report, &err), &err);
}

static void drop(struct imported *i)
{
    onnx_report_free(&i->report);
    infer__region_free(&i->region);
}

/* Exported and imported again: the same names and pairs; the producer is the exporter. */
static void test_round_trip(void **state)
{
    struct bytes b = named_net(&about);
    infer_model *m = load(&b);
    struct imported i;
    void *bytes;
    size_t size;
    infer_error err;
    (void)state;
    check_ok(onnx_export(m, &bytes, &size, &err), &err);
    import(&i, bytes, size);
    assert_string_equal(i.about.producer, "libinfer");
    assert_true(i.about.opset >= 7);
    assert_true(i.about.ndims >= 1);
    assert_string_equal(i.about.dims[0].name, "batch");
    for (uint32_t k = 0; k < i.about.ndims; k++)
        assert_string_equal(i.about.dims[k].name, i.about.dims[k].output ? "rows" : "batch");
    assert_int_equal(i.about.npairs, 2);
    for (uint32_t k = 0; k < 2; k++) {
        assert_string_equal(i.about.pairs[k].key, pairs[k].key);
        assert_string_equal(i.about.pairs[k].value, pairs[k].value);
    }
    assert_int_equal(i.report.warnings, 0);
    drop(&i);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    infer_model_free(&m);
    free(b.data);
}

/* What is no text is passed over with a warning, and the import goes on. */
static void test_passed_over(void **state)
{
    struct bytes b = named_net(&about);
    infer_model *m = load(&b);
    struct imported i;
    void *bytes;
    size_t size;
    infer_error err;
    (void)state;
    check_ok(onnx_export(m, &bytes, &size, &err), &err);
    char *at = memmem(bytes, size, "cat\ndog", 7);
    assert_non_null(at);
    at[3] = '\x1b';
    at = memmem(bytes, size, "libinfer", 8);
    assert_non_null(at);
    at[0] = '\n';
    import(&i, bytes, size);
    assert_int_equal(i.report.warnings, 2);
    assert_int_equal(i.report.problems, 0);
    assert_int_equal(i.about.npairs, 1);
    assert_string_equal(i.about.pairs[0].key, "stride");
    assert_string_equal(i.about.producer, "");
    drop(&i);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    infer_model_free(&m);
    free(b.data);
}

/* ---- infer inspect -------------------------------------------------------------------------- */

static void shows(int json, const struct bytes *b, const char *const *texts)
{
    infer_model *m = load(b);
    struct inspect x = {"model.infer", m, NULL, INFER_ISA_C, 0};
    infer_error err = {.status = INFER_OK};
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    assert_non_null(f);
    if (json)
        inspect_json(f, &x, &err);
    else
        inspect_model_text(f, &x);
    fclose(f);
    for (; *texts; texts++)
        if (!strstr(out, *texts))
            fail_msg("'%s' is missing in: %s", *texts, out);
    free(out);
    infer_model_free(&m);
}

static void test_inspect(void **state)
{
    static const char *const text[] = {"made by  pytorch 2.1, opset 17\n",
                                       "noted    names: cat ...\n", "noted    stride: 32\n",
                                       "x  f32 batch?x2\n", NULL};
    static const char *const json[] = {"\"producer\": \"pytorch\", \"producer_version\": \"2.1\"",
                                       "\"opset\": 17",
                                       "{\"key\": \"names\", \"value\": \"cat\\u000adog\"}",
                                       "\"dim_names\": [\"batch\", null]", NULL};
    static const char *const none[] = {"\"producer\": \"\"", "\"opset\": 0", "\"metadata\": []",
                                       "\"dim_names\": [null, null]", NULL};
    struct bytes b = named_net(&about), bare = named_net(NULL);
    (void)state;
    shows(0, &b, text);
    shows(1, &b, json);
    shows(1, &bare, none);
    free(b.data);
    free(bare.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_passed_over),
        cmocka_unit_test(test_inspect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
