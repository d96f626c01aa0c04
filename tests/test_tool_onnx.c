/* The ONNX importer: conversions of old forms, inputs and order, the report. */
#include "tests/onnx_model.h"

#include "graph/params.h"

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define FLOAT16 ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16

static const int64_t image[4] = {1, 2, 4, 4}, row[1] = {6};

static void expect_ok(const struct imported *i)
{
    char line[512];
    for (uint32_t k = 0; k < i->report.count; k++)
        print_message("%s\n", onnx_problem_text(&i->report.items[k], line, sizeof line));
    if (i->status != INFER_OK)
        fail_msg("%s", i->err.message);
}

/* Integers of a node's constant input. */
static void expect_ints(const struct imported *i, const struct infer__node *n, uint32_t in,
                        const int64_t *want, int64_t count)
{
    assert_non_null(n);
    assert_true(in < n->nin && n->in[in]);
    const struct infer__value *v = &i->g.values[n->in[in]];
    assert_int_equal(v->kind, INFER__VALUE_CONST);
    assert_int_equal(v->type, INFER_S64);
    assert_int_equal(infer__value_elements(v), count);
    assert_memory_equal(v->data, want, (size_t)count * sizeof *want);
}

static void expect_scalar(const struct imported *i, const struct infer__node *n, uint32_t in,
                          float want)
{
    assert_non_null(n);
    assert_true(in < n->nin && n->in[in]);
    const struct infer__value *v = &i->g.values[n->in[in]];
    assert_int_equal(v->kind, INFER__VALUE_CONST);
    assert_int_equal(v->type, INFER_F32);
    assert_int_equal(infer__value_elements(v), 1);
    assert_true(*(const float *)v->data == want);
}

/* ---- old forms ------------------------------------------------------------------------------ */

static void test_clip6(void **state)
{
    (void)state;
    struct builder b;
    struct imported i;
    frame(&b, 6, 1, row);
    Onnx__NodeProto *n = node(&b, "Clip", "x", "y");
    attr_float(&b, n, "max", 2.5f);
    import_model(&i, &b);
    expect_ok(&i);
    const struct infer__node *clip = only(&i.g, INFER__OP_CLIP);
    assert_non_null(clip);
    assert_int_equal(clip->nin, 3);
    assert_int_equal(clip->in[1], 0); /* a bound that is not given is none */
    expect_scalar(&i, clip, 2, 2.5f);
    import_free(&i);
    build_end(&b);
}

static void test_slice1(void **state)
{
    (void)state;
    const int64_t starts[2] = {1, 0}, ends[2] = {3, -1}, axes[2] = {2, 3};
    struct builder b;
    struct imported i;
    frame(&b, 9, 4, image);
    Onnx__NodeProto *n = node(&b, "Slice", "x", "y");
    attr_ints(&b, n, "starts", starts, 2);
    attr_ints(&b, n, "ends", ends, 2);
    attr_ints(&b, n, "axes", axes, 2);
    import_model(&i, &b);
    expect_ok(&i);
    const struct infer__node *s = only(&i.g, INFER__OP_SLICE);
    expect_ints(&i, s, 1, starts, 2);
    expect_ints(&i, s, 2, ends, 2);
    expect_ints(&i, s, 3, axes, 2);
    const int64_t want[4] = {1, 2, 2, 3};
    assert_memory_equal(i.g.values[i.g.outputs[0]].dims, want, sizeof want);
    import_free(&i);
    build_end(&b);
}

static void test_pad2_reshape1_squeeze1(void **state)
{
    (void)state;
    const int64_t pads[8] = {0, 0, 1, 1, 0, 0, 1, 1}, shape[3] = {1, 2, 36}, zero = 0;
    struct builder b;
    struct imported i;
    frame(&b, 4, 4, image);
    Onnx__NodeProto *n = node(&b, "Pad", "x", "a");
    attr_ints(&b, n, "pads", pads, 8);
    attr_float(&b, n, "value", 7.0f);
    attr_string(&b, n, "mode", "constant");
    n = node(&b, "Reshape", "a", "c");
    attr_ints(&b, n, "shape", shape, 3);
    n = node(&b, "Squeeze", "c", "y");
    attr_ints(&b, n, "axes", &zero, 1);
    import_model(&i, &b);
    expect_ok(&i);
    expect_ints(&i, only(&i.g, INFER__OP_PAD), 1, pads, 8);
    expect_scalar(&i, only(&i.g, INFER__OP_PAD), 2, 7.0f);
    expect_ints(&i, only(&i.g, INFER__OP_RESHAPE), 1, shape, 3);
    expect_ints(&i, only(&i.g, INFER__OP_SQUEEZE), 1, &zero, 1);
    import_free(&i);
    build_end(&b);
}

/* Softmax over all axes from `axis` until opset 12, over one axis since 13. */
static void test_softmax(void **state)
{
    (void)state;
    for (int64_t opset = 12; opset <= 13; opset++) {
        struct builder b;
        struct imported i;
        frame(&b, opset, 4, image);
        node(&b, "Softmax", "x", "y");
        import_model(&i, &b);
        expect_ok(&i);
        const struct infer__node *s = only(&i.g, INFER__OP_SOFTMAX);
        assert_non_null(s);
        assert_int_equal(infer__node_int(s, INFER__ATTR_COERCE_2D, 0), opset < 13);
        assert_int_equal(infer__node_int(s, INFER__ATTR_AXIS, -1), opset < 13 ? 1 : -1);
        import_free(&i);
        build_end(&b);
    }
}

/* Add of opset 6: b has 2 elements, which belong to axis 1 of 1x2x4x4. */
static void test_broadcast_axis(void **state)
{
    (void)state;
    const int64_t two = 2;
    const float v[2] = {10, 20};
    struct builder b;
    struct imported i;
    frame(&b, 6, 4, image);
    floats(&b, "b", 1, &two, v);
    Onnx__NodeProto *n = node(&b, "Add", "x,b", "y");
    attr_int(&b, n, "broadcast", 1);
    attr_int(&b, n, "axis", 1);
    import_model(&i, &b);
    expect_ok(&i);
    float x[32] = {0}, y[32];
    run_graph(&i.g, x, 32, y, 32);
    for (int k = 0; k < 32; k++)
        assert_true(y[k] == v[k / 16]);
    import_free(&i);
    build_end(&b);
}

/* Upsample takes pixel floor(i / scale); Resize since 11 has half pixels by default. */
static void test_upsample(void **state)
{
    (void)state;
    const int64_t four = 4, dims[4] = {1, 1, 1, 2};
    const float scales[4] = {1, 1, 1, 2};
    struct builder b;
    struct imported i;
    frame(&b, 9, 4, dims);
    floats(&b, "s", 1, &four, scales);
    Onnx__NodeProto *n = node(&b, "Upsample", "x,s", "y");
    attr_string(&b, n, "mode", "nearest");
    import_model(&i, &b);
    expect_ok(&i);
    const struct infer__node *r = only(&i.g, INFER__OP_RESIZE);
    assert_non_null(r);
    assert_int_equal(infer__node_int(r, INFER__ATTR_COORDINATE_MODE, -1), INFER__ASYMMETRIC);
    assert_int_equal(infer__node_int(r, INFER__ATTR_NEAREST_MODE, -1), INFER__FLOOR);
    assert_int_equal(r->in[1], 0);
    import_free(&i);
    build_end(&b);
}

/* Opset 10 rounds nearest up where it shrinks. */
static void test_resize10_shrinks(void **state)
{
    (void)state;
    const int64_t four = 4, dims[4] = {1, 1, 2, 4};
    const float scales[4] = {1, 1, 0.6f, 0.6f}, x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    float y[2];
    struct builder b;
    struct imported i;
    frame(&b, 10, 4, dims);
    floats(&b, "s", 1, &four, scales);
    node(&b, "Resize", "x,s", "y");
    import_model(&i, &b);
    expect_ok(&i);
    run_graph(&i.g, x, 8, y, 2); /* of ONNX's test_resize_downsample_nearest, opset 10 */
    assert_true(y[0] == 1 && y[1] == 3);
    import_free(&i);
    build_end(&b);
}

static void test_dropout_mask(void **state)
{
    (void)state;
    struct builder b;
    struct imported i;
    frame(&b, 12, 1, row);
    output(&b, "mask", ONNX__TENSOR_PROTO__DATA_TYPE__BOOL);
    node(&b, "Dropout", "x", "y,mask");
    import_model(&i, &b);
    expect_ok(&i);
    assert_non_null(only(&i.g, INFER__OP_IDENTITY));
    const struct infer__node *fill = only(&i.g, INFER__OP_CONSTANT_OF_SHAPE);
    assert_non_null(fill);
    assert_int_equal(i.g.values[fill->in[1]].type, INFER_BOOL);
    assert_int_equal(*(const uint8_t *)i.g.values[fill->in[1]].data, 1);
    import_free(&i);
    build_end(&b);
}

/* What counts and finds gives integers, whatever it looks at: Mod is not that of floats. */
static void test_integers_found(void **state)
{
    (void)state;
    static const char *const rows[][3] = {{"TopK", "x,k", "v,i"},
                                          {"NonZero", "x", "i"},
                                          {"Unique", "x", "v,first,i"},
                                          {"NonMaxSuppression", "boxes,scores,k", "i"}};
    const int64_t two = 2;
    const float numbers[12] = {1, 2};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct builder b;
        struct imported i;
        frame(&b, 17, 1, row);
        ints(&b, "k", 1, &two);
        floats(&b, "boxes", 3, (const int64_t[]){1, 3, 4}, numbers);
        floats(&b, "scores", 3, (const int64_t[]){1, 1, 3}, numbers);
        node(&b, rows[k][0], rows[k][1], rows[k][2]);
        node(&b, "Mod", "i,k", "m");
        attr_int(&b, node(&b, "Cast", "m", "y"), "to", FLOAT);
        import_model(&i, &b);
        expect_ok(&i);
        const struct infer__node *mod = only(&i.g, INFER__OP_MOD);
        assert_non_null(mod);
        assert_int_equal(infer__node_int(mod, INFER__ATTR_FMOD, 0), 0);
        import_free(&i);
        build_end(&b);
    }
}

/* In training mode too, as long as nothing is dropped. */
static void test_dropout_ratio(void **state)
{
    (void)state;
    const int64_t one = 1;
    const uint8_t yes = 1;
    for (int k = 0; k < 2; k++) {
        const float ratio = k ? 0.5f : 0;
        struct builder b;
        struct imported i;
        frame(&b, 13, 1, row);
        floats(&b, "ratio", 0, &one, &ratio);
        initializer(&b, raw_tensor(&b, "training", ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, 0, &one,
                                   &yes, sizeof yes));
        node(&b, "Dropout", "x,ratio,training", "y");
        import_model(&i, &b);
        if (k)
            assert_true(i.status != INFER_OK);
        else
            expect_ok(&i);
        import_free(&i);
        build_end(&b);
    }
}

/* Half floats come in and go out as such; between, everything is f32. */
static void test_half(void **state)
{
    (void)state;
    const uint16_t half[3] = {0x3c00, 0xc200, 0x0001}; /* 1, -3, 2^-24 */
    const float want[3] = {1.0f, -3.0f, 0x1p-24f};
    const int64_t three = 3;
    struct builder b;
    struct imported i;
    build_begin(&b, 13);
    input(&b, "x", FLOAT16, 1, &three);
    output(&b, "y", FLOAT16);
    initializer(&b, raw_tensor(&b, "w", FLOAT16, 1, &three, half, sizeof half));
    node(&b, "Add", "x,w", "y");
    import_model(&i, &b);
    expect_ok(&i);
    const struct infer__node *add = only(&i.g, INFER__OP_ADD);
    assert_non_null(add);
    assert_memory_equal(i.g.values[add->in[1]].data, want, sizeof want);
    assert_int_equal(i.g.values[i.g.inputs[0]].type, INFER_F16);
    assert_int_equal(i.g.values[i.g.outputs[0]].type, INFER_F16);
    assert_string_equal(i.g.values[i.g.outputs[0]].name, "y");
    assert_int_equal(i.g.nnodes, 3);
    import_free(&i);
    build_end(&b);
}

static void test_constants(void **state)
{
    (void)state;
    const int64_t list[3] = {1, 2, 3};
    struct builder b;
    struct imported i;
    frame(&b, 12, 1, row);
    attr_float(&b, node(&b, "Constant", "", "f"), "value_float", 1.5f);
    attr_ints(&b, node(&b, "Constant", "", "l"), "value_ints", list, 3);
    node(&b, "Mul", "x,f", "a");
    node(&b, "Reshape", "a,l", "y");
    import_model(&i, &b);
    expect_ok(&i);
    expect_scalar(&i, only(&i.g, INFER__OP_MUL), 1, 1.5f);
    expect_ints(&i, only(&i.g, INFER__OP_RESHAPE), 1, list, 3);
    import_free(&i);
    build_end(&b);
}

/* ---- inputs and order ----------------------------------------------------------------------- */

static void test_shapes(void **state)
{
    (void)state;
    const int64_t dims[2] = {-1, 3};
    struct builder b;
    struct imported i;
    frame(&b, 13, 2, dims);
    node(&b, "Relu", "x", "y");
    import_model(&i, &b);
    expect_ok(&i);
    assert_int_equal(i.g.values[i.g.inputs[0]].free_dims, 1);
    import_free(&i);

    infer_input_spec spec = {.name = "x", .rank = 2, .dims = {5, 3}};
    struct onnx_import_options o;
    onnx_import_options_init(&o);
    o.shapes = &spec;
    o.nshapes = 1;
    import_bytes(&i, b.bytes, b.size, NULL, &o);
    expect_ok(&i);
    assert_int_equal(i.g.values[i.g.inputs[0]].dims[0], 5);
    assert_true(i.g.values[i.g.outputs[0]].shaped);
    import_free(&i);

    spec.dims[1] = 4; /* is 3 in the file */
    import_bytes(&i, b.bytes, b.size, NULL, &o);
    assert_int_equal(i.status, INFER_ERROR_ARGUMENT);
    import_free(&i);
    spec.dims[1] = 3;
    spec.name = "z"; /* the error lists the names there are */
    import_bytes(&i, b.bytes, b.size, NULL, &o);
    assert_int_equal(i.status, INFER_ERROR_ARGUMENT);
    assert_non_null(strstr(i.err.message, ": x"));
    import_free(&i);
    build_end(&b);
}

/* IR version 3: initializers are listed as inputs too, but are constants. */
static void test_initializer_as_input(void **state)
{
    (void)state;
    const float v[6] = {0};
    struct builder b;
    struct imported i;
    frame(&b, 8, 1, row);
    b.model.ir_version = 3;
    input(&b, "w", FLOAT, 1, row);
    floats(&b, "w", 1, row, v);
    floats(&b, "unused", 1, row, v);
    node(&b, "Add", "x,w", "y");
    import_model(&i, &b);
    expect_ok(&i);
    assert_int_equal(i.g.ninputs, 1);
    for (uint32_t k = 0; k < i.g.nvalues; k++)
        assert_string_not_equal(i.g.values[k].name, "unused");
    import_free(&i);
    build_end(&b);
}

static void test_sorts_nodes(void **state)
{
    (void)state;
    struct builder b;
    struct imported i;
    frame(&b, 13, 1, row);
    node(&b, "Relu", "b", "y");
    node(&b, "Abs", "x", "a");
    node(&b, "Neg", "a", "b");
    node(&b, "Exp", "a", "nobody");
    import_model(&i, &b);
    expect_ok(&i);
    assert_int_equal(i.g.nnodes, 3); /* Exp is needed by no output */
    assert_int_equal(i.g.nodes[0].op, INFER__OP_ABS);
    assert_int_equal(i.g.nodes[2].op, INFER__OP_RELU);
    assert_string_equal(i.g.nodes[0].name, "Abs_1"); /* invented, from the place in the file */
    import_free(&i);
    build_end(&b);
}

/* ---- the report ----------------------------------------------------------------------------- */

/* All problems in one pass, one entry each, and no more because of them. */
static void test_report(void **state)
{
    (void)state;
    struct builder b;
    struct imported i;
    frame(&b, 13, 1, row);
    node(&b, "NoSuchOperator", "x", "a");
    Onnx__NodeProto *n = node(&b, "Relu", "a", "b");
    attr_int(&b, n, "made_up", 1);
    node(&b, "Add", "b,missing", "c");
    n = node(&b, "Add", "x,c", "d");
    n->domain = text(&b, "com.example", 11);
    node(&b, "Round", "d", "e");
    node(&b, "Cast", "e", "f");
    attr_int(&b, b.graph.node[5], "to", 8);
    node(&b, "Mish", "f", "y"); /* of opset 18 */
    import_model(&i, &b);
    assert_int_equal(i.status, INFER_ERROR_UNSUPPORTED);
    assert_true(reports(&i, "NoSuchOperator_0", "not supported"));
    assert_true(reports(&i, "Relu_1", "not known"));
    assert_true(reports(&i, "Add_2", "'missing'"));
    assert_true(reports(&i, "Add_3", "not supported"));
    assert_true(reports(&i, "Cast_5", "STRING"));
    assert_true(reports(&i, "Mish_6", "this opset"));
    assert_int_equal(i.report.problems, 6);
    assert_string_equal(i.report.items[1].attribute, "made_up");
    assert_non_null(strstr(i.report.items[5].advice, "18 to 28"));
    import_free(&i);
    build_end(&b);
}

static void test_bad_graphs(void **state)
{
    (void)state;
    struct builder b;
    struct imported i;
    frame(&b, 13, 1, row); /* a cycle */
    node(&b, "Add", "x,b", "a");
    node(&b, "Relu", "a", "b");
    node(&b, "Relu", "b", "y");
    import_model(&i, &b);
    assert_true(reports(&i, "Add_0", "") || reports(&i, "Add", "cycle"));
    import_free(&i);
    build_end(&b);

    frame(&b, 13, 1, row); /* two producers of one name */
    node(&b, "Relu", "x", "y");
    node(&b, "Abs", "x", "y");
    import_model(&i, &b);
    assert_true(reports(&i, "y", "more than once"));
    import_free(&i);
    build_end(&b);

    frame(&b, 13, 1, row); /* an output that nothing produces */
    node(&b, "Relu", "x", "z");
    import_model(&i, &b);
    assert_true(reports(&i, "y", "not produced"));
    import_free(&i);
    build_end(&b);

    frame(&b, 29, 1, row); /* too new: one report, not one for each node */
    node(&b, "Relu", "x", "z");
    node(&b, "Relu", "z", "y");
    import_model(&i, &b);
    assert_true(reports(&i, "", "opset 29"));
    assert_int_equal(i.report.problems, 1);
    import_free(&i);
    build_end(&b);

    frame(&b, 13, 1, row); /* shapes that do not fit are found too */
    const int64_t four = 4;
    const float v[4] = {0};
    floats(&b, "w", 1, &four, v);
    node(&b, "Add", "x,w", "y");
    import_model(&i, &b);
    assert_int_equal(i.report.problems, 1);
    assert_true(reports(&i, "Add_0", "Add"));
    import_free(&i);
    build_end(&b);
}

static void test_training(void **state)
{
    (void)state;
    const int64_t two = 2;
    const float v[2] = {1, 1};
    struct builder b;
    struct imported i;
    frame(&b, 15, 4, image);
    const char *const constants[4] = {"s", "t", "m", "v"};
    for (int k = 0; k < 4; k++)
        floats(&b, constants[k], 1, &two, v);
    attr_int(&b, node(&b, "BatchNormalization", "x,s,t,m,v", "y"), "training_mode", 1);
    import_model(&i, &b); /* goes on, with one warning: the statistics are the batch's */
    assert_int_equal(i.status, INFER_OK);
    assert_int_equal(i.report.count, 1);
    assert_true(i.report.items[0].warning);
    assert_string_equal(i.report.items[0].attribute, "training_mode");
    import_free(&i);
    attr_int(&b, b.graph.node[0], "made_up", 1); /* one complaint, and not about the mode */
    import_model(&i, &b);
    assert_int_equal(i.report.problems, 1);
    assert_true(reports(&i, "BatchNormalization_0", "not known"));
    import_free(&i);
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clip6),
        cmocka_unit_test(test_slice1),
        cmocka_unit_test(test_pad2_reshape1_squeeze1),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_broadcast_axis),
        cmocka_unit_test(test_upsample),
        cmocka_unit_test(test_resize10_shrinks),
        cmocka_unit_test(test_dropout_mask),
        cmocka_unit_test(test_integers_found),
        cmocka_unit_test(test_dropout_ratio),
        cmocka_unit_test(test_half),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_initializer_as_input),
        cmocka_unit_test(test_sorts_nodes),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_bad_graphs),
        cmocka_unit_test(test_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
