/* Operators of the application's own: imported, written, loaded, run in parts.
 * What descriptors may not say: test_graph_custom.c. */
#include "tests/onnx_model.h"

#include "graph/custom.h"
#include "tests/file_fixture.h"

enum { COUNT = 10 };

/* ---- an operator ---------------------------------------------------------------------------- */

/* y = factor * x + bias, cut into `parts`, which count themselves. */
struct app {
    infer_status shape, run; /* that the functions return */
    _Atomic int calls;
    char word[16];
    int64_t ints[3];
    size_t nints;
};

static infer_status affine_shape(void *ctx, const infer_custom_call *call)
{
    struct app *app = ctx;
    const int64_t *ints;
    if (call->nin != 1 || call->nout != 1)
        return INFER_ERROR_SHAPE;
    call->out[0].type = call->in[0].type;
    call->out[0].rank = call->in[0].rank;
    memcpy(call->out[0].dims, call->in[0].dims, sizeof call->out[0].dims);
    snprintf(app->word, sizeof app->word, "%s", infer_custom_string(call->node, "word", "none"));
    app->nints = infer_custom_ints(call->node, "ints", &ints);
    memcpy(app->ints, ints, app->nints * sizeof *ints);
    return app->shape;
}

static infer_status affine_run(void *ctx, const infer_custom_call *call)
{
    struct app *app = ctx;
    const float factor = infer_custom_float(call->node, "factor", 1);
    const float bias = (float)infer_custom_int(call->node, "bias", 0);
    const float *x = call->in[0].data;
    float *y = call->out[0].data;
    const size_t n = infer_tensor_elements(&call->in[0]);
    app->calls++;
    for (size_t i = n * call->part / call->parts; i < n * (call->part + 1) / call->parts; i++)
        y[i] = x[i] * factor + bias;
    return app->run;
}

/* ---- a model -------------------------------------------------------------------------------- */

static const float x[COUNT] = {1, -2, 3, -4, 5, -6, 7, -8, 9, -10};

static Onnx__NodeProto *affine_model(struct builder *b)
{
    const int64_t dims[1] = {COUNT}, list[3] = {3, -4, 5};
    frame(b, 17, 1, dims);
    Onnx__NodeProto *n = node(b, "Affine", "x", "h");
    n->domain = text(b, "com.example", 11);
    attr_float(b, n, "factor", 2.5f);
    attr_int(b, n, "bias", -3);
    attr_string(b, n, "word", "hello");
    attr_ints(b, n, "ints", list, 3);
    node(b, "Neg", "h", "y");
    return n;
}

static void import_custom(struct imported *i, struct builder *b)
{
    static const char *const domain = "com.example";
    struct onnx_import_options o;
    onnx_import_options_init(&o);
    o.custom_domains = &domain;
    o.ncustom_domains = 1;
    pack(b);
    import_bytes(i, b->bytes, b->size, NULL, &o);
}

static struct bytes affine_file(void)
{
    struct builder b;
    struct imported i;
    affine_model(&b);
    import_custom(&i, &b);
    assert_int_equal(i.status, INFER_OK);
    assert_int_equal(onnx_optimise(&i.g, 1 << 20, &i.err), INFER_OK);
    struct infer__file_content c = {.graph = &i.g};
    struct bytes file = write_exact(&c);
    import_free(&i);
    build_end(&b);
    return file;
}

static infer_custom_op affine_op(struct app *app, uint32_t parts)
{
    return (infer_custom_op){.domain = "com.example",
                             .name = "Affine",
                             .ctx = app,
                             .shape = affine_shape,
                             .run = affine_run,
                             .parts = parts};
}

static infer_status load(const struct bytes *file, const infer_custom_op *op, size_t n,
                         infer_model **model, infer_error *err)
{
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    o.custom_ops = op;
    o.ncustom_ops = n;
    return infer_load_memory(file->data, file->size, &o, model, err);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void test_runs(void **state)
{
    (void)state;
    struct bytes file = affine_file();
    for (uint32_t parts = 0; parts <= 3 * COUNT; parts += 5) {
        struct app app = {0};
        const infer_custom_op op = affine_op(&app, parts);
        infer_session_options o = INFER_SESSION_OPTIONS_INIT;
        infer_tensor in = {.type = INFER_F32, .rank = 1, .dims = {COUNT}, .bytes = sizeof x};
        infer_tensor out = {0};
        infer_model *model;
        infer_session *s;
        infer_error err;
        float copy[COUNT];
        memcpy(copy, x, sizeof x);
        in.data = copy;
        o.threads = 3;
        assert_int_equal(load(&file, &op, 1, &model, &err), INFER_OK);
        assert_int_equal(infer_session_create(model, &o, &s, &err), INFER_OK);
        assert_int_equal(infer_run(s, &in, 1, &out, 1, &err), INFER_OK);
        assert_int_equal(app.calls, parts ? parts : 1);
        for (int k = 0; k < COUNT; k++)
            assert_true(((float *)out.data)[k] == -(x[k] * 2.5f - 3));
        assert_string_equal(app.word, "hello");
        assert_int_equal(app.nints, 3);
        assert_int_equal(app.ints[1], -4);
        app.run = INFER_ERROR_IO;
        out = (infer_tensor){0};
        assert_int_equal(infer_run(s, &in, 1, &out, 1, &err), INFER_ERROR_IO);
        app.run = INFER_OK;
        out = (infer_tensor){0};
        assert_int_equal(infer_run(s, &in, 1, &out, 1, &err), INFER_OK);
        infer_session_free(&s);
        infer_model_free(&model);
    }
    free(file.data);
}

/* Without the operator the model loads, and tells what is missing when a session is made. */
static void test_refused(void **state)
{
    (void)state;
    struct bytes file = affine_file();
    struct app app = {.shape = INFER_ERROR_SHAPE};
    infer_custom_op op = affine_op(&app, 1);
    infer_model *model;
    infer_session *s;
    infer_error err;
    assert_int_equal(load(&file, NULL, 0, &model, &err), INFER_OK);
    assert_int_equal(infer_session_create(model, NULL, &s, &err), INFER_ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "Affine"));
    assert_non_null(strstr(err.message, "com.example"));
    infer_model_free(&model);
    assert_int_equal(load(&file, &op, 1, &model, &err), INFER_OK);
    assert_int_equal(infer_session_create(model, NULL, &s, &err), INFER_ERROR_SHAPE);
    infer_model_free(&model);
    assert_int_equal(load(&file, NULL, 1, &model, &err), INFER_ERROR_ARGUMENT);
    op.run = NULL;
    assert_int_equal(load(&file, &op, 1, &model, &err), INFER_ERROR_ARGUMENT);
    op = affine_op(&app, INFER__CUSTOM_PARTS + 1);
    assert_int_equal(load(&file, &op, 1, &model, &err), INFER_ERROR_ARGUMENT);
    op = affine_op(&app, 1);
    op.more[1] = 1;
    assert_int_equal(load(&file, &op, 1, &model, &err), INFER_ERROR_ARGUMENT);
    free(file.data);
}

/* Only domains that were named; only attributes that there are forms for. */
static void test_import(void **state)
{
    (void)state;
    struct builder b;
    struct imported i;
    affine_model(&b);
    import_model(&i, &b);
    assert_true(reports(&i, "Affine_0", "not supported"));
    assert_non_null(strstr(i.report.items[0].advice, "--custom"));
    import_free(&i);
    build_end(&b);
    Onnx__NodeProto *n = affine_model(&b);
    Onnx__AttributeProto *a =
        attr(&b, n, "strings", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);
    (void)a;
    import_custom(&i, &b);
    assert_true(reports(&i, "Affine_0", "attributes are numbers"));
    import_free(&i);
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_import),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
