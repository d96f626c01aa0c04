/* infer hammer as a user calls it, against a server that delays, refuses, stalls and closes. */
#include <math.h>

#include "hammer_server.h"
#include "third_party/yyjson/yyjson.h"
#include "tool_run.h"

static yyjson_doc *doc;

static char url_text[128];

static const char *url(const char *path)
{
    snprintf(url_text, sizeof url_text, "http://127.0.0.1:%u%s", server.port, path);
    return url_text;
}

static void reset_server(void)
{
    atomic_store(&server.requests, 0);
    atomic_store(&server.connections, 0);
}

/* A number of the last report; NaN where it is null. */
static double number(const char *pointer)
{
    yyjson_val *v = yyjson_doc_ptr_get(doc, pointer);
    if (!v)
        fail_msg("%s is not in the report:\n%s", pointer, out);
    return yyjson_is_num(v) ? yyjson_get_num(v) : NAN;
}

static void read_report(void)
{
    yyjson_doc_free(doc);
    assert_true(json_valid(out));
    doc = yyjson_read(out, strlen(out), 0);
    assert_non_null(doc);
}

/* A number of the first step. */
static double first(const char *pointer)
{
    char text[128];
    snprintf(text, sizeof text, "/steps/0/%s", pointer);
    return number(text);
}

/* How many requests of a step ended in one way. */
static double count_of(int step, const char *outcome)
{
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/steps/%d/outcomes", step);
    yyjson_val *all = yyjson_doc_ptr_get(doc, pointer), *o;
    yyjson_arr_iter it = yyjson_arr_iter_with(all);
    while ((o = yyjson_arr_iter_next(&it)) != NULL)
        if (strcmp(yyjson_get_str(yyjson_obj_get(o, "outcome")), outcome) == 0)
            return yyjson_get_num(yyjson_obj_get(o, "count"));
    return 0;
}

#define HAMMER(path, ...)                                                                          \
    run(cmd_hammer, "hammer", url(path), "--json", "--warmup", "0", __VA_ARGS__, NULL)

/* ---- open loops ----------------------------------------------------------------------------- */

static void test_open_loop(void **state)
{
    (void)state;
    assert_int_equal(HAMMER("/slow", "--rate", "200", "--duration", "1"), CLI_OK);
    read_report();
    const double due = first("due");
    assert_true(fabs(due - 200) < 4 * sqrt(200));
    assert_true(first("answered") == due && first("failed") == 0);
    assert_true(first("accepted/count") == due);
    assert_true(first("accepted/service_ms/min") >= 20);
    assert_true(first("accepted/response_ms/min") >= 20);
    assert_true(first("accepted/response_ms/mean") >= first("accepted/service_ms/mean"));
    assert_true(first("generator_cpu_s") > 0);
    assert_true(first("generator_late_ms/count") == due);
}

/* The seed decides how many arrivals there are, not the number of threads. */
static void test_threads_share_arrivals(void **state)
{
    (void)state;
    double due[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(HAMMER("/", "--rate", "500", "--duration", "0.5", "--seed", "7",
                                "--threads", i ? "3" : "1"),
                         CLI_OK);
        read_report();
        due[i] = first("due");
        assert_true(first("answered") == due[i]);
    }
    assert_true(due[0] == due[1]);
    assert_int_equal(HAMMER("/", "--rate", "400", "--requests", "57"), CLI_OK);
    read_report();
    assert_true(first("due") == 57 && first("seconds") < 1);
}

/* Coordinated omission: a server stalls for half a second once. Only one request meets that as its
 * service time, but all that were due meanwhile had to wait, and their response times say so. */
static void test_stall_is_seen(void **state)
{
    (void)state;
    reset_server();
    assert_int_equal(HAMMER("/stall", "--rate", "100", "--arrivals", "uniform", "--duration", "2",
                            "--connections", "1"),
                     CLI_OK);
    read_report();
    /* a quarter of the requests were due within the stall: of all, a tenth waited 300 ms or more */
    assert_true(first("accepted/response_ms/p90") > 200);
    assert_true(first("accepted/response_ms/max") >= STALL_MS - 20);
    assert_true(first("accepted/service_ms/p95") < 100);
    assert_true(first("accepted/service_ms/max") >= STALL_MS);
    assert_true(first("waited_for_connection") > 30);
    /* with as many connections as needed every request waits within the server */
    reset_server();
    assert_int_equal(HAMMER("/stall", "--rate", "100", "--arrivals", "uniform", "--duration", "2"),
                     CLI_OK);
    read_report();
    assert_true(first("accepted/response_ms/p90") > 200);
    assert_true(first("accepted/service_ms/p90") > 200);
    /* a closed loop hides it: this is why there is an open one */
    reset_server();
    assert_int_equal(HAMMER("/stall", "--connections", "1", "--duration", "1.5"), CLI_OK);
    read_report();
    assert_true(first("accepted/response_ms/p90") < 100);
    assert_true(first("accepted/response_ms/max") >= STALL_MS);
}

static void test_ramp(void **state)
{
    (void)state;
    assert_int_equal(HAMMER("/", "--ramp", "50%:150%:50%", "--capacity", "400", "--duration", "0.3",
                            "--ideal", "1", "--svg", in_folder("ramp.svg")),
                     CLI_OK);
    read_report();
    for (int i = 0; i < 3; i++) {
        char pointer[64];
        snprintf(pointer, sizeof pointer, "/steps/%d/rate", i);
        assert_true(number(pointer) == 200 * (i + 1));
        snprintf(pointer, sizeof pointer, "/steps/%d/percent", i);
        assert_true(number(pointer) == 50 * (i + 1));
        snprintf(pointer, sizeof pointer, "/steps/%d/due", i);
        const double due = number(pointer);
        assert_true(fabs(due - 60 * (i + 1)) < 4 * sqrt(60 * (i + 1)));
        assert_true(count_of(i, "200") == due);
        snprintf(pointer, sizeof pointer, "/steps/%d/ideal_response_ms/count", i);
        assert_true(number(pointer) == due); /* the same arrivals */
        snprintf(pointer, sizeof pointer, "/steps/%d/ideal_response_ms/min", i);
        assert_true(number(pointer) == 1);
    }
    assert_true(yyjson_is_null(yyjson_doc_ptr_get(doc, "/steps/3")) ||
                !yyjson_doc_ptr_get(doc, "/steps/3"));
    size_t size;
    char *svg = read_file(in_folder("ramp.svg"), &size);
    assert_non_null(svg);
    assert_non_null(strstr(svg, "Response times by rate"));
    assert_non_null(strstr(svg, "</svg>"));
    assert_null(strstr(svg, "nan"));
    free(svg);
}

/* ---- closed loops --------------------------------------------------------------------------- */

static void test_closed_loop(void **state)
{
    (void)state;
    reset_server();
    assert_int_equal(HAMMER("/slow", "--connections", "4", "--duration", "1"), CLI_OK);
    read_report();
    assert_int_equal(atomic_load(&server.connections), 4 + 1); /* and the one that tries */
    assert_true(first("accepted_per_s") <= 4 / 0.020 + 1 && first("accepted_per_s") > 60);
    assert_true(first("accepted_per_s_without_generator") >= first("accepted_per_s"));
    assert_true(first("accepted/count") >= first("accepted_per_s"));
    reset_server();
    assert_int_equal(HAMMER("/", "--connections", "5", "--threads", "2", "--requests", "100"),
                     CLI_OK);
    read_report();
    assert_true(first("accepted/count") == 100 && atomic_load(&server.requests) == 100);
}

/* The warm-up is sent and not counted. */
static void test_warmup(void **state)
{
    (void)state;
    reset_server();
    assert_int_equal(run(cmd_hammer, "hammer", url("/"), "--json", "--rate", "200", "--warmup",
                         "0.4", "--duration", "0.4", NULL),
                     CLI_OK);
    read_report();
    assert_true(first("due") < 80 + 4 * 9);
    assert_true(atomic_load(&server.requests) > first("due") + 80 - 4 * 9);
}

/* ---- what goes wrong ------------------------------------------------------------------------ */

static void test_statuses_apart(void **state)
{
    (void)state;
    reset_server();
    assert_int_equal(HAMMER("/alternate", "--rate", "200", "--duration", "0.5"), CLI_DIFFERS);
    read_report();
    assert_true(count_of(0, "503") > 30 && count_of(0, "200") > 30);
    assert_true(first("failed") == count_of(0, "503"));
    assert_true(first("accepted/count") == count_of(0, "200"));
    assert_true(first("accepted/service_ms/min") >= 10);
    for (int i = 0; i < 2; i++) {
        char pointer[64];
        snprintf(pointer, sizeof pointer, "/steps/0/outcomes/%d/outcome", i);
        const int busy = strcmp(yyjson_get_str(yyjson_doc_ptr_get(doc, pointer)), "503") == 0;
        snprintf(pointer, sizeof pointer, "/steps/0/outcomes/%d/service_ms/p50", i);
        assert_true((number(pointer) < 10) == busy);
    }
    assert_int_equal(HAMMER("/alternate", "--requests", "20", "--expect-status", "200,503"),
                     CLI_OK);
    assert_int_equal(HAMMER("/alternate", "--requests", "20", "--allow-failures", "60%"), CLI_OK);
    assert_int_equal(HAMMER("/alternate", "--requests", "20", "--allow-failures", "10"), CLI_OK);
    assert_int_equal(HAMMER("/alternate", "--requests", "20", "--allow-failures", "9"),
                     CLI_DIFFERS);
}

static void check_all(const char *path, const char *outcome)
{
    assert_int_equal(HAMMER(path, "--requests", "5", "--connections", "1", "--timeout", "0.1"),
                     CLI_DIFFERS);
    read_report();
    if (count_of(0, outcome) != 5)
        fail_msg("%s: not all are '%s':\n%s", path, outcome, out);
    assert_true(first("failed") == 5);
}

static void test_broken_answers(void **state)
{
    (void)state;
    check_all("/cut", "closed early");
    check_all("/garbage", "broken");
    assert_non_null(strstr(out, "not that of an HTTP/1 answer"));
    check_all("/never", "timeout");
    assert_true(first("accepted/count") == 0);
    assert_true(isnan(first("accepted/response_ms/p99")));
}

static void test_ways_to_answer(void **state)
{
    (void)state;
    static const char *const paths[] = {"/chunked", "/close", "/silent-close"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        reset_server();
        assert_int_equal(
            HAMMER(paths[i], "--requests", "20", "--connections", "2", "--check", "hello"), CLI_OK);
        read_report();
        assert_true(count_of(0, "200") == 20 && atomic_load(&server.requests) == 20);
        assert_true(atomic_load(&server.connections) >= (i ? 20 : 2));
    }
    assert_int_equal(HAMMER("/", "--method", "HEAD", "--requests", "1", "--timeout", "0.2"),
                     CLI_OK);
    assert_int_equal(strncmp(server.last, "HEAD / HTTP/1.1\r\n", 17), 0);
}

static void test_wrong_answers(void **state)
{
    (void)state;
    write_text(in_folder("hello"), "hello");
    write_text(in_folder("hell"), "hell");
    char whole[300], part[300];
    snprintf(whole, sizeof whole, "@%s", in_folder("hello"));
    snprintf(part, sizeof part, "@%s", in_folder("hell"));
    assert_int_equal(HAMMER("/", "--requests", "4", "--check", "ell"), CLI_OK);
    assert_int_equal(HAMMER("/chunked", "--requests", "4", "--check", whole), CLI_OK);
    const char *const wrong[] = {"bye", part};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(HAMMER("/", "--requests", "4", "--check", wrong[i]), CLI_DIFFERS);
        read_report();
        assert_true(count_of(0, "wrong answer") == 4 && first("failed") == 4);
        assert_true(first("accepted_per_s") == 0 && first("answered") == 4);
    }
}

/* A server that refuses before it has read everything gets its answer counted. */
static void test_refused_early(void **state)
{
    (void)state;
    static char large[8 << 20];
    write_bytes(in_folder("large"), large, sizeof large);
    assert_int_equal(HAMMER("/early", "--requests", "6", "--connections", "2", "--expect-status",
                            "503", "--body", in_folder("large")),
                     CLI_OK);
    read_report();
    assert_true(count_of(0, "503") == 6);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void test_bodies(void **state)
{
    (void)state;
    char field[300];
    assert_int_equal(mkdir(in_folder("bodies"), 0700), 0);
    write_text(in_folder("bodies/b.json"), "22");
    write_text(in_folder("bodies/a.jpg"), "1");
    assert_int_equal(
        HAMMER("/count", "--requests", "2", "--connections", "1", "--body", in_folder("bodies")),
        CLI_OK);
    assert_non_null(strstr(server.last, "POST /count HTTP/1.1\r\n"));
    assert_non_null(strstr(server.last, "Content-Type: application/json\r\nContent-Length: 2\r\n"));
    assert_int_equal(HAMMER("/count", "--requests", "1", "--connections", "1", "--body",
                            in_folder("bodies/a.jpg"), "--method", "PUT", "--header", "X-A: b",
                            "--header", "content-type: x/y", "--header", "Host: h"),
                     CLI_OK);
    assert_non_null(strstr(server.last, "PUT /count HTTP/1.1\r\nUser-Agent: "));
    assert_non_null(strstr(server.last, "\r\nX-A: b\r\ncontent-type: x/y\r\nHost: h\r\n\r\n"));
    snprintf(field, sizeof field, "image=@%s", in_folder("bodies"));
    assert_int_equal(HAMMER("/count", "--requests", "2", "--form", field, "--form", "k=5"), CLI_OK);
    read_report();
    assert_true(number("/requests") == 2);
    assert_non_null(strstr(server.last, "Content-Type: multipart/form-data; boundary="));
    static char large[3 << 20];
    write_bytes(in_folder("large"), large, sizeof large);
    assert_int_equal(
        HAMMER("/count", "--requests", "20", "--body", in_folder("large"), "--check", "3145728"),
        CLI_OK);
}

/* ---- files, text, arguments ----------------------------------------------------------------- */

static void test_files(void **state)
{
    (void)state;
    unsigned lines = 0;
    size_t size;
    assert_int_equal(run(cmd_hammer, "hammer", url("/slow"), "--rate", "100", "--duration", "0.5",
                         "--warmup", "0.1", "--csv", in_folder("all.csv"), "--svg",
                         in_folder("one.svg"), "--service-times", in_folder("bare"), NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "open loop, Poisson arrivals, seed 1"));
    assert_non_null(strstr(out, "\n200            response"));
    assert_non_null(strstr(out, "generator: "));
    char **all = read_lines(in_folder("all.csv"), &lines);
    assert_non_null(all);
    const unsigned requests = lines - 1;
    assert_string_equal(all[0], "due_ms,sent_ms,done_ms,response_ms,service_ms,outcome,step");
    for (unsigned i = 1; i < lines; i++) {
        double due, sent, done, response, service;
        assert_int_equal(
            sscanf(all[i], "%lf,%lf,%lf,%lf,%lf,200,1", &due, &sent, &done, &response, &service),
            5);
        assert_true(due >= 100 && sent >= due && done >= sent + 20);
        assert_true(fabs(done - due - response) < 1e-5 && fabs(done - sent - service) < 1e-5);
    }
    free(all);
    all = read_lines(in_folder("bare"), &lines);
    assert_non_null(all);
    assert_int_equal(lines, requests);
    free(all);
    char *svg = read_file(in_folder("one.svg"), &size);
    assert_non_null(svg);
    assert_int_equal(strncmp(svg, "<svg xmlns=", 11), 0);
    assert_null(strstr(svg, "nan"));
    assert_non_null(strstr(svg, "200, response"));
    free(svg);
    /* what was written is what --ideal reads */
    assert_int_equal(HAMMER("/slow", "--rate", "20", "--duration", "0.5", "--ideal",
                            in_folder("bare"), "--ideal-workers", "8"),
                     CLI_OK);
    read_report();
    assert_true(first("ideal_response_ms/min") >= 20);
}

static void test_server_usage(void **state)
{
    (void)state;
    char pid[24];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_int_equal(HAMMER("/", "--connections", "4", "--duration", "0.6", "--server-pid", pid),
                     CLI_OK);
    read_report();
    /* both are this process here; /proc counts in hundredths */
    assert_true(fabs(first("server_cpu_s") - first("generator_cpu_s")) < 0.08);
    assert_true(first("server_resident_bytes") > 1e6);
    assert_true(first("machine_idle") >= 0 && first("machine_idle") <= 1);
}

static void test_other_sockets(void **state)
{
    (void)state;
    server_stop();
    if (server_start(AF_INET6, NULL)) {
        char text[64];
        snprintf(text, sizeof text, "http://[::1]:%u/", server.port);
        assert_int_equal(run(cmd_hammer, "hammer", text, "--requests", "3", NULL), CLI_OK);
        server_stop();
    } else {
        print_message("skipped: there is no IPv6\n");
    }
    assert_true(server_start(AF_UNIX, in_folder("socket")));
    assert_int_equal(run(cmd_hammer, "hammer", "http://any/", "--unix-socket", in_folder("socket"),
                         "--requests", "3", NULL),
                     CLI_OK);
    server_stop();
    /* nobody listens any more */
    assert_int_equal(run(cmd_hammer, "hammer", "http://any/", "--unix-socket", in_folder("socket"),
                         "--requests", "3", NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "can't connect"));
    assert_true(server_start(AF_INET, NULL));
    const unsigned gone = server.port;
    server_stop();
    snprintf(url_text, sizeof url_text, "http://127.0.0.1:%u/", gone);
    assert_int_equal(run(cmd_hammer, "hammer", url_text, "--requests", "3", NULL), CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "Connection refused"));
    assert_true(server_start(AF_INET, NULL));
}

static void test_wrong_arguments(void **state)
{
    (void)state;
    static const char *const wrong[][4] = {
        {"--rate", "0"},
        {"--rate", "x"},
        {"--rate", "10", "--ramp", "1:2:1"},
        {"--ramp", "1:2"},
        {"--ramp", "1:2:0"},
        {"--ramp", "2:1:1"},
        {"--ramp", "10%:20%:5"},
        {"--ramp", "10%:20%:5%"},
        {"--ramp", "1:1000:1"},
        {"--ramp", "1:2:1", "--requests", "5"},
        {"--duration", "1", "--requests", "5"},
        {"--arrivals", "bursts"},
        {"--connections", "1", "--threads", "2"},
        {"--expect-status", "20"},
        {"--expect-status", "200,"},
        {"--expect-status", "200;503"},
        {"--allow-failures", "-1"},
        {"--allow-failures", "1%%"},
        {"--method", "get"},
        {"--header", "no colon"},
        {"--header", "A: b\r\nC: d"},
        {"--header", "Content-Length: 5"},
        {"--form", "image"},
        {"--form", "a=b", "--body", "x"},
        {"--server-pid", "x"},
        {"--ideal", "5"}, /* a closed loop has no arrivals */
        {"--timeout", "0"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        reset_server();
        const int status = run(cmd_hammer, "hammer", url("/"), wrong[i][0], wrong[i][1],
                               wrong[i][2], wrong[i][3], NULL);
        if (status != CLI_USAGE || out[0] || !err_text[0] || atomic_load(&server.requests))
            fail_msg("%s %s: status %d, '%s'", wrong[i][0], wrong[i][1], status, err_text);
    }
    assert_int_equal(run(cmd_hammer, "hammer", url("/"), "--body", "/none", NULL), CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "/none"));
    assert_int_equal(run(cmd_hammer, "hammer", url("/"), "--server-pid", "999999999", NULL),
                     CLI_BAD_INPUT);
    assert_int_equal(
        run(cmd_hammer, "hammer", url("/"), "--requests", "1", "--csv", "/none/all.csv", NULL),
        CLI_RESOURCES);
}

static int start(void **state)
{
    (void)state;
    return !mkdtemp(folder) || !server_start(AF_INET, NULL);
}

static int stop_all(void **state)
{
    server_stop();
    yyjson_doc_free(doc);
    return teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_loop),      cmocka_unit_test(test_threads_share_arrivals),
        cmocka_unit_test(test_stall_is_seen),  cmocka_unit_test(test_ramp),
        cmocka_unit_test(test_closed_loop),    cmocka_unit_test(test_warmup),
        cmocka_unit_test(test_statuses_apart), cmocka_unit_test(test_broken_answers),
        cmocka_unit_test(test_ways_to_answer), cmocka_unit_test(test_wrong_answers),
        cmocka_unit_test(test_refused_early),  cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_files),          cmocka_unit_test(test_server_usage),
        cmocka_unit_test(test_other_sockets),  cmocka_unit_test(test_wrong_arguments),
    };
    return cmocka_run_group_tests(tests, start, stop_all);
}
