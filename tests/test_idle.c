/* At rest a session's threads and a pool's sleep: the process takes no processor time before the
 * first run, between runs and after the last one. */
#include "tests/small_net.h"

#include <pthread.h>
#include <time.h>

/* Processor time of all threads in one rest. A rest in which the host or an emulator had something
 * to do is no proof of anything, so the least of a few counts. */
enum { REST_MS = 100, RESTS = 3, MOST_US = 1000 };

static int64_t cpu_us(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Sleeps some times, and returns the least processor time that the process took meanwhile. */
static int64_t rest(void)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < RESTS; i++) {
        int64_t before = cpu_us();
        struct timespec t = {0, REST_MS * 1000000L};
        assert_int_equal(nanosleep(&t, NULL), 0);
        int64_t used = cpu_us() - before;
        least = used < least ? used : least;
    }
    return least;
}

static void *run_often(void *arg)
{
    static const float x[3 * 17 * 13];
    union {
        const float *from;
        void *to;
    } data = {x};
    infer_tensor in = {
        .type = INFER_F32, .rank = 4, .dims = {1, 3, 17, 13}, .data = data.to, .bytes = sizeof x};
    infer_error err;
    for (int i = 0; i < 100; i++) {
        infer_tensor out[2] = {{0}};
        OK(infer_run(arg, &in, 1, out, 2, &err));
    }
    return NULL;
}

enum { SESSIONS = 3 };

/* Each session in a thread of its own. */
static void run_all(infer_session **s, int n)
{
    pthread_t threads[SESSIONS];
    for (int i = 0; i < n; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_often, s[i]), 0);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

static void expect_rest(infer_session **s, int n, const char *what)
{
    int64_t used[3], before = cpu_us();
    used[0] = rest();
    run_all(s, n);
    used[1] = rest();
    run_all(s, n);
    used[2] = rest();
    assert_true(cpu_us() - before > used[0] + used[1] + used[2]); /* the clock counts runs */
    print_message("%s: %lld, %lld, %lld us of processor time in rests of %d ms\n", what,
                  (long long)used[0], (long long)used[1], (long long)used[2], REST_MS);
    for (int i = 0; i < 3; i++)
        assert_in_range(used[i], 0, MOST_US);
}

/* One session with threads of its own, or three on a pool. */
static void check(const infer_model *model, uint32_t threads, int shared)
{
    infer_session *s[SESSIONS];
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_pool_options p = INFER_POOL_OPTIONS_INIT;
    const int n = shared ? SESSIONS : 1;
    infer_pool *pool = NULL;
    infer_error err;
    p.threads = o.threads = threads;
    if (shared)
        OK(infer_pool_create(&p, &pool, &err));
    o.pool = pool;
    for (int i = 0; i < n; i++)
        OK(infer_session_create(model, &o, &s[i], &err));
    char what[64];
    snprintf(what, sizeof what, "%u threads, %s", threads, shared ? "a pool" : "a session's own");
    expect_rest(s, n, what);
    for (int i = 0; i < n; i++)
        infer_session_free(&s[i]);
    infer_pool_free(&pool);
}

static void test_idle_takes_no_time(void **state)
{
    (void)state;
    struct bytes file = small_net();
    infer_model *model;
    infer_error err;
    OK(infer_load_memory(file.data, file.size, NULL, &model, &err));
    for (uint32_t threads = 2; threads <= 4; threads += 2)
        for (int shared = 0; shared < 2; shared++)
            check(model, threads, shared);
    infer_model_free(&model);
    free(file.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_idle_takes_no_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
