/* The page of a server: its files, who gets them, what it is told. What it does with that a browser
 * shows: tests/check_page.sh. */
#include "tests/serve_client.h"

#define HTML "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n"

static void *picture;
static size_t picture_bytes;
static struct reply r;
static int port;

static int begin(void **state)
{
    if (setup(state) != CLI_OK)
        return 1;
    picture = read_file(PICTURES "stop-1.jpg", &picture_bytes);
    return picture ? 0 : 1;
}

static int end(void **state)
{
    free(picture);
    return teardown(state);
}

static struct server *begin_with(int no_page, const char *token, int observe)
{
    static char path[300];
    static const char *paths[1];
    snprintf(path, sizeof path, "signs=%s", model);
    paths[0] = path;
    struct server_options o = serve_options(paths);
    o.no_page = no_page;
    o.token = token;
    o.observe.always = observe;
    struct server *s = serve_begin(&o);
    port = http_port(s->inference);
    return s;
}

static void get(const char *path, const char *more)
{
    serve_ask(port, "GET", path, more, "", 0, &r);
}

/* A status of 200 with a header that begins so. */
static void given(const char *header)
{
    assert_int_equal(r.status, 200);
    if (!strcasestr(r.head, header))
        fail_msg("no '%s' in: %s", header, r.head);
}

/* ---- files ---------------------------------------------------------------------------------- */

static void for_browsers(void **state)
{
    (void)state;
    char again[100];
    struct server *s = begin_with(0, NULL, 0);
    get("/", HTML);
    given("Content-Type: text/html; charset=utf-8");
    given("Content-Security-Policy: default-src 'self'; img-src 'self' blob: data:;");
    given("X-Content-Type-Options: nosniff");
    given("Cache-Control: no-cache");
    assert_non_null(strstr(r.body, "<script type=\"module\" src=\"page/page.js\">"));
    assert_null(strstr(r.body, "style=")); /* which the policy would not let pass, */
    assert_null(strstr(r.body, "<style"));
    assert_null(strstr(r.body, "onclick"));
    const char *etag = strcasestr(r.head, "ETag: \"");
    assert_non_null(etag);
    snprintf(again, sizeof again, "If-None-Match: %.18s\r\n" HTML, etag + 6);
    get("/", again);
    assert_int_equal(r.status, 304);
    assert_int_equal(r.bytes, 0);
    serve_ask(port, "HEAD", "/", "Connection: close\r\n" HTML, "", 0, &r);
    given("Content-Type: text/html");
    assert_int_equal(r.bytes, 0);
    serve_ask(port, "POST", "/", HTML, "x", 1, &r);
    assert_int_equal(r.status, 405);
    server_end(s, 5);
}

/* Other clients get what MXNet Model Server answers. */
static void for_others(void **state)
{
    (void)state;
    struct server *s = begin_with(0, NULL, 0);
    static const char *const accepts[] = {NULL, "Accept: */*\r\n", "Accept: application/json\r\n"};
    for (size_t i = 0; i < sizeof accepts / sizeof *accepts; i++) {
        get("/", accepts[i]);
        assert_int_equal(r.status, 405);
        assert_non_null(strstr(r.body, "\"type\": \"MethodNotAllowedException\""));
    }
    server_end(s, 5);
}

/* Every file is there, and names no other place. */
static void parts(void **state)
{
    (void)state;
    static const struct {
        const char *path, *type;
    } files[] = {{"/page/index.html", "text/html"},    {"/page/style.css", "text/css"},
                 {"/page/page.js", "text/javascript"}, {"/page/answer.js", "text/javascript"},
                 {"/page/draw.js", "text/javascript"}, {"/page/traffic.js", "text/javascript"}};
    char type[60];
    struct server *s = begin_with(0, NULL, 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        get(files[i].path, NULL);
        snprintf(type, sizeof type, "Content-Type: %s", files[i].type);
        given(type);
        assert_true(r.bytes > 500);
        for (const char *at = r.body; (at = strstr(at, "://")); at++)
            if (strncmp(at, "://www.w3.org/2000/svg\"", 23) != 0) /* a name, not an address */
                fail_msg("%s: %.40s", files[i].path, at);
    }
    get("/page/none.js", NULL);
    assert_int_equal(r.status, 404);
    get("/page/../page.c", NULL);
    assert_int_equal(r.status, 404);
    server_end(s, 5);
}

/* ---- status --------------------------------------------------------------------------------- */

static yyjson_doc *status_of(const char *path)
{
    get(path, NULL);
    given("Content-Type: application/json");
    given("Cache-Control: no-store");
    yyjson_doc *doc = yyjson_read(r.body, r.bytes, 0);
    assert_non_null(doc);
    return doc;
}

static yyjson_val *version_of(yyjson_doc *doc)
{
    yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "versions");
    assert_int_equal(yyjson_arr_size(list), 1);
    return yyjson_arr_get_first(list);
}

static double number(yyjson_val *o, const char *name)
{
    yyjson_val *v = yyjson_obj_get(o, name);
    assert_true(yyjson_is_num(v));
    return yyjson_get_num(v);
}

static void counts(void **state)
{
    (void)state;
    struct server *s = begin_with(0, NULL, 0);
    yyjson_doc *doc = status_of("/page/status");
    yyjson_val *v = version_of(doc);
    assert_string_equal(yyjson_get_str(yyjson_obj_get(v, "model")), "signs");
    assert_string_equal(yyjson_get_str(yyjson_obj_get(v, "task")), "classify");
    assert_string_equal(yyjson_get_str(yyjson_obj_get(v, "state")), "ready");
    assert_true(yyjson_get_bool(yyjson_obj_get(v, "pictures")));
    assert_int_equal((int)number(v, "success"), 0);
    assert_true(yyjson_is_null(yyjson_obj_get(v, "p50"))); /* of nothing */
    yyjson_doc_free(doc);
    for (int i = 0; i < 3; i++) {
        serve_ask(port, "POST", "/predictions/signs", NULL, picture, picture_bytes, &r);
        assert_int_equal(r.status, 200);
    }
    serve_ask(port, "POST", "/predictions/signs", NULL, "\xff\xd8\xff\xe0", 4, &r);
    assert_int_equal(r.status, 400);
    doc = status_of("/page/status?drift=1");
    v = version_of(doc);
    assert_int_equal((int)number(v, "success"), 3);
    assert_int_equal((int)number(v, "failure"), 1);
    assert_int_equal((int)number(v, "queued"), 0);
    assert_true(number(v, "p50") > 0 && number(v, "p50") <= number(v, "p95") &&
                number(v, "p95") <= number(v, "p99") && number(v, "p99") <= 10);
    yyjson_val *list = yyjson_obj_get(v, "counts"), *count;
    size_t i, most;
    uint64_t sum = 0;
    yyjson_arr_foreach(list, i, most, count) sum += yyjson_get_uint(count);
    assert_int_equal(sum, 3);
    assert_int_equal(yyjson_arr_size(list), VERSION_NBOUNDS + 1);
    list = yyjson_obj_get(yyjson_doc_get_root(doc), "bounds");
    assert_int_equal(yyjson_arr_size(list), VERSION_NBOUNDS);
    assert_null(yyjson_obj_get(v, "drift")); /* nobody observes it */
    assert_null(strstr(r.body, model));      /* no path is told */
    yyjson_doc_free(doc);
    server_end(s, 5);
}

static void drift(void **state)
{
    (void)state;
    struct server *s = begin_with(0, NULL, 1);
    serve_ask(port, "POST", "/predictions/signs", NULL, picture, picture_bytes, &r);
    yyjson_doc *doc = status_of("/page/status");
    assert_null(yyjson_obj_get(version_of(doc), "drift")); /* only for those who ask */
    yyjson_doc_free(doc);
    doc = status_of("/page/status?drift=1");
    yyjson_val *d = yyjson_obj_get(version_of(doc), "drift"), *f;
    assert_int_equal((int)number(d, "pictures"), 1);
    assert_false(yyjson_get_bool(yyjson_obj_get(d, "reference")));
    size_t i, most;
    int seen = 0;
    yyjson_arr_foreach(yyjson_obj_get(d, "features"), i, most, f)
    {
        const char *name = yyjson_get_str(yyjson_obj_get(f, "feature"));
        if (strcmp(name, "brightness") != 0)
            continue;
        seen++;
        assert_true(number(f, "mean") > 1 && number(f, "mean") < 255);
        assert_true(yyjson_is_null(yyjson_obj_get(f, "reference_mean")));
    }
    assert_int_equal(seen, 1);
    yyjson_doc_free(doc);
    server_end(s, 5);
}

/* ---- who may -------------------------------------------------------------------------------- */

static void without(void **state)
{
    (void)state;
    struct server *s = begin_with(1, NULL, 0);
    get("/", HTML);
    assert_int_equal(r.status, 405);
    static const char *const paths[] = {"/page/status", "/page/page.js", "/page/index.html"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        get(paths[i], HTML);
        assert_int_equal(r.status, 404);
        assert_non_null(strstr(r.body, "ResourceNotFoundException"));
    }
    server_end(s, 5);
}

/* The files are for all, so that there is a page to enter the token in; what the server does is
 * not. */
static void token(void **state)
{
    (void)state;
    struct server *s = begin_with(0, "secret", 0);
    get("/", HTML);
    given("Content-Type: text/html");
    get("/page/page.js", NULL);
    given("Content-Type: text/javascript");
    static const char *const closed[] = {"/page/status", "/page/none.js", "/page/status?page.js"};
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        get(closed[i], HTML);
        assert_int_equal(r.status, 401);
    }
    get("/", NULL);
    assert_int_equal(r.status, 401);
    serve_ask(port, "POST", "/page/page.js", NULL, "", 0, &r);
    assert_int_equal(r.status, 401);
    get("/page/status", "Authorization: Bearer secret\r\n");
    given("Content-Type: application/json");
    server_end(s, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(for_browsers), cmocka_unit_test(for_others), cmocka_unit_test(parts),
        cmocka_unit_test(counts),       cmocka_unit_test(drift),      cmocka_unit_test(without),
        cmocka_unit_test(token),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
