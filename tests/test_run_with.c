/* Sessions on a pool: the same answers as alone; runs that are cancelled, come too late, or are
 * done by the pool alone; pools of workers and of an executor. */
#include "tests/small_net.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "infer_experimental.h"

/* Of three images: two threads or three compute them side by side, four each of them together. */
enum { BATCH = 3, SESSIONS = 4 };

static struct bytes file;
static infer_model *model;
static float picture[BATCH * 3 * 17 * 13];
static const infer_tensor input = {INFER_F32,      4,     {BATCH, 3, 17, 13}, picture,
                                   sizeof picture, {0, 0}};

static infer_pool *make_pool(const infer_pool_options *options)
{
    infer_pool *pool;
    infer_error err;
    OK(infer_pool_create(options, &pool, &err));
    return pool;
}

static infer_pool *pool_of(uint32_t threads)
{
    infer_pool_options o = INFER_POOL_OPTIONS_INIT;
    o.threads = threads;
    return make_pool(&o);
}

static infer_session *session_on(infer_pool *pool, uint32_t threads)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_input_spec spec = {.name = "picture", .rank = 4, .dims = {BATCH, 3, 17, 13}};
    infer_session *s;
    infer_error err;
    o.inputs = &spec;
    o.ninputs = 1;
    o.pool = pool;
    o.threads = threads;
    OK(infer_session_create(model, &o, &s, &err));
    return s;
}

/* Outputs of a run, in memory of the session's. */
struct answer {
    infer_tensor out[2];
};

static infer_status run(infer_session *s, const infer_run_options *o, struct answer *a,
                        infer_error *err)
{
    memset(a, 0, sizeof *a);
    return infer_run_with(s, o, &input, 1, a->out, 2, err);
}

static struct answer wanted; /* with memory of its own */

static void expect_wanted(const struct answer *a)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(a->out[i].bytes, wanted.out[i].bytes);
        assert_memory_equal(a->out[i].data, wanted.out[i].data, wanted.out[i].bytes);
    }
}

static void expect_runs(infer_session *s)
{
    struct answer a;
    infer_error err;
    OK(run(s, NULL, &a, &err));
    expect_wanted(&a);
}

static int setup(void **state)
{
    struct rng rng = {7};
    struct answer a;
    infer_error err;
    (void)state;
    for (size_t i = 0; i < sizeof picture / sizeof *picture; i++)
        picture[i] = ((float)rng_below(&rng, 2001) - 1000) / 1000;
    file = small_net();
    OK(infer_load_memory(file.data, file.size, NULL, &model, &err));
    infer_session *s = session_on(NULL, 1);
    OK(run(s, NULL, &a, &err));
    for (int i = 0; i < 2; i++) {
        wanted.out[i] = a.out[i];
        wanted.out[i].data = malloc(a.out[i].bytes);
        assert_non_null(wanted.out[i].data);
        memcpy(wanted.out[i].data, a.out[i].data, a.out[i].bytes);
    }
    infer_session_free(&s);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        free(wanted.out[i].data);
    infer_model_free(&model);
    free(file.data);
    return 0;
}

/* ---- sessions on a pool --------------------------------------------------------------------- */

static void test_one_pool(void **state)
{
    (void)state;
    for (uint32_t threads = 0; threads <= 5; threads++) {
        infer_pool *pool = pool_of(threads);
        infer_session *s[SESSIONS];
        for (uint32_t i = 0; i < SESSIONS; i++)
            s[i] = session_on(pool, i); /* 3 of a pool of 2: 2 */
        for (int k = 0; k < 10; k++)
            for (int i = 0; i < SESSIONS; i++)
                expect_runs(s[i]);
        for (int i = 0; i < SESSIONS; i++)
            infer_session_free(&s[i]);
        infer_pool_free(&pool);
        assert_null(pool);
    }
}

static void *run_often(void *arg)
{
    infer_session *s = arg;
    for (int i = 0; i < 200; i++)
        expect_runs(s);
    return NULL;
}

static void run_side_by_side(infer_pool *pool)
{
    infer_session *s[SESSIONS];
    pthread_t threads[SESSIONS];
    for (uint32_t i = 0; i < SESSIONS; i++) {
        s[i] = session_on(pool, 0);
        assert_int_equal(pthread_create(&threads[i], NULL, run_often, s[i]), 0);
    }
    for (int i = 0; i < SESSIONS; i++) {
        pthread_join(threads[i], NULL);
        infer_session_free(&s[i]);
    }
}

static void test_side_by_side(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 9; threads += 4) {
        infer_pool *pool = pool_of(threads);
        run_side_by_side(pool);
        infer_pool_free(&pool);
    }
}

static void test_pool_options(void **state)
{
    infer_pool_options o = INFER_POOL_OPTIONS_INIT;
    (void)state;
    for (int i = 0; i < 4; i++) {
        o.threads = 4;
        o.spin_us = (uint32_t[]){0, 1, 2000, INFER_SPIN_NONE}[i];
        o.affinity = (uint32_t)i & 1;
        infer_pool *pool = make_pool(&o);
        run_side_by_side(pool);
        infer_pool_free(&pool);
    }
}

/* ---- executors ------------------------------------------------------------------------------ */

/* What the application does while the library waits for call number `at`, from 0. */
struct executor {
    _Atomic int calls;
    int at;
    infer_session *cancel; /* it cancels a run of this, or sleeps */
    int busy;              /* it tries another run of this session */
};

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t))
        continue;
}

static void execute(void *ctx, uint32_t n, void (*item)(void *arg, uint32_t index), void *arg)
{
    struct executor *e = ctx;
    if (e->calls++ == e->at) {
        if (e->busy) {
            struct answer a;
            infer_error err;
            assert_int_equal(run(e->cancel, NULL, &a, &err), INFER_ERROR_BUSY);
            assert_int_equal(err.status, INFER_ERROR_BUSY);
        } else if (e->cancel) {
            infer_session_cancel(e->cancel);
        } else {
            sleep_ms(3);
        }
    }
    for (uint32_t i = n; i > 0; i--) /* one after the other, backwards */
        item(arg, i - 1);
}

static infer_pool *pool_on(struct executor *e, uint32_t threads)
{
    infer_pool_options o = INFER_POOL_OPTIONS_INIT;
    o.executor = (infer_executor){e, execute};
    o.threads = threads;
    return make_pool(&o);
}

static void test_executor(void **state)
{
    struct executor e = {.at = -1};
    (void)state;
    infer_pool *pool = pool_on(&e, BATCH);
    run_side_by_side(pool);
    assert_true(e.calls >= SESSIONS * 200);
    infer_pool_free(&pool);
}

/* ---- stopping between steps ----------------------------------------------------------------- */

enum { LAYERS = 6, CHANNELS = 16, SIDE = 48 };

/* A network whose steps are all worth sharing, on an executor that sees each of them. */
struct deep {
    struct net_model net;
    struct executor executor;
    infer_pool *pool;
    infer_session *session;
    float *picture;
    int calls; /* of the executor, in a whole run */
};

static infer_status run_deep(struct deep *d, const infer_run_options *o, infer_error *err)
{
    infer_tensor in = {.type = INFER_F32,
                       .rank = 4,
                       .dims = {1, CHANNELS, SIDE, SIDE},
                       .data = d->picture,
                       .bytes = CHANNELS * SIDE * SIDE * sizeof(float)};
    infer_tensor out = {0};
    d->executor.calls = 0;
    return infer_run_with(d->session, o, &in, 1, &out, 1, err);
}

static void deep_open(struct deep *d)
{
    struct net n = {.rng = {7}};
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_error err;
    uint32_t x, first;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    first = x = net_input(&n);
    n.g.values[first].free_dims = 0;
    memcpy(n.g.values[first].dims, (int64_t[]){1, CHANNELS, SIDE, SIDE}, 4 * sizeof(int64_t));
    for (int i = 0; i < LAYERS; i++) {
        struct infer__node *node;
        char name[16];
        snprintf(name, sizeof name, "w%d", i);
        uint32_t w = net_const(&n, name, 4, (int64_t[]){CHANNELS, CHANNELS, 3, 3});
        snprintf(name, sizeof name, "conv%d", i);
        x = net_node(&n, INFER__OP_CONV, name, (uint32_t[]){x, w}, 2, &node);
        net_attr(&n, node, INFER__ATTR_PADS, 4, (int64_t[]){1, 1, 1, 1});
    }
    memset(d, 0, sizeof *d);
    d->net = net_load(&n, &x, 1);
    d->executor.at = -1;
    d->pool = pool_on(&d->executor, 4);
    o.pool = d->pool;
    OK(infer_session_create(d->net.model, &o, &d->session, &err));
    d->picture = calloc(CHANNELS * SIDE * SIDE, sizeof *d->picture);
    assert_non_null(d->picture);
    OK(run_deep(d, NULL, &err));
    d->calls = d->executor.calls;
    assert_true(d->calls >= LAYERS);
}

static void deep_close(struct deep *d)
{
    infer_session_free(&d->session);
    infer_pool_free(&d->pool);
    net_drop(&d->net);
    free(d->picture);
}

/* A run that is cancelled in each of its steps in turn: no other step begins, and the next run is
 * whole. */
static void test_cancel_within_a_step(void **state)
{
    struct deep d;
    infer_error err;
    (void)state;
    deep_open(&d);
    for (int at = 0; at < d.calls; at++) {
        d.executor.at = at;
        d.executor.cancel = d.session;
        assert_int_equal(run_deep(&d, NULL, &err), INFER_ERROR_CANCELLED);
        assert_int_equal(err.status, INFER_ERROR_CANCELLED);
        assert_true(strstr(err.message, "cancelled") != NULL);
        assert_true(err.node[0] || at >= d.calls - 2);     /* the step that it stopped before */
        assert_in_range(d.executor.calls, at + 1, at + 2); /* a step has two calls at most */
        d.executor.at = -1;
        OK(run_deep(&d, NULL, &err));
        assert_int_equal(d.executor.calls, d.calls);
    }
    deep_close(&d);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void test_deadline(void **state)
{
    struct deep d;
    infer_run_options o = INFER_RUN_OPTIONS_INIT;
    infer_error err;
    (void)state;
    deep_open(&d);
    o.deadline_ns = 1; /* long ago: nothing is done */
    assert_int_equal(run_deep(&d, &o, &err), INFER_ERROR_DEADLINE);
    assert_int_equal(d.executor.calls, 0);
    assert_true(strstr(err.message, "before step 1 of") != NULL);
    assert_true(err.node[0]);
    for (int at = 0; at < LAYERS - 2; at++) { /* it passes in the one that takes 3 ms, or before */
        d.executor.at = at;
        o.deadline_ns = now_ns() + 2000000;
        assert_int_equal(run_deep(&d, &o, &err), INFER_ERROR_DEADLINE);
        assert_in_range(d.executor.calls, 0, at + 2);
        d.executor.at = -1;
        OK(run_deep(&d, NULL, &err));
    }
    o.deadline_ns = now_ns() + UINT64_C(3600000000000);
    OK(run_deep(&d, &o, &err));
    deep_close(&d);
}

/* ---- cancelling by another thread ----------------------------------------------------------- */

/* A cancel without a run is not kept. */
static void test_cancel_of_nothing(void **state)
{
    (void)state;
    infer_session *s = session_on(NULL, 2);
    infer_session_cancel(NULL);
    for (int i = 0; i < 100; i++) {
        infer_session_cancel(s);
        expect_runs(s);
    }
    infer_session_free(&s);
}

struct canceller {
    infer_session *session;
    _Atomic int stop;
};

static void *cancel_often(void *arg)
{
    struct canceller *c = arg;
    for (unsigned i = 0; !c->stop; i++) {
        infer_session_cancel(c->session);
        if (i % 16 == 0)
            sleep_ms(0);
    }
    return NULL;
}

static void test_cancel_by_another_thread(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 3; threads++) {
        struct canceller c = {.session = session_on(NULL, threads)};
        pthread_t thread;
        int cancelled = 0;
        assert_int_equal(pthread_create(&thread, NULL, cancel_often, &c), 0);
        for (int i = 0; i < 20000 && cancelled < 300; i++) {
            struct answer a;
            infer_error err;
            infer_status status = run(c.session, NULL, &a, &err);
            assert_int_equal(err.status, status);
            if (status == INFER_OK)
                expect_wanted(&a);
            else
                assert_int_equal(status, INFER_ERROR_CANCELLED);
            cancelled += status != INFER_OK;
        }
        c.stop = 1;
        pthread_join(thread, NULL);
        assert_true(cancelled > 0);
        expect_runs(c.session);
        infer_session_free(&c.session);
    }
}

/* Times are of whole runs. */
static void test_profile_leaves_out_stopped_runs(void **state)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_run_options late = INFER_RUN_OPTIONS_INIT;
    infer_input_spec spec = {.name = "picture", .rank = 4, .dims = {BATCH, 3, 17, 13}};
    infer_step_info info = INFER_STEP_INFO_INIT;
    infer_session *s;
    infer_error err;
    struct answer a;
    (void)state;
    o.inputs = &spec;
    o.ninputs = 1;
    o.profile = 1;
    late.deadline_ns = 1;
    OK(infer_session_create(model, &o, &s, &err));
    expect_runs(s);
    assert_int_equal(run(s, &late, &a, &err), INFER_ERROR_DEADLINE);
    OK(infer_session_step(s, 0, &info, &err));
    assert_int_equal(info.runs, 1);
    infer_session_free(&s);
}

/* ---- one run at a time ---------------------------------------------------------------------- */

static void test_busy(void **state)
{
    struct executor e = {.at = -1, .busy = 1};
    (void)state;
    infer_pool *pool = pool_on(&e, BATCH);
    infer_session *s = session_on(pool, 0);
    e.cancel = s;
    e.at = 0;
    e.calls = 0;
    expect_runs(s); /* the run is not disturbed */
    assert_true(e.calls > 0);
    infer_session_free(&s);
    infer_pool_free(&pool);
}

/* ---- started runs --------------------------------------------------------------------------- */

struct started {
    infer_session *session;
    struct answer answer;
    infer_status status;
    infer_error err;
    _Atomic int calls;
    int again; /* how many more runs `done` starts */
    pthread_t by;
    sem_t over;
};

static infer_status start(struct started *r, const infer_run_options *o, infer_error *err);

static void done(void *ctx, infer_status status, const infer_error *err)
{
    struct started *r = ctx;
    r->calls++;
    r->status = status;
    r->err = *err;
    r->by = pthread_self();
    if (r->again-- > 0) {
        infer_error second;
        OK(start(r, NULL, &second));
    } else {
        sem_post(&r->over);
    }
}

static infer_status start(struct started *r, const infer_run_options *o, infer_error *err)
{
    infer_tensor in = input, out[2] = {{0}}; /* neither array stays */
    infer_status status = infer_run_start(r->session, o, &in, 1, out, 2, done, r, err);
    if (status == INFER_OK)
        memcpy(r->answer.out, out, sizeof out);
    memset(&in, 0xff, sizeof in);
    memset(out, 0xff, sizeof out);
    return status;
}

static void wait_for(struct started *r)
{
    while (sem_wait(&r->over))
        continue;
}

static void test_start(void **state)
{
    infer_error err;
    (void)state;
    for (uint32_t threads = 2; threads <= 5; threads++) {
        infer_pool *pool = pool_of(threads);
        static struct started r[SESSIONS];
        for (int i = 0; i < SESSIONS; i++) {
            r[i] = (struct started){.session = session_on(pool, 0), .again = 20};
            assert_int_equal(sem_init(&r[i].over, 0, 0), 0);
        }
        for (int i = 0; i < SESSIONS; i++)
            OK(start(&r[i], NULL, &err));
        for (int i = 0; i < SESSIONS; i++) {
            wait_for(&r[i]);
            OK(r[i].status);
            OK(r[i].err.status);
            assert_int_equal(r[i].calls, 21);
            assert_false(pthread_equal(r[i].by, pthread_self()));
            expect_wanted(&r[i].answer);
            infer_session_free(&r[i].session); /* waits for done's return */
            sem_destroy(&r[i].over);
        }
        infer_pool_free(&pool);
    }
}

/* A session of its own threads; runs of infer_run in between. */
static void test_start_without_a_pool(void **state)
{
    static struct started r;
    infer_error err;
    (void)state;
    r = (struct started){.session = session_on(NULL, 2)};
    assert_int_equal(sem_init(&r.over, 0, 0), 0);
    for (int i = 0; i < 50; i++) {
        OK(start(&r, NULL, &err));
        wait_for(&r);
        OK(r.status);
        expect_wanted(&r.answer);
        expect_runs(r.session);
    }
    assert_int_equal(r.calls, 50);
    infer_session_free(&r.session);
    sem_destroy(&r.over);
}

static void test_start_late_or_cancelled(void **state)
{
    static struct started first, second;
    infer_run_options late = INFER_RUN_OPTIONS_INIT;
    infer_error err;
    (void)state;
    infer_pool *pool = pool_of(2); /* one worker: the second run waits for the first */
    first = (struct started){.session = session_on(pool, 0)};
    second = (struct started){.session = session_on(pool, 0)};
    assert_int_equal(sem_init(&first.over, 0, 0), 0);
    assert_int_equal(sem_init(&second.over, 0, 0), 0);
    late.deadline_ns = 1;
    OK(start(&first, &late, &err));
    wait_for(&first);
    assert_int_equal(first.status, INFER_ERROR_DEADLINE);
    assert_int_equal(first.err.status, INFER_ERROR_DEADLINE);
    int cancelled = 0, busy = 0;
    for (int i = 0; i < 300; i++) {
        OK(start(&first, NULL, &err));
        OK(start(&second, NULL, &err));
        infer_status again = start(&second, NULL, &err); /* in flight, or over by now */
        assert_true(again == INFER_OK || again == INFER_ERROR_BUSY);
        infer_session_cancel(second.session);
        wait_for(&first);
        wait_for(&second);
        if (again == INFER_OK)
            wait_for(&second);
        OK(first.status);
        expect_wanted(&first.answer);
        assert_true(second.status == INFER_OK || second.status == INFER_ERROR_CANCELLED);
        if (second.status == INFER_OK)
            expect_wanted(&second.answer);
        cancelled += second.status != INFER_OK;
        busy += again != INFER_OK;
    }
    assert_true(cancelled > 0 && busy > 0);
    infer_session_free(&first.session);
    infer_session_free(&second.session);
    infer_pool_free(&pool);
    sem_destroy(&first.over);
    sem_destroy(&second.over);
}

/* A session that is freed with a run in flight: `done` was called once, and has returned. */
static void test_free_in_flight(void **state)
{
    static struct started r;
    infer_error err;
    (void)state;
    infer_pool *pool = pool_of(3);
    for (int i = 0; i < 100; i++) {
        r = (struct started){.session = session_on(pool, 0)};
        assert_int_equal(sem_init(&r.over, 0, 0), 0);
        OK(start(&r, NULL, &err));
        infer_session_free(&r.session);
        assert_int_equal(r.calls, 1);
        assert_true(r.status == INFER_OK || r.status == INFER_ERROR_CANCELLED);
        sem_destroy(&r.over);
    }
    infer_pool_free(&pool);
}

static void test_start_needs_a_worker(void **state)
{
    struct executor e = {.at = -1};
    static struct started r;
    infer_error err;
    (void)state;
    infer_pool *pools[] = {pool_of(1), pool_on(&e, BATCH)};
    for (int i = 0; i < 3; i++) {
        r = (struct started){.session = session_on(i < 2 ? pools[i] : NULL, 1)};
        assert_int_equal(start(&r, NULL, &err), INFER_ERROR_THREAD);
        assert_int_equal(err.status, INFER_ERROR_THREAD);
        expect_runs(r.session); /* not busy */
        infer_session_free(&r.session);
    }
    assert_int_equal(r.calls, 0);
    for (int i = 0; i < 2; i++)
        infer_pool_free(&pools[i]);
}

/* Refused before it begins. */
static void test_start_refuses(void **state)
{
    static struct started r;
    infer_error err;
    infer_tensor bad = input, out[2] = {{0}};
    (void)state;
    r = (struct started){.session = session_on(NULL, 2)};
    bad.rank = 3;
    assert_int_equal(infer_run_start(r.session, NULL, &bad, 1, out, 2, done, &r, &err),
                     INFER_ERROR_SHAPE);
    assert_int_equal(infer_run_start(r.session, NULL, &input, 1, out, 2, NULL, &r, &err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_run_start(NULL, NULL, &input, 1, out, 2, done, &r, &err),
                     INFER_ERROR_ARGUMENT);
    expect_runs(r.session);
    infer_session_free(&r.session);
    assert_int_equal(r.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_pool),
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_pool_options),
        cmocka_unit_test(test_executor),
        cmocka_unit_test(test_cancel_within_a_step),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_cancel_of_nothing),
        cmocka_unit_test(test_cancel_by_another_thread),
        cmocka_unit_test(test_profile_leaves_out_stopped_runs),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_start_without_a_pool),
        cmocka_unit_test(test_start_late_or_cancelled),
        cmocka_unit_test(test_free_in_flight),
        cmocka_unit_test(test_start_needs_a_worker),
        cmocka_unit_test(test_start_refuses),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
