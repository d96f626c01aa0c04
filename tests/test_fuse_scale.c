/* Squeeze and excitation in a plan: the Mul goes into the 1x1 convolution behind it, answers are
 * those of separate nodes, and it stays apart where somebody else reads the product, or where it is
 * no scaling of channels before a 1x1 convolution. */
#include "base/cpu.h"
#include "infer_experimental.h"
#include "tests/small_net.h"

#include <math.h>

enum { SIDE = 28, CHANNELS = 72, OUT = 24, PIXELS = SIDE * SIDE, MOST_OUTPUTS = 2 };

enum form {
    PLAIN,       /* x * gate, then the convolution */
    TURNED,      /* gate * x */
    SHOW_SCALED, /* the product is an output too */
    WIDE,        /* the gate has numbers for pixels, not for channels */
    STRIDED      /* the convolution leaves out pixels */
};

/* The gate: one number for each channel, or for each pixel. */
static uint32_t make_gate(struct net *n, uint32_t x, enum form form)
{
    struct infer__node *node;
    uint32_t w = net_const(n, "w", 4, (int64_t[]){CHANNELS, CHANNELS, 1, 1}), pooled = x;
    if (form == WIDE)
        w = net_const(n, "w", 4, (int64_t[]){1, CHANNELS, 1, 1});
    else
        pooled = net_node(n, INFER__OP_GLOBAL_AVERAGE_POOL, "pooled", &x, 1, &node);
    uint32_t y = net_node(n, INFER__OP_CONV, "squeeze", (uint32_t[]){pooled, w}, 2, &node);
    return net_node(n, INFER__OP_SIGMOID, "gate", &y, 1, &node);
}

static struct net_model make_model(enum form form)
{
    struct net n = {.rng = {11}};
    struct infer__node *node;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t x = net_input(&n), out[MOST_OUTPUTS];
    int64_t dims[4] = {1, CHANNELS, SIDE, SIDE};
    memcpy(n.g.values[x].dims, dims, sizeof dims);
    n.g.values[x].free_dims = 0;
    uint32_t gate = make_gate(&n, x, form);
    uint32_t both[2] = {form == TURNED ? gate : x, form == TURNED ? x : gate};
    uint32_t scaled = net_node(&n, INFER__OP_MUL, "scaled", both, 2, &node);
    uint32_t w = net_const(&n, "w", 4, (int64_t[]){OUT, CHANNELS, 1, 1});
    uint32_t b = net_const(&n, "b", 1, (int64_t[]){OUT});
    out[0] = net_node(&n, INFER__OP_CONV, "project", (uint32_t[]){scaled, w, b}, 3, &node);
    if (form == STRIDED)
        net_attr(&n, node, INFER__ATTR_STRIDES, 2, (int64_t[]){2, 2});
    out[1] = scaled;
    return net_load(&n, out, form == SHOW_SCALED ? 2 : 1);
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
    return exact_copy(out[0].data, OUT * PIXELS * sizeof(float));
}

/* Whether there is a ScaledConv, which is then in *info. */
static int is_scaled(const infer_session *s, infer_step_info *info)
{
    for (size_t i = 0; i < infer_session_steps(s); i++) {
        OK(infer_session_step(s, i, info, NULL));
        if (strcmp(info->op, "ScaledConv") == 0)
            return 1;
    }
    return 0;
}

static void test_fused(void **state)
{
    struct net_model fused[2] = {make_model(PLAIN), make_model(TURNED)};
    struct net_model apart = make_model(SHOW_SCALED);
    (void)state;
    for (infer_isa isa = INFER_ISA_AVX2; infer_cpu_has(isa); isa = infer__isa_next(isa)) {
        infer_step_info info = INFER_STEP_INFO_INIT;
        infer_session *two = net_session(&apart, isa, 1, 1);
        float *want = answer(two);
        assert_false(is_scaled(two, &info));
        for (int i = 0; i < 2; i++) {
            infer_session *one = net_session(&fused[i], isa, 1, 1);
            assert_true(is_scaled(one, &info));
            assert_string_equal(info.node, "project");
            assert_string_equal(info.fused, "Mul before");
            assert_true(info.flops == 2u * PIXELS * CHANNELS * OUT);
            float *got = answer(one);
            for (size_t k = 0; k < OUT * PIXELS; k++)
                if (!(fabsf(got[k] - want[k]) <= 1e-5f * (1 + fabsf(want[k]))))
                    fail_msg("element %zu is %g, apart %g", k, (double)got[k], (double)want[k]);
            free(got);
            infer_session_free(&one);
        }
        free(want);
        infer_session_free(&two);
    }
    net_drop(&fused[0]);
    net_drop(&fused[1]);
    net_drop(&apart);
}

/* The choice and the bits are the same for any number of threads. */
static void test_threads(void **state)
{
    struct net_model m = make_model(PLAIN);
    infer_step_info info = INFER_STEP_INFO_INIT;
    (void)state;
    infer_session *s = net_session(&m, INFER_ISA_DEFAULT, 1, 1);
    int alone = is_scaled(s, &info);
    float *want = answer(s);
    infer_session_free(&s);
    for (uint32_t threads = 2; threads <= 4; threads++) {
        s = net_session(&m, INFER_ISA_DEFAULT, threads, 1);
        assert_int_equal(is_scaled(s, &info), alone);
        float *got = answer(s);
        assert_memory_equal(got, want, OUT * PIXELS * sizeof *got);
        free(got);
        infer_session_free(&s);
    }
    free(want);
    net_drop(&m);
}

static void test_prevented(void **state)
{
    infer_step_info info = INFER_STEP_INFO_INIT;
    (void)state;
    for (int form = SHOW_SCALED; form <= STRIDED; form++) {
        struct net_model m = make_model((enum form)form);
        infer_session *s = net_session(&m, INFER_ISA_DEFAULT, 1, 1);
        assert_false(is_scaled(s, &info));
        infer_session_free(&s);
        net_drop(&m);
    }
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
