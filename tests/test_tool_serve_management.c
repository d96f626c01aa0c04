/* The management API of MMS and TorchServe: registering within the model store and nowhere else,
 * workers, versions, lists; and archives, whose notes a server follows. */
#include "tests/serve_client.h"

#include "tools/serve/models/found.h"

static void *picture;
static size_t picture_bytes;
static struct server *server;
static struct reply r;

static int begin(void **state)
{
    if (store_begin(state))
        return 1;
    store_put("signs.infer");
    store_put("echo.mar"); /* found by call alone */
    store_put("other.mar");
    store_put("../outside.infer");
    write_text(in_folder("store/broken.mar"), "no model");
    assert_int_equal(symlink("../outside.infer", in_folder("store/link.mar")), 0);
    picture = read_file(PICTURES "stop-1.jpg", &picture_bytes);
    return picture ? 0 : 1;
}

static int end(void **state)
{
    free(picture);
    return teardown(state);
}

static void serve(enum server_compat compat, int control, int initial)
{
    static const char *path[1];
    path[0] = store;
    struct server_options o = serve_options(path);
    o.compat = compat;
    o.control = control;
    o.initial_workers = initial;
    server = serve_begin(&o);
}

static void manage(const char *method, const char *path)
{
    serve_ask(http_port(server->management), method, path, NULL, "", 0, &r);
}

/* Whether a model answers. */
static int predicts(const char *path)
{
    serve_ask(http_port(server->inference), "PUT", path, NULL, picture, picture_bytes, &r);
    return r.status == 200;
}

#define EXPECT(wanted)                                                                             \
    do {                                                                                           \
        if (r.status != (wanted))                                                                  \
            fail_msg("%d, not %d: %s", r.status, wanted, r.body);                                  \
        assert_true(json_valid(r.body));                                                           \
    } while (0)

#define SAYS(text)                                                                                 \
    do {                                                                                           \
        if (!strstr(r.body, text))                                                                 \
            fail_msg("'%s' is missing in %s", text, r.body);                                       \
    } while (0)

static void mms(void **state)
{
    (void)state;
    serve(COMPAT_MMS, 1, 0);
    assert_false(predicts("/predictions/echo"));
    manage("POST", "/models?url=echo.mar");
    EXPECT(200);
    SAYS("\"status\": \"Workers scaled\"");
    assert_true(predicts("/predictions/echo"));
    manage("POST", "/models?url=echo.mar");
    EXPECT(409);
    SAYS("ConflictStatusException");
    manage("POST", "/models?url=other.mar&model_name=echo"); /* there are no versions */
    EXPECT(409);
    static const char five[] =
        "{\"url\": \"echo.mar\", \"model_name\": \"five\", \"initial_workers\": 0}";
    serve_ask(http_port(server->management), "POST", "/models",
              "Content-Type: application/json\r\n", five, sizeof five - 1, &r);
    EXPECT(200);
    SAYS("Model \\\"five\\\" registered");
    assert_false(predicts("/predictions/five"));
    assert_int_equal(r.status, 503);
    SAYS("ServiceUnavailableException");
    SAYS("No worker is available to serve request for model: five");
    manage("PUT", "/models/five?min_worker=1");
    EXPECT(202);
    SAYS("Processing worker updates...");
    assert_true(predicts("/predictions/five"));
    manage("PUT", "/models/five?min_worker=0&synchronous=true");
    EXPECT(200);
    SAYS("Workers scaled");
    assert_false(predicts("/predictions/five"));
    manage("GET", "/models/five");
    EXPECT(200);
    assert_true(*r.body == '{');
    SAYS("\"modelUrl\": \"echo.mar\"");
    SAYS("\"workers\": []");
    SAYS("\"loadedAtStartup\": false");
    manage("GET", "/models/signs");
    EXPECT(200);
    SAYS("\"loadedAtStartup\": true");
    SAYS("\"status\": \"READY\"");
    manage("POST", "/models?url=echo.mar&model_name=b&batch_size=3&max_batch_delay=50");
    EXPECT(200);
    manage("GET", "/models/b");
    SAYS("\"batchSize\": 3");
    SAYS("\"maxBatchDelay\": 50");
    manage("DELETE", "/models/five");
    EXPECT(200);
    SAYS("Model \\\"five\\\" unregistered");
    manage("DELETE", "/models/five");
    EXPECT(404);
    manage("DELETE", "/models/signs"); /* it comes back by call alone */
    EXPECT(200);
    repository_scan(server->repository);
    assert_false(predicts("/predictions/signs"));
    manage("POST", "/models?url=signs.infer");
    EXPECT(200);
    assert_true(predicts("/predictions/signs"));
    repository_scan(server->repository);
    assert_true(predicts("/predictions/signs") && predicts("/predictions/echo"));
    server_end(server, 5);
}

/* What is refused, and with it that nothing outside the store is opened and nothing fetched. */
static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        int status;
        const char *type;
    } cases[] = {
        {"POST", "/models", 400, "Parameter url is required."},
        {"POST", "/models?url=", 400, "Parameter url is required."},
        {"POST", "/models?url=nope.mar", 404, "ModelNotFoundException"},
        {"POST", "/models?url=../outside.infer", 404, "Relative path is not allowed in url"},
        {"POST", "/models?url=..%2Foutside.infer", 404, "Relative path is not allowed in url"},
        {"POST", "/models?url=/etc/passwd", 404, "ModelNotFoundException"},
        {"POST", "/models?url=link.mar", 404, "ModelNotFoundException"},
        {"POST", "/models?url=.", 404, "ModelNotFoundException"},
        {"POST", "/models?url=http://127.0.0.1:9/x.mar", 400, "DownloadModelException"},
        {"POST", "/models?url=file:///etc/passwd", 400, "DownloadModelException"},
        {"POST", "/models?url=broken.mar", 400, "InvalidModelException"},
        {"POST", "/models?url=echo.mar&runtime=cobol", 400, "Invalid RuntimeType value: cobol"},
        {"POST", "/models?url=echo.mar&batch_size=x", 400, "BadRequestException"},
        {"POST", "/models?url=echo.mar&model_name=a%2Fb", 400, "BadRequestException"},
        {"POST", "/models?url=echo.mar&model_name=.a", 400, "BadRequestException"},
        {"PUT", "/models/signs?min_worker=3&max_worker=1", 400,
         "max_worker cannot be less than min_worker."},
        {"PUT", "/models/signs?min_worker=x", 400, "BadRequestException"},
        {"PUT", "/models/nope?min_worker=1", 404, "ModelNotFoundException"},
        {"GET", "/models/nope", 404, "ModelNotFoundException"},
        {"GET", "/models/%zz", 400, "BadRequestException"},
        {"PATCH", "/models/signs", 405, "MethodNotAllowedException"},
        {"GET", "/ping", 404, "ResourceNotFoundException"},
        {"POST", "/predictions/signs", 404, "ResourceNotFoundException"},
    };
    serve(COMPAT_MMS, 1, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        manage(cases[i].method, cases[i].path);
        EXPECT(cases[i].status);
        SAYS(cases[i].type);
    }
    manage("GET", "/models");
    SAYS("\"modelName\": \"signs\"");
    assert_null(strstr(r.body, "outside"));
    assert_null(strstr(strstr(r.body, "modelName") + 1, "modelName"));
    serve_ask(http_port(server->management), "POST", "/models",
              "Content-Type: application/x-www-form-urlencoded\r\n", "url=echo.mar", 12, &r);
    EXPECT(400); /* a form is not read */
    server_end(server, 5);
    serve(COMPAT_MMS, 0, 0); /* --no-control */
    manage("POST", "/models?url=echo.mar");
    EXPECT(405);
    manage("DELETE", "/models/signs");
    EXPECT(405);
    manage("PUT", "/models/signs?min_worker=1");
    EXPECT(202);
    server_end(server, 5);
}

static void lists(void **state)
{
    (void)state;
    serve(COMPAT_MMS, 1, 0);
    manage("POST", "/models?url=echo.mar&model_name=a");
    manage("POST", "/models?url=echo.mar&model_name=b");
    manage("POST", "/models?url=echo.mar&model_name=c");
    static const struct {
        const char *path;
        const char *token, *first;
        int count;
    } cases[] = {{"/models", NULL, "a", 4},
                 {"/models/", NULL, "a", 4},
                 {"/models?limit=2", "\"nextPageToken\": \"2\"", "a", 2},
                 {"/models?limit=2&next_page_token=2", "\"nextPageToken\": \"4\"", "c", 2},
                 {"/models?limit=x", NULL, "a", 4},
                 {"/models?limit=0", "\"nextPageToken\": \"0\"", NULL, 0},
                 {"/models?limit=2&next_page_token=99", NULL, NULL, 0},
                 {"/models?limit=999999999999999999999&next_page_token=-1", NULL, "a", 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        manage("GET", cases[i].path);
        EXPECT(200);
        int n = 0;
        const char *first = strstr(r.body, "\"modelName\": \"");
        for (const char *p = r.body; (p = strstr(p, "\"modelName\"")) != NULL; p++)
            n++;
        assert_int_equal(n, cases[i].count);
        assert_int_equal(strstr(r.body, "nextPageToken") != NULL, cases[i].token != NULL);
        if (cases[i].token)
            SAYS(cases[i].token);
        if (cases[i].first)
            assert_int_equal(first[14], *cases[i].first);
    }
    manage("OPTIONS", "/");
    EXPECT(200);
    SAYS("\"openapi\": \"3.0.1\"");
    server_end(server, 5);
}

static void versions(void **state)
{
    (void)state;
    serve(COMPAT_TORCHSERVE, 1, VERSION_NO_WORKERS);
    manage("POST", "/models?url=echo.mar&initial_workers=1");
    EXPECT(200);
    SAYS("Model \\\"echo\\\" Version: 1.0 registered with 1 initial workers");
    manage("POST", "/models?url=echo.mar");
    EXPECT(409);
    manage("POST", "/models?url=other.mar&model_name=echo");
    EXPECT(200);
    SAYS(
        "Model \\\"echo\\\" Version: 2.0 registered with 0 initial workers. Use scale workers API");
    manage("GET", "/models/echo"); /* the default stays where it was */
    EXPECT(200);
    SAYS("\"modelVersion\": \"1.0\"");
    assert_null(strstr(r.body, "\"2.0\""));
    manage("GET", "/models/echo/all");
    EXPECT(200);
    SAYS("\"1.0\"");
    SAYS("\"modelVersion\": \"2.0\"");
    SAYS("\"jobQueueStatus\"");
    manage("GET", "/models/echo/2.0?customized=true");
    EXPECT(200);
    SAYS("\"customizedMetadata\": {");
    manage("GET", "/models/echo/3.0");
    EXPECT(404);
    SAYS("ModelVersionNotFoundException");
    SAYS("Model version: 3.0 does not exist for model: echo");
    assert_true(predicts("/predictions/echo"));
    assert_false(predicts("/predictions/echo/2.0"));
    manage("PUT", "/models/echo/2.0?min_worker=2&synchronous=true");
    EXPECT(200);
    SAYS("Workers scaled to 2 for model: echo, version: 2.0");
    assert_true(predicts("/predictions/echo/2.0"));
    manage("PUT", "/models/echo/3.0/set-default");
    EXPECT(404);
    manage("DELETE", "/models/echo/1.0");
    EXPECT(403);
    SAYS("InvalidModelVersionException");
    manage("PUT", "/models/echo/2.0/set-default");
    EXPECT(200);
    SAYS("Default version successfully updated for model \\\"echo\\\" to \\\"2.0\\\"");
    manage("DELETE", "/models/echo/1.0");
    EXPECT(200);
    assert_false(predicts("/predictions/echo/1.0"));
    assert_int_equal(r.status, 404);
    assert_true(predicts("/predictions/echo"));
    manage("PUT", "/models/echo/2.0/labels/stable");
    EXPECT(200);
    assert_int_equal(repository_label(server->repository, "echo", 4, "stable", 6), 2);
    manage("DELETE", "/models/echo/labels/stable");
    EXPECT(200);
    assert_int_equal(repository_label(server->repository, "echo", 4, "stable", 6), 0);
    manage("DELETE", "/models/echo");
    EXPECT(200);
    assert_false(predicts("/predictions/echo"));
    server_end(server, 5);
}

/* Only some are loaded at the start, and of a model in folders one version alone where it is added.
 */
static void chosen(void **state)
{
    static const char *path[1];
    (void)state;
    mkdir(in_folder("store/many"), 0700);
    mkdir(in_folder("store/many/1"), 0700);
    mkdir(in_folder("store/many/2"), 0700);
    store_put("many/1/model.infer");
    store_put("many/2/model.infer");
    path[0] = store;
    struct server_options o = serve_options(path);
    o.models = "none,nobody";
    server = serve_begin(&o);
    assert_false(predicts("/predictions/signs"));
    manage("POST", "/models?url=many/2/model.infer&model_name=many");
    EXPECT(200);
    repository_scan(server->repository);
    assert_int_equal(repository_default(server->repository, "many", 4), 2);
    enum repository_missing missing;
    assert_null(repository_get(server->repository, "many", 4, 1, &missing));
    server_end(server, 5);
    o.models = "signs";
    server = serve_begin(&o);
    assert_true(predicts("/predictions/signs"));
    assert_false(predicts("/predictions/many"));
    server_end(server, 5);
    remove_folder(in_folder("store/many"));
}

/* ---- archives ------------------------------------------------------------------------------- */

static void archives(void **state)
{
    (void)state;
    char made[300];
    static const char *path[1];
    snprintf(made, sizeof made, "%s/made", folder);
    write_text(in_folder("labels.txt"), "one\ntwo\nthree\nfour\nfive\nsix\n");
    assert_int_equal(run(cmd_archive, "archive", SIGNS "signs.onnx", "--store", made, "--labels",
                         in_folder("labels.txt"), "--note", "author=me", "--note", "author=you",
                         "--note", "k=v=w", NULL),
                     CLI_OK);
    assert_int_equal(run(cmd_archive, "archive", model, "--store", made, "--json", "--max-batch",
                         "3", "--batch-delay", "2000", "--workers", "1", "--timeout", "5000", NULL),
                     CLI_OK);
    assert_true(json_valid(out));
    assert_non_null(strstr(out, "\"version\": 2"));
    assert_non_null(strstr(out, "\"serve.max_batch\": \"3\""));
    snprintf(made, sizeof made, "%s/made/signs/1/model.infer", folder);
    infer_model *m;
    infer_error err;
    const char *key, *value;
    assert_int_equal(infer_load(made, NULL, &m, &err), INFER_OK);
    assert_int_equal(infer_model_labels(m), 6);
    assert_string_equal(infer_model_label(m, 1), "two");
    assert_int_equal(infer_model_metadata(m, 0, &key, &value, &err), INFER_OK);
    assert_string_equal(key, "author");
    assert_string_equal(value, "you");
    assert_int_equal(infer_model_metadata(m, 1, &key, &value, &err), INFER_OK);
    assert_string_equal(value, "v=w");
    infer_model_free(&m);

    snprintf(made, sizeof made, "%s/made", folder);
    path[0] = made;
    struct server_options o = serve_options(path);
    for (unsigned told = 0; told < 2; told++) { /* what was asked for goes first */
        o.versions.told = told ? VERSION_TOLD_BATCH : 0;
        server = serve_begin(&o);
        assert_true(predicts("/predictions/signs"));
        enum repository_missing missing;
        struct version *v = repository_get(server->repository, "signs", 5, 0, &missing);
        assert_int_equal(v->number, 2);
        assert_int_equal(v->options.max_batch, told ? 4 : 3);
        assert_int_equal(v->options.batch_delay_ns, 2000000);
        assert_int_equal(v->options.timeout_ns, 5000000000u);
        assert_int_equal(scheduler_workers(server->scheduler, v), 1);
        version_unref(v);
        server_end(server, 5);
    }
}

static void wrong_archives(void **state)
{
    (void)state;
    char to[300], into[300];
    snprintf(to, sizeof to, "%s/x.infer", folder);
    snprintf(into, sizeof into, "%s/into", folder);
    assert_int_equal(run(cmd_archive, "archive", model, NULL), CLI_USAGE);
    assert_int_equal(run(cmd_archive, "archive", model, "-o", to, "--store", into, NULL),
                     CLI_USAGE);
    assert_int_equal(run(cmd_archive, "archive", model, "-o", model, NULL), CLI_USAGE);
    assert_int_equal(run(cmd_archive, "archive", model, "-o", to, "--note", "x", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_archive, "archive", model, "-o", to, "--note", "=x", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_archive, "archive", model, "-o", to, "--name", "x", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_archive, "archive", model, "-o", to, "--workers", "0", NULL),
                     CLI_USAGE);
    assert_int_equal(run(cmd_archive, "archive", model, "--store", into, "--name", "a/b", NULL),
                     CLI_USAGE);
    assert_int_equal(run(cmd_archive, "archive", model, "-o", to, "--labels", "/none", NULL),
                     CLI_BAD_INPUT);
    assert_int_equal(run(cmd_archive, "archive", "/none", "-o", to, NULL), CLI_BAD_INPUT);
    assert_int_equal(access(to, F_OK), -1);
    assert_int_equal(access(into, F_OK), -1);
    assert_int_equal(run(cmd_archive, "archive", model, "--store", into, "--version", "7", NULL),
                     CLI_OK);
    assert_int_equal(run(cmd_archive, "archive", model, "--store", into, "--version", "7", NULL),
                     CLI_RESOURCES);
    assert_int_equal(run(cmd_archive, "archive", model, "-o", to, NULL), CLI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mms),
        cmocka_unit_test(refusals),
        cmocka_unit_test(lists),
        cmocka_unit_test(versions),
        cmocka_unit_test(chosen),
        cmocka_unit_test(archives),
        cmocka_unit_test(wrong_archives),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
