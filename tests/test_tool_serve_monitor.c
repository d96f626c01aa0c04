/* The server watches what it is asked: drift, samples, labels. */
#include "tests/serve_client.h"

static char *picture, *dark;
static size_t picture_bytes, dark_bytes;

/* The bundled model with a reference of the bundled pictures, and a picture unlike them. */
static int begin(void **state)
{
    char path[300];
    if (store_begin(state))
        return 1;
    snprintf(path, sizeof path, "%s/signs.infer", store);
    if (run(cmd_reference, "reference", model, "--data", PICTURES, "-o", path, NULL) != CLI_OK)
        return 1;
    picture = read_file(PICTURES "stop-1.jpg", &picture_bytes);
    dark_bytes = 15 + 3 * 64 * 64;
    dark = calloc(1, dark_bytes);
    memcpy(dark, "P6\n64 64\n255\n\n\n", 15);
    return picture && dark ? 0 : 1;
}

static int end(void **state)
{
    free(picture);
    free(dark);
    return teardown(state);
}

static struct server *begin_server(void)
{
    static const char *path[1];
    static char samples[300], log[300];
    path[0] = store;
    snprintf(samples, sizeof samples, "%s/samples", folder);
    snprintf(log, sizeof log, "%s/features.jsonl", folder);
    struct server_options o = serve_options(path);
    o.observe.window = 40;
    o.observe.samples = samples;
    o.observe.log = log;
    o.management_port = 0;
    return serve_begin(&o);
}

/* The value of the first header x-request-id. */
static void id_of(const struct reply *r, char id[37])
{
    const char *p = strcasestr(r->head, "x-request-id: ");
    assert_non_null(p);
    memcpy(id, p + 14, 36);
    id[36] = 0;
}

static yyjson_doc *monitor_of(struct server *s)
{
    static struct reply r;
    serve_ask(http_port(s->management), "GET", "/monitor", NULL, "", 0, &r);
    assert_int_equal(r.status, 200);
    yyjson_doc *doc = yyjson_read(r.body, r.bytes, YYJSON_READ_ALLOW_INF_AND_NAN);
    if (!doc)
        fail_msg("no JSON: %.200s", r.body);
    return doc;
}

static void drift_is_found(void **state)
{
    (void)state;
    static struct reply r;
    struct server *s = begin_server();
    for (int i = 0; i < 160; i++)
        serve_ask(http_port(s->inference), "PUT", "/predictions/signs", NULL, dark, dark_bytes, &r);
    assert_int_equal(r.status, 200);
    serve_ask(http_port(s->management), "GET", "/metrics", NULL, "", 0, &r);
    const char *alert =
        strstr(r.body, "infer_monitor_alert{model=\"signs\",version=\"1\",feature=\"brightness\"}");
    if (!alert || strncmp(strchr(alert, '}'), "} 1", 3) != 0)
        fail_msg("no alert: %.100s", alert ? alert : r.body);
    yyjson_doc *doc = monitor_of(s);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *first = yyjson_arr_get_first(yyjson_obj_get(root, "versions"));
    yyjson_val *pictures = yyjson_obj_get(yyjson_obj_get(first, "monitor"), "pictures");
    assert_int_equal(yyjson_get_int(pictures), 160);
    yyjson_doc_free(doc);
    server_end(s, 5);
    /* what was logged says the same offline */
    char path[300];
    snprintf(path, sizeof path, "%s/signs.infer", store);
    assert_int_equal(
        run(cmd_drift, "drift", path, in_folder("features.jsonl"), "--window", "40", NULL),
        CLI_DIFFERS);
    assert_non_null(strstr(out, "brightness"));
    struct stat st;
    assert_int_equal(stat(in_folder("samples"), &st), 0);
}

static int feedback(struct server *s, const char *id, const char *label)
{
    static struct reply r;
    char body[200];
    const int n = snprintf(body, sizeof body, "{\"id\": \"%s\", \"label\": %s}", id, label);
    serve_ask(http_port(s->management), "POST", "/feedback", NULL, body, (size_t)n, &r);
    return r.status;
}

static void labels_make_accuracy(void **state)
{
    (void)state;
    static struct reply r;
    char first[37], second[37];
    struct server *s = begin_server();
    const int port = http_port(s->inference);
    serve_ask(port, "PUT", "/predictions/signs", NULL, picture, picture_bytes, &r);
    id_of(&r, first);
    serve_ask(port, "PUT", "/predictions/signs", NULL, picture, picture_bytes, &r);
    id_of(&r, second);
    assert_int_equal(feedback(s, first, "\"stop\""), 200);
    assert_int_equal(feedback(s, first, "\"stop\""), 409);
    assert_int_equal(feedback(s, second, "\"no entry\""), 200);
    assert_int_equal(feedback(s, "nobody", "\"stop\""), 404);
    assert_int_equal(feedback(s, "nobody", "\"no such sign\""), 400);
    assert_int_equal(feedback(s, first, "[]"), 400);
    yyjson_doc *doc = monitor_of(s);
    yyjson_val *first_version =
        yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(doc), "versions"));
    yyjson_val *accuracy = yyjson_obj_get(yyjson_obj_get(first_version, "feedback"), "accuracy");
    assert_true(yyjson_get_num(yyjson_obj_get(accuracy, "value")) == 0.5);
    yyjson_doc_free(doc);
    server_end(s, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drift_is_found),
        cmocka_unit_test(labels_make_accuracy),
    };
    return cmocka_run_group_tests_name("serve: monitoring", tests, begin, end);
}
