/* Sessions: shapes, arguments, answers that do not depend on threads, memory that fails. */
#include "base/cpu.h"
#include "infer_experimental.h"
#include "tests/small_net.h"

#include <math.h>
#include <pthread.h>

enum { PICTURE = 3 * 17 * 13, MAP = 8 * 8 * 6 };

struct fixture {
    struct bytes file;
    infer_model *model;
};

static int setup(void **state)
{
    static struct fixture f;
    infer_error err;
    f.file = small_net();
    OK(infer_load_memory(f.file.data, f.file.size, NULL, &f.model, &err));
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    infer_model_free(&f->model);
    assert_null(f->model);
    free(f->file.data);
    return 0;
}

static infer_session *make(const infer_model *model, uint32_t threads, int64_t batch)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    infer_error err;
    infer_input_spec spec = {.name = "picture", .rank = 4, .dims = {batch, 3, 17, 13}};
    o.threads = threads;
    o.inputs = &spec;
    o.ninputs = 1;
    infer_status status = infer_session_create(model, &o, &s, &err);
    if (status != INFER_OK)
        fail_msg("%s: %s (%s)", infer_status_name(status), err.message, err.node);
    return s;
}

static void fill(float *x, size_t n, uint64_t seed)
{
    struct rng r = {seed};
    for (size_t i = 0; i < n; i++)
        x[i] = ((float)rng_below(&r, 2001) - 1000) / 500;
}

static infer_tensor view(float *x, int64_t batch)
{
    return (infer_tensor){.type = INFER_F32,
                          .rank = 4,
                          .dims = {batch, 3, 17, 13},
                          .data = x,
                          .bytes = (size_t)batch * PICTURE * sizeof *x};
}

static void run(infer_session *s, float *x, int64_t batch, infer_tensor out[2])
{
    infer_error err;
    infer_tensor in = view(x, batch);
    memset(out, 0, 2 * sizeof *out);
    infer_status status = infer_run(s, &in, 1, out, 2, &err);
    if (status != INFER_OK)
        fail_msg("%s: %s", infer_status_name(status), err.message);
}

static void test_answers(void **state)
{
    struct fixture *f = *state;
    float x[PICTURE];
    infer_tensor out[2];
    infer_session *s = make(f->model, 1, 1);
    fill(x, PICTURE, 1);
    run(s, x, 1, out);
    assert_int_equal(out[0].rank, 2);
    assert_int_equal(out[0].dims[1], 5);
    assert_int_equal(out[1].dims[3], 6);
    double sum = 0;
    for (int i = 0; i < 5; i++)
        sum += (double)((float *)out[0].data)[i];
    assert_true(fabs(sum - 1) < 1e-5);
    for (int i = 0; i < MAP; i++) {
        float v = ((float *)out[1].data)[i];
        assert_true(v >= 0 && v <= 6);
    }
    infer_session_free(&s);
    assert_null(s);
}

/* A picture's answer is the same bits alone and in a batch, on any number of threads. */
static void test_same_bits(void **state)
{
    struct fixture *f = *state;
    static float x[3 * PICTURE];
    float want[3][5], want_map[3][MAP];
    infer_tensor out[2];
    fill(x, 3 * PICTURE, 2);
    infer_session *one = make(f->model, 1, 1);
    for (int i = 0; i < 3; i++) {
        run(one, x + i * PICTURE, 1, out);
        memcpy(want[i], out[0].data, sizeof want[i]);
        memcpy(want_map[i], out[1].data, sizeof want_map[i]);
    }
    infer_session_free(&one);
    for (uint32_t threads = 1; threads <= 4; threads++) {
        infer_session *s = make(f->model, threads, 3);
        for (int repeat = 0; repeat < 5; repeat++) {
            run(s, x, 3, out);
            assert_memory_equal(out[1].data, want_map, sizeof want_map);
            assert_memory_equal(out[0].data, want, sizeof want);
        }
        infer_session_free(&s);
    }
}

static void test_caller_memory(void **state)
{
    struct fixture *f = *state;
    infer_error err;
    float x[PICTURE], scores[5 + 2], map[MAP];
    infer_session *s = make(f->model, 2, 1);
    infer_tensor in = view(x, 1), out[2];
    fill(x, PICTURE, 3);
    run(s, x, 1, out);
    infer_tensor lent = out[0];
    scores[0] = scores[6] = 77;
    out[0].data = scores + 1;
    out[1].data = map;
    OK(infer_run(s, &in, 1, out, 2, &err));
    assert_memory_equal(scores + 1, lent.data, 5 * sizeof *scores);
    assert_true(scores[0] == 77 && scores[6] == 77);
    out[0].bytes = 5 * sizeof *scores - 1;
    assert_int_equal(infer_run(s, &in, 1, out, 2, &err), INFER_ERROR_SHAPE);
    out[0].bytes++;
    out[0].data = (char *)scores + 1;
    assert_int_equal(infer_run(s, &in, 1, out, 2, &err), INFER_ERROR_ARGUMENT);
    infer_session_free(&s);
}

static void test_bad_arguments(void **state)
{
    struct fixture *f = *state;
    infer_error err;
    infer_session *s = make(f->model, 1, 1), *none = (infer_session *)f;
    float x[PICTURE] = {0};
    infer_tensor in = view(x, 1), out[2] = {{0}};
    assert_int_equal(infer_run(NULL, &in, 1, out, 2, &err), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_run(s, NULL, 1, out, 2, &err), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_run(s, &in, 0, out, 2, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_run(s, &in, 1, NULL, 2, &err), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_run(s, &in, 1, out, 1, &err), INFER_ERROR_ARGUMENT);
    in.type = INFER_F64;
    assert_int_equal(infer_run(s, &in, 1, out, 2, &err), INFER_ERROR_SHAPE);
    assert_non_null(strstr(err.message, "picture"));
    in = view(x, 2);
    assert_int_equal(infer_run(s, &in, 1, out, 2, &err), INFER_ERROR_SHAPE);
    in = view(NULL, 1);
    assert_int_equal(infer_run(s, &in, 1, out, 2, &err), INFER_ERROR_ARGUMENT);
    infer_session_free(&s);
    infer_session_free(&s);
    infer_session_free(NULL);
    assert_int_equal(infer_session_create(NULL, NULL, &none, &err), INFER_ERROR_ARGUMENT);
    assert_null(none);
    assert_int_equal(infer_session_create(f->model, NULL, NULL, &err), INFER_ERROR_ARGUMENT);
}

static infer_status create(const infer_model *model, infer_session_options *o, infer_error *err)
{
    infer_session *s;
    infer_status status = infer_session_create(model, o, &s, err);
    assert_true((status == INFER_OK) == (s != NULL));
    infer_session_free(&s);
    return status;
}

static void test_bad_options(void **state)
{
    struct fixture *f = *state;
    infer_error err;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_input_spec spec = {.name = "picture", .rank = 4, .dims = {2, 3, 17, 13}};
    OK(create(f->model, &o, &err)); /* a free batch is 1 */
    o.size = 3;
    assert_int_equal(create(f->model, &o, &err), INFER_ERROR_ARGUMENT);
    infer_session_options_init(&o, sizeof o);
    o.inputs = &spec;
    o.ninputs = 1;
    OK(create(f->model, &o, &err));
    spec.dims[3] = 14;
    assert_int_equal(create(f->model, &o, &err), INFER_ERROR_SHAPE);
    spec.dims[3] = 13;
    spec.dims[0] = -1;
    assert_int_equal(create(f->model, &o, &err), INFER_ERROR_SHAPE);
    spec.dims[0] = INT64_C(1) << 40;
    assert_int_equal(create(f->model, &o, &err), INFER_ERROR_LIMIT);
    spec.dims[0] = 2;
    spec.name = "pictures";
    assert_int_equal(create(f->model, &o, &err), INFER_ERROR_ARGUMENT);
    spec.name = "picture";
    o.max_memory_bytes = 100;
    assert_int_equal(create(f->model, &o, &err), INFER_ERROR_LIMIT);
    o.max_memory_bytes = 0;
    o.threads = 5000;
    assert_int_equal(create(f->model, &o, &err), INFER_ERROR_ARGUMENT);
}

static void test_levels_agree(void **state)
{
    struct fixture *f = *state;
    float x[PICTURE], want[5];
    infer_tensor out[2];
    fill(x, PICTURE, 4);
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_after(isa)) {
        for (uint32_t no_onednn = 0; no_onednn < 2; no_onednn++) {
            infer_session_options o = INFER_SESSION_OPTIONS_INIT;
            infer_session *s;
            infer_error err;
            o.isa = isa;
            o.no_onednn = no_onednn;
            OK(infer_session_create(f->model, &o, &s, &err));
            run(s, x, 1, out);
            if (isa == INFER_ISA_C && !no_onednn)
                memcpy(want, out[0].data, sizeof want);
            for (int i = 0; i < 5; i++)
                assert_true(fabsf(((float *)out[0].data)[i] - want[i]) < 1e-5f);
            infer_session_free(&s);
        }
    }
}

/* Two convolutions with channels enough for kernels of bf16. */
static struct bytes wide_net(void)
{
    struct net n = {.rng = {3}};
    struct infer__node *node;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t x = net_input(&n), w1 = net_const(&n, "w1", 4, (int64_t[]){64, 3, 3, 3}),
             w2 = net_const(&n, "w2", 4, (int64_t[]){16, 64, 1, 1});
    uint32_t y = net_node(&n, INFER__OP_CONV, "conv1", (uint32_t[]){x, w1}, 2, &node);
    y = net_node(&n, INFER__OP_CONV, "conv2", (uint32_t[]){y, w2}, 2, &node);
    n.g.outputs = &y;
    n.g.noutputs = 1;
    struct infer__file_content content = {.graph = &n.g};
    struct bytes b = write_exact(&content);
    infer__region_free(&n.region);
    return b;
}

static infer_tensor run_wide(infer_session *s, float *x)
{
    infer_error err;
    infer_tensor in = view(x, 1), out = {0};
    OK(infer_run(s, &in, 1, &out, 1, &err));
    return out;
}

/* Precision bf16: refused below its level, saying so; else used, the same bits for any number of
 * threads, answers near those of f32. */
static void test_precision(void **state)
{
    enum { WIDE = 16 * 15 * 11 };
    struct fixture *f = *state;
    static float x[PICTURE], first[WIDE];
    infer_error err;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    o.precision = INFER_PRECISION_F32_STRICT + 1;
    assert_int_equal(create(f->model, &o, &err), INFER_ERROR_ARGUMENT);
    o.precision = INFER_PRECISION_BF16;
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_after(isa)) {
        if (infer__isa_has(isa, INFER_ISA_AVX512BF16))
            continue;
        o.isa = isa;
        assert_int_equal(create(f->model, &o, &err), INFER_ERROR_UNSUPPORTED);
        assert_non_null(strstr(err.message, "AVX-512 BF16"));
    }
    o.isa = INFER_ISA_DEFAULT;
    if (!infer_cpu_has(INFER_ISA_AVX512BF16)) {
        assert_int_equal(create(f->model, &o, &err), INFER_ERROR_UNSUPPORTED);
        puts("skipped: running in bf16, which this CPU has not");
        return;
    }
    /* without AMX f32 is faster on some CPUs, and then all kernels are its */
    const int gains = infer_cpu_has(INFER_ISA_AMX) || infer__cpu_machine()->bf16_products >= 1;
    struct bytes file = wide_net();
    infer_model *model;
    OK(infer_load_memory(file.data, file.size, NULL, &model, &err));
    fill(x, PICTURE, 9);
    for (o.threads = 1; o.threads <= 4; o.threads++) {
        size_t used = 0;
        OK(infer_session_create(model, &o, &s, &err));
        for (size_t i = 0; i < infer_session_steps(s); i++) {
            infer_step_info info = INFER_STEP_INFO_INIT;
            OK(infer_session_step(s, i, &info, NULL));
            used += strstr(info.kernel, "bf16") != NULL;
        }
        assert_true(used > 0 || !gains);
        infer_tensor out = run_wide(s, x);
        assert_int_equal(out.bytes, sizeof first);
        if (o.threads == 1)
            memcpy(first, out.data, sizeof first);
        assert_memory_equal(first, out.data, sizeof first);
        infer_session_free(&s);
    }
    OK(infer_session_create(model, NULL, &s, &err));
    infer_tensor exact = run_wide(s, x);
    float largest = 0;
    for (int i = 0; i < WIDE; i++)
        largest = fmaxf(largest, fabsf(((float *)exact.data)[i]));
    for (int i = 0; i < WIDE; i++)
        assert_true(fabsf(((float *)exact.data)[i] - first[i]) < 0.02f * largest);
    infer_session_free(&s);
    infer_model_free(&model);
    free(file.data);
}

/* Everything before infer_run may fail for want of memory: cleanly, with nothing left behind. */
static void test_every_allocation_fails(void **state)
{
    struct fixture *f = *state;
    struct counter c;
    infer_load_options lo;
    infer_error err;
    int done = 0;
    for (size_t k = 1; !done; k++) {
        infer_model *model;
        infer_session *s = NULL;
        infer_session_options o = INFER_SESSION_OPTIONS_INIT;
        infer_load_options_init(&lo, sizeof lo);
        lo.allocator = counting(&c);
        c.fail_from = k;
        o.threads = 2;
        o.no_onednn = 1;
        infer_status status = infer_load_memory(f->file.data, f->file.size, &lo, &model, &err);
        if (status == INFER_OK)
            status = infer_session_create(model, &o, &s, &err);
        done = status == INFER_OK;
        if (!done)
            assert_int_equal(status, INFER_ERROR_NO_MEMORY);
        infer_session_free(&s);
        infer_model_free(&model);
        assert_int_equal(c.blocks, 0);
        assert_true(k < 100000);
    }
}

/* ---- one model, many threads ---------------------------------------------------------------- */

struct worker {
    const infer_model *model;
    const float *want;
    uint64_t seed;
    int bad;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    float x[PICTURE];
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    o.threads = 1 + (uint32_t)(w->seed & 1);
    w->bad = infer_session_create(w->model, &o, &s, NULL) != INFER_OK;
    fill(x, PICTURE, 5);
    for (int i = 0; i < 100 && !w->bad; i++) {
        infer_tensor in = view(x, 1), out[2] = {{0}};
        w->bad = infer_run(s, &in, 1, out, 2, NULL) != INFER_OK ||
                 memcmp(out[0].data, w->want, 5 * sizeof(float)) != 0;
    }
    infer_session_free(&s);
    return NULL;
}

static void test_many_threads(void **state)
{
    struct fixture *f = *state;
    enum { THREADS = 16 };
    pthread_t t[THREADS];
    struct worker w[THREADS];
    float x[PICTURE], want[5];
    infer_tensor out[2];
    infer_session *s = make(f->model, 1, 1);
    fill(x, PICTURE, 5);
    run(s, x, 1, out);
    memcpy(want, out[0].data, sizeof want);
    infer_session_free(&s);
    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct worker){f->model, want, (uint64_t)i, 1};
        assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(w[i].bad, 0);
    }
}

static void test_introspection(void **state)
{
    struct fixture *f = *state;
    infer_session *s = make(f->model, 1, 2);
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_session_memory m = INFER_SESSION_MEMORY_INIT;
    assert_int_equal(infer_session_inputs(s), 1);
    assert_int_equal(infer_session_outputs(s), 2);
    OK(infer_session_input(s, 0, &info, NULL));
    assert_string_equal(info.name, "picture");
    assert_int_equal(info.dims[0], 2);
    assert_int_equal(infer_session_input(s, 1, &info, NULL), INFER_ERROR_ARGUMENT);
    OK(infer_session_output(s, 1, &info, NULL));
    assert_string_equal(info.name, "map");
    OK(infer_session_memory_use(s, &m, NULL));
    assert_true(m.arena_bytes > 0 && m.arena_bytes % 64 == 0);
    size_t steps = infer_session_steps(s), fused = 0;
    assert_true(steps > 5);
    for (size_t i = 0; i < steps; i++) {
        infer_step_info step = INFER_STEP_INFO_INIT;
        OK(infer_session_step(s, i, &step, NULL));
        fused += step.fused[0] != 0;
        assert_true(step.arena_end <= m.arena_bytes);
        assert_string_not_equal(step.op, "Shape"); /* arithmetic on shapes is gone */
        assert_string_not_equal(step.op, "Relu");  /* and so are activations behind Conv */
    }
    assert_int_equal(fused, 2);
    assert_int_equal(infer_model_labels(f->model), 5);
    assert_string_equal(infer_model_label(f->model, 4), "e");
    assert_null(infer_model_label(f->model, 5));
    infer_session_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),       cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_caller_memory), cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_bad_options),   cmocka_unit_test(test_levels_agree),
        cmocka_unit_test(test_precision),     cmocka_unit_test(test_every_allocation_fails),
        cmocka_unit_test(test_many_threads),  cmocka_unit_test(test_introspection),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
