/* Models that are loaded by call with a configuration: what of Triton's ModelConfig is followed,
 * and what is refused. */
#include "tests/serve_nets.h"

static struct server *server;
static int port;
static struct reply r;

static int begin(void **state)
{
    static const char *path[1];
    if (store_begin(state))
        return 1;
    store_put("signs.infer");
    mkdir(in_folder("store/sums"), 0700);
    for (int i = 1; i <= 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "store/sums/%d", i);
        mkdir(in_folder(name), 0700);
        snprintf(name, sizeof name, "store/sums/%d/model.onnx", i);
        write_sums(in_folder(name));
    }
    path[0] = store;
    struct server_options o = serve_options(path);
    o.versions.max_batch = 8;
    server = serve_begin(&o);
    port = http_port(server->inference);
    return 0;
}

static int end(void **state)
{
    server_end(server, 5);
    return teardown(state);
}

/* Loads a model with a config, NULL: without. Quotes of it are written as '. */
static int load(const char *name, const char *config)
{
    char body[6000], path[100];
    size_t n = 0;
    if (config) {
        n = (size_t)snprintf(body, sizeof body, "{\"parameters\": {\"config\": \"");
        for (const char *p = config; *p; p++)
            n += (size_t)snprintf(body + n, sizeof body - n, *p == '\'' ? "\\\"" : "%c", *p);
        n += (size_t)snprintf(body + n, sizeof body - n, "\"}}");
    }
    snprintf(path, sizeof path, "/v2/repository/models/%s/load", name);
    serve_ask(port, "POST", path, NULL, body, n, &r);
    return r.status;
}

static const char *config_of(const char *name)
{
    char path[100];
    snprintf(path, sizeof path, "/v2/models/%s/config", name);
    serve_ask(port, "GET", path, NULL, NULL, 0, &r);
    assert_int_equal(r.status, 200);
    return r.body;
}

static int is_ready(const char *path)
{
    serve_ask(port, "GET", path, NULL, NULL, 0, &r);
    return r.status == 200;
}

static void settings(void **state)
{
    (void)state;
    assert_int_equal(load("sums",
                          "{'name': 'sums', 'backend': 'onnxruntime', 'max_batch_size': 5, "
                          "'input': [{'name': 'A', 'data_type': 'TYPE_INT32', 'dims': [2]}], "
                          "'output': [{'name': 'OUT0', 'dims': [-1]}], "
                          "'instance_group': [{'count': 2, 'kind': 'KIND_CPU'}, {}], "
                          "'dynamic_batching': {'preferred_batch_size': [2, 4], "
                          "'max_queue_delay_microseconds': '1500', "
                          "'default_queue_policy': {'max_queue_size': 3}}, "
                          "'model_warmup': [], 'parameters': {}}"),
                     200);
    const char *c = config_of("sums");
    assert_non_null(strstr(c, "\"max_batch_size\":5"));
    assert_non_null(strstr(c, "\"count\":3"));
    assert_non_null(strstr(c, "\"dynamic_batching\":{\"preferred_batch_size\":[2,4],"
                              "\"max_queue_delay_microseconds\":1500}"));
    /* what the server tells of itself it takes, too */
    char told[4000], *to = told;
    for (const char *p = c; *p && to < told + sizeof told - 1; p++)
        *to++ = *p == '"' ? '\'' : *p;
    *to = 0;
    if (load("sums", told) != 200)
        fail_msg("%s", r.body);
    assert_non_null(strstr(config_of("sums"), "\"max_batch_size\":5"));
    assert_int_equal(load("sums", NULL), 200);
    c = config_of("sums");
    assert_non_null(strstr(c, "\"max_batch_size\":8"));
    assert_null(strstr(c, "dynamic_batching"));
}

static void choices_of_versions(void **state)
{
    (void)state;
    assert_int_equal(load("sums", "{'version_policy': {'latest': {'num_versions': 2}}}"), 200);
    assert_false(is_ready("/v2/models/sums/versions/1/ready"));
    assert_true(is_ready("/v2/models/sums/versions/2/ready"));
    assert_true(is_ready("/v2/health/ready")); /* nobody wants the first */
    assert_int_equal(load("sums", "{'version_policy': {'specific': {'versions': [1, 3]}}}"), 200);
    assert_true(is_ready("/v2/models/sums/versions/1/ready"));
    assert_false(is_ready("/v2/models/sums/versions/2/ready"));
    repository_scan(server->repository); /* which does not bring it back */
    assert_false(is_ready("/v2/models/sums/versions/2/ready"));
    assert_int_equal(load("sums", "{'version_policy': {'all': {}}}"), 200);
    assert_true(is_ready("/v2/models/sums/versions/2/ready"));
    assert_int_equal(load("sums", NULL), 200);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *model, *config, *why;
    } rows[] = {
        {"sums", "no JSON", "no JSON object"},
        {"sums", "{'name': 'others'}", "'name'"},
        {"sums", "{'max_batch_size': -1}", "'max_batch_size'"},
        {"sums", "{'max_batch_size': 2000}", "'max_batch_size'"},
        {"sums", "{'instance_group': [{'kind': 'KIND_GPU'}]}", "CPUs alone"},
        {"sums", "{'instance_group': [{'count': 0}]}", "'instance_group'"},
        {"sums", "{'input': [{'name': 'X'}]}", "no such tensor"},
        {"sums", "{'input': [{'name': 'A', 'data_type': 'TYPE_FP32'}]}", "type is another"},
        {"sums", "{'input': [{'name': 'A', 'dims': [2, 2]}]}", "number of dims"},
        {"sums", "{'input': [{'name': 'A', 'dims': [3]}]}", "dims are others"},
        {"sums", "{'sequence_batching': {'max_sequence_idle_microseconds': 5}}", "not supported"},
        {"sums", "{'model_transaction_policy': {'decoupled': true}}", "not supported"},
        {"sums", "{'dynamic_batching': {'preferred_batch_size': [4, 2]}}", "sizes that grow"},
        {"sums", "{'dynamic_batching': {'preserve_ordering': true}}", "'preserve_ordering'"},
        {"sums", "{'dynamic_batching': {'default_queue_policy': {'timeout_action': 'DELAY'}}}",
         "REJECT"},
        {"sums", "{'version_policy': {'specific': {'versions': []}}}", "'version_policy'"},
        {"sums", "{'version_policy': {'latest': {'num_versions': 0}}}", "num_versions"},
        {"sums", "{'default_model_filename': '/etc/passwd'}", "another file"},
        {"sums", "{'response_cache': {'enable': true}}", "--cache"},
    };
    static const char file[] = "{\"parameters\": {\"file:1/model.onnx\": \"QQ==\"}}";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (load(rows[i].model, rows[i].config) != 400 || !strstr(r.body, rows[i].why))
            fail_msg("%s: %d %s", rows[i].config, r.status, r.body);
        assert_true(is_ready("/v2/models/sums/versions/2/ready"));
    }
    serve_ask(port, "POST", "/v2/repository/models/sums/load", NULL, file, sizeof file - 1, &r);
    assert_int_equal(r.status, 400);
    assert_non_null(strstr(r.body, "file:1/model.onnx"));
    assert_int_equal(load("nope", "{}"), 500);
    assert_non_null(strstr(config_of("sums"), "\"max_batch_size\":8"));
}

/* Five requests at once, of one row each: two pairs run as they are full, the fifth when the delay
 * is over. */
static void preferred_sizes(void **state)
{
    (void)state;
    static const char body[] =
        "{\"inputs\": [{\"name\": \"A\", \"shape\": [1, 2], \"datatype\": \"INT32\", "
        "\"data\": [1, 2]}, {\"name\": \"B\", \"shape\": [1, 2], \"datatype\": \"INT32\", "
        "\"data\": [3, 4]}]}";
    char request[600];
    int fds[5];
    assert_int_equal(load("sums", "{'version_policy': {'latest': {}}, 'dynamic_batching': "
                                  "{'preferred_batch_size': [2], "
                                  "'max_queue_delay_microseconds': 300000}}"),
                     200);
    const int n = snprintf(request, sizeof request,
                           "POST /v2/models/sums/infer HTTP/1.1\r\nHost: x\r\n"
                           "Content-Length: %zu\r\n\r\n%s",
                           sizeof body - 1, body);
    for (int i = 0; i < 5; i++) {
        fds[i] = serve_connect(port);
        serve_send(fds[i], request, (size_t)n);
    }
    for (int i = 0; i < 5; i++) {
        serve_receive(fds[i], &r);
        assert_int_equal(r.status, 200);
        assert_non_null(strstr(r.body, "[4,6]"));
        close(fds[i]);
    }
    serve_ask(port, "GET", "/v2/models/sums/versions/3/stats", NULL, NULL, 0, &r);
    assert_non_null(strstr(r.body, "{\"batch_size\":1,\"compute_input\":{\"count\":1,"));
    assert_non_null(strstr(r.body, "{\"batch_size\":2,\"compute_input\":{\"count\":2,"));
    assert_int_equal(load("sums", NULL), 200);
}

/* While a batch waits for more, one client gives its connection up, and one ends its side alone:
 * the first is not computed for, the second is answered. */
static void clients_that_go(void **state)
{
    (void)state;
    static const char request[] =
        "POST /v2/models/sums/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 150\r\n\r\n"
        "{\"inputs\": [{\"name\": \"A\", \"shape\": [1, 2], \"datatype\": \"INT32\", \"data\": [1, "
        "2]}, "
        "{\"name\": \"B\", \"shape\": [1, 2], \"datatype\": \"INT32\", \"data\": [3, 4]}]}";
    const struct linger at_once = {1, 0};
    assert_int_equal(strlen(strstr(request, "{\"inputs")), 150);
    assert_int_equal(load("sums", "{'version_policy': {'latest': {}}, 'dynamic_batching': "
                                  "{'max_queue_delay_microseconds': 300000}}"),
                     200);
    const int gone = serve_connect(port), half = serve_connect(port);
    serve_send(gone, request, sizeof request - 1);
    serve_send(half, request, sizeof request - 1);
    shutdown(half, SHUT_WR);
    usleep(50000); /* until they are queued */
    setsockopt(gone, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(gone);
    serve_receive(half, &r);
    close(half);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "[4,6]"));
    serve_ask(http_port(server->management), "GET", "/metrics", NULL, NULL, 0, &r);
    assert_non_null(strstr(r.body, "{model=\"sums\",version=\"3\",outcome=\"cancelled\"} 1\n"));
    assert_non_null(strstr(r.body, "{model=\"sums\",version=\"3\",outcome=\"success\"} 1\n"));
    assert_int_equal(load("sums", NULL), 200);
}

static void sizes_of_a_text(void **state)
{
    (void)state;
    int sizes[VERSION_MOST_PREFERRED];
    assert_true(version_read_preferred("4,8", sizes));
    assert_true(sizes[0] == 4 && sizes[1] == 8 && sizes[2] == 0);
    static const char *const bad[] = {"",    "0", "4,", "4,4", "8,4", "x", "1,2,3,4,5,6,7,8,9",
                                      "2000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(version_read_preferred(bad[i], sizes));
}

/* A model whose file is gone is wanted no longer. */
static void a_file_that_goes(void **state)
{
    (void)state;
    store_put("spare.infer");
    repository_scan(server->repository);
    assert_true(is_ready("/v2/models/spare/ready"));
    unlink(in_folder("store/spare.infer"));
    repository_scan(server->repository);
    assert_false(is_ready("/v2/models/spare/ready"));
    assert_true(is_ready("/v2/health/ready"));
    store_put("spare.infer");
    repository_scan(server->repository);
    assert_true(is_ready("/v2/models/spare/ready"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings),         cmocka_unit_test(choices_of_versions),
        cmocka_unit_test(refused),          cmocka_unit_test(preferred_sizes),
        cmocka_unit_test(clients_that_go),  cmocka_unit_test(sizes_of_a_text),
        cmocka_unit_test(a_file_that_goes),
    };
    return cmocka_run_group_tests_name("serve: load", tests, begin, end);
}
