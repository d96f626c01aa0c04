/* The server as clients see it: pictures to answers, connections, models that come, change and go,
 * full queues, goals for latency. Protocols have tests of their own. */
#include "tests/serve_client.h"

#include <math.h>
#include <pthread.h>

static char store[256];
static void *picture;
static size_t picture_bytes;

/* A copy of the bundled model, put in its place in one step. */
static void put_model(const char *name)
{
    char path[300], part[300];
    size_t bytes;
    char *content = read_file(model, &bytes);
    snprintf(path, sizeof path, "%s/%s.infer", store, name);
    snprintf(part, sizeof part, "%s/.part", store);
    write_bytes(part, content, bytes);
    free(content);
    assert_int_equal(rename(part, path), 0);
}

static int begin(void **state)
{
    if (setup(state) != CLI_OK)
        return 1;
    snprintf(store, sizeof store, "%s/store", folder);
    mkdir(store, 0700);
    put_model("signs");
    picture = read_file(PICTURES "stop-1.jpg", &picture_bytes);
    return picture ? 0 : 1;
}

static int end(void **state)
{
    free(picture);
    return teardown(state);
}

static struct server *small_server(void)
{
    static const char *path[1];
    path[0] = store;
    const struct server_options o = serve_options(path);
    return serve_begin(&o);
}

static void a_picture(void **state)
{
    (void)state;
    static struct reply r;
    struct server *s = small_server();
    const int port = http_port(s->inference);
    serve_ask(port, "PUT", "/predictions/signs", NULL, picture, picture_bytes, &r);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "\"class\": \"stop\""));
    assert_non_null(strcasestr(r.head, "x-request-id: "));
    serve_ask(port, "POST", "/predictions/nobody", NULL, picture, picture_bytes, &r);
    assert_int_equal(r.status, 404);
    assert_non_null(strstr(r.body, "ModelNotFoundException"));
    serve_ask(port, "POST", "/predictions/signs", NULL, "no picture", 10, &r);
    assert_int_equal(r.status, 400);
    serve_ask(port, "POST", "/predictions/signs", NULL, "", 0, &r);
    assert_int_equal(r.status, 400);
    serve_ask(port, "GET", "/no/such/path", NULL, "", 0, &r);
    assert_int_equal(r.status, 404);
    server_end(s, 5);
}

/* Two requests in one packet are answered in their order, chunks of a byte make a body, and a
 * client that has ended its side still gets its answer. */
static void connections(void **state)
{
    (void)state;
    static struct reply r;
    static char text[200 << 10];
    struct server *s = small_server();
    const int port = http_port(s->inference);
    int n = snprintf(text, sizeof text,
                     "PUT /predictions/signs HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
                     picture_bytes);
    memcpy(text + n, picture, picture_bytes);
    n += (int)picture_bytes;
    n += snprintf(text + n, sizeof text - (size_t)n, "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n");
    int fd = serve_connect(port);
    serve_send(fd, text, (size_t)n);
    serve_receive(fd, &r);
    assert_non_null(strstr(r.body, "stop"));
    serve_receive(fd, &r);
    assert_non_null(strstr(r.body, "Healthy"));
    close(fd);

    n = snprintf(
        text, sizeof text,
        "PUT /predictions/signs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < picture_bytes && (size_t)n + 16 < sizeof text; i++) {
        n += snprintf(text + n, 8, "1\r\n");
        text[n++] = ((const char *)picture)[i];
        n += snprintf(text + n, 8, "\r\n");
    }
    n += snprintf(text + n, 8, "0\r\n\r\n");
    fd = serve_connect(port);
    serve_send(fd, text, (size_t)n);
    shutdown(fd, SHUT_WR);
    serve_receive(fd, &r);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "stop"));
    close(fd);
    server_end(s, 5);
}

/* What is too large, wrong, or in a coding that nobody knows is refused, and the server goes on. */
static void refusals(void **state)
{
    (void)state;
    static struct reply r;
    struct server *s = small_server();
    const int port = http_port(s->inference);
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"POST /predictions/signs HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n", 413},
        {"POST /predictions/signs HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
         "Content-Length: 5000000\r\n\r\n",
         413},
        {"POST /predictions/signs HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 1\r\n\r\nx",
         417},
        {"POST /predictions/signs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
        {"POST /predictions/signs HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999"
         "\r\n\r\n",
         0},
        {"POST /predictions/signs HTTP/1.1\r\nHost: x\r\nContent-Encoding: br\r\n"
         "Content-Length: 1\r\n\r\nx",
         501},
        {"POST /predictions/signs HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
         "Content-Length: 4\r\n\r\nabcd",
         400},
        {"POST /predictions/signs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
         "zz\r\nabc\r\n0\r\n\r\n",
         400},
        {"nonsense\r\n\r\n", 0}, /* the connection ends */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int fd = serve_connect(port);
        serve_send(fd, cases[i].text, strlen(cases[i].text));
        serve_receive(fd, &r);
        if (cases[i].status && r.status != cases[i].status)
            fail_msg("case %zu: %d, not %d", i, r.status, cases[i].status);
        assert_true(r.status == 0 || r.status >= 400);
        close(fd);
    }
    serve_ask(port, "PUT", "/predictions/signs", NULL, picture, picture_bytes, &r);
    assert_int_equal(r.status, 200);
    server_end(s, 5);
}

static int has_model(int port, const char *name)
{
    static struct reply r;
    char path[100];
    snprintf(path, sizeof path, "/predictions/%s", name);
    serve_ask(port, "PUT", path, NULL, picture, picture_bytes, &r);
    return r.status == 200;
}

/* Asks for the model until it is told to stop; counts what failed. */
struct asker {
    int port;
    atomic_int stop, asked, failed;
};

static void *ask_on(void *arg)
{
    struct asker *a = arg;
    while (!atomic_load(&a->stop)) {
        struct reply *r = calloc(1, sizeof *r);
        serve_ask(a->port, "PUT", "/predictions/signs", NULL, picture, picture_bytes, r);
        atomic_fetch_add(&a->asked, 1);
        if (r->status != 200)
            atomic_fetch_add(&a->failed, 1);
        free(r);
    }
    return NULL;
}

static void models_come_and_go(void **state)
{
    (void)state;
    struct server *s = small_server();
    struct asker a = {.port = http_port(s->inference)};
    pthread_t thread;
    char from[300], to[300];
    assert_int_equal(pthread_create(&thread, NULL, ask_on, &a), 0);
    assert_false(has_model(a.port, "second"));
    put_model("second");
    assert_int_equal(repository_scan(s->repository), 0);
    assert_true(has_model(a.port, "second"));
    for (int i = 0; i < 5; i++) { /* replaced while it is asked */
        put_model("signs");
        assert_int_equal(repository_scan(s->repository), 0);
    }
    snprintf(from, sizeof from, "%s/second.infer", store);
    snprintf(to, sizeof to, "%s/broken.infer", store);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(repository_scan(s->repository), 0);
    assert_false(has_model(a.port, "second"));
    assert_true(has_model(a.port, "broken"));
    write_text(to, "not a model");
    assert_int_equal(repository_scan(s->repository), 1);
    assert_true(has_model(a.port, "broken")); /* the former one stays */
    assert_int_equal(unlink(to), 0);
    repository_scan(s->repository);
    assert_false(has_model(a.port, "broken"));
    assert_true(repository_unload(s->repository, "signs"));
    atomic_store(&a.stop, 1);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&a.asked) > 0);
    assert_true(atomic_load(&a.failed) <= 1); /* the one that came when it was unloaded */
    assert_false(has_model(a.port, "signs"));
    char why[300];
    assert_true(repository_load(s->repository, "signs", why, sizeof why));
    assert_true(has_model(a.port, "signs"));
    assert_false(repository_load(s->repository, "../signs", why, sizeof why));
    server_end(s, 5);
}

/* A link that leads out of the folder is not followed. */
static void stays_in_its_folder(void **state)
{
    (void)state;
    char link_path[300], outside[300], target[320];
    snprintf(outside, sizeof outside, "%s/outside.infer", folder);
    snprintf(link_path, sizeof link_path, "%s/linked.infer", store);
    snprintf(target, sizeof target, "%s/signs.infer", store);
    assert_int_equal(link(target, outside), 0);
    assert_int_equal(symlink(outside, link_path), 0);
    struct server *s = small_server();
    assert_false(has_model(http_port(s->inference), "linked"));
    assert_true(has_model(http_port(s->inference), "signs"));
    server_end(s, 5);
    unlink(link_path);
}

/* ---- the scheduler -------------------------------------------------------------------------- */

struct counted {
    atomic_int done, status[JOB_FAILED + 1];
};

static void count_done(struct job *job, void *ctx)
{
    struct counted *c = ctx;
    atomic_fetch_add(&c->status[job->status], 1);
    job_free(job);
    atomic_fetch_add(&c->done, 1);
}

static void submit(struct server *s, struct counted *c, uint64_t deadline, int priority)
{
    enum repository_missing missing;
    struct version *v = repository_get(s->repository, "signs", 5, 0, &missing);
    struct job *job = job_new(v, JOB_PICTURES);
    version_unref(v);
    job->pictures = calloc(1, sizeof *job->pictures);
    job->npictures = 1;
    job->pictures[0].data = picture;
    job->pictures[0].bytes = picture_bytes;
    job->deadline_ns = deadline;
    job->priority = priority;
    job->done = count_done;
    job->ctx = c;
    scheduler_submit(s->scheduler, job);
}

static void wait_for(struct counted *c, int n)
{
    for (int i = 0; i < 20000 && atomic_load(&c->done) < n; i++)
        usleep(1000);
    assert_int_equal(atomic_load(&c->done), n);
}

static void queues_are_bounded(void **state)
{
    (void)state;
    static const char *path[1];
    path[0] = store;
    struct server_options o = serve_options(path);
    o.versions.max_queue = 8;
    struct server *s = serve_begin(&o);
    struct counted c = {0};
    for (int i = 0; i < 500; i++)
        submit(s, &c, 0, 0);
    wait_for(&c, 500);
    assert_true(atomic_load(&c.status[JOB_QUEUE_FULL]) > 0);
    assert_true(atomic_load(&c.status[JOB_OK]) >= 8);
    assert_int_equal(c.status[JOB_OK] + c.status[JOB_QUEUE_FULL], 500);
    submit(s, &c, 1, 0); /* its deadline is long gone */
    wait_for(&c, 501);
    assert_int_equal(c.status[JOB_LATE], 1);
    server_end(s, 5);
}

/* ---- goals ---------------------------------------------------------------------------------- */

static void goals_are_read(void **state)
{
    (void)state;
    double q;
    uint64_t ns;
    assert_true(slo_parse("p99=20ms", &q, &ns) && q == 0.99 && ns == 20000000);
    assert_true(slo_parse("p99.5=0.5s", &q, &ns) && q == 99.5 / 100 && ns == 500000000);
    assert_true(slo_parse("250us", &q, &ns) && q == 0.99 && ns == 250000);
    static const char *const bad[] = {"",          "20",        "p99",      "p=20ms",
                                      "p99=20",    "p100=20ms", "p0=2ms",   "p99=-1ms",
                                      "p99=nanms", "20 ms",     "p99=20msx"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (slo_parse(bad[i], &q, &ns))
            fail_msg("'%s' was taken for a goal", bad[i]);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double next_gap(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return -log(((double)(*state >> 11) + 1) / 9007199254740993.0);
}

/* One server with a fixed time for an image, Poisson arrivals at `load` times what it can do: the
 * share that is let in, and the quantile of their times once the controller has settled. */
static double simulate(struct slo *s, double load, double image_ns, int jobs, double *share)
{
    static double times[20000];
    uint64_t seed = 7;
    double now = 0, free_at = 0;
    int kept = 0, taken = 0;
    static double ends[64];
    int waiting = 0;
    for (int i = 0; i < jobs; i++) {
        now += next_gap(&seed) * image_ns / load;
        while (waiting && ends[0] <= now)
            memmove(ends, ends + 1, (size_t)--waiting * sizeof *ends);
        if (waiting == 64 || !slo_admits(s, waiting ? waiting - 1 : 0, waiting ? 1 : 0, 1, 1))
            continue;
        free_at = (free_at > now ? free_at : now) + image_ns;
        ends[waiting++] = free_at;
        slo_ran(s, (uint64_t)image_ns, 1);
        slo_ended(s, (uint64_t)(free_at - now));
        taken++;
        if (i > jobs / 2)
            times[kept++] = free_at - now;
    }
    *share = (double)taken / jobs;
    qsort(times, (size_t)kept, sizeof *times, ascending);
    return times[(int)(0.99 * kept)];
}

static void goals_are_held(void **state)
{
    (void)state;
    for (int percent = 10; percent <= 130; percent += 20) {
        struct slo s;
        double share;
        slo_begin(&s, 0.99, 30000000, 8);
        const double p99 = simulate(&s, percent / 100.0, 5e6, 20000, &share);
        if (p99 > 30e6)
            fail_msg("at %d %%: p99 is %.1f ms", percent, p99 / 1e6);
        if (percent <= 50)
            assert_true(share > 0.99);
        assert_true(share > 0.6); /* at 130 % at most 77 % fit */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture),
        cmocka_unit_test(connections),
        cmocka_unit_test(refusals),
        cmocka_unit_test(models_come_and_go),
        cmocka_unit_test(stays_in_its_folder),
        cmocka_unit_test(queues_are_bounded),
        cmocka_unit_test(goals_are_read),
        cmocka_unit_test(goals_are_held),
    };
    return cmocka_run_group_tests_name("serve", tests, begin, end);
}
