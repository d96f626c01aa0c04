/* If on import: the branch of a known condition becomes part of the graph, and what is missing
 * inside sub-graphs is listed. */
#include "tests/onnx_model.h"

static const int64_t row[1] = {4};
static const float x[4] = {-2, -1, 1, 2};

/* Moves the nodes that were added last, `count` of them, into a new graph with one output. */
static Onnx__GraphProto *branch(struct builder *b, size_t count, const char *output_name)
{
    Onnx__GraphProto *g = take(b, 1, sizeof *g);
    onnx__graph_proto__init(g);
    g->name = text(b, "branch", 6);
    g->node = take(b, ROOM, sizeof(void *));
    g->n_node = count;
    b->graph.n_node -= count;
    memcpy(g->node, b->graph.node + b->graph.n_node, count * sizeof(void *));
    g->output = take(b, 1, sizeof(void *));
    g->output[g->n_output++] =
        value_info(b, output_name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 0, NULL);
    return g;
}

static void attr_graph(struct builder *b, Onnx__NodeProto *n, const char *name, Onnx__GraphProto *g)
{
    attr(b, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH)->g = g;
}

/* y = cond ? relu(x) : -x, where both branches call their value the same. */
static Onnx__NodeProto *either(struct builder *b, const char *cond, const char *out)
{
    node(b, "Relu", "x", "inner");
    Onnx__GraphProto *yes = branch(b, 1, "inner");
    node(b, "Neg", "x", "inner");
    Onnx__GraphProto *no = branch(b, 1, "inner");
    Onnx__NodeProto *n = node(b, "If", cond, out);
    attr_graph(b, n, "then_branch", yes);
    attr_graph(b, n, "else_branch", no);
    return n;
}

static void bool_const(struct builder *b, const char *name, uint8_t v)
{
    initializer(b, raw_tensor(b, name, ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, 0, NULL, &v, 1));
}

static void expect(struct imported *i, const float want[4])
{
    float y[4];
    if (i->status != INFER_OK)
        fail_msg("%s", i->err.message);
    run_graph(&i->g, x, 4, y, 4);
    for (int k = 0; k < 4; k++)
        assert_true(y[k] == want[k]);
}

static void test_constant(void **state)
{
    (void)state;
    for (int yes = 0; yes < 2; yes++) {
        const float want[2][4] = {{2, 1, -1, -2}, {0, 0, 1, 2}};
        struct builder b;
        struct imported i;
        frame(&b, 16, 1, row);
        bool_const(&b, "c", (uint8_t)yes);
        either(&b, "c", "y");
        import_model(&i, &b);
        assert_null(only(&i.g, yes ? INFER__OP_NEG : INFER__OP_RELU));
        expect(&i, want[yes]);
        import_free(&i);
        build_end(&b);
    }
}

/* The size of axis 0 decides: where the input's shape is known one branch is never looked at, else
 * the report says what is missing in it. */
static void test_shape(void **state)
{
    (void)state;
    for (int fixed = 0; fixed < 2; fixed++) {
        const int64_t four = 4, dims[1] = {fixed ? 4 : -1};
        const float want[4] = {0, 0, 1, 2};
        struct builder b;
        struct imported i;
        frame(&b, 16, 1, dims);
        ints(&b, "four", 1, &four);
        node(&b, "Shape", "x", "shape");
        node(&b, "Equal", "shape,four", "c");
        Onnx__NodeProto *n = either(&b, "c", "y");
        n->attribute[1]->g->node[0]->op_type = text(&b, "NoSuchOp", 8);
        import_model(&i, &b);
        if (fixed) {
            expect(&i, want);
            assert_null(only(&i.g, INFER__OP_SHAPE)); /* computed on import */
        } else {
            assert_true(reports(&i, "If_2/else_branch/NoSuchOp_0", "not supported"));
            assert_int_equal(i.report.problems, 1);
        }
        import_free(&i);
        build_end(&b);
    }
}

/* A branch in a branch; values from both graphs around it; a constant and an initializer of its
 * own; nodes of the outer graph that only the branch needs. */
static void test_nested(void **state)
{
    (void)state;
    const int64_t one = 1;
    const float two = 2, want[4] = {-3, -1, 3, 5}; /* 2 x + 1 */
    struct builder b;
    struct imported i;
    frame(&b, 16, 1, row);
    bool_const(&b, "yes", 1);
    floats(&b, "two", 1, &one, &two);
    node(&b, "Mul", "x,two", "twice"); /* needed by the innermost branch alone */
    node(&b, "Add", "twice,own", "deep");
    Onnx__GraphProto *inner = branch(&b, 1, "deep");
    const float number = 1;
    inner->initializer = take(&b, 1, sizeof(void *));
    inner->initializer[inner->n_initializer++] =
        raw_tensor(&b, "own", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 1, &one, &number, 4);
    node(&b, "Relu", "x", "other");
    Onnx__GraphProto *other = branch(&b, 1, "other");
    Onnx__NodeProto *n = node(&b, "If", "yes", "middle");
    attr_graph(&b, n, "then_branch", inner);
    attr_graph(&b, n, "else_branch", other);
    Onnx__GraphProto *outer = branch(&b, 1, "middle");
    n = node(&b, "If", "yes", "y");
    attr_graph(&b, n, "then_branch", outer);
    attr_graph(&b, n, "else_branch", other);
    import_model(&i, &b);
    expect(&i, want);
    import_free(&i);
    build_end(&b);
}

/* What an output names may be a value of the graph around the branch; a branch with too few outputs
 * and an output that nothing makes are reported. */
static void test_outputs(void **state)
{
    (void)state;
    struct builder b;
    struct imported i;
    frame(&b, 16, 1, row);
    bool_const(&b, "c", 1);
    Onnx__NodeProto *n = either(&b, "c", "y");
    n->attribute[0]->g->output[0]->name = text(&b, "x", 1);
    import_model(&i, &b);
    expect(&i, x);
    import_free(&i);
    n->attribute[0]->g->output[0]->name = text(&b, "nothing", 7);
    import_model(&i, &b);
    assert_true(reports(&i, "If_0", "not produced"));
    import_free(&i);
    n->attribute[0]->g->n_output = 0;
    import_model(&i, &b);
    assert_true(reports(&i, "If_0", "0 outputs"));
    import_free(&i);
    build_end(&b);
}

/* An index that is known and outside its axis is a problem; one of the last element is none. */
static void test_gather_index(void **state)
{
    (void)state;
    for (int64_t index = -5; index <= 4; index++) {
        struct builder b;
        struct imported i;
        frame(&b, 16, 1, row);
        ints(&b, "index", 1, &index);
        node(&b, "Gather", "x,index", "y");
        import_model(&i, &b);
        assert_int_equal(i.report.problems, index < -4 || index > 3);
        if (i.report.problems)
            assert_true(reports(&i, "Gather_0", "none of an axis of 4"));
        import_free(&i);
        build_end(&b);
    }
}

/* What loops lack is listed; equal problems are one group. */
static void test_loop(void **state)
{
    (void)state;
    struct builder b;
    struct imported i;
    char line[512];
    frame(&b, 16, 1, row);
    for (int k = 0; k < 3; k++)
        node(&b, "NoSuchOp", "x", k == 2 ? "inner" : k ? "unused" : "first");
    Onnx__GraphProto *body = branch(&b, 3, "inner");
    Onnx__NodeProto *n = node(&b, "Loop", ",", "y");
    attr_graph(&b, n, "body", body);
    import_model(&i, &b);
    assert_true(reports(&i, "Loop_0", "does not go with"));
    assert_true(reports(&i, "Loop_0/NoSuchOp_2", "not supported"));
    assert_int_equal(i.report.problems, 4);
    assert_int_equal(i.report.ngroups, 2);
    assert_int_equal(i.report.groups[1].count, 3);
    assert_string_equal(onnx_group_text(&i.report.groups[1], line, sizeof line),
                        "error: NoSuchOp (opset 16): the operator is not supported: 3 nodes, the "
                        "first 'Loop_0/NoSuchOp_0'");
    import_free(&i);
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant), cmocka_unit_test(test_gather_index),
        cmocka_unit_test(test_shape),    cmocka_unit_test(test_nested),
        cmocka_unit_test(test_outputs),  cmocka_unit_test(test_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
