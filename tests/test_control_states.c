/* What loops and branches are planned as: conditions that are known, states whose rank or type is
 * another one behind an iteration than at first, sizes that a run finds inside of a branch. */
#include "tests/control_net.h"

/* ---- conditions that are known -------------------------------------------------------------- */

/* Only the branch that is taken is there. The other has a product that does not go together, which
 * nobody minds. */
static void test_known_condition(void **state)
{
    (void)state;
    for (uint8_t yes = 0; yes < 2; yes++) {
        struct net n;
        uint32_t out[2];
        begin(&n);
        const uint32_t v = input(&n, "x", INFER_F32, 2, matrix);
        const uint32_t t = one(&n, INFER__OP_IF, "if", IN(truth(&n, yes)));
        const uint32_t a =
            yes ? one(&n, INFER__OP_RELU, "a", IN(v)) : one(&n, INFER__OP_MATMUL, "a", IN(v, v));
        const uint32_t e = one(&n, INFER__OP_ELSE, "else", IN(t));
        const uint32_t b =
            yes ? one(&n, INFER__OP_MATMUL, "b", IN(v, v)) : one(&n, INFER__OP_NEG, "b", IN(v));
        node(&n, INFER__OP_END_IF, "y", IN(e, a, b, v, b), out, 2);
        struct net_model m = net_load(&n, out, 2);
        infer_session *s = session_of(&m, INFER_ISA_DEFAULT, NULL, 0);
        infer_tensor in = tensor(INFER_F32, 2, matrix, x), y[2] = {{0}};
        infer_error err;
        OK(infer_run(s, &in, 1, y, 2, &err));
        for (int i = 0; i < ROWS * COLUMNS; i++) {
            const float w = x[i / COLUMNS][i % COLUMNS];
            assert_true(((float *)y[0].data)[i] == (yes ? w > 0 ? w : 0 : -w));
            assert_true(((float *)y[1].data)[i] == (yes ? w : -w));
        }
        infer_session_free(&s);
        net_drop(&m);
    }
}

/* ---- states --------------------------------------------------------------------------------- */

/* A loop of two iterations over x, with one state of `first`; what an iteration makes of it is
 * `next` of the state and of x. */
typedef uint32_t next_of(struct net *n, uint32_t state, uint32_t x);

static struct net_model state_net(infer_type type, int rank, const int64_t *dims, const void *first,
                                  next_of *next)
{
    struct net n;
    uint32_t l[2], out;
    begin(&n);
    const uint32_t v = input(&n, "x", INFER_F32, 2, matrix), m = number(&n, 2);
    const uint32_t z = constant(&n, type, rank, dims, first);
    node(&n, INFER__OP_LOOP, "loop", IN(m, z), l, 2);
    const uint32_t behind = next(&n, l[1], v);
    node(&n, INFER__OP_END_LOOP, "y", IN(l[0], m, truth(&n, 1), l[1], behind), &out, 1);
    return net_load(&n, &out, 1);
}

static uint32_t next_unread(struct net *n, uint32_t state, uint32_t v)
{
    (void)state;
    return one(n, INFER__OP_NEG, "next", IN(v));
}

static uint32_t next_read(struct net *n, uint32_t state, uint32_t v)
{
    return one(n, INFER__OP_ADD, "next", IN(state, v));
}

static uint32_t next_truth(struct net *n, uint32_t state, uint32_t v)
{
    const uint32_t zero = constant(n, INFER_F32, 0, NULL, &(float){0});
    (void)state;
    return one(n, INFER__OP_LESS, "next", IN(v, zero));
}

/* A list that is no more than a place to put the first result into. */
static void test_other_rank(void **state)
{
    (void)state;
    const float zeros[COLUMNS] = {0};
    struct net_model m = state_net(INFER_F32, 1, &matrix[1], zeros, next_unread);
    infer_session *s = session_of(&m, INFER_ISA_DEFAULT, NULL, 0);
    infer_tensor in = tensor(INFER_F32, 2, matrix, x), y = {0};
    infer_error err;
    OK(infer_run(s, &in, 1, &y, 1, &err));
    assert_int_equal(y.rank, 2);
    assert_int_equal(y.dims[0], ROWS);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        assert_true(((float *)y.data)[i] == -x[i / COLUMNS][i % COLUMNS]);
    infer_session_free(&s);
    net_drop(&m);
}

static void expect_refused(struct net_model m, const char *message)
{
    infer_session *s;
    infer_error err;
    assert_int_equal(infer_session_create(m.model, NULL, &s, &err), INFER_ERROR_UNSUPPORTED);
    if (!strstr(err.message, message))
        fail_msg("%s", err.message);
    assert_string_equal(err.node, "y");
    net_drop(&m);
}

static void test_refused_states(void **state)
{
    (void)state;
    const float zeros[COLUMNS] = {0};
    expect_refused(state_net(INFER_F32, 1, &matrix[1], zeros, next_read),
                   "state 0 ('y') has rank 1 at first and 2 behind an iteration");
    expect_refused(state_net(INFER_F32, 1, &matrix[1], zeros, next_truth),
                   "state 0 ('y') is f32 at first and bool behind an iteration");
}

/* ---- what a run finds ----------------------------------------------------------------------- */

/* Operators that find how large their results are, in a branch that may be passed over. */
static struct net_model finding_net(void)
{
    struct net n;
    uint32_t found[4], out[3];
    struct infer__node *at;
    begin(&n);
    const uint32_t c = input(&n, "c", INFER_BOOL, 0, NULL);
    const uint32_t v = input(&n, "x", INFER_F32, 2, matrix);
    const uint32_t first = one(&n, INFER__OP_GATHER, "first", IN(v, number(&n, 0)));
    const uint32_t zero = constant(&n, INFER_F32, 0, NULL, &(float){0});
    const uint32_t above = one(&n, INFER__OP_GREATER, "above", IN(first, zero));
    const uint32_t t = one(&n, INFER__OP_IF, "if", IN(c));
    uint32_t columns;
    at = node(&n, INFER__OP_COMPRESS, "columns", IN(v, above), &columns, 1);
    net_attr(&n, at, INFER__ATTR_AXIS, 1, &(int64_t){1});
    const uint32_t flat =
        one(&n, INFER__OP_RESHAPE, "flat", IN(v, net_ints(&n, "", 1, 1, &(int64_t){-1})));
    node(&n, INFER__OP_UNIQUE, "found", IN(flat), found, 4);
    const uint32_t e = one(&n, INFER__OP_ELSE, "else", IN(t));
    const uint32_t minus = one(&n, INFER__OP_NEG, "minus", IN(v));
    const uint32_t none = constant(&n, INFER_F32, 1, (int64_t[]){1}, &(float){7});
    const uint32_t one_index = constant(&n, INFER_S64, 1, (int64_t[]){1}, &(int64_t){3});
    node(&n, INFER__OP_END_IF, "y", IN(e, columns, minus, found[0], none, found[3], one_index), out,
         3);
    return net_load(&n, out, 3);
}

static int by_value(const void *a, const void *b)
{
    const float p = *(const float *)a, q = *(const float *)b;
    return (p > q) - (p < q);
}

/* The values of x in order, and how often each is there. */
static int64_t unique(float *values, int64_t *counts)
{
    float all[ROWS * COLUMNS];
    int64_t n = 0;
    memcpy(all, x, sizeof all);
    qsort(all, ROWS * COLUMNS, sizeof *all, by_value);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        if (!n || values[n - 1] != all[i]) {
            values[n] = all[i];
            counts[n++] = 0;
        }
        counts[n - 1]++;
    }
    return n;
}

static void test_found(void **state)
{
    (void)state;
    struct net_model m = finding_net();
    for (int level = 0; level < 2; level++) {
        infer_session *s = session_of(&m, levels[level], NULL, 0);
        for (uint8_t c = 0; c < 2; c++) {
            infer_tensor in[2] = {tensor(INFER_BOOL, 0, NULL, &c), tensor(INFER_F32, 2, matrix, x)};
            infer_tensor y[3] = {{0}};
            float values[ROWS * COLUMNS];
            int64_t counts[ROWS * COLUMNS], n = unique(values, counts);
            infer_error err;
            OK(infer_run(s, in, 2, y, 3, &err));
            assert_int_equal(y[0].dims[1], COLUMNS); /* the first row is above 0 */
            assert_true(((float *)y[0].data)[1] == (c ? 2 : -2));
            assert_int_equal(y[1].dims[0], c ? n : 1);
            assert_int_equal(y[2].dims[0], c ? n : 1);
            if (c) {
                assert_memory_equal(y[1].data, values, (size_t)n * sizeof *values);
                assert_memory_equal(y[2].data, counts, (size_t)n * sizeof *counts);
            } else {
                assert_true(*(float *)y[1].data == 7 && *(int64_t *)y[2].data == 3);
            }
        }
        infer_session_free(&s);
    }
    net_drop(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_condition),
        cmocka_unit_test(test_other_rank),
        cmocka_unit_test(test_refused_states),
        cmocka_unit_test(test_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
