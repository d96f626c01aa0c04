/* Sessions that share packed weights, and sessions that change their shapes: the same bits as a
 * session of its own, one copy of weights, and nothing lost when memory fails. */
#include <pthread.h>

#include "infer_experimental.h"
#include "run/session.h"
#include "tests/packed_check.h"
#include "tests/small_net.h"

enum { CHANNELS = 8, MIDDLE = 32, MOST = 4 * CHANNELS * 24 * 24, SCORES = 10 };

struct fixture {
    struct net_model m;
};

/* x (N, 8, H, W), all three free, -> Conv 3x3 -> Relu -> depthwise 3x3 -> Conv 1x1 with weights
 * that are computed while planning: "map"; its means -> Gemm: "scores". */
static struct net_model free_net(void)
{
    struct net n = {.rng = {11}};
    struct infer__node *node;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t x = net_input(&n);
    struct infer__value *v = &n.g.values[x];
    v->free_dims = 1 | 4 | 8;
    memcpy(v->dims, (int64_t[4]){0, CHANNELS, 0, 0}, 4 * sizeof *v->dims);
    const int64_t pads[] = {1, 1, 1, 1}, groups = MIDDLE;
    uint32_t w1 = net_const(&n, "w1", 4, (int64_t[]){MIDDLE, CHANNELS, 3, 3});
    uint32_t w2 = net_const(&n, "w2", 4, (int64_t[]){MIDDLE, 1, 3, 3});
    uint32_t w3 = net_const(&n, "w3", 4, (int64_t[]){16, MIDDLE, 1, 1});
    uint32_t by = net_const(&n, "by", 4, (int64_t[]){16, 1, 1, 1});
    uint32_t y = net_node(&n, INFER__OP_CONV, "conv1", (uint32_t[]){x, w1}, 2, &node);
    net_attr(&n, node, INFER__ATTR_PADS, 4, pads);
    y = net_node(&n, INFER__OP_RELU, "relu1", &y, 1, &node);
    y = net_node(&n, INFER__OP_CONV, "conv2", (uint32_t[]){y, w2}, 2, &node);
    net_attr(&n, node, INFER__ATTR_PADS, 4, pads);
    net_attr(&n, node, INFER__ATTR_GROUP, 1, &groups);
    uint32_t scaled = net_node(&n, INFER__OP_MUL, "scaled", (uint32_t[]){w3, by}, 2, &node);
    uint32_t map = net_node(&n, INFER__OP_CONV, "map", (uint32_t[]){y, scaled}, 2, &node);
    uint32_t mean = net_node(&n, INFER__OP_GLOBAL_AVERAGE_POOL, "mean", &map, 1, &node);
    uint32_t flat = net_node(&n, INFER__OP_FLATTEN, "flat", &mean, 1, &node);
    uint32_t w4 = net_const(&n, "w4", 2, (int64_t[]){16, SCORES});
    uint32_t out[] = {net_node(&n, INFER__OP_GEMM, "scores", (uint32_t[]){flat, w4}, 2, &node),
                      map};
    return net_load(&n, out, 2);
}

static int setup(void **state)
{
    static struct fixture f;
    f.m = free_net();
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    net_drop(&f->m);
    return 0;
}

struct size {
    int64_t n, h, w;
};

static const struct size sizes[] = {{1, 8, 8},  {1, 17, 9}, {3, 8, 8},   {2, 24, 24}, {1, 24, 24},
                                    {4, 5, 24}, {1, 1, 1},  {1, 24, 23}, {2, 1, 9},   {3, 24, 24}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static infer_input_spec spec_of(struct size z)
{
    return (infer_input_spec){.name = "picture", .rank = 4, .dims = {z.n, CHANNELS, z.h, z.w}};
}

static infer_session *make_at(const infer_model *m, struct size z, uint32_t threads, infer_isa isa)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    infer_error err;
    const infer_input_spec spec = spec_of(z);
    o.threads = threads;
    o.isa = isa;
    o.no_onednn = 1;
    o.inputs = &spec;
    o.ninputs = 1;
    infer_status status = infer_session_create(m, &o, &s, &err);
    if (status != INFER_OK)
        fail_msg("%s: %s (%s)", infer_status_name(status), err.message, err.node);
    return s;
}

static infer_session *make(const infer_model *m, struct size z, uint32_t threads)
{
    return make_at(m, z, threads, INFER_ISA_DEFAULT);
}

static infer_status reshape(infer_session *s, struct size z)
{
    const infer_input_spec spec = spec_of(z);
    infer_error err;
    infer_status status = infer_session_reshape(s, &spec, 1, &err);
    assert_int_equal(err.status, status);
    return status;
}

/* Runs on the same numbers every time; the outputs are lent. */
static infer_status run_lent(infer_session *s, struct size z, infer_tensor out[2])
{
    float x[MOST];
    struct rng r = {5};
    infer_error err;
    infer_tensor in = {.type = INFER_F32,
                       .rank = 4,
                       .dims = {z.n, CHANNELS, z.h, z.w},
                       .data = x,
                       .bytes = (size_t)(z.n * CHANNELS * z.h * z.w) * sizeof *x};
    assert_true(in.bytes <= sizeof x);
    for (size_t i = 0; i < in.bytes / sizeof *x; i++)
        x[i] = ((float)rng_below(&r, 2001) - 1000) / 500;
    memset(out, 0, 2 * sizeof *out);
    return infer_run(s, &in, 1, out, 2, &err);
}

/* The session answers as one that was made for the size. */
static void check_answers(const infer_model *m, infer_session *s, struct size z)
{
    infer_session *fresh = make(m, z, 1);
    infer_tensor got[2], want[2];
    OK(run_lent(s, z, got));
    OK(run_lent(fresh, z, want));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(got[i].bytes, want[i].bytes);
        assert_memory_equal(got[i].dims, want[i].dims, sizeof got[i].dims);
        assert_memory_equal(got[i].data, want[i].data, want[i].bytes);
    }
    assert_int_equal(infer_session_steps(s), infer_session_steps(fresh));
    infer_session_free(&fresh);
}

static size_t stored(const infer_model *m)
{
    size_t bytes, entries;
    infer__store_count(m->store, &bytes, &entries);
    return bytes;
}

static uint64_t packed(const infer_session *s)
{
    infer_session_memory use = INFER_SESSION_MEMORY_INIT;
    OK(infer_session_memory_use(s, &use, NULL));
    return use.packed_bytes;
}

/* ---- one copy ------------------------------------------------------------------------------- */

static void test_sessions_share(void **state)
{
    const infer_model *m = ((struct fixture *)*state)->m.model;
    infer_session *s[4];
    assert_int_equal(stored(m), 0);
    s[0] = make(m, sizes[3], 1);
    const size_t one = stored(m);
    assert_true(one > 0);
    assert_int_equal(packed(s[0]), one);
    for (uint32_t i = 1; i < 4; i++) {
        s[i] = make(m, sizes[3], 1);
        assert_int_equal(packed(s[i]), one); /* each counts what it uses */
        check_answers(m, s[i], sizes[3]);
    }
    assert_int_equal(stored(m), one); /* the weights computed while planning too */
    infer_session_free(&s[0]);
    infer_session_free(&s[2]);
    assert_int_equal(stored(m), one);
    check_answers(m, s[1], sizes[3]);
    infer_session_free(&s[1]);
    infer_session_free(&s[3]);
    assert_int_equal(stored(m), 0);
}

/* What others have packed counts against a session's limit: it does not depend on who came first.
 */
static void test_limit_counts_shared(void **state)
{
    const infer_model *m = ((struct fixture *)*state)->m.model;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s, *other = NULL;
    infer_error err;
    const infer_input_spec spec = spec_of(sizes[0]);
    o.threads = 1;
    o.no_onednn = 1;
    o.inputs = &spec;
    o.ninputs = 1;
    uint64_t least[2];
    for (int shared = 0; shared < 2; shared++) {
        uint64_t low = 0, high = 1 << 22;
        while (low + 1 < high) {
            o.max_memory_bytes = (low + high) / 2;
            infer_status status = infer_session_create(m, &o, &s, &err);
            assert_true(status == INFER_OK || status == INFER_ERROR_LIMIT);
            *(status == INFER_OK ? &high : &low) = o.max_memory_bytes;
            infer_session_free(&s);
        }
        least[shared] = high;
        if (!shared)
            other = make(m, sizes[0], 1);
    }
    assert_int_equal(least[0], least[1]);
    assert_true(least[0] > packed(other));
    infer_session_free(&other);
}

/* Weights that were packed for other threads, batches and sizes are those that the session would
 * have packed itself, at every level; and where kernels are the same, all are shared. */
static void test_any_size_has_the_same_weights(void **state)
{
    const infer_model *m = ((struct fixture *)*state)->m.model;
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_after(isa)) {
        infer_session *s[SIZES];
        size_t shared = 0;
        for (int k = 0; k < SIZES; k++) {
            s[k] = make_at(m, sizes[k], 1 + (uint32_t)k % 4, isa);
            const struct infer__step *wrong = packed_wrong(s[k], &shared);
            if (wrong)
                fail_msg("%s, size %d: %s has other weights", infer_isa_name(isa), k,
                         wrong->kernel->name);
        }
        assert_true(shared >= SIZES);
        for (int k = 0; k < SIZES; k++)
            infer_session_free(&s[k]);
        assert_int_equal(stored(m), 0);
    }
}

struct worker {
    const infer_model *model;
    uint64_t seed;
    float want[SIZES][4 * SCORES];
    int bad;
};

static void *make_often(void *arg)
{
    struct worker *w = arg;
    struct rng r = {w->seed};
    for (int i = 0; i < 12 && !w->bad; i++) {
        uint32_t k = rng_below(&r, SIZES);
        infer_session *s = make(w->model, sizes[k], 1 + (uint32_t)(w->seed & 1));
        for (int j = 0; j < 6 && !w->bad; j++) {
            infer_tensor out[2];
            w->bad = run_lent(s, sizes[k], out) != INFER_OK ||
                     memcmp(out[0].data, w->want[k], out[0].bytes) != 0;
            k = rng_below(&r, SIZES);
            w->bad |= reshape(s, sizes[k]) != INFER_OK;
        }
        infer_session_free(&s);
    }
    return NULL;
}

/* Sessions are made, reshaped and freed on many threads at once. */
static void test_many_threads(void **state)
{
    const infer_model *m = ((struct fixture *)*state)->m.model;
    enum { THREADS = 8 };
    static struct worker w[THREADS];
    pthread_t t[THREADS];
    for (int k = 0; k < SIZES; k++) {
        infer_session *s = make(m, sizes[k], 1);
        infer_tensor out[2];
        OK(run_lent(s, sizes[k], out));
        for (int i = 0; i < THREADS; i++)
            memcpy(w[i].want[k], out[0].data, out[0].bytes);
        infer_session_free(&s);
    }
    for (uint64_t i = 0; i < THREADS; i++) {
        w[i].model = m;
        w[i].seed = i;
        w[i].bad = 0;
        assert_int_equal(pthread_create(&t[i], NULL, make_often, &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(w[i].bad, 0);
    }
    assert_int_equal(stored(m), 0);
}

/* ---- reshaping ------------------------------------------------------------------------------ */

static void test_same_bits(void **state)
{
    const infer_model *m = ((struct fixture *)*state)->m.model;
    for (uint32_t threads = 1; threads <= 3; threads++) {
        infer_session *s = make(m, sizes[0], threads);
        for (int round = 0; round < 2; round++)
            for (int k = 0; k < SIZES; k++) {
                OK(reshape(s, sizes[(k * 7) % SIZES]));
                check_answers(m, s, sizes[(k * 7) % SIZES]);
            }
        infer_value_info info = INFER_VALUE_INFO_INIT;
        OK(reshape(s, sizes[3]));
        OK(infer_session_input(s, 0, &info, NULL));
        assert_true(info.dims[0] == sizes[3].n && info.dims[3] == sizes[3].w);
        OK(infer_session_output(s, 1, &info, NULL));
        assert_true(info.dims[0] == sizes[3].n && info.dims[2] == sizes[3].h);
        infer_session_free(&s);
    }
    assert_int_equal(stored(m), 0);
}

static struct net_model load_counted(const struct fixture *f, struct counter *c)
{
    struct net_model m = {f->m.file, NULL};
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_error err;
    o.allocator = counting(c);
    OK(infer_load_memory(m.file.data, m.file.size, &o, &m.model, &err));
    return m;
}

/* Sizes that come again take no memory, and as many as there are of them no more than the last
 * few. */
static void test_sizes_are_kept(void **state)
{
    struct counter c;
    struct net_model m = load_counted(*state, &c);
    infer_session *s = make(m.model, sizes[0], 1);
    for (int k = 1; k < INFER__MOST_PROGRAMS; k++)
        OK(reshape(s, sizes[k]));
    const size_t calls = c.calls;
    for (int k = 0; k < 5 * INFER__MOST_PROGRAMS; k++) {
        OK(reshape(s, sizes[(3 * k) % INFER__MOST_PROGRAMS]));
        check_answers(((struct fixture *)*state)->m.model, s,
                      sizes[(3 * k) % INFER__MOST_PROGRAMS]);
    }
    assert_int_equal(c.calls, calls);
    for (int64_t k = 1; k < 24; k++) /* all of which need less memory than those before */
        OK(reshape(s, (struct size){1, k, 2}));
    const size_t held = c.bytes;
    for (int64_t k = 1; k < 24; k++)
        OK(reshape(s, (struct size){1, k, 2}));
    assert_true(c.bytes < held + held / 8);
    assert_int_equal(s->nprograms, INFER__MOST_PROGRAMS);
    infer_session_free(&s);
    assert_int_equal(stored(m.model), 0);
    infer_model_free(&m.model);
    assert_int_equal(c.blocks, 0);
}

/* Packed weights of a session are counted once, however many of its sizes use them. */
static void test_weights_are_counted_once(void **state)
{
    const infer_model *m = ((struct fixture *)*state)->m.model;
    infer_session *s = make(m, sizes[3], 1);
    for (int k = 0; k < SIZES; k++)
        OK(reshape(s, sizes[k]));
    assert_int_equal(packed(s), stored(m));
    infer_session_free(&s);
}

static uint64_t used(const infer_session *s)
{
    infer_session_memory use = INFER_SESSION_MEMORY_INIT;
    OK(infer_session_memory_use(s, &use, NULL));
    return use.arena_bytes + use.packed_bytes + use.output_bytes + use.plan_bytes;
}

/* Where a new size does not fit beside those that are kept, they go; where it does not fit at all,
 * the session stays as it was. */
static void test_limit(void **state)
{
    const infer_model *m = ((struct fixture *)*state)->m.model;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    infer_error err;
    o.threads = 1;
    o.no_onednn = 1;
    infer_input_spec spec = spec_of(sizes[9]);
    o.inputs = &spec;
    o.ninputs = 1;
    OK(infer_session_create(m, &o, &s, &err));
    const uint64_t one = used(s);
    OK(reshape(s, (struct size){1, 3, 1}));
    const uint64_t more = used(s) - one;
    infer_session_free(&s);
    o.max_memory_bytes = one + 4 * more; /* the largest, and a few small ones beside it */
    OK(infer_session_create(m, &o, &s, &err));
    for (int round = 0; round < 2; round++)
        for (int64_t k = 1; k < 20; k++) {
            OK(reshape(s, (struct size){1, 3, k}));
            check_answers(m, s, (struct size){1, 3, k});
            assert_true(used(s) <= o.max_memory_bytes + sizeof *s);
        }
    assert_true(s->nprograms > 1 && s->nprograms < INFER__MOST_PROGRAMS);
    assert_int_equal(reshape(s, (struct size){64, 512, 512}), INFER_ERROR_LIMIT);
    check_answers(m, s, (struct size){1, 3, 19});
    OK(reshape(s, sizes[0]));
    check_answers(m, s, sizes[0]);
    infer_session_free(&s);
}

static void test_refused(void **state)
{
    const infer_model *m = ((struct fixture *)*state)->m.model;
    infer_session *s = make(m, sizes[1], 2);
    infer_error err;
    infer_input_spec spec[2] = {spec_of(sizes[2]), spec_of(sizes[2])};
    assert_int_equal(infer_session_reshape(NULL, spec, 1, &err), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_session_reshape(s, NULL, 1, &err), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_session_reshape(s, NULL, 0, &err), INFER_ERROR_SHAPE); /* H is free */
    spec[0].name = "pictures";
    assert_int_equal(infer_session_reshape(s, spec, 1, &err), INFER_ERROR_ARGUMENT);
    spec[0].name = NULL;
    assert_int_equal(infer_session_reshape(s, spec, 1, NULL), INFER_ERROR_ARGUMENT);
    spec[0] = spec_of(sizes[2]);
    spec[0].rank = 99;
    assert_int_equal(infer_session_reshape(s, spec, 1, &err), INFER_ERROR_SHAPE);
    spec[0].rank = -1;
    assert_int_equal(infer_session_reshape(s, spec, 1, &err), INFER_ERROR_SHAPE);
    spec[0].rank = 4;
    spec[0].dims[1] = 9;
    assert_int_equal(infer_session_reshape(s, spec, 1, &err), INFER_ERROR_SHAPE);
    spec[0].dims[1] = CHANNELS;
    spec[0].dims[0] = INT64_MAX;
    assert_int_equal(infer_session_reshape(s, spec, 1, &err), INFER_ERROR_LIMIT);
    check_answers(m, s, sizes[1]);
    spec[0] = spec[1];
    for (int i = 0; i < 2; i++) /* of two of one name the first counts, every time */
        OK(infer_session_reshape(s, spec, 2, &err));
    check_answers(m, s, sizes[2]);
    infer_session_free(&s);
}

/* Memory fails at every point of a reshape: the session is as it was, and runs. */
static void test_every_allocation_fails(void **state)
{
    const struct fixture *f = *state;
    struct counter c;
    struct net_model m = load_counted(f, &c);
    for (int from = 0; from < 2; from++) {
        infer_status status = INFER_ERROR_NO_MEMORY;
        for (size_t k = 1; status != INFER_OK; k++) {
            infer_session *s = make(m.model, sizes[0], 2);
            OK(reshape(s, sizes[1]));
            const size_t bytes = c.bytes;
            *(from ? &c.fail_from : &c.fail_only) = c.calls + k;
            status = reshape(s, sizes[3]);
            c.fail_from = c.fail_only = 0;
            if (status != INFER_OK) {
                assert_int_equal(status, INFER_ERROR_NO_MEMORY);
                assert_int_equal(c.bytes, bytes);
            }
            check_answers(f->m.model, s, sizes[status == INFER_OK ? 3 : 1]);
            OK(reshape(s, sizes[0]));
            check_answers(f->m.model, s, sizes[0]);
            OK(reshape(s, sizes[3]));
            check_answers(f->m.model, s, sizes[3]);
            infer_session_free(&s);
            assert_true(k < 100000);
        }
    }
    infer_model_free(&m.model);
    assert_int_equal(c.blocks, 0);
}

/* ---- values of inputs ----------------------------------------------------------------------- */

/* y = Reshape(picture, to): the value of "to" is a part of what a program is made for. */
static struct net_model value_net(void)
{
    struct net n = {.rng = {1}};
    struct infer__node *node;
    uint32_t inputs[2];
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    inputs[0] = net_input(&n);
    n.g.values[inputs[0]].dims[2] = n.g.values[inputs[0]].dims[3] = 4;
    OK(infer__graph_add_value(&n.g, "to", &inputs[1], &n.err));
    struct infer__value *to = &n.g.values[inputs[1]];
    *to = (struct infer__value){
        .type = INFER_S64, .rank = 1, .kind = INFER__VALUE_INPUT, .dims = {2}, .name = to->name};
    n.g.inputs = infer__region_copy(&n.region, inputs, sizeof inputs);
    n.g.ninputs = 2;
    uint32_t y = net_node(&n, INFER__OP_RESHAPE, "y", inputs, 2, &node);
    return net_load(&n, &y, 1);
}

static void test_values(void **state)
{
    struct net_model m = value_net();
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    infer_error err;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    int64_t to[2] = {6, 8};
    infer_input_spec spec = {.name = "to", .rank = 1, .dims = {2}, .data = to};
    (void)state;
    o.inputs = &spec;
    o.ninputs = 1;
    OK(infer_session_create(m.model, &o, &s, &err));
    const struct infer__program *first = s->program;
    for (int i = 0; i < 4; i++) {
        to[0] = i % 2 ? 6 : 3;
        to[1] = 48 / to[0];
        OK(infer_session_reshape(s, &spec, 1, &err));
        OK(infer_session_output(s, 0, &info, NULL));
        assert_true(info.dims[0] == to[0] && info.dims[1] == to[1]);
        assert_true((s->program == first) == (i % 2 == 1));
    }
    assert_int_equal(s->nprograms, 2);
    spec.data = NULL;
    assert_int_equal(infer_session_reshape(s, &spec, 1, &err), INFER_ERROR_NEED_VALUE);
    assert_ptr_equal(s->program, first);
    infer_session_free(&s);
    net_drop(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions_share),
        cmocka_unit_test(test_limit_counts_shared),
        cmocka_unit_test(test_any_size_has_the_same_weights),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_sizes_are_kept),
        cmocka_unit_test(test_weights_are_counted_once),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_allocation_fails),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
