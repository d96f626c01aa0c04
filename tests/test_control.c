/* Branches and loops in sessions: what runs give, sizes that differ from branch to branch and from
 * iteration to iteration, branches that can't be computed, and runs that would not end. */
#include "tests/control_net.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "infer_experimental.h"

/* ---- branches ------------------------------------------------------------------------------- */

/* c ? x : the first `rows` rows of -x; then all that doubled. */
static struct net_model branch_net(int64_t rows)
{
    struct net n;
    uint32_t out;
    begin(&n);
    const uint32_t c = input(&n, "c", INFER_BOOL, 0, NULL);
    const uint32_t v = input(&n, "x", INFER_F32, 2, matrix);
    const uint32_t t = one(&n, INFER__OP_IF, "if", IN(c));
    const uint32_t a = one(&n, INFER__OP_RELU, "a", IN(v));
    const uint32_t e = one(&n, INFER__OP_ELSE, "else", IN(t));
    const uint32_t m = one(&n, INFER__OP_NEG, "m", IN(v));
    const uint32_t b =
        one(&n, INFER__OP_SLICE, "b",
            IN(m, net_ints(&n, "", 1, 1, &(int64_t){0}), net_ints(&n, "", 1, 1, &rows),
               net_ints(&n, "", 1, 1, &(int64_t){0})));
    const uint32_t y = one(&n, INFER__OP_END_IF, "y", IN(e, a, b));
    out = one(&n, INFER__OP_ADD, "sum", IN(y, y));
    return net_load(&n, &out, 1);
}

static void test_branches(void **state)
{
    (void)state;
    for (int64_t rows = 1; rows <= ROWS; rows++) {
        struct net_model m = branch_net(rows);
        for (int i = 0; i < 4; i++) {
            uint8_t c = i & 1;
            infer_session *s = session_of(&m, levels[i / 2], NULL, 0);
            infer_tensor in[2] = {tensor(INFER_BOOL, 0, NULL, &c), tensor(INFER_F32, 2, matrix, x)};
            infer_tensor out = {0};
            infer_error err;
            OK(infer_run(s, in, 2, &out, 1, &err));
            assert_int_equal(out.dims[0], c ? ROWS : rows);
            assert_int_equal(out.dims[1], COLUMNS);
            for (int64_t k = 0; k < out.dims[0] * COLUMNS; k++) {
                const float v = x[k / COLUMNS][k % COLUMNS];
                assert_true(((float *)out.data)[k] == 2 * (c ? v > 0 ? v : 0 : -v));
            }
            infer_session_free(&s);
        }
        net_drop(&m);
    }
}

/* A product that does not go together in the second branch: only runs that take it fail. */
static void test_refused(void **state)
{
    (void)state;
    for (int second = 0; second < 2; second++) {
        struct net n;
        infer_error err;
        begin(&n);
        const uint32_t c = input(&n, "c", INFER_BOOL, 0, NULL);
        const uint32_t v = input(&n, "x", INFER_F32, 2, matrix);
        const uint32_t t = one(&n, INFER__OP_IF, "if", IN(c));
        const uint32_t a = second ? one(&n, INFER__OP_RELU, "good", IN(v))
                                  : one(&n, INFER__OP_MATMUL, "bad", IN(v, v));
        const uint32_t e = one(&n, INFER__OP_ELSE, "else", IN(t));
        const uint32_t b = second ? one(&n, INFER__OP_MATMUL, "bad", IN(v, v))
                                  : one(&n, INFER__OP_RELU, "good", IN(v));
        uint32_t out = one(&n, INFER__OP_END_IF, "y", IN(e, a, b));
        struct net_model m = net_load(&n, &out, 1);
        infer_session *s = session_of(&m, INFER_ISA_DEFAULT, NULL, 0);
        for (uint8_t k = 0; k < 4; k++) {
            uint8_t yes = k & 1;
            infer_tensor in[2] = {tensor(INFER_BOOL, 0, NULL, &yes),
                                  tensor(INFER_F32, 2, matrix, x)};
            infer_tensor y = {0};
            const infer_status status = infer_run(s, in, 2, &y, 1, &err);
            assert_int_equal(status, yes == second ? INFER_OK : INFER_ERROR_SHAPE);
            if (status == INFER_OK)
                assert_true(((float *)y.data)[1] == 2);
            else
                assert_non_null(strstr(err.message, "MatMul"));
        }
        infer_session_free(&s);
        net_drop(&m);
    }
}

/* ---- loops ---------------------------------------------------------------------------------- */

/* Sums rows as long as there are, and the sum is small: the sum, all sums, and how it grew as a
 * state of its own. Values of the limit and the bound are inputs. */
static struct net_model row_net(void)
{
    struct net n;
    uint32_t l[3], out[3], outputs[3];
    struct infer__node *concat;
    begin(&n);
    const uint32_t v = input(&n, "x", INFER_F32, 2, matrix);
    const uint32_t limit = input(&n, "limit", INFER_S64, 0, NULL);
    const uint32_t bound = input(&n, "bound", INFER_F32, 0, NULL);
    const float zero[COLUMNS] = {0};
    const uint32_t z = constant(&n, INFER_F32, 1, &matrix[1], zero);
    const uint32_t none = constant(&n, INFER_F32, 2, (int64_t[]){0, COLUMNS}, zero);
    node(&n, INFER__OP_LOOP, "loop", IN(limit, z, none), l, 3);
    const uint32_t row = one(&n, INFER__OP_GATHER, "row", IN(v, l[0]));
    const uint32_t next = one(&n, INFER__OP_ADD, "next", IN(l[1], row));
    const uint32_t list =
        one(&n, INFER__OP_UNSQUEEZE, "list", IN(next, net_ints(&n, "", 1, 1, &(int64_t){0})));
    uint32_t grown;
    concat = node(&n, INFER__OP_CONCAT, "grown", IN(l[2], list), &grown, 1);
    net_attr(&n, concat, INFER__ATTR_AXIS, 1, &(int64_t){0});
    const uint32_t most = one(&n, INFER__OP_REDUCE_MAX, "most", IN(next));
    const uint32_t flat =
        one(&n, INFER__OP_RESHAPE, "flat", IN(most, net_ints(&n, "", 1, 1, &(int64_t){1})));
    const uint32_t go_on = one(&n, INFER__OP_LESS, "go_on", IN(flat, bound));
    node(&n, INFER__OP_END_LOOP, "y", IN(l[0], limit, go_on, l[1], next, l[2], grown, next), out,
         3);
    for (int k = 0; k < 3; k++)
        outputs[k] = one(&n, INFER__OP_RELU, k == 0 ? "sum" : k == 1 ? "grew" : "all", IN(out[k]));
    return net_load(&n, outputs, 3);
}

static infer_status run_rows(infer_session *s, int64_t limit, float bound, infer_tensor out[3],
                             infer_error *err)
{
    infer_tensor in[3] = {tensor(INFER_F32, 2, matrix, x), tensor(INFER_S64, 0, NULL, &limit),
                          tensor(INFER_F32, 0, NULL, &bound)};
    memset(out, 0, 3 * sizeof *out);
    return infer_run(s, in, 3, out, 3, err);
}

/* The same, worked out here. */
static int64_t sum_rows(int64_t limit, float bound, float sums[ROWS][COLUMNS])
{
    float sum[COLUMNS] = {0}, most = -1;
    int64_t i = 0;
    for (; i < limit && (i == 0 || most < bound); i++) {
        most = -100;
        for (int c = 0; c < COLUMNS; c++) {
            sum[c] += x[i][c];
            most = sum[c] > most ? sum[c] : most;
            sums[i][c] = sum[c];
        }
    }
    return i;
}

static void test_loops(void **state)
{
    (void)state;
    struct net_model m = row_net();
    for (int level = 0; level < 2; level++) {
        infer_session *s = session_of(&m, levels[level], "limit", ROWS);
        for (int64_t limit = -1; limit <= ROWS; limit++)
            for (float bound = 0; bound < 12; bound++) {
                float sums[ROWS][COLUMNS];
                const int64_t count = sum_rows(limit, bound, sums);
                infer_tensor out[3];
                infer_error err;
                OK(run_rows(s, limit, bound, out, &err));
                assert_int_equal(out[1].dims[0], count);
                assert_int_equal(out[2].dims[0], count);
                for (int c = 0; c < COLUMNS; c++) {
                    const float last = count ? sums[count - 1][c] : 0;
                    assert_true(((float *)out[0].data)[c] == (last > 0 ? last : 0));
                    for (int64_t i = 0; i < count; i++) {
                        const float v = sums[i][c] > 0 ? sums[i][c] : 0;
                        assert_true(((float *)out[1].data)[i * COLUMNS + c] == v);
                        assert_true(((float *)out[2].data)[i * COLUMNS + c] == v);
                    }
                }
            }
        infer_session_free(&s);
    }
    net_drop(&m);
}

/* Without a word on how many iterations there are, there is no session; with too small a one, runs
 * that need more fail, and the next is as good as ever. */
static void test_limits(void **state)
{
    (void)state;
    struct net_model m = row_net();
    infer_session *s;
    infer_error err;
    infer_tensor out[3];
    assert_int_equal(infer_session_create(m.model, NULL, &s, &err), INFER_ERROR_NEED_VALUE);
    s = session_of(&m, INFER_ISA_DEFAULT, "limit", 2);
    OK(run_rows(s, 2, 100, out, &err));
    assert_int_equal(run_rows(s, 3, 100, out, &err), INFER_ERROR_LIMIT);
    assert_non_null(strstr(err.message, "maxima"));
    OK(run_rows(s, 1, 100, out, &err));
    assert_int_equal(out[2].dims[0], 1);
    infer_session_free(&s);
    net_drop(&m);
}

/* a, b = b, a + b: states that take each other's place. */
static void test_states(void **state)
{
    (void)state;
    for (int64_t limit = 0; limit < 20; limit++) {
        struct net n;
        uint32_t l[3], out[2];
        int64_t first[2] = {0, 1}, want[2] = {0, 1};
        begin(&n);
        const uint32_t a = input(&n, "a", INFER_S64, 0, NULL), b = number(&n, 1);
        const uint32_t m = number(&n, limit);
        node(&n, INFER__OP_LOOP, "loop", IN(m, a, b), l, 3);
        const uint32_t sum = one(&n, INFER__OP_ADD, "sum", IN(l[1], l[2]));
        node(&n, INFER__OP_END_LOOP, "y", IN(l[0], m, truth(&n, 1), l[1], l[2], l[2], sum), out, 2);
        struct net_model model = net_load(&n, out, 2);
        infer_session *s = session_of(&model, INFER_ISA_DEFAULT, NULL, 0);
        infer_tensor in = tensor(INFER_S64, 0, NULL, &first[0]), y[2] = {{0}};
        infer_error err;
        OK(infer_run(s, &in, 1, y, 2, &err));
        for (int64_t i = 0; i < limit; i++) {
            const int64_t next = want[0] + want[1];
            want[0] = want[1];
            want[1] = next;
        }
        assert_int_equal(*(int64_t *)y[0].data, want[0]);
        assert_int_equal(*(int64_t *)y[1].data, want[1]);
        infer_session_free(&s);
        net_drop(&model);
    }
}

/* Parts of iterations that have different shapes can't be one result. */
static void test_shapes_differ(void **state)
{
    (void)state;
    struct net n;
    uint32_t l, out;
    begin(&n);
    const uint32_t v = input(&n, "x", INFER_F32, 2, matrix), m = number(&n, ROWS);
    node(&n, INFER__OP_LOOP, "loop", IN(m), &l, 1);
    const uint32_t row = one(&n, INFER__OP_GATHER, "row", IN(v, l));
    const uint32_t relu = one(&n, INFER__OP_RELU, "relu", IN(row));
    const uint32_t found = one(&n, INFER__OP_NON_ZERO, "found", IN(relu));
    node(&n, INFER__OP_END_LOOP, "y", IN(l, m, truth(&n, 1), found), &out, 1);
    struct net_model model = net_load(&n, &out, 1);
    infer_session *s = session_of(&model, INFER_ISA_DEFAULT, NULL, 0);
    float same[ROWS][COLUMNS] = {{1, 1, 0, 1}, {0, 1, 1, 1}, {2, 2, 2, -1}};
    infer_tensor in = tensor(INFER_F32, 2, matrix, x), y = {0};
    infer_error err;
    assert_int_equal(infer_run(s, &in, 1, &y, 1, &err), INFER_ERROR_SHAPE);
    assert_non_null(strstr(err.message, "iteration 1"));
    in.data = same;
    y = (infer_tensor){0};
    OK(infer_run(s, &in, 1, &y, 1, &err));
    const int64_t want[ROWS][3] = {{0, 1, 3}, {1, 2, 3}, {0, 1, 2}};
    assert_int_equal(y.dims[0], ROWS);
    assert_int_equal(y.dims[2], 3);
    assert_memory_equal(y.data, want, sizeof want);
    infer_session_free(&s);
    net_drop(&model);
}

/* ---- runs that would not end ---------------------------------------------------------------- */

static infer_session *endless(struct net_model *model)
{
    struct net n;
    uint32_t l[2], out;
    begin(&n);
    const uint32_t a = input(&n, "a", INFER_S64, 0, NULL), m = number(&n, INT64_MAX);
    const uint32_t go_on = input(&n, "go_on", INFER_BOOL, 0, NULL);
    node(&n, INFER__OP_LOOP, "loop", IN(m, a), l, 2);
    const uint32_t next = one(&n, INFER__OP_SUB, "next", IN(number(&n, 7), l[1]));
    node(&n, INFER__OP_END_LOOP, "y", IN(l[0], m, go_on, l[1], next), &out, 1);
    *model = net_load(&n, &out, 1);
    return session_of(model, INFER_ISA_DEFAULT, NULL, 0);
}

static void *cancel_soon(void *session)
{
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    infer_session_cancel(session);
    return NULL;
}

static void test_endless(void **state)
{
    (void)state;
    struct net_model model;
    infer_session *s = endless(&model);
    infer_run_options o = INFER_RUN_OPTIONS_INIT;
    struct timespec now;
    pthread_t thread;
    int64_t a = 5;
    uint8_t go_on = 1;
    infer_tensor in[2] = {tensor(INFER_S64, 0, NULL, &a), tensor(INFER_BOOL, 0, NULL, &go_on)};
    infer_tensor y = {0};
    infer_error err;
    clock_gettime(CLOCK_MONOTONIC, &now);
    o.deadline_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + 20000000;
    assert_int_equal(infer_run_with(s, &o, in, 2, &y, 1, &err), INFER_ERROR_DEADLINE);
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, s), 0);
    y = (infer_tensor){0};
    assert_int_equal(infer_run(s, in, 2, &y, 1, &err), INFER_ERROR_CANCELLED);
    pthread_join(thread, NULL);
    go_on = 0;
    y = (infer_tensor){0};
    OK(infer_run(s, in, 2, &y, 1, &err));
    assert_int_equal(*(int64_t *)y.data, 2);
    infer_session_free(&s);
    net_drop(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_branches), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_loops),    cmocka_unit_test(test_limits),
        cmocka_unit_test(test_states),   cmocka_unit_test(test_shapes_differ),
        cmocka_unit_test(test_endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
