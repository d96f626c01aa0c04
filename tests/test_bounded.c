/* Sizes that depend on values: what is found in a tensor, and what is computed of that. Runs find
 * nothing, one element, some, all of them, one after the other; memory is that of the most. */
#include "tests/small_net.h"

#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>

#include "infer_experimental.h"

enum { ROWS = 6, COLUMNS = 7, MOST = ROWS * COLUMNS };
enum { PLACES, PAIRS, BEST, SUM, TOP, REST, PRODUCT, SOFT, RESULTS };

static struct bytes file;
static float weights[2 * 3] = {1, 2, 3, -1, 0.5f, 4};

static uint32_t node1(struct net *n, uint16_t op, const char *name, uint32_t a)
{
    struct infer__node *node;
    return net_node(n, op, name, &a, 1, &node);
}

static uint32_t node2(struct net *n, uint16_t op, const char *name, uint32_t a, uint32_t b)
{
    struct infer__node *node;
    return net_node(n, op, name, (uint32_t[]){a, b}, 2, &node);
}

static uint32_t scalar(struct net *n, float v)
{
    uint32_t id;
    OK(infer__graph_add_const(&n->g, "", INFER_F32, 0, NULL, &v, 1, &id, &n->err));
    return id;
}

static uint32_t list1(struct net *n, int64_t v)
{
    return net_ints(n, "", 1, 1, &v);
}

/* x (rows free, COLUMNS): the places of what is above 0; and of a list of it: two columns, the
 * largest, the sum, the largest three, all but the first, a product, a softmax. */
static struct bytes finding_net(void)
{
    struct net n = {.rng = {1}};
    struct infer__node *node;
    uint32_t x, w, out[RESULTS];
    const int64_t last = -1, wdims[2] = {2, 3};
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    OK(infer__graph_add_value(&n.g, "x", &x, &n.err));
    struct infer__value *v = &n.g.values[x];
    v->kind = INFER__VALUE_INPUT;
    v->type = INFER_F32;
    v->rank = 2;
    v->dims[1] = COLUMNS;
    v->free_dims = 1;
    const uint32_t above = node2(&n, INFER__OP_GREATER, "above", x, scalar(&n, 0));
    out[PLACES] = node1(&n, INFER__OP_NON_ZERO, "places", above);
    const uint32_t flat = node2(&n, INFER__OP_RESHAPE, "flat", x, list1(&n, -1));
    const uint32_t which = node2(&n, INFER__OP_RESHAPE, "which", above, list1(&n, -1));
    const uint32_t list = node2(&n, INFER__OP_COMPRESS, "found", flat, which);
    const uint32_t count = node1(&n, INFER__OP_SHAPE, "count", list);
    const uint32_t shape =
        net_node(&n, INFER__OP_CONCAT, "shape", (uint32_t[]){count, list1(&n, 1)}, 2, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, &(int64_t){0});
    const uint32_t column = node2(&n, INFER__OP_RESHAPE, "column", list, shape);
    const uint32_t twice = node2(&n, INFER__OP_MUL, "twice", column, scalar(&n, 2));
    out[PAIRS] = net_node(&n, INFER__OP_CONCAT, "pairs", (uint32_t[]){column, twice}, 2, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, &last);
    out[BEST] = node1(&n, INFER__OP_REDUCE_MAX, "best", list);
    out[SUM] = node1(&n, INFER__OP_REDUCE_SUM, "sum", list);
    const uint32_t k = node2(&n, INFER__OP_MIN, "k", count, list1(&n, 3));
    out[TOP] = node2(&n, INFER__OP_TOP_K, "top", list, k);
    out[REST] = net_node(&n, INFER__OP_SLICE, "rest",
                         (uint32_t[]){list, list1(&n, 1), count, list1(&n, 0)}, 4, &node);
    OK(infer__graph_add_const(&n.g, "w", INFER_F32, 2, wdims, weights, 1, &w, &n.err));
    out[PRODUCT] = node2(&n, INFER__OP_MATMUL, "product", out[PAIRS], w);
    out[SOFT] = node1(&n, INFER__OP_SOFTMAX, "soft", out[PRODUCT]);
    net_attr(&n, (struct infer__node *)&n.g.nodes[n.g.nnodes - 1], INFER__ATTR_AXIS, 1, &last);
    n.g.inputs = &x;
    n.g.ninputs = 1;
    n.g.outputs = out;
    n.g.noutputs = RESULTS;
    struct infer__file_content c = {.graph = &n.g};
    const struct bytes b = write_exact(&c);
    infer__region_free(&n.region);
    return b;
}

/* ---- running -------------------------------------------------------------------------------- */

static infer_model *load(const infer_allocator *a)
{
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *model = NULL;
    infer_error err;
    if (a)
        o.allocator = *a;
    OK(infer_load_memory(file.data, file.size, &o, &model, &err));
    return model;
}

static infer_input_spec spec_of(int64_t rows)
{
    return (infer_input_spec){.name = "x", .rank = 2, .dims = {rows, COLUMNS}};
}

static infer_session *session_of(const infer_model *model, uint32_t threads, infer_isa isa,
                                 const infer_maximum *maxima, size_t nmaxima)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_input_spec spec = spec_of(ROWS);
    infer_session *s;
    infer_error err;
    o.inputs = &spec;
    o.ninputs = 1;
    o.threads = threads;
    o.isa = isa;
    o.maxima = maxima;
    o.nmaxima = nmaxima;
    if (infer_session_create(model, &o, &s, &err) != INFER_OK)
        print_message("%s: %s\n", err.node, err.message);
    assert_non_null(s);
    return s;
}

/* `found` elements are above 0; the larger ones come later. */
static void fill(float *x, int64_t size, int64_t found)
{
    for (int64_t i = 0; i < size; i++)
        x[i] = (float)-i - 1;
    for (int64_t i = 0; i < found; i++)
        x[i * size / (found ? found : 1)] = (float)(i + 1) / 8;
}

static infer_tensor tensor_of(float *x, int64_t rows)
{
    return (infer_tensor){INFER_F32, 2, {rows, COLUMNS}, x, (size_t)(rows * COLUMNS) * sizeof *x,
                          {0, 0}};
}

static void expect_dims(const infer_session *s, const infer_tensor *t, size_t i, int rank,
                        int64_t a, int64_t b)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_error err;
    assert_int_equal(t[i].rank, rank);
    assert_true(rank < 1 || t[i].dims[0] == a);
    assert_true(rank < 2 || t[i].dims[1] == b);
    OK(infer_session_result(s, i, &info, &err));
    assert_int_equal(info.free_dims, 0);
    assert_memory_equal(info.dims, t[i].dims, (size_t)rank * sizeof *info.dims);
}

static void expect_near(float got, double want)
{
    assert_true(isfinite(want) ? fabs((double)got - want) <= 1e-5 * (fabs(want) + 1)
                               : (double)got == want);
}

/* What was found in x, of `rows` rows. */
static void expect_found(const infer_session *s, const infer_tensor *y, const float *x,
                         int64_t rows)
{
    float list[MOST];
    const int64_t *places = y[PLACES].data;
    int64_t n = 0;
    double sum = 0, best = -INFINITY;
    for (int64_t i = 0; i < rows * COLUMNS; i++)
        if (x[i] > 0) {
            list[n++] = x[i];
            sum += (double)x[i];
            best = (double)x[i] > best ? (double)x[i] : best;
        }
    expect_dims(s, y, PLACES, 2, 2, n);
    expect_dims(s, y, PAIRS, 2, n, 2);
    expect_dims(s, y, TOP, 1, n < 3 ? n : 3, 0);
    expect_dims(s, y, REST, 1, n ? n - 1 : 0, 0);
    expect_dims(s, y, PRODUCT, 2, n, 3);
    expect_dims(s, y, SOFT, 2, n, 3);
    expect_near(*(const float *)y[BEST].data, best);
    expect_near(*(const float *)y[SUM].data, sum);
    for (int64_t i = 0; i < n; i++) {
        const float *pair = (const float *)y[PAIRS].data + 2 * i;
        const float *product = (const float *)y[PRODUCT].data + 3 * i;
        const float *soft = (const float *)y[SOFT].data + 3 * i;
        assert_true(x[places[i] * COLUMNS + places[n + i]] == list[i]);
        assert_true(pair[0] == list[i] && pair[1] == 2 * list[i]);
        for (int k = 0; k < 3; k++)
            expect_near(product[k], (double)pair[0] * (double)weights[k] +
                                        (double)pair[1] * (double)weights[3 + k]);
        expect_near(soft[0] + soft[1] + soft[2], 1);
    }
    for (int64_t i = 1; i < n; i++)
        assert_true(((const float *)y[REST].data)[i - 1] == list[i]);
    for (int64_t i = 0; i < y[TOP].dims[0]; i++) /* they rise */
        assert_true(((const float *)y[TOP].data)[i] == list[n - 1 - i]);
}

static const int64_t founds[] = {MOST, 0, 1, 20, 5, 0, 3, 2, MOST, MOST - 1};

static void run_all(infer_session *s, int64_t rows)
{
    float x[MOST];
    infer_error err;
    for (size_t i = 0; i < sizeof founds / sizeof *founds; i++) {
        infer_tensor y[RESULTS] = {{0}}, in = tensor_of(x, rows);
        const int64_t size = rows * COLUMNS;
        fill(x, size, founds[i] < size ? founds[i] : size);
        if (infer_run(s, &in, 1, y, RESULTS, &err) != INFER_OK)
            print_message("%s: %s\n", err.node, err.message);
        assert_int_equal(err.status, INFER_OK);
        expect_found(s, y, x, rows);
    }
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void test_runs(void **state)
{
    (void)state;
    infer_model *model = load(NULL);
    static const infer_isa levels[] = {INFER_ISA_C, INFER_ISA_AVX2, INFER_ISA_DEFAULT};
    for (uint32_t threads = 1; threads <= 3; threads++)
        for (size_t i = 0; i < 3; i++) {
            infer_session *s = session_of(model, threads, levels[i], NULL, 0);
            run_all(s, ROWS);
            infer_session_free(&s);
        }
    infer_model_free(&model);
}

/* What a session says beforehand: the most, and that it is that. */
static void test_most(void **state)
{
    (void)state;
    static const struct {
        int rank;
        int64_t dims[2];
        uint32_t free_dims;
    } want[RESULTS] = {{2, {2, MOST}, 2}, {2, {MOST, 2}, 1}, {0, {0, 0}, 0},
                       {0, {0, 0}, 0},    {1, {3, 0}, 1},    {1, {MOST - 1, 0}, 1},
                       {2, {MOST, 3}, 1}, {2, {MOST, 3}, 1}};
    infer_model *model = load(NULL);
    infer_session *s = session_of(model, 1, INFER_ISA_DEFAULT, NULL, 0);
    infer_error err;
    for (size_t i = 0; i < RESULTS; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        OK(infer_session_output(s, i, &info, &err));
        if (i == BEST || i == SUM) { /* of all axes, which are kept */
            assert_int_equal(info.free_dims, 0);
            continue;
        }
        assert_int_equal(info.rank, want[i].rank);
        assert_memory_equal(info.dims, want[i].dims, (size_t)info.rank * sizeof *info.dims);
        assert_int_equal(info.free_dims, want[i].free_dims);
        assert_int_equal(infer_session_result(s, i, &info, &err), INFER_ERROR_ARGUMENT);
    }
    infer_session_free(&s);
    infer_model_free(&model);
}

static void test_reshape(void **state)
{
    (void)state;
    infer_model *model = load(NULL);
    infer_session *s = session_of(model, 2, INFER_ISA_DEFAULT, NULL, 0);
    infer_error err;
    for (int64_t rows = 1; rows <= ROWS; rows++) {
        infer_input_spec spec = spec_of(rows);
        infer_value_info info = INFER_VALUE_INFO_INIT;
        OK(infer_session_reshape(s, &spec, 1, &err));
        OK(infer_session_output(s, PLACES, &info, &err));
        assert_int_equal(info.dims[1], rows * COLUMNS);
        run_all(s, rows);
    }
    infer_session_free(&s);
    infer_model_free(&model);
}

/* Memory of the caller's: of the most, whatever its dims say. */
static void test_own_memory(void **state)
{
    (void)state;
    infer_model *model = load(NULL);
    infer_session *s = session_of(model, 2, INFER_ISA_DEFAULT, NULL, 0);
    float x[MOST], pairs[2 * MOST + 1];
    infer_tensor y[RESULTS] = {{0}}, in = tensor_of(x, ROWS);
    infer_error err;
    y[PAIRS] = (infer_tensor){INFER_F32, 2, {MOST, 2}, pairs, sizeof(float) * 2 * MOST, {0, 0}};
    pairs[2 * MOST] = 77;
    for (size_t i = 0; i < sizeof founds / sizeof *founds; i++) {
        fill(x, MOST, founds[i]);
        OK(infer_run(s, &in, 1, y, RESULTS, &err));
        assert_ptr_equal(y[PAIRS].data, pairs);
        expect_found(s, y, x, ROWS);
        for (int k = 0; k < RESULTS; k++)
            if (k != PAIRS)
                y[k].data = NULL;
    }
    assert_true(pairs[2 * MOST] == 77);
    y[PAIRS].bytes -= sizeof(float);
    assert_int_equal(infer_run(s, &in, 1, y, RESULTS, &err), INFER_ERROR_SHAPE);
    y[PAIRS].bytes += sizeof(float);
    y[PAIRS].dims[1] = 3; /* that one is known */
    assert_int_equal(infer_run(s, &in, 1, y, RESULTS, &err), INFER_ERROR_SHAPE);
    infer_session_free(&s);
    infer_model_free(&model);
}

/* Less memory for less; what passes it is refused, and the session goes on. */
static void test_declared(void **state)
{
    (void)state;
    static const infer_maximum maxima[] = {{"found", 9, {0, 0}}, {"places", 9, {0, 0}}};
    infer_model *model = load(NULL);
    infer_session *all = session_of(model, 1, INFER_ISA_DEFAULT, NULL, 0);
    infer_session *s = session_of(model, 2, INFER_ISA_DEFAULT, maxima, 2);
    infer_session_memory most = INFER_SESSION_MEMORY_INIT, less = INFER_SESSION_MEMORY_INIT;
    infer_error err;
    float x[MOST];
    OK(infer_session_memory_use(all, &most, &err));
    OK(infer_session_memory_use(s, &less, &err));
    assert_true(less.output_bytes < most.output_bytes / 2);
    for (int64_t found = 0; found <= MOST; found++) {
        infer_tensor y[RESULTS] = {{0}}, in = tensor_of(x, ROWS);
        fill(x, MOST, found);
        infer_status status = infer_run(s, &in, 1, y, RESULTS, &err);
        assert_int_equal(status, found <= 9 ? INFER_OK : INFER_ERROR_LIMIT);
        if (status == INFER_OK)
            expect_found(s, y, x, ROWS);
        else
            assert_non_null(strstr(err.message, "<=9"));
    }
    infer_session_free(&s);
    infer_session_free(&all);
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_input_spec spec = spec_of(ROWS);
    o.inputs = &spec;
    o.ninputs = 1;
    static const infer_maximum wrong[] = {
        {"nobody", 9, {0, 0}}, {"found", -1, {0, 0}}, {NULL, 9, {0, 0}}, {"found", 9, {1, 0}}};
    o.nmaxima = 1;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        o.maxima = &wrong[i];
        assert_int_equal(infer_session_create(model, &o, &s, &err), INFER_ERROR_ARGUMENT);
    }
    infer_model_free(&model);
}

/* The limit of a session counts the most. */
static void test_limit(void **state)
{
    (void)state;
    infer_model *model = load(NULL);
    infer_session *s = session_of(model, 1, INFER_ISA_C, NULL, 0);
    infer_session_memory m = INFER_SESSION_MEMORY_INIT;
    infer_error err;
    OK(infer_session_memory_use(s, &m, &err));
    infer_session_free(&s);
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_input_spec spec = spec_of(ROWS);
    o.inputs = &spec;
    o.ninputs = 1;
    o.threads = 1;
    o.isa = INFER_ISA_C;
    o.max_memory_bytes = m.plan_bytes + m.packed_bytes + 512;
    assert_int_equal(infer_session_create(model, &o, &s, &err), INFER_ERROR_LIMIT);
    infer_model_free(&model);
}

struct failing {
    long left; /* allocations that succeed */
};

static void *failing_alloc(void *ctx, size_t bytes)
{
    struct failing *f = ctx;
    return f->left-- > 0 ? malloc(bytes) : NULL;
}

static void failing_free(void *ctx, void *memory)
{
    (void)ctx;
    free(memory);
}

static void test_failing_memory(void **state)
{
    (void)state;
    struct failing f = {LONG_MAX};
    const infer_allocator a = {&f, failing_alloc, failing_free};
    infer_model *model = load(&a);
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_input_spec spec = spec_of(ROWS);
    static const infer_maximum most = {"found", 30, {0, 0}};
    infer_session *s = NULL;
    infer_error err;
    o.inputs = &spec;
    o.ninputs = 1;
    o.threads = 1;
    o.maxima = &most;
    o.nmaxima = 1;
    long n = 0;
    for (infer_status status = INFER_ERROR_NO_MEMORY; status != INFER_OK; n++) {
        f.left = n;
        status = infer_session_create(model, &o, &s, &err);
        assert_true(status == INFER_OK || status == INFER_ERROR_NO_MEMORY);
    }
    assert_true(n > 10);
    f.left = 0; /* runs need none */
    float x[MOST];
    infer_tensor y[RESULTS] = {{0}}, in = tensor_of(x, ROWS);
    fill(x, MOST, 11);
    OK(infer_run(s, &in, 1, y, RESULTS, &err));
    expect_found(s, y, x, ROWS);
    infer_session_free(&s);
    f.left = LONG_MAX;
    infer_model_free(&model);
}

/* ---- numbers that are given ----------------------------------------------------------------- */

enum { NUMBERS, FIRST, BEHIND, BESTS, TILED, GIVEN_RESULTS };

/* n, x (9): 0 to before n; the first n of x; all behind them; the best n; n copies of x. */
static struct bytes given_net(void)
{
    struct net n = {.rng = {1}};
    struct infer__node *node;
    uint32_t in[2], out[GIVEN_RESULTS], zero, one;
    const int64_t none = 0, step = 1, axis = 0;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    in[0] = net_value(&n, "n", INFER_S64, 0, 0);
    in[1] = net_value(&n, "x", INFER_F32, 1, 9);
    OK(infer__graph_add_const(&n.g, "", INFER_S64, 0, NULL, &none, 1, &zero, &n.err));
    OK(infer__graph_add_const(&n.g, "", INFER_S64, 0, NULL, &step, 1, &one, &n.err));
    out[NUMBERS] =
        net_node(&n, INFER__OP_RANGE, "numbers", (uint32_t[]){zero, in[0], one}, 3, &node);
    const uint32_t list = node2(&n, INFER__OP_UNSQUEEZE, "list", in[0], list1(&n, 0));
    out[FIRST] = net_node(&n, INFER__OP_SLICE, "first",
                          (uint32_t[]){in[1], list1(&n, 0), list, list1(&n, 0)}, 4, &node);
    out[BEHIND] = net_node(&n, INFER__OP_SLICE, "behind",
                           (uint32_t[]){in[1], list, list1(&n, 99), list1(&n, 0)}, 4, &node);
    out[BESTS] = node2(&n, INFER__OP_TOP_K, "bests", in[1], list);
    const uint32_t shape =
        net_node(&n, INFER__OP_CONCAT, "shape", (uint32_t[]){list, list1(&n, 1)}, 2, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, &axis);
    const uint32_t row = node2(&n, INFER__OP_UNSQUEEZE, "row", in[1], list1(&n, 0));
    out[TILED] = node2(&n, INFER__OP_TILE, "tiled", row, shape);
    n.g.inputs = in;
    n.g.ninputs = 2;
    n.g.outputs = out;
    n.g.noutputs = GIVEN_RESULTS;
    struct infer__file_content c = {.graph = &n.g};
    const struct bytes b = write_exact(&c);
    infer__region_free(&n.region);
    return b;
}

static void expect_given(const infer_session *s, const infer_tensor *y, const float *x, int64_t n)
{
    expect_dims(s, y, NUMBERS, 1, n, 0);
    expect_dims(s, y, FIRST, 1, n, 0);
    expect_dims(s, y, BEHIND, 1, 9 - n, 0);
    expect_dims(s, y, BESTS, 1, n, 0);
    expect_dims(s, y, TILED, 2, n, 9);
    for (int64_t i = 0; i < n; i++) {
        assert_true(((const int64_t *)y[NUMBERS].data)[i] == i);
        assert_true(((const float *)y[FIRST].data)[i] == x[i]);
        assert_true(((const float *)y[BESTS].data)[i] == x[8 - i]); /* they rise */
        assert_memory_equal((const float *)y[TILED].data + 9 * i, x, 9 * sizeof *x);
    }
    for (int64_t i = n; i < 9; i++)
        assert_true(((const float *)y[BEHIND].data)[i - n] == x[i]);
}

static void test_given(void **state)
{
    (void)state;
    struct bytes b = given_net();
    float x[9] = {-3, 0, 1, 2, 5, 6, 7, 8, 100};
    static const infer_maximum most = {"n", 7, {0, 0}};
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    infer_model *model;
    infer_error err;
    int64_t n = 3;
    OK(infer_load_memory(b.data, b.size, NULL, &model, &err));
    o.threads = 2;
    assert_int_equal(infer_session_create(model, &o, &s, &err), INFER_ERROR_NEED_VALUE);
    assert_non_null(strstr(err.message, "'n'"));
    assert_non_null(strstr(err.message, "the most that it can be may be given"));
    o.maxima = &most;
    o.nmaxima = 1;
    OK(infer_session_create(model, &o, &s, &err));
    const infer_tensor in[2] = {{INFER_S64, 0, {0}, &n, sizeof n, {0, 0}},
                                {INFER_F32, 1, {9}, x, sizeof x, {0, 0}}};
    for (n = 0; n <= 7; n++) {
        infer_tensor y[GIVEN_RESULTS] = {{0}};
        OK(infer_run(s, in, 2, y, GIVEN_RESULTS, &err));
        expect_given(s, y, x, n);
    }
    infer_tensor y[GIVEN_RESULTS] = {{0}};
    n = 8;
    assert_int_equal(infer_run(s, in, 2, y, GIVEN_RESULTS, &err), INFER_ERROR_LIMIT);
    n = -1; /* all but one: 8 */
    assert_int_equal(infer_run(s, in, 2, y, GIVEN_RESULTS, &err), INFER_ERROR_LIMIT);
    n = -4; /* no number of the best */
    assert_int_equal(infer_run(s, in, 2, y, GIVEN_RESULTS, &err), INFER_ERROR_SHAPE);
    n = 5;
    OK(infer_run(s, in, 2, y, GIVEN_RESULTS, &err));
    expect_given(s, y, x, n);
    const infer_input_spec spec = {.name = "n", .data = &n};
    OK(infer_session_reshape(s, &spec, 1, &err)); /* a constant: all is known */
    memset(y, 0, sizeof y);
    OK(infer_run(s, in, 2, y, GIVEN_RESULTS, &err));
    expect_given(s, y, x, n);
    infer_session_free(&s);
    infer_model_free(&model);
    free(b.data);
}

/* ---- rows that are kept --------------------------------------------------------------------- */

enum { KEPT, FILLED, CUT, KEPT_RESULTS };

/* x (ROWS, COLUMNS): its rows that begin with more than 0; these with rows of 0 behind them, so
 * that there are ROWS again; the second of their columns. A detector's last steps. */
static struct bytes keeping_net(void)
{
    struct net n = {.rng = {1}};
    struct infer__node *node;
    uint32_t x, out[KEPT_RESULTS];
    const int64_t axis = 0, swapped[2] = {1, 0};
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    x = net_value(&n, "x", INFER_F32, 2, ROWS);
    n.g.values[x].dims[1] = COLUMNS;
    const uint32_t first = node2(&n, INFER__OP_GATHER, "first", x, net_ints(&n, "", 0, 1, &axis));
    net_attr(&n, &n.g.nodes[n.g.nnodes - 1], INFER__ATTR_AXIS, 1, &(int64_t){1});
    const uint32_t above = node2(&n, INFER__OP_GREATER, "above", first, scalar(&n, 0));
    const uint32_t where = node1(&n, INFER__OP_NON_ZERO, "where", above);
    const uint32_t places = net_node(&n, INFER__OP_TRANSPOSE, "places", &where, 1, &node);
    net_attr(&n, node, INFER__ATTR_PERM, 2, swapped);
    out[KEPT] = node2(&n, INFER__OP_GATHER_ND, "kept", x, places);
    const uint32_t shape = node1(&n, INFER__OP_SHAPE, "shape", out[KEPT]);
    const uint32_t rows = net_node(&n, INFER__OP_SLICE, "rows",
                                   (uint32_t[]){shape, list1(&n, 0), list1(&n, 1)}, 3, &node);
    const uint32_t columns = net_node(&n, INFER__OP_SLICE, "columns",
                                      (uint32_t[]){shape, list1(&n, 1), list1(&n, 2)}, 3, &node);
    const uint32_t less = node2(&n, INFER__OP_SUB, "less", list1(&n, ROWS), rows);
    const uint32_t more = node2(&n, INFER__OP_MUL, "more", less, columns);
    const uint32_t pads =
        net_node(&n, INFER__OP_CONCAT, "pads", (uint32_t[]){list1(&n, 0), more}, 2, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, &axis);
    const uint32_t flat = node2(&n, INFER__OP_RESHAPE, "flat", out[KEPT], list1(&n, -1));
    const uint32_t padded = node2(&n, INFER__OP_PAD, "padded", flat, pads);
    const uint32_t whole =
        net_node(&n, INFER__OP_CONCAT, "whole", (uint32_t[]){list1(&n, ROWS), columns}, 2, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, &axis);
    out[FILLED] = node2(&n, INFER__OP_RESHAPE, "filled", padded, whole);
    out[CUT] =
        net_node(&n, INFER__OP_SLICE, "cut",
                 (uint32_t[]){out[KEPT], list1(&n, 1), list1(&n, 2), list1(&n, 1)}, 4, &node);
    n.g.inputs = &x;
    n.g.ninputs = 1;
    n.g.outputs = out;
    n.g.noutputs = KEPT_RESULTS;
    struct infer__file_content c = {.graph = &n.g};
    const struct bytes b = write_exact(&c);
    infer__region_free(&n.region);
    return b;
}

/* Only the number of rows is left open, so that a shape made of the columns is known. */
static void test_kept(void **state)
{
    (void)state;
    struct bytes b = keeping_net();
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_session *s;
    infer_model *model;
    infer_error err;
    float x[MOST];
    OK(infer_load_memory(b.data, b.size, NULL, &model, &err));
    o.threads = 1;
    OK(infer_session_create(model, &o, &s, &err));
    static const uint32_t open[KEPT_RESULTS] = {1, 0, 1};
    for (size_t i = 0; i < KEPT_RESULTS; i++) {
        OK(infer_session_output(s, i, &info, &err));
        assert_int_equal(info.free_dims, open[i]);
    }
    const infer_tensor in = tensor_of(x, ROWS);
    for (unsigned set = 0; set < 1u << ROWS; set++) {
        infer_tensor y[KEPT_RESULTS] = {{0}};
        int64_t kept = 0;
        for (int i = 0; i < MOST; i++)
            x[i] = i % COLUMNS || set >> i / COLUMNS & 1 ? (float)(i + 1) : -1;
        OK(infer_run(s, &in, 1, y, KEPT_RESULTS, &err));
        for (int row = 0; row < ROWS; row++) {
            if (!(set >> row & 1))
                continue;
            assert_memory_equal((float *)y[KEPT].data + kept * COLUMNS, x + row * COLUMNS,
                                COLUMNS * sizeof *x);
            assert_true(((float *)y[CUT].data)[kept++] == x[row * COLUMNS + 1]);
        }
        expect_dims(s, y, KEPT, 2, kept, COLUMNS);
        expect_dims(s, y, FILLED, 2, ROWS, COLUMNS);
        expect_dims(s, y, CUT, 2, kept, 1);
        for (int64_t i = 0; i < MOST; i++)
            assert_true(((float *)y[FILLED].data)[i] ==
                        (i < kept * COLUMNS ? ((float *)y[KEPT].data)[i] : 0));
    }
    infer_session_free(&s);
    infer_model_free(&model);
    free(b.data);
}

/* ---- runs that end otherwise ---------------------------------------------------------------- */

/* What a run that was stopped has found means nothing; the next one finds all. */
static void test_stopped(void **state)
{
    (void)state;
    infer_model *model = load(NULL);
    infer_session *s = session_of(model, 2, INFER_ISA_DEFAULT, NULL, 0);
    infer_run_options late = INFER_RUN_OPTIONS_INIT;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    float x[MOST];
    infer_tensor y[RESULTS] = {{0}}, in = tensor_of(x, ROWS);
    infer_error err;
    late.deadline_ns = 1;
    fill(x, MOST, 4);
    for (int i = 0; i < 3; i++) {
        OK(infer_run(s, &in, 1, y, RESULTS, &err));
        expect_found(s, y, x, ROWS);
        memset(y, 0, sizeof y);
        assert_int_equal(infer_run_with(s, &late, &in, 1, y, RESULTS, &err), INFER_ERROR_DEADLINE);
        assert_int_equal(infer_session_result(s, PLACES, &info, &err), INFER_ERROR_ARGUMENT);
        memset(y, 0, sizeof y);
    }
    infer_session_free(&s);
    infer_model_free(&model);
}

struct ended {
    _Atomic int over;
    infer_session *s;
    int64_t found;
    infer_status status;
};

static void note_end(void *ctx, infer_status status, const infer_error *err)
{
    struct ended *e = ctx;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    (void)err;
    e->status = status;
    if (infer_session_result(e->s, PLACES, &info, NULL) == INFER_OK)
        e->found = info.dims[1];
    e->over = 1;
}

/* A run that the pool leads tells its sizes through the session. */
static void test_started(void **state)
{
    (void)state;
    infer_model *model = load(NULL);
    infer_session *s = session_of(model, 2, INFER_ISA_DEFAULT, NULL, 0);
    float x[MOST];
    infer_error err;
    for (int64_t found = 0; found <= MOST; found += 7) {
        struct ended e = {.s = s, .found = -1};
        infer_tensor y[RESULTS] = {{0}}, in = tensor_of(x, ROWS);
        fill(x, MOST, found);
        OK(infer_run_start(s, NULL, &in, 1, y, RESULTS, note_end, &e, &err));
        assert_int_equal(y[PLACES].dims[1], MOST);
        while (!e.over)
            sched_yield();
        assert_int_equal(e.status, INFER_OK);
        assert_int_equal(e.found, found);
    }
    infer_session_free(&s);
    infer_model_free(&model);
}

static int setup(void **state)
{
    (void)state;
    file = finding_net();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(file.data);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),           cmocka_unit_test(test_most),
        cmocka_unit_test(test_reshape),        cmocka_unit_test(test_own_memory),
        cmocka_unit_test(test_declared),       cmocka_unit_test(test_limit),
        cmocka_unit_test(test_failing_memory), cmocka_unit_test(test_given),
        cmocka_unit_test(test_kept),           cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_started),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
