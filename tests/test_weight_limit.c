/* infer_session_options.weight_bytes_limit: kernels whose packed weights keep to it, the fastest of
 * them, the same for any number of threads; and an error where there are none. */
#include "tests/small_net.h"

#include <math.h>

#include "infer_experimental.h"
#include "run/session.h"

/* 3x3 convolutions, which Winograd's kernels compute with more bytes of weights. */
enum { LAYERS = 5, CHANNELS = 64, SIDE = 28, ELEMENTS = CHANNELS * SIDE * SIDE };

static struct net_model net;
static float picture[ELEMENTS];

static int setup(void **state)
{
    struct net n = {.rng = {11}};
    (void)state;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t x = net_input(&n);
    n.g.values[x].free_dims = 0;
    memcpy(n.g.values[x].dims, (int64_t[]){1, CHANNELS, SIDE, SIDE}, 4 * sizeof(int64_t));
    for (int i = 0; i < LAYERS; i++) {
        struct infer__node *node;
        char name[16];
        snprintf(name, sizeof name, "w%d", i);
        uint32_t w = net_const(&n, name, 4, (int64_t[]){CHANNELS, CHANNELS, 3, 3});
        snprintf(name, sizeof name, "conv%d", i);
        x = net_node(&n, INFER__OP_CONV, name, (uint32_t[]){x, w}, 2, &node);
        net_attr(&n, node, INFER__ATTR_PADS, 4, (int64_t[]){1, 1, 1, 1});
    }
    for (int i = 0; i < ELEMENTS; i++)
        picture[i] = ((float)rng_below(&n.rng, 2001) - 1000) / 1000;
    net = net_load(&n, &x, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    net_drop(&net);
    return 0;
}

static infer_status make(uint64_t limit, uint32_t threads, infer_session **s, infer_error *err)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    o.weight_bytes_limit = limit;
    o.threads = threads;
    o.no_onednn = 1;
    return infer_session_create(net.model, &o, s, err);
}

static infer_session *session(uint64_t limit)
{
    infer_session *s;
    infer_error err;
    OK(make(limit, 1, &s, &err));
    return s;
}

/* Bytes of the packed weights, by what the steps say. */
static uint64_t packed(const infer_session *s)
{
    infer_session_memory m = INFER_SESSION_MEMORY_INIT;
    uint64_t bytes = 0;
    OK(infer_session_memory_use(s, &m, NULL));
    for (size_t i = 0; i < infer_session_steps(s); i++) {
        infer_step_info step = INFER_STEP_INFO_INIT;
        OK(infer_session_step(s, i, &step, NULL));
        bytes += step.packed_bytes;
    }
    assert_int_equal(m.packed_bytes, bytes);
    return bytes;
}

/* The estimates of all kernels. */
static double estimate(const infer_session *s)
{
    double ns = 0;
    for (uint32_t i = 0; i < s->program->plan.nsteps; i++) {
        const struct infer__step *step = &s->program->plan.steps[i];
        ns += infer__kernel_ns(step->kernel, &step->task);
    }
    return ns;
}

static void run(infer_session *s, float *y)
{
    const infer_tensor in = {INFER_F32,      4,     {1, CHANNELS, SIDE, SIDE}, picture,
                             sizeof picture, {0, 0}};
    infer_tensor out = {INFER_F32, 4, {1, CHANNELS, SIDE, SIDE}, y, sizeof picture, {0, 0}};
    infer_error err;
    OK(infer_run(s, &in, 1, &out, 1, &err));
}

/* The smallest bytes that a limit can have. */
static uint64_t least(void)
{
    uint64_t low = 0, high = (uint64_t)1 << 30;
    while (low + 1 < high) {
        infer_session *s;
        infer_error err;
        const uint64_t middle = (low + high) / 2;
        const infer_status status = make(middle, 1, &s, &err);
        infer_session_free(&s);
        if (status == INFER_OK)
            high = middle;
        else
            low = middle;
    }
    return high;
}

static void test_limits(void **state)
{
    static float want[ELEMENTS], got[ELEMENTS];
    infer_session *all = session((uint64_t)1 << 40);
    const uint64_t most = packed(all), few = least();
    double slower = estimate(all);
    (void)state;
    run(all, want);
    assert_int_equal(all->program->plan.weights.smaller, 0);
    if (most == few)
        print_message("every kernel of this CPU's has the same bytes\n");
    for (int k = 8; k >= 0; k--) {
        const uint64_t limit = few + (most - few) * (uint64_t)k / 8;
        infer_session *s = session(limit);
        double error = 0, size = 0;
        assert_true(packed(s) <= limit);
        assert_in_range(s->program->plan.weights.packed, packed(s), limit);
        assert_int_equal(s->program->plan.weights.limit, limit);
        assert_true(estimate(s) >= slower * 0.99); /* fewer bytes are not faster */
        slower = estimate(s);
        run(s, got);
        for (int i = 0; i < ELEMENTS; i++) {
            error = fmax(error, fabs((double)got[i] - (double)want[i]));
            size = fmax(size, fabs((double)want[i]));
        }
        assert_true(error < 1e-4 * size);
        infer_session_free(&s);
    }
    infer_session_free(&all);
}

/* Without a limit: a megabyte more than the weights of so small a network. */
static void test_default(void **state)
{
    const uint64_t plain = (uint64_t)LAYERS * CHANNELS * CHANNELS * 9 * sizeof(float);
    infer_session *s = session(0);
    (void)state;
    assert_int_equal(s->program->plan.weights.plain, plain);
    assert_int_equal(s->program->plan.weights.limit, plain + (1 << 20));
    infer_session_free(&s);
}

static void test_too_low(void **state)
{
    infer_session *s;
    infer_error err;
    (void)state;
    const uint64_t few = least();
    assert_int_equal(make(few - 1, 1, &s, &err), INFER_ERROR_LIMIT);
    assert_null(s);
    assert_non_null(strstr(err.message, "weight_bytes_limit"));
    assert_int_equal(make(1, 1, &s, &err), INFER_ERROR_LIMIT);
}

/* The choice, and so the bits, do not depend on the number of threads. */
static void test_threads(void **state)
{
    static float want[ELEMENTS], got[ELEMENTS];
    infer_session *all = session((uint64_t)1 << 40);
    const uint64_t limit = (packed(all) + least()) / 2;
    infer_session *one = session(limit);
    (void)state;
    run(one, want);
    for (uint32_t threads = 2; threads <= 4; threads++) {
        infer_session *s;
        infer_error err;
        OK(make(limit, threads, &s, &err));
        assert_int_equal(packed(s), packed(one));
        for (uint32_t i = 0; i < s->program->plan.nsteps; i++)
            assert_ptr_equal(s->program->plan.steps[i].kernel, one->program->plan.steps[i].kernel);
        run(s, got);
        assert_memory_equal(got, want, sizeof want);
        infer_session_free(&s);
    }
    infer_session_free(&one);
    infer_session_free(&all);
}

/* Sessions with other limits share what they have in common, and each counts its own. */
static void test_beside_each_other(void **state)
{
    infer_session *all = session((uint64_t)1 << 40), *small = session(least()), *again;
    (void)state;
    const uint64_t bytes = packed(small);
    again = session(least());
    assert_int_equal(packed(again), bytes);
    for (uint32_t i = 0; i < small->program->plan.nsteps; i++)
        assert_ptr_equal(small->program->plan.steps[i].packed,
                         again->program->plan.steps[i].packed);
    infer_session_free(&all);
    infer_session_free(&small);
    infer_session_free(&again);
}

/* Memory that fails at one call. */
struct failing {
    int calls, at, held;
};

static void *failing_alloc(void *ctx, size_t bytes)
{
    struct failing *f = ctx;
    if (++f->calls == f->at)
        return NULL;
    f->held++;
    return malloc(bytes);
}

static void failing_free(void *ctx, void *memory)
{
    struct failing *f = ctx;
    f->held--;
    free(memory);
}

static void test_every_allocation_fails(void **state)
{
    infer_session *all = session((uint64_t)1 << 40);
    const uint64_t limit = (packed(all) + least()) / 2;
    struct failing f = {0};
    infer_load_options lo = INFER_LOAD_OPTIONS_INIT;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_model *model;
    infer_session *s;
    infer_error err;
    infer_status status;
    (void)state;
    lo.allocator = (infer_allocator){&f, failing_alloc, failing_free};
    o.weight_bytes_limit = limit;
    o.threads = 1;
    o.no_onednn = 1;
    OK(infer_load_memory(net.file.data, net.file.size, &lo, &model, &err));
    const int held = f.held;
    for (int at = 1;; at++) {
        f.calls = 0;
        f.at = at;
        status = infer_session_create(model, &o, &s, &err);
        if (status == INFER_OK)
            break;
        assert_int_equal(status, INFER_ERROR_NO_MEMORY);
        assert_int_equal(f.held, held);
    }
    assert_true(f.calls < f.at && packed(s) <= limit);
    infer_session_free(&s);
    infer_model_free(&model);
    assert_int_equal(f.held, 0);
    infer_session_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_too_low),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_beside_each_other),
        cmocka_unit_test(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
