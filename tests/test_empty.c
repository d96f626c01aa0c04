/* What making a session must see to: tensors without elements (no kernel meets one, and answers are
 * those that ONNX and NumPy give), inputs of one name, limits. */
#include <math.h>

#include "infer_experimental.h"
#include "plan/plan.h"
#include "run/session.h"
#include "tests/small_net.h"

/* A net with one f32 input `x`. */
static uint32_t begin(struct net *n, int rank, const int64_t *dims)
{
    uint32_t x;
    memset(n, 0, sizeof *n);
    n->rng.state = 3;
    infer__region_init(&n->region, NULL);
    OK(infer__graph_init(&n->g, &n->region, &n->err));
    OK(infer__graph_add_value(&n->g, "x", &x, &n->err));
    struct infer__value *v = &n->g.values[x];
    *v = (struct infer__value){.type = INFER_F32,
                               .rank = (uint8_t)rank,
                               .kind = INFER__VALUE_INPUT,
                               .name = v->name,
                               .shaped = 1};
    memcpy(v->dims, dims, (size_t)rank * sizeof *dims);
    n->g.inputs = infer__region_copy(&n->region, &x, sizeof x);
    n->g.ninputs = 1;
    return x;
}

/* Runs the net with `x` of nothing and gives the status of making a session; *out is output 0. */
static infer_status finish(struct net *n, uint32_t y, infer_session **s, struct net_model *m,
                           infer_tensor *out)
{
    infer_error err;
    uint32_t ids[1] = {y};
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    *m = net_load(n, ids, 1);
    o.threads = 1;
    infer_status status = infer_session_create(m->model, &o, s, &err);
    if (status != INFER_OK)
        return status;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    OK(infer_session_input(*s, 0, &info, NULL));
    static float some[1024];
    infer_tensor in = {.type = info.type, .rank = info.rank, .data = some, .bytes = sizeof some};
    memcpy(in.dims, info.dims, sizeof in.dims);
    memset(out, 0, sizeof *out);
    OK(infer_run(*s, &in, 1, out, 1, &err));
    return INFER_OK;
}

static void end(infer_session *s, struct net_model *m)
{
    infer_session_free(&s);
    net_drop(m);
}

/* Operators of one operand whose result is as empty: 2x0x3x4 stays empty and takes no step. */
static void test_results_without_elements(void **state)
{
    (void)state;
    static const uint16_t ops[] = {
        INFER__OP_RELU,
        INFER__OP_SIGMOID,
        INFER__OP_SOFTMAX,
        INFER__OP_IDENTITY,
        INFER__OP_MAX_POOL,
        INFER__OP_AVERAGE_POOL,
        INFER__OP_LRN,
        INFER__OP_TRANSPOSE,
        INFER__OP_FLATTEN,
        INFER__OP_GLOBAL_MAX_POOL,
        INFER__OP_SPACE_TO_DEPTH,
    };
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        struct net n;
        struct net_model m;
        struct infer__node *node;
        infer_session *s;
        infer_tensor out;
        uint32_t x = begin(&n, 4, (int64_t[]){2, 0, 3, 4});
        uint32_t y = net_node(&n, ops[i], "y", &x, 1, &node);
        if (ops[i] == INFER__OP_MAX_POOL || ops[i] == INFER__OP_AVERAGE_POOL)
            net_attr(&n, node, INFER__ATTR_KERNEL_SHAPE, 2, (int64_t[]){1, 1});
        if (ops[i] == INFER__OP_SPACE_TO_DEPTH)
            net_attr(&n, node, INFER__ATTR_BLOCKSIZE, 1, (int64_t[]){1});
        if (ops[i] == INFER__OP_LRN)
            net_attr(&n, node, INFER__ATTR_SIZE, 1, (int64_t[]){3});
        OK(finish(&n, y, &s, &m, &out));
        assert_int_equal(infer_tensor_elements(&out), 0);
        assert_int_equal(infer_session_steps(s), 0);
        end(s, &m);
    }
}

/* A reduction over an axis of nothing. */
static void test_reductions(void **state)
{
    (void)state;
    static const struct {
        uint16_t op;
        float want;
    } rows[] = {{INFER__OP_REDUCE_SUM, 0},
                {INFER__OP_REDUCE_PROD, 1},
                {INFER__OP_REDUCE_MAX, -INFINITY},
                {INFER__OP_REDUCE_MIN, INFINITY},
                {INFER__OP_REDUCE_MEAN, NAN}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net n;
        struct net_model m;
        struct infer__node *node;
        infer_session *s;
        infer_tensor out;
        uint32_t x = begin(&n, 2, (int64_t[]){3, 0});
        uint32_t axes = net_ints(&n, "axes", 1, 1, (int64_t[]){1});
        uint32_t y = net_node(&n, rows[i].op, "y", (uint32_t[]){x, axes}, 2, &node);
        OK(finish(&n, y, &s, &m, &out));
        assert_int_equal(infer_tensor_elements(&out), 3);
        for (int k = 0; k < 3; k++) {
            float got = ((const float *)out.data)[k];
            assert_true(isnan(rows[i].want) ? isnan(got) : got == rows[i].want);
        }
        end(s, &m);
    }
}

/* Parts of a Concat and of a Split without elements; what is left of the Split goes through. */
static void test_parts(void **state)
{
    (void)state;
    struct net n;
    struct net_model m;
    struct infer__node *node;
    infer_session *s;
    infer_tensor out;
    uint32_t x = begin(&n, 2, (int64_t[]){0, 3}), parts[3];
    uint32_t c = net_const(&n, "c", 2, (int64_t[]){4, 3});
    uint32_t both = net_node(&n, INFER__OP_CONCAT, "both", (uint32_t[]){x, c, x}, 3, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, (int64_t[]){0});
    uint32_t sizes = net_ints(&n, "sizes", 1, 3, (int64_t[]){0, 1, 3});
    for (int i = 0; i < 3; i++)
        OK(infer__graph_add_value(&n.g, "part", &parts[i], &n.err));
    OK(infer__graph_add_node(&n.g, INFER__OP_SPLIT, "split", (uint32_t[]){both, sizes}, 2, parts, 3,
                             &node, &n.err));
    net_attr(&n, node, INFER__ATTR_AXIS, 1, (int64_t[]){0});
    uint32_t y =
        net_node(&n, INFER__OP_CONCAT, "y", (uint32_t[]){parts[2], parts[0], parts[1]}, 3, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, (int64_t[]){0});
    const float *want = n.g.values[c].data;
    float rows[12];
    memcpy(rows, want + 3, 9 * sizeof *want);
    memcpy(rows + 9, want, 3 * sizeof *want);
    OK(finish(&n, y, &s, &m, &out));
    assert_int_equal(infer_tensor_elements(&out), 12);
    assert_memory_equal(out.data, rows, sizeof rows);
    end(s, &m);
}

/* The range of nothing is 0: what is quantised by it has a scale of 1, as all zeros have. */
static void test_dynamic_quantisation(void **state)
{
    (void)state;
    struct net n;
    struct net_model m;
    struct infer__node *node;
    infer_session *s;
    infer_tensor out;
    uint32_t x = begin(&n, 2, (int64_t[]){0, 3}), y[3];
    for (int i = 0; i < 3; i++)
        OK(infer__graph_add_value(&n.g, "y", &y[i], &n.err));
    OK(infer__graph_add_node(&n.g, INFER__OP_DYNAMIC_QUANTIZE_LINEAR, "q", &x, 1, y, 3, &node,
                             &n.err));
    OK(finish(&n, y[1], &s, &m, &out));
    assert_int_equal(infer_tensor_elements(&out), 1);
    assert_true(*(const float *)out.data == 1);
    end(s, &m);
}

/* A product over nothing is 0; what has no answer is refused. */
static void test_products_and_refusals(void **state)
{
    (void)state;
    struct net n;
    struct net_model m;
    struct infer__node *node;
    infer_session *s;
    infer_tensor out;
    uint32_t x = begin(&n, 2, (int64_t[]){2, 0});
    uint32_t w = net_const(&n, "w", 2, (int64_t[]){0, 5});
    OK(finish(&n, net_node(&n, INFER__OP_MATMUL, "y", (uint32_t[]){x, w}, 2, &node), &s, &m, &out));
    for (int i = 0; i < 10; i++)
        assert_true(((const float *)out.data)[i] == 0);
    end(s, &m);

    x = begin(&n, 2, (int64_t[]){2, 0});
    uint32_t ids[3] = {x, net_const(&n, "w", 2, (int64_t[]){0, 5}),
                       net_const(&n, "c", 1, (int64_t[]){5})};
    uint32_t y = net_node(&n, INFER__OP_GEMM, "y", ids, 3, &node);
    assert_int_equal(finish(&n, y, &s, &m, &out), INFER_ERROR_UNSUPPORTED);
    net_drop(&m);
}

/* A shape of no dimensions is a scalar's. */
static void test_scalar_of_shape(void **state)
{
    (void)state;
    struct net n;
    struct net_model m;
    struct infer__node *node;
    infer_session *s;
    infer_tensor out;
    for (uint32_t nin = 1; nin <= 2; nin++) {
        uint32_t x = begin(&n, 1, (int64_t[]){3}), shape;
        OK(infer__graph_add_const(&n.g, "shape", INFER_S64, 1, (int64_t[]){0}, (int64_t[]){0}, 0,
                                  &shape, &n.err));
        uint32_t number = net_const(&n, "number", 1, (int64_t[]){1});
        const float want = nin == 2 ? *(const float *)n.g.values[number].data : 0;
        uint32_t c =
            net_node(&n, INFER__OP_CONSTANT_OF_SHAPE, "c", (uint32_t[]){shape, number}, nin, &node);
        uint32_t y = net_node(&n, INFER__OP_ADD, "y", (uint32_t[]){x, c}, 2, &node);
        OK(finish(&n, y, &s, &m, &out));
        assert_int_equal(infer_tensor_elements(&out), 3);
        for (int i = 0; i < 3; i++)
            assert_true(((const float *)out.data)[i] == want);
        end(s, &m);
    }
}

/* Of two inputs of one name a value that is given for one must not be read for the other, which may
 * be larger. */
static void test_inputs_of_one_name(void **state)
{
    (void)state;
    struct net n;
    struct infer__node *node;
    infer_session *s;
    infer_error err;
    uint32_t ids[2] = {begin(&n, 1, (int64_t[]){1})};
    OK(infer__graph_add_value(&n.g, "x", &ids[1], &n.err));
    const char *name = n.g.values[ids[1]].name;
    n.g.values[ids[1]] = n.g.values[ids[0]];
    n.g.values[ids[1]].name = name;
    n.g.values[ids[1]].type = INFER_F64;
    n.g.inputs = infer__region_copy(&n.region, ids, sizeof ids);
    n.g.ninputs = 2;
    uint32_t y = net_node(&n, INFER__OP_RELU, "y", ids, 1, &node);
    struct net_model m = net_load(&n, &y, 1);
    float *one = malloc(sizeof *one); /* a block of exactly its size */
    infer_input_spec spec = {.name = "x", .rank = 1, .dims = {1}, .data = one};
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    *one = 1;
    OK(infer_session_create(m.model, &o, &s, &err));
    infer_session_free(&s);
    o.inputs = &spec;
    o.ninputs = 1;
    assert_int_equal(infer_session_create(m.model, &o, &s, &err), INFER_ERROR_ARGUMENT);
    free(one);
    net_drop(&m);
}

/* ---- budgets -------------------------------------------------------------------------------- */

/* Constants that cost: `products` of two matrices of `size`, made by ConstantOfShape. */
static struct net_model products_of_constants(int64_t size, int products)
{
    struct net n;
    struct infer__node *node;
    uint32_t x = begin(&n, 1, (int64_t[]){1}), ids[1];
    uint32_t shape = net_ints(&n, "shape", 1, 2, (int64_t[]){size, size});
    uint32_t a = net_node(&n, INFER__OP_CONSTANT_OF_SHAPE, "a", &shape, 1, &node), ab = a;
    for (int i = 0; i < products; i++)
        ab = net_node(&n, INFER__OP_MATMUL, "ab", (uint32_t[]){ab, a}, 2, &node);
    ids[0] = net_node(&n, INFER__OP_ADD, "y", (uint32_t[]){ab, x}, 2, &node);
    return net_load(&n, ids, 1);
}

static infer_status create(const struct net_model *m, uint64_t max_work, uint64_t max_memory,
                           infer_error *err)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s = NULL;
    o.threads = 1;
    o.max_work = max_work;
    o.max_memory_bytes = max_memory;
    infer_status status = infer_session_create(m->model, &o, &s, err);
    assert_int_equal(status == INFER_OK, s != NULL);
    infer_session_free(&s);
    return status;
}

static void test_work(void **state)
{
    (void)state;
    struct net_model m = products_of_constants(64, 1);
    infer_error err;
    /* the matrix: its 2 sizes and 64^2 elements, and as many counted as operations; the product: a
     * multiply-add each, two operands, a result */
    const uint64_t square = 64 * 64, work = 2 + square + 2 * square * 64 + 3 * square;
    OK(create(&m, work, 0, &err));
    assert_int_equal(create(&m, work - 1, 0, &err), INFER_ERROR_LIMIT);
    assert_string_equal(err.node, "ab");
    net_drop(&m);
    /* by default a file this small has 2^31 operations: seven such products, but not eight */
    m = products_of_constants(512, 7);
    OK(create(&m, 0, 0, &err));
    net_drop(&m);
    m = products_of_constants(512, 8);
    assert_int_equal(create(&m, 0, 0, &err), INFER_ERROR_LIMIT);
    net_drop(&m);
}

/* The limit of memory counts everything: at what the session holds it is made, and no byte below.
 */
static void test_memory(void **state)
{
    (void)state;
    struct net_model m = {small_net(), NULL};
    infer_error err;
    infer_session_memory use = INFER_SESSION_MEMORY_INIT;
    OK(infer_load_memory(m.file.data, m.file.size, NULL, &m.model, &err));
    infer_session *s = net_session(&m, INFER_ISA_DEFAULT, 1, 0);
    OK(infer_session_memory_use(s, &use, NULL));
    const uint64_t held = s->meter.held;
    assert_int_equal(held + sizeof *s,
                     use.arena_bytes + use.packed_bytes + use.output_bytes + use.plan_bytes);
    infer_session_free(&s);
    for (uint64_t limit = 1; limit < held; limit += 1 + held / 50)
        assert_int_equal(create(&m, 0, limit, &err), INFER_ERROR_LIMIT);
    assert_int_equal(create(&m, 0, held - 1, &err), INFER_ERROR_LIMIT);
    OK(create(&m, 0, 2 * held, &err));
    net_drop(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_without_elements),
        cmocka_unit_test(test_reductions),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_dynamic_quantisation),
        cmocka_unit_test(test_products_and_refusals),
        cmocka_unit_test(test_scalar_of_shape),
        cmocka_unit_test(test_inputs_of_one_name),
        cmocka_unit_test(test_work),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
