/* What a configuration file says: options, versions of one model side by side, canaries, shadows.
 */
#include "tools/serve/config.h"
#include "tools/serve/server.h"

#include "tests/eval_nets.h"

#include "tests/serve_client.h"

/* Two versions of a classifier by colours, of which the second is wrong about red. */
static int begin_store(void **state)
{
    if (store_begin(state))
        return 1;
    char path[300], net[300];
    for (int i = 1; i <= 2; i++) {
        snprintf(path, sizeof path, "%s/colours", store);
        mkdir(path, 0700);
        snprintf(path, sizeof path, "%s/colours/%d", store, i);
        mkdir(path, 0700);
        snprintf(net, sizeof net, "%s/net.onnx", folder);
        snprintf(path, sizeof path, "%s/colours/%d/model.infer", store, i);
        write_classifier(net, i == 1 ? 1 : 0);
        write_text(in_folder("labels.txt"), "red\ngreen\nblue\n");
        if (run(cmd_convert, "convert", net, "-o", path, "--labels", in_folder("labels.txt"),
                "--resize", "8x8", NULL) != CLI_OK)
            return 1;
    }
    write_colour(in_folder("red.ppm"), 8, 8, (const uint8_t[3]){200, 10, 0});
    write_colour(in_folder("blue.ppm"), 8, 8, (const uint8_t[3]){0, 10, 200});
    return 0;
}

/* How many of `n` requests are answered with a first class of red. */
static int reds(int port, const char *path, int n)
{
    static struct reply r;
    size_t bytes;
    char *picture = read_file(in_folder("red.ppm"), &bytes);
    int count = 0;
    for (int i = 0; i < n; i++) {
        serve_ask(port, "PUT", path, NULL, picture, bytes, &r);
        assert_int_equal(r.status, 200);
        const char *first = strstr(r.body, "\"class\": \"");
        count += first && strncmp(first + 10, "red", 3) == 0;
    }
    free(picture);
    return count;
}

static struct server *server_of(const char *models, struct config *c)
{
    char text[600];
    snprintf(text, sizeof text, "{\"models\": {\"colours\": {%s}}}", models);
    write_text(in_folder("config.json"), text);
    assert_true(config_read(c, in_folder("config.json")));
    static const char *path[1];
    path[0] = store;
    struct server_options o = serve_options(path);
    for (int i = 0; i < c->nmodels; i++)
        c->models[i].versions = o.versions;
    o.config = c;
    return serve_begin(&o);
}

static void defaults_and_shares(void **state)
{
    (void)state;
    struct config c;
    struct server *s = server_of("\"default\": 1", &c);
    assert_int_equal(reds(http_port(s->inference), "/predictions/colours", 10), 10);
    server_end(s, 5);
    config_free(&c);
    s = server_of("\"default\": 2", &c);
    assert_int_equal(reds(http_port(s->inference), "/predictions/colours", 10), 0);
    server_end(s, 5);
    config_free(&c);
    s = server_of("\"default\": 1, \"canary\": {\"version\": 2, \"percent\": 12.5}", &c);
    assert_int_equal(reds(http_port(s->inference), "/predictions/colours", 80), 70);
    assert_int_equal(atomic_load(&s->traffic.canaries), 10);
    server_end(s, 5);
    config_free(&c);
}

/* Answers of the shadow are never given, but counted where they differ. */
static void shadows(void **state)
{
    (void)state;
    static struct reply r;
    struct config c;
    size_t bytes;
    struct server *s =
        server_of("\"default\": 1, \"shadow\": {\"version\": 2, \"percent\": 50}", &c);
    const int port = http_port(s->inference);
    assert_int_equal(reds(port, "/predictions/colours", 40), 40);
    char *blue = read_file(in_folder("blue.ppm"), &bytes);
    for (int i = 0; i < 40; i++)
        serve_ask(port, "PUT", "/predictions/colours", NULL, blue, bytes, &r);
    free(blue);
    for (int i = 0; i < 5000 && atomic_load(&s->traffic.shadows_now); i++)
        usleep(1000);
    assert_int_equal(atomic_load(&s->traffic.shadows), 40);
    assert_int_equal(atomic_load(&s->traffic.disagreements), 20);
    assert_int_equal(atomic_load(&s->traffic.shadow_failures), 0);
    server_end(s, 5);
    config_free(&c);
}

static void files_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"[]", "an object is needed"},
        {"{\"nonsense\": 1}", "unknown option --nonsense"},
        {"{\"port\": \"x\"}", "--port x"},
        {"{\"port\": [1]}", "port: a text, a number"},
        {"{\"paths\": 3}", "paths: a list"},
        {"{\"models\": []}", "models: an object"},
        {"{\"models\": {\"m\": 3}}", "models.m: an object"},
        {"{\"models\": {\"m\": {\"default\": 0}}}", "models.m.default: the number of a version"},
        {"{\"models\": {\"m\": {\"labels\": {\"a\": \"b\"}}}}", "models.m.labels: the number"},
        {"{\"models\": {\"m\": {\"canary\": {\"version\": 1, \"percent\": 101}}}}",
         "models.m.canary: a percent"},
        {"{\"models\": {\"m\": {\"workers\": -1}}}", "--workers -1"},
        {"{", "config.json"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(in_folder("config.json"), bad[i].text);
        const int status =
            run(cmd_serve, "serve", "--check", "--config", in_folder("config.json"), store, NULL);
        if (status == CLI_OK || !strstr(err_text, bad[i].says))
            fail_msg("%s: exit status %d, %s", bad[i].text, status, err_text);
    }
    write_text(in_folder("config.json"),
               "{\"port\": 0, \"management-port\": 0, \"slo\": \"p99=1s\", \"no-control\": false,"
               " \"models\": {\"colours\": {\"max-batch\": 2}}}");
    assert_int_equal(
        run(cmd_serve, "serve", "--check", "--config", in_folder("config.json"), store, NULL),
        CLI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_and_shares),
        cmocka_unit_test(shadows),
        cmocka_unit_test(files_are_checked),
    };
    return cmocka_run_group_tests_name("serve: traffic", tests, begin_store, teardown);
}
