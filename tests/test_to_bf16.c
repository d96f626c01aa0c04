/* Tensors of bf16 between the steps of a session of that precision: which become it, which may not,
 * and that answers stay near those in f32. */
#include "base/cpu.h"
#include "run/session.h"
#include "tests/small_net.h"

#include <math.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE };

static uint32_t conv(struct net *n, const char *name, uint32_t x, int64_t from, int64_t to,
                     int64_t kernel)
{
    struct infer__node *node;
    int64_t pad = kernel / 2;
    uint32_t w = net_const(n, "w", 4, (int64_t[]){to, from, kernel, kernel});
    uint32_t y = net_node(n, INFER__OP_CONV, name, (uint32_t[]){x, w}, 2, &node);
    net_attr(n, node, INFER__ATTR_PADS, 4, (int64_t[]){pad, pad, pad, pad});
    return y;
}

/* picture (1, 32, 28, 28) -> 3x3, Relu "a" -> MaxPool "pool" -> 1x1 "b" -> Add(pool) "sum" -> 1x1
 * "c"; "c" and, if `shown`, "sum" are outputs. */
static struct bytes make_file(int shown)
{
    struct net n = {.rng = {3}};
    struct infer__node *node;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t x = net_input(&n), out[2];
    int64_t dims[4] = {1, 32, SIDE, SIDE};
    memcpy(n.g.values[x].dims, dims, sizeof dims);
    n.g.values[x].free_dims = 0;
    uint32_t a = conv(&n, "a", x, 32, 64, 3);
    a = net_node(&n, INFER__OP_RELU, "a", &a, 1, &node);
    uint32_t pool = net_node(&n, INFER__OP_MAX_POOL, "pool", &a, 1, &node);
    net_attr(&n, node, INFER__ATTR_KERNEL_SHAPE, 2, (int64_t[]){2, 2});
    net_attr(&n, node, INFER__ATTR_STRIDES, 2, (int64_t[]){2, 2});
    uint32_t b = conv(&n, "b", pool, 64, 64, 1);
    out[1] = net_node(&n, INFER__OP_ADD, "sum", (uint32_t[]){b, pool}, 2, &node);
    out[0] = conv(&n, "c", out[1], 64, 128, 1);
    n.g.outputs = out;
    n.g.noutputs = shown ? 2 : 1;
    struct infer__file_content content = {.graph = &n.g};
    struct bytes file = write_exact(&content);
    infer__region_free(&n.region);
    return file;
}

static infer_session *session_of(const infer_model *m, infer_precision precision)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    infer_error err;
    o.precision = precision;
    o.threads = 1;
    OK(infer_session_create(m, &o, &s, &err));
    return s;
}

static const float *answer(infer_session *s)
{
    static float x[32 * PIXELS];
    struct rng r = {9};
    infer_tensor in = {
        .type = INFER_F32, .rank = 4, .dims = {1, 32, SIDE, SIDE}, .data = x, .bytes = sizeof x};
    infer_tensor out[2] = {{0}};
    infer_error err;
    for (size_t i = 0; i < 32 * PIXELS; i++)
        x[i] = ((float)rng_below(&r, 2001) - 1000) / 1000;
    OK(infer_run(s, &in, 1, out, infer_session_outputs(s), &err));
    return out[0].data;
}

/* Tensors of bf16 in the plan, each as large as its type says. */
static int count_halves(const infer_session *s)
{
    int n = 0;
    for (uint32_t i = 1; i < s->program->plan.ntensors; i++) {
        const struct infer__plan_tensor *t = &s->program->plan.tensors[i];
        if (t->desc.type != INFER_BF16)
            continue;
        assert_int_equal(t->place, INFER__PLACE_ARENA);
        assert_int_equal(t->bytes, 2 * (uint64_t)infer__operand_elements(&t->desc));
        n++;
    }
    return n;
}

static void check(int shown, int at_least)
{
    struct bytes file = make_file(shown);
    infer_model *m;
    infer_error err;
    OK(infer_load_memory(file.data, file.size, NULL, &m, &err));
    infer_session *wide = session_of(m, INFER_PRECISION_F32);
    infer_session *half = session_of(m, INFER_PRECISION_BF16);
    assert_int_equal(count_halves(wide), 0);
    assert_true(count_halves(half) >= at_least);
    for (uint32_t i = 0; i < half->program->plan.graph.noutputs; i++)
        assert_int_equal(half->program->plan.tensors[half->program->plan.outputs[i]].desc.type,
                         INFER_F32);
    const float *want = answer(wide), *got = answer(half);
    double most = 0, error = 0;
    for (int64_t i = 0; i < 128 * PIXELS / 4; i++) {
        most = fmax(most, fabs((double)want[i]));
        error = fmax(error, fabs((double)want[i] - (double)got[i]));
    }
    assert_true(most > 1 && error < 0.02 * most);
    infer_session_free(&wide);
    infer_session_free(&half);
    infer_model_free(&m);
    free(file.data);
}

static int has_tiles(void)
{
    if (infer_cpu_has(INFER_ISA_AMX))
        return 1;
    puts("skipped: this CPU has no AMX, whose kernels alone take bf16 tensors");
    return 0;
}

static void test_between(void **state)
{
    (void)state;
    if (has_tiles())
        check(0, 3); /* "a", "pool", "sum" */
}

static void test_outputs(void **state)
{
    (void)state;
    if (has_tiles())
        check(1, 2); /* "sum" is the caller's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_between),
                                       cmocka_unit_test(test_outputs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
