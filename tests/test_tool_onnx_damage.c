/* The ONNX importer on bytes that nobody should have written: each must give a status. */
#include "tests/onnx_model.h"

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT

static const int64_t image[4] = {1, 2, 4, 4}, row[1] = {6};

/* ---- tensors -------------------------------------------------------------------------------- */

static void import_tensor(struct builder *b, struct imported *i, Onnx__TensorProto *t)
{
    frame(b, 13, 1, row);
    initializer(b, t);
    node(b, "Identity", "w", "y");
    import_model(i, b);
}

static void test_bad_tensors(void **state)
{
    (void)state;
    struct builder store, b;
    struct imported i;
    const int64_t shapes[5][2] = {{2, 2}, {-1, 4}, {INT64_MAX, 4}, {INT32_MAX, INT32_MAX}, {3, 1}};
    const float v[4] = {0};
    build_begin(&store, 13);
    for (int k = 0; k < 5; k++) {
        import_tensor(&b, &i, raw_tensor(&store, "w", FLOAT, 2, shapes[k], v, sizeof v));
        assert_int_equal(i.status, k == 0 ? INFER_OK : INFER_ERROR_UNSUPPORTED);
        assert_int_equal(i.report.problems, k != 0);
        import_free(&i);
        build_end(&b);
    }
    Onnx__TensorProto *t = raw_tensor(&store, "w", FLOAT, 2, shapes[0], v, sizeof v);
    t->n_float_data = 4; /* data in two places */
    t->float_data = (float[]){0, 0, 0, 0};
    import_tensor(&b, &i, t);
    assert_true(reports(&i, "w", "two places"));
    import_free(&i);
    build_end(&b);
    t = tensor(&store, "w", ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 2, shapes[0]);
    t->n_int32_data = 4;
    t->int32_data = (int32_t[]){0, 1, 2, 128};
    import_tensor(&b, &i, t);
    assert_true(reports(&i, "w", "does not fit"));
    import_free(&i);
    build_end(&b);
    build_end(&store);
}

/* ---- hostile bytes -------------------------------------------------------------------------- */

/* A small network that has a bit of everything. */
static void small_net(struct builder *b)
{
    const int64_t w_dims[4] = {3, 2, 3, 3}, flat[2] = {1, -1}, three = 3;
    float w[54];
    for (int k = 0; k < 54; k++)
        w[k] = (float)k / 54;
    frame(b, 12, 4, image);
    floats(b, "w", 4, w_dims, w);
    floats(b, "b", 1, &three, w);
    ints(b, "shape", 2, flat);
    Onnx__NodeProto *n = node(b, "Conv", "x,w,b", "a");
    attr_string(b, n, "auto_pad", "SAME_UPPER");
    node(b, "Relu", "a", "c");
    node(b, "Reshape", "c,shape", "d");
    node(b, "Softmax", "d", "y");
}

/* Imports and, if that works, optimises: must give a status and nothing worse. */
static infer_status survive(const void *bytes, size_t size)
{
    struct imported i;
    struct onnx_import_options o;
    onnx_import_options_init(&o);
    o.max_tensor_bytes = 1 << 20;
    void *exact = malloc(size ? size : 1); /* so that a sanitizer sees a byte too many */
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    import_bytes(&i, exact, size, NULL, &o);
    infer_status status = i.status;
    if (status == INFER_OK)
        (void)onnx_optimise(&i.g, o.max_tensor_bytes, &i.err);
    assert_int_equal(status == INFER_ERROR_UNSUPPORTED, i.report.problems > 0);
    free(exact);
    import_free(&i);
    return status;
}

static void test_truncations(void **state)
{
    (void)state;
    struct builder b;
    small_net(&b);
    pack(&b);
    assert_int_equal(survive(b.bytes, b.size), INFER_OK);
    for (size_t size = 0; size < b.size; size++) {
        /* the opset stands last: a model that is cut before it has none */
        assert_int_not_equal(survive(b.bytes, size), INFER_OK);
    }
    build_end(&b);
}

static void test_random_damage(void **state)
{
    (void)state;
    uint64_t random = seed_of_run();
    struct builder b;
    small_net(&b);
    pack(&b);
    uint8_t *copy = take(&b, b.size, 1);
    int fine = 0;
    for (int round = 0; round < 4000; round++) {
        memcpy(copy, b.bytes, b.size);
        for (uint64_t k = random_bits(&random) % 4 + 1; k > 0; k--)
            copy[random_bits(&random) % b.size] = (uint8_t)random_bits(&random);
        fine += survive(copy, b.size) == INFER_OK;
    }
    for (int round = 0; round < 500; round++) {
        size_t size = random_bits(&random) % 200;
        for (size_t k = 0; k < size && k < b.size; k++)
            copy[k] = (uint8_t)random_bits(&random);
        (void)survive(copy, size < b.size ? size : b.size);
    }
    assert_true(fine < 4000); /* most damage to weights is none, but not all is to weights */
    build_end(&b);
}

/* Messages in messages: 100,000 levels must not take 100,000 stack frames. */
static void test_deep_nesting(void **state)
{
    (void)state;
    enum { LEVELS = 100000, HEADER = 11 };
    size_t room = (size_t)LEVELS * HEADER * 2, at = room;
    uint8_t *bytes = malloc(room);
    assert_non_null(bytes);
    /* from inside out: graph (7), node (1), attribute (5), g (6) and so on */
    static const uint8_t fields[3] = {1, 5, 6};
    for (int level = 0; level < LEVELS; level++) {
        size_t len = room - at;
        uint8_t header[HEADER];
        int n = 0;
        unsigned field = level == LEVELS - 1 ? 7 : fields[(LEVELS - 2 - level) % 3];
        header[n++] = (uint8_t)(field << 3 | 2);
        do
            header[n++] = (uint8_t)((len & 0x7f) | (len > 0x7f ? 0x80 : 0));
        while (len >>= 7);
        at -= (size_t)n;
        memcpy(bytes + at, header, (size_t)n);
    }
    assert_int_equal(survive(bytes + at, room - at), INFER_ERROR_LIMIT);
    free(bytes);
}

static void test_limits(void **state)
{
    (void)state;
    struct builder b;
    struct imported i;
    struct onnx_import_options o;
    small_net(&b);
    pack(&b);
    for (int past = 0; past <= 1; past++) {
        onnx_import_options_init(&o);
        o.max_nodes = 4 - (uint32_t)past;
        import_bytes(&i, b.bytes, b.size, NULL, &o);
        assert_int_equal(i.status, past ? INFER_ERROR_LIMIT : INFER_OK);
        import_free(&i);
        onnx_import_options_init(&o);
        o.max_file_bytes = b.size - (uint64_t)past;
        import_bytes(&i, b.bytes, b.size, NULL, &o);
        assert_int_equal(i.status, past ? INFER_ERROR_LIMIT : INFER_OK);
        import_free(&i);
        onnx_import_options_init(&o);
        o.max_constant_bytes = 54 * 4 + 3 * 4 + 2 * 8 - (uint64_t)past;
        import_bytes(&i, b.bytes, b.size, NULL, &o);
        assert_int_equal(i.status, past ? INFER_ERROR_UNSUPPORTED : INFER_OK);
        import_free(&i);
    }
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_tensors),   cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_random_damage), cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
