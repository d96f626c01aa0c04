/* At rest a session's threads sleep: the process takes no processor time before the first run,
 * between runs and after the last one. */
#include "tests/small_net.h"

#include <time.h>

enum { REST_MS = 300, MOST_US = 2000 }; /* of processor time, of all threads, in one rest */

static int64_t cpu_us(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Sleeps, and returns the processor time that the process took meanwhile. */
static int64_t rest(void)
{
    int64_t before = cpu_us();
    struct timespec t = {0, REST_MS * 1000000L};
    assert_int_equal(nanosleep(&t, NULL), 0);
    return cpu_us() - before;
}

static void run_often(infer_session *s)
{
    static float x[3 * 17 * 13];
    infer_tensor in = {
        .type = INFER_F32, .rank = 4, .dims = {1, 3, 17, 13}, .data = x, .bytes = sizeof x};
    infer_error err;
    for (int i = 0; i < 100; i++) {
        infer_tensor out[2] = {{0}};
        OK(infer_run(s, &in, 1, out, 2, &err));
    }
}

static void test_idle_takes_no_time(void **state)
{
    (void)state;
    struct bytes file = small_net();
    for (uint32_t threads = 2; threads <= 4; threads += 2) {
        infer_model *model;
        infer_session *s;
        infer_session_options o = INFER_SESSION_OPTIONS_INIT;
        infer_error err;
        OK(infer_load_memory(file.data, file.size, NULL, &model, &err));
        o.threads = threads;
        OK(infer_session_create(model, &o, &s, &err));
        int64_t used[3], before = cpu_us();
        used[0] = rest();
        run_often(s);
        used[1] = rest();
        run_often(s);
        used[2] = rest();
        assert_true(cpu_us() - before > used[0] + used[1] + used[2]); /* the clock counts runs */
        print_message("%u threads: %lld, %lld, %lld us of processor time in rests of %d ms\n",
                      threads, (long long)used[0], (long long)used[1], (long long)used[2], REST_MS);
        for (int i = 0; i < 3; i++)
            assert_in_range(used[i], 0, MOST_US);
        infer_session_free(&s);
        infer_model_free(&model);
    }
    free(file.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_idle_takes_no_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
