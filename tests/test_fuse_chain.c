/* Inverted residuals in a plan: they become one step, answer like separate steps, and stay apart
 * where somebody else reads what is in between. */
#include "base/cpu.h"
#include "infer_experimental.h"
#include "tests/small_net.h"

#include <math.h>

enum { SIDE = 56, CHANNELS = 16, WIDE = 96, PIXELS = SIDE * SIDE, MOST_OUTPUTS = 3 };

/* Which of the values in between are outputs of the graph too. */
enum { SHOW_EXPANDED = 1, SHOW_DEEP = 2 };

static uint32_t conv(struct net *n, const char *name, uint32_t x, const int64_t *dims,
                     int64_t groups)
{
    struct infer__node *node;
    uint32_t w = net_const(n, "w", 4, dims), b = net_const(n, "b", 1, dims);
    uint32_t y = net_node(n, INFER__OP_CONV, name, (uint32_t[]){x, w, b}, 3, &node);
    int64_t pad = dims[2] / 2;
    net_attr(n, node, INFER__ATTR_PADS, 4, (int64_t[]){pad, pad, pad, pad});
    net_attr(n, node, INFER__ATTR_GROUP, 1, &groups);
    return y;
}

/* 1x1, HardSwish, 3x3 depthwise, Relu, 1x1, plus the input. */
static struct net_model make_model(int show)
{
    struct net n = {.rng = {11}};
    struct infer__node *node;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t x = net_input(&n), out[MOST_OUTPUTS], nout = 0;
    int64_t dims[4] = {1, CHANNELS, SIDE, SIDE};
    memcpy(n.g.values[x].dims, dims, sizeof dims);
    n.g.values[x].free_dims = 0;
    uint32_t e = conv(&n, "expand", x, (int64_t[]){WIDE, CHANNELS, 1, 1}, 1);
    e = net_node(&n, INFER__OP_HARD_SWISH, "expanded", &e, 1, &node);
    uint32_t d = conv(&n, "depthwise", e, (int64_t[]){WIDE, 1, 3, 3}, WIDE);
    d = net_node(&n, INFER__OP_RELU, "deep", &d, 1, &node);
    uint32_t p = conv(&n, "project", d, (int64_t[]){CHANNELS, WIDE, 1, 1}, 1);
    out[nout++] = net_node(&n, INFER__OP_ADD, "sum", (uint32_t[]){p, x}, 2, &node);
    if (show & SHOW_EXPANDED)
        out[nout++] = e;
    if (show & SHOW_DEEP)
        out[nout++] = d;
    return net_load(&n, out, nout);
}

/* Runs on fixed numbers; the first output's elements, to be freed. */
static float *answer(infer_session *s)
{
    static float x[CHANNELS * PIXELS];
    struct rng r = {5};
    infer_tensor in = {.type = INFER_F32,
                       .rank = 4,
                       .dims = {1, CHANNELS, SIDE, SIDE},
                       .data = x,
                       .bytes = sizeof x};
    infer_tensor out[MOST_OUTPUTS] = {{0}};
    infer_error err;
    for (size_t i = 0; i < CHANNELS * PIXELS; i++)
        x[i] = ((float)rng_below(&r, 2001) - 1000) / 1000;
    OK(infer_run(s, &in, 1, out, infer_session_outputs(s), &err));
    return exact_copy(out[0].data, sizeof x);
}

/* Steps that are a chain, and the last of them in *info. */
static int chains(const infer_session *s, infer_step_info *info)
{
    int n = 0;
    for (size_t i = 0; i < infer_session_steps(s); i++) {
        infer_step_info step = INFER_STEP_INFO_INIT;
        OK(infer_session_step(s, i, &step, NULL));
        if (strcmp(step.op, "ConvChain") == 0) {
            *info = step;
            n++;
        }
    }
    return n;
}

static void test_fused(void **state)
{
    struct net_model fused = make_model(0), apart = make_model(SHOW_EXPANDED | SHOW_DEEP);
    (void)state;
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) {
        infer_step_info info = INFER_STEP_INFO_INIT;
        infer_session *one = net_session(&fused, isa, 1, 1);
        infer_session *three = net_session(&apart, isa, 1, 1);
        if (chains(one, &info) != 1)
            fail_msg("isa %d: %d chains", isa, chains(one, &info));
        assert_string_equal(info.node, "project");
        assert_string_equal(info.fused, "Conv 1x1, depthwise before, Add");
        assert_true(info.flops == 2u * PIXELS * WIDE * (CHANNELS + 9 + CHANNELS));
        assert_int_equal(chains(three, &info), 0);
        float *got = answer(one), *want = answer(three);
        for (size_t i = 0; i < CHANNELS * PIXELS; i++)
            if (!(fabsf(got[i] - want[i]) <= 1e-5f * (1 + fabsf(want[i]))))
                fail_msg("element %zu is %g, apart %g", i, (double)got[i], (double)want[i]);
        free(got);
        free(want);
        infer_session_free(&one);
        infer_session_free(&three);
    }
    net_drop(&fused);
    net_drop(&apart);
}

/* The choice and the bits are the same for any number of threads. */
static void test_threads(void **state)
{
    struct net_model m = make_model(0);
    infer_step_info info = INFER_STEP_INFO_INIT;
    (void)state;
    for (uint32_t no_onednn = 0; no_onednn < 2; no_onednn++) {
        infer_session *s = net_session(&m, INFER_ISA_DEFAULT, 1, no_onednn);
        int alone = chains(s, &info);
        float *want = answer(s);
        infer_session_free(&s);
        for (uint32_t threads = 2; threads <= 4; threads++) {
            s = net_session(&m, INFER_ISA_DEFAULT, threads, no_onednn);
            assert_int_equal(chains(s, &info), alone);
            float *got = answer(s);
            assert_memory_equal(got, want, CHANNELS * PIXELS * sizeof *got);
            free(got);
            infer_session_free(&s);
        }
        free(want);
    }
    net_drop(&m);
}

/* An output in between parts the chain there: what remains may be fused, the rest never. */
static void test_prevented(void **state)
{
    struct net_model expanded = make_model(SHOW_EXPANDED), deep = make_model(SHOW_DEEP);
    infer_step_info info = INFER_STEP_INFO_INIT;
    (void)state;
    infer_session *s = net_session(&expanded, INFER_ISA_DEFAULT, 1, 1);
    if (chains(s, &info))
        assert_string_equal(info.fused, "depthwise before, Add");
    infer_session_free(&s);
    s = net_session(&deep, INFER_ISA_DEFAULT, 1, 1);
    if (chains(s, &info)) {
        assert_string_equal(info.fused, "Conv 1x1 before");
        assert_string_equal(info.node, "depthwise");
    }
    infer_session_free(&s);
    net_drop(&expanded);
    net_drop(&deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fused),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_prevented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
