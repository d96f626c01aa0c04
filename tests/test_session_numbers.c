/* Numbers at the edges, through a session: there denormals count as 0, which kernels run by
 * themselves in other tests do not see. The rule is docs/numbers.md. */
#include <math.h>

#include "base/cpu.h"
#include "tests/small_net.h"

enum { LENGTH = 19 }; /* whole vectors of every level, and a rest */

struct row {
    float x, want;
};

static int same(float got, float want)
{
    return isnan(want) ? isnan(got) : got == want;
}

/* Each row at every place of a vector, all other elements 1. */
static void check_op(uint16_t op, const struct row *rows, size_t nrows)
{
    struct net n = {.rng = {5}};
    struct infer__node *node;
    uint32_t x, y;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    OK(infer__graph_add_value(&n.g, "x", &x, &n.err));
    struct infer__value *v = &n.g.values[x];
    *v = (struct infer__value){.type = INFER_F32,
                               .rank = 1,
                               .kind = INFER__VALUE_INPUT,
                               .name = v->name,
                               .shaped = 1,
                               .dims = {LENGTH}};
    n.g.inputs = infer__region_copy(&n.region, &x, sizeof x);
    n.g.ninputs = 1;
    y = net_node(&n, op, "y", &x, 1, &node);
    struct net_model m = net_load(&n, &y, 1);
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) {
        infer_session *s = net_session(&m, isa, 1, 0);
        for (size_t i = 0; i < nrows * LENGTH; i++) {
            float values[LENGTH];
            infer_tensor in = {.type = INFER_F32,
                               .rank = 1,
                               .dims = {LENGTH},
                               .data = values,
                               .bytes = sizeof values},
                         out = {0};
            infer_error err;
            for (int k = 0; k < LENGTH; k++)
                values[k] = 1;
            values[i % LENGTH] = rows[i / LENGTH].x;
            OK(infer_run(s, &in, 1, &out, 1, &err));
            float got = ((const float *)out.data)[i % LENGTH];
            if (!same(got, rows[i / LENGTH].want))
                fail_msg("%s of %g at %s: %g, not %g", infer__op_info(op)->name,
                         (double)rows[i / LENGTH].x, infer_isa_name(isa), (double)got,
                         (double)rows[i / LENGTH].want);
        }
        infer_session_free(&s);
    }
    net_drop(&m);
}

static void test_log(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {0.0f, -INFINITY}, {-0.0f, -INFINITY}, {1.0f, 0.0f}, {INFINITY, INFINITY},
        {-1.0f, NAN},      {-INFINITY, NAN},   {NAN, NAN}};
    check_op(INFER__OP_LOG, rows, sizeof rows / sizeof *rows);
}

static void test_others(void **state)
{
    (void)state;
    static const struct row exp_rows[] = {
        {-INFINITY, 0.0f}, {INFINITY, INFINITY}, {0x1p-140f, 1.0f}, {NAN, NAN}};
    static const struct row relu_rows[] = {
        {-INFINITY, 0.0f}, {INFINITY, INFINITY}, {-1.0f, 0.0f}, {NAN, NAN}};
    static const struct row root_rows[] = {{-1.0f, NAN}, {INFINITY, INFINITY}, {0.0f, 0.0f}};
    check_op(INFER__OP_EXP, exp_rows, sizeof exp_rows / sizeof *exp_rows);
    check_op(INFER__OP_RELU, relu_rows, sizeof relu_rows / sizeof *relu_rows);
    check_op(INFER__OP_SQRT, root_rows, sizeof root_rows / sizeof *root_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
