/* infer_run takes no memory: every allocator of libc is counted while it runs, on all threads. */
#include "tests/counted_malloc.h"
#include "tests/small_net.h"

static void test_run_takes_no_memory(void **state)
{
    (void)state;
    if (!COUNTED) {
        print_message("skipped: a sanitizer owns malloc\n");
        skip();
    }
    struct bytes file = small_net();
    for (uint32_t threads = 1; threads <= 3; threads++) {
        infer_model *model;
        infer_session *s;
        infer_session_options o = INFER_SESSION_OPTIONS_INIT;
        infer_error err;
        static float x[3 * 17 * 13];
        OK(infer_load_memory(file.data, file.size, NULL, &model, &err));
        o.threads = threads;
        o.no_onednn = 1;
        long before = calls;
        OK(infer_session_create(model, &o, &s, &err));
        assert_true(calls > before); /* the count works */
        infer_tensor in = {
            .type = INFER_F32, .rank = 4, .dims = {1, 3, 17, 13}, .data = x, .bytes = sizeof x};
        before = calls;
        for (int i = 0; i < 200; i++) {
            infer_tensor out[2] = {{0}};
            x[i] = (float)i / 100;
            OK(infer_run(s, &in, 1, out, 2, &err));
        }
        assert_int_equal(calls, before);
        infer_session_free(&s);
        infer_model_free(&model);
    }
    free(file.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_run_takes_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
