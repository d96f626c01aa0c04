/* Building, copying and reading graphs; the tables of operators and attributes. */
#include "test_graph.h"
#include "graph/traits.h"

static void test_empty(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(f.g.nvalues, 1);
    assert_int_equal(f.g.nnodes, 0);
    assert_int_equal(f.g.values[0].type, INFER_TYPE_NONE);
    assert_string_equal(f.g.values[0].name, "");
    fixture_free(&f);
}

static void test_add_values(void **state)
{
    (void)state;
    struct fixture f;
    char name[32];
    fixture_init(&f);
    for (uint32_t i = 1; i <= 1000; i++) { /* the array grows several times */
        uint32_t id = 0;
        snprintf(name, sizeof name, "v%u", i);
        assert_int_equal(infer__graph_add_value(&f.g, name, &id, &f.err), INFER_OK);
        assert_int_equal(id, i);
    }
    memset(name, 0, sizeof name); /* names are copies */
    for (uint32_t i = 1; i <= 1000; i++) {
        snprintf(name, sizeof name, "v%u", i);
        assert_string_equal(f.g.values[i].name, name);
        assert_int_equal(f.g.values[i].kind, INFER__VALUE_NODE);
        assert_int_equal(f.g.values[i].shaped, 0);
    }
    fixture_free(&f);
}

static void test_add_const(void **state)
{
    (void)state;
    struct fixture f;
    float data[6] = {1, 2, 3, 4, 5, 6};
    int64_t dims[2] = {2, 3}, empty[2] = {0, 3}, huge[2] = {INT64_MAX, INT64_MAX}, bad[1] = {-1};
    uint32_t id;
    fixture_init(&f);

    assert_int_equal(infer__graph_add_const(&f.g, "c", INFER_F32, 2, dims, data, 1, &id, &f.err),
                     INFER_OK);
    data[0] = 9;
    assert_true(((const float *)f.g.values[id].data)[0] == 1.0f);
    assert_int_equal(infer__value_elements(&f.g.values[id]), 6);
    assert_int_equal(infer__value_bytes(&f.g.values[id]), 24);
    assert_int_equal(f.g.values[id].kind, INFER__VALUE_CONST);
    assert_int_equal(f.g.values[id].shaped, 1);

    assert_int_equal(infer__graph_add_const(&f.g, "c", INFER_F32, 2, dims, data, 0, &id, &f.err),
                     INFER_OK);
    assert_ptr_equal(f.g.values[id].data, data);
    assert_int_equal(infer__graph_add_const(&f.g, "s", INFER_F32, 0, NULL, data, 1, &id, &f.err),
                     INFER_OK);
    assert_int_equal(infer__value_bytes(&f.g.values[id]), 4);
    assert_int_equal(infer__graph_add_const(&f.g, "e", INFER_F32, 2, empty, NULL, 1, &id, &f.err),
                     INFER_OK);
    assert_int_equal(infer__value_bytes(&f.g.values[id]), 0);

    uint32_t before = f.g.nvalues;
    assert_int_equal(
        infer__graph_add_const(&f.g, "c", INFER_TYPE_NONE, 2, dims, data, 1, &id, &f.err),
        INFER_ERROR_ARGUMENT);
    assert_int_equal(infer__graph_add_const(&f.g, "c", INFER_F32, 2, dims, NULL, 1, &id, &f.err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer__graph_add_const(&f.g, "c", INFER_F32, 2, huge, data, 1, &id, &f.err),
                     INFER_ERROR_SHAPE);
    assert_int_equal(infer__graph_add_const(&f.g, "c", INFER_F32, 1, bad, data, 1, &id, &f.err),
                     INFER_ERROR_SHAPE);
    assert_int_equal(infer__graph_add_const(&f.g, "c", INFER_F32, 9, dims, data, 1, &id, &f.err),
                     INFER_ERROR_SHAPE);
    assert_int_equal(infer__graph_add_const(&f.g, "c", INFER_F32, -1, dims, data, 1, &id, &f.err),
                     INFER_ERROR_SHAPE);
    assert_int_equal(f.g.nvalues, before);
    assert_int_equal(id, 0);
    fixture_free(&f);
}

static void test_attributes(void **state)
{
    (void)state;
    struct fixture f;
    struct infer__node *n;
    int64_t strides[2] = {2, 3}, axis[1] = {-1};
    float alpha[1] = {0.25f};
    fixture_init(&f);
    assert_int_equal(infer__graph_add_node(&f.g, INFER__OP_CONV, "n", NULL, 0, NULL, 0, &n, &f.err),
                     INFER_OK);
    assert_null(infer__node_attr(n, INFER__ATTR_STRIDES));
    assert_int_equal(infer__node_int(n, INFER__ATTR_AXIS, 7), 7);
    assert_int_equal(infer__node_set_ints(&f.g, n, INFER__ATTR_STRIDES, strides, 2, &f.err), 0);
    assert_int_equal(infer__node_set_ints(&f.g, n, INFER__ATTR_AXIS, axis, 1, &f.err), 0);
    assert_int_equal(infer__node_set_floats(&f.g, n, INFER__ATTR_ALPHA, alpha, 1, &f.err), 0);
    strides[1] = 0; /* values are copies */
    assert_int_equal(n->nattr, 3);
    assert_int_equal(infer__node_attr(n, INFER__ATTR_STRIDES)->count, 2);
    assert_int_equal(infer__node_attr(n, INFER__ATTR_STRIDES)->ints[1], 3);
    assert_int_equal(infer__node_int(n, INFER__ATTR_AXIS, 7), -1);
    assert_true(infer__node_float(n, INFER__ATTR_ALPHA, 7) == 0.25f);
    assert_true(infer__node_float(n, INFER__ATTR_BETA, 7) == 7);

    axis[0] = 4; /* replaces */
    assert_int_equal(infer__node_set_ints(&f.g, n, INFER__ATTR_AXIS, axis, 1, &f.err), 0);
    assert_int_equal(n->nattr, 3);
    assert_int_equal(infer__node_int(n, INFER__ATTR_AXIS, 7), 4);
    assert_int_equal(infer__node_set_ints(&f.g, n, INFER__ATTR_PADS, NULL, 0, &f.err), 0);
    assert_int_equal(infer__node_int(n, INFER__ATTR_PADS, 7), 7); /* no first element */

    assert_int_equal(infer__node_set_ints(&f.g, n, INFER__ATTR_ALPHA, axis, 1, &f.err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer__node_set_floats(&f.g, n, INFER__ATTR_AXIS, alpha, 1, &f.err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer__node_set_ints(&f.g, n, INFER__ATTR_COUNT, axis, 1, &f.err),
                     INFER_ERROR_ARGUMENT);
    fixture_free(&f);
}

static void test_copy(void **state)
{
    (void)state;
    struct fixture f;
    struct infer__region region;
    struct infer__graph copy;
    uint32_t last;
    fixture_init(&f);
    struct infer__node *n =
        build_node(&f, "Conv", "1x1x4x4 f32; 1x1x3x3 f32 = 1,2,3,4,5,6,7,8,9", "strides=2,2", 1, 0);
    last = n->out[0];
    assert_int_equal(
        infer__graph_add_node(&f.g, INFER__OP_RELU, "r", &last, 1, NULL, 0, NULL, &f.err), 0);
    f.g.inputs = f.g.nodes[0].in;
    f.g.ninputs = 1;
    f.g.outputs = f.g.nodes[0].out;
    f.g.noutputs = 1;

    infer__region_init(&region, NULL);
    assert_int_equal(infer__graph_copy(&copy, &f.g, &region, &f.err), INFER_OK);
    assert_int_equal(copy.nvalues, f.g.nvalues);
    assert_int_equal(copy.nnodes, 2);
    assert_ptr_equal(copy.region, &region);
    assert_ptr_not_equal(copy.nodes[0].in, f.g.nodes[0].in);
    assert_memory_equal(copy.nodes[0].in, f.g.nodes[0].in, 2 * sizeof(uint32_t));
    assert_int_equal(copy.nodes[0].out[0], last);
    assert_int_equal(copy.nodes[1].in[0], last);
    assert_ptr_equal(copy.nodes[0].attr, f.g.nodes[0].attr);
    assert_ptr_equal(copy.values[2].data, f.g.values[2].data);
    assert_int_equal(copy.inputs[0], 1);
    assert_int_equal(copy.outputs[0], last);

    /* A change to one is not seen in the other. */
    uint32_t id;
    copy.nodes[0].in[0] = 3;
    copy.values[1].dims[0] = 77;
    copy.inputs[0] = 2;
    assert_int_equal(infer__graph_add_value(&copy, "more", &id, &f.err), INFER_OK);
    assert_int_equal(f.g.nodes[0].in[0], 1);
    assert_int_equal(f.g.values[1].dims[0], 1);
    assert_int_equal(f.g.inputs[0], 1);
    assert_int_equal(f.g.nvalues, id);
    infer__region_free(&region);
    fixture_free(&f);
}

/* An allocator that fails after `left` calls. */
static void *counted_alloc(void *ctx, size_t bytes)
{
    int *left = ctx;
    return (*left)-- > 0 ? malloc(bytes) : NULL;
}

static void counted_free(void *ctx, void *memory)
{
    (void)ctx;
    free(memory);
}

/* Enough of everything to need many blocks. */
static infer_status build_large(struct infer__region *region, struct infer__region *other,
                                infer_error *err)
{
    struct infer__graph g, copy;
    int64_t v[2] = {1, 1};
    TRY(infer__graph_init(&g, region, err));
    for (int i = 0; i < 200; i++) {
        struct infer__node *n;
        uint32_t id, c;
        TRY(infer__graph_add_value(&g, "value", &id, err));
        TRY(infer__graph_add_const(&g, "const", INFER_S64, 1, (int64_t[]){2}, v, 1, &c, err));
        TRY(infer__graph_add_node(&g, INFER__OP_CONV, "node", &c, 1, &id, 1, &n, err));
        TRY(infer__node_set_ints(&g, n, INFER__ATTR_STRIDES, v, 2, err));
    }
    return infer__graph_copy(&copy, &g, other, err);
}

static void test_no_memory(void **state)
{
    (void)state;
    infer_status status = INFER_ERROR_NO_MEMORY;
    int k = 0;
    for (; status != INFER_OK; k++) {
        int left = k;
        infer_allocator a = {&left, counted_alloc, counted_free};
        struct infer__region region, other;
        infer_error err = {0};
        infer__region_init(&region, &a);
        infer__region_init(&other, &a);
        status = build_large(&region, &other, &err);
        if (status != INFER_OK)
            assert_int_equal(status, INFER_ERROR_NO_MEMORY);
        infer__region_free(&region);
        infer__region_free(&other);
    }
    assert_true(k > 5); /* else nothing was tried */
}

/* Numbers of values and nodes are 32-bit and can't wrap. */
static void test_full(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t id;
    fixture_init(&f);
    f.g.nvalues = UINT32_MAX;
    assert_int_equal(infer__graph_add_value(&f.g, "v", &id, &f.err), INFER_ERROR_LIMIT);
    f.g.nnodes = UINT32_MAX;
    assert_int_equal(
        infer__graph_add_node(&f.g, INFER__OP_RELU, "n", NULL, 0, NULL, 0, NULL, &f.err),
        INFER_ERROR_LIMIT);
    fixture_free(&f);
}

static void test_value_text(void **state)
{
    (void)state;
    struct infer__value v = {.type = INFER_F32, .rank = 4, .dims = {1, 3, 224, 224}};
    char text[64];
    assert_string_equal(infer__value_text(&v, text, sizeof text), "1x3x224x224 f32");
    v.free_dims = 1;
    assert_string_equal(infer__value_text(&v, text, sizeof text), "?x3x224x224 f32");
    v.rank = 0;
    v.free_dims = 0;
    v.type = INFER_S64;
    assert_string_equal(infer__value_text(&v, text, sizeof text), "scalar s64");
    v.rank = INFER_MAX_RANK;
    for (int i = 0; i < INFER_MAX_RANK; i++)
        v.dims[i] = INT64_MIN;
    for (size_t size = 1; size < sizeof text; size++) { /* cut to fit, always ended */
        memset(text, 'z', sizeof text);
        infer__value_text(&v, text, size);
        assert_true(memchr(text, 0, size) != NULL);
        assert_int_equal(text[size], 'z');
    }
}

static void test_tables(void **state)
{
    (void)state;
    assert_int_equal(infer__op_find("Conv"), INFER__OP_CONV);
    assert_int_equal(infer__op_find("DequantizeLinear"), INFER__OP_DEQUANTIZE_LINEAR);
    assert_int_equal(infer__op_find("conv"), INFER__OP_NONE);
    assert_int_equal(infer__op_find(""), INFER__OP_NONE);
    assert_string_equal(infer__op_info(INFER__OP_NONE)->name, "");
    assert_string_equal(infer__op_info(INFER__OP_COUNT)->name, "");
    assert_string_equal(infer__op_info(UINT32_MAX)->name, "");
    for (unsigned op = 1; op < INFER__OP_COUNT; op++) {
        const struct infer__op_info *i = infer__op_info(op);
        assert_int_equal(infer__op_find(i->name), op); /* so names are unique */
        assert_true(i->min_in <= i->max_in && i->min_out <= i->max_out && i->min_out >= 1);
        assert_non_null(i->resolve);
        assert_int_equal(i->attrs & 1, 0); /* no attribute is number 0 */
        assert_int_equal(i->attrs >> INFER__ATTR_COUNT, 0);
    }
    assert_int_equal(infer__attr_find("kernel_shape"), INFER__ATTR_KERNEL_SHAPE);
    assert_int_equal(infer__attr_find("transB"), INFER__ATTR_TRANS_B);
    assert_int_equal(infer__attr_find("nonsense"), INFER__ATTR_NONE);
    assert_int_equal(infer__attr_find(""), INFER__ATTR_NONE);
    assert_int_equal(infer__attr_kind(INFER__ATTR_NONE), 0);
    assert_int_equal(infer__attr_kind(INFER__ATTR_COUNT), 0);
    assert_string_equal(infer__attr_name(INFER__ATTR_COUNT), "");
    assert_int_equal(infer__attr_kind(INFER__ATTR_ALPHA), INFER__ATTR_FLOATS);
    assert_int_equal(infer__attr_kind(INFER__ATTR_TO), INFER__ATTR_INTS);
    for (unsigned key = 1; key < INFER__ATTR_COUNT; key++)
        assert_int_equal(infer__attr_find(infer__attr_name(key)), key);
}

/* What the rows say of an operator fits together. */
static void test_rows(void **state)
{
    (void)state;
    for (unsigned op = 1; op < INFER__OP_COUNT; op++) {
        const struct infer__op_traits *i = infer__op_traits(op);
        const int summed = i->integers == INFER__INTEGERS_SUMMED;
        if (i->flags & INFER__FLAG_ACTIVATION)
            assert_true(infer__op_info(op)->layout == INFER__LAYOUT_ANY &&
                        i->data == INFER__DATA_FIRST && i->batch == INFER__BATCH_PAIRS &&
                        i->axes == INFER__AXES_NONE);
        if (i->axes == INFER__AXES_RESHAPED || i->axes == INFER__AXES_PERMUTED)
            assert_true(i->flops == INFER__FLOPS_NONE && i->integers == INFER__INTEGERS_MOVED);
        if (i->integers == INFER__INTEGERS_TABLE || i->integers == INFER__INTEGERS_ARITHMETIC)
            assert_true(i->batch == INFER__BATCH_PAIRS && i->flops == INFER__FLOPS_EACH);
        if (i->integers == INFER__INTEGERS_LINEAR)
            assert_true(i->flags & INFER__FLAG_TAKES_ACTIVATION);
        assert_int_equal((i->flags & INFER__FLAG_TAKES_CLAMP) != 0, summed);
        /* a box may be of any image; of a DeformConv nobody has asked yet */
        const int mixes = op == INFER__OP_ROI_ALIGN || op == INFER__OP_MAX_ROI_POOL ||
                          op == INFER__OP_DEFORM_CONV;
        assert_true(infer__op_info(op)->layout != INFER__LAYOUT_CLAST || mixes ||
                    i->batch != INFER__BATCH_MIXES);
        assert_true(i->data != INFER__DATA_ALL_BUT_2 || infer__op_info(op)->min_in > 2);
    }
}

static void test_data_operands(void **state)
{
    (void)state;
    struct infer__node n = {.op = INFER__OP_CONV, .nin = 4, .epi = {.residual = 1}};
    assert_int_equal(infer__data_operands(&n), 1);
    n.op = INFER__OP_CONCAT;
    assert_int_equal(infer__data_operands(&n), 3); /* not the residual */
    n.op = INFER__OP_SCALE_SHIFT;
    n.epi.residual = 0;
    assert_int_equal(infer__data_operands(&n), 2); /* not scale and shift */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),         cmocka_unit_test(test_add_values),
        cmocka_unit_test(test_add_const),     cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_copy),          cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_full),          cmocka_unit_test(test_value_text),
        cmocka_unit_test(test_tables),        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_data_operands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
