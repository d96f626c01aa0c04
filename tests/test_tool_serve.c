/* The server as clients see it: pictures to answers, connections, models that come, change and go,
 * full queues, goals for latency. Protocols have tests of their own. */
#include "tests/serve_client.h"

#include <math.h>
#include <pthread.h>

#include "tools/serve/transport/cache.h"
#include "tools/serve/transport/siphash.h"

static void *picture;
static size_t picture_bytes;

static int begin(void **state)
{
    if (store_begin(state))
        return 1;
    store_put("signs.infer");
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
    store_put("second.infer");
    assert_int_equal(repository_scan(s->repository), 0);
    assert_true(has_model(a.port, "second"));
    for (int i = 0; i < 5; i++) { /* replaced while it is asked */
        store_put("signs.infer");
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
    atomic_store(&a.stop, 1);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&a.asked) > 0);
    assert_int_equal(atomic_load(&a.failed), 0);
    assert_true(repository_unload(s->repository, "signs"));
    assert_false(has_model(a.port, "signs"));
    char why[300];
    assert_true(repository_load(s->repository, "signs", why, sizeof why));
    assert_true(has_model(a.port, "signs"));
    assert_false(repository_load(s->repository, "../signs", why, sizeof why));
    server_end(s, 5);
}

/* Three models where two have room: each comes back when it is asked for. */
static void models_are_evicted(void **state)
{
    (void)state;
    static const char *path[1];
    static const char *const names[] = {"signs", "one", "two"};
    char unlinked[300];
    store_put("one.infer");
    store_put("two.infer");
    struct server *s = small_server();
    enum repository_missing missing;
    struct version *v = repository_get(s->repository, "signs", 5, 0, &missing);
    const uint64_t each = v->bytes;
    version_unref(v);
    server_end(s, 5);
    assert_true(each > 10000);
    path[0] = store;
    struct server_options o = serve_options(path);
    o.memory_bytes = (int64_t)(2 * each + each / 2);
    s = serve_begin(&o);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 3; i++)
            assert_true(has_model(http_port(s->inference), names[i]));
    int n, ready = 0, evicted = 0;
    struct repository_row *rows = repository_rows(s->repository, &n);
    for (int i = 0; i < n; i++) {
        ready += rows[i].state == MODEL_READY;
        evicted += strncmp(rows[i].reason, "evicted", 7) == 0;
    }
    repository_rows_free(rows, n);
    assert_int_equal(ready, 2);
    assert_int_equal(evicted, 1);
    assert_true(repository_ready(s->repository));
    assert_int_equal(repository_scan(s->repository), 0);
    for (int i = 1; i < 3; i++) {
        snprintf(unlinked, sizeof unlinked, "%s/%s.infer", store, names[i]);
        unlink(unlinked);
    }
    repository_scan(s->repository); /* what is gone does not come back */
    assert_false(has_model(http_port(s->inference), "one"));
    assert_false(has_model(http_port(s->inference), "two"));
    assert_true(has_model(http_port(s->inference), "signs"));
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

struct tally {
    atomic_int done, status[JOB_FAILED + 1];
};

static void count_done(struct job *job, void *ctx)
{
    struct tally *c = ctx;
    atomic_fetch_add(&c->status[job->status], 1);
    job_free(job);
    atomic_fetch_add(&c->done, 1);
}

static void submit(struct server *s, struct tally *c, uint64_t deadline, int priority)
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

static void wait_for(struct tally *c, int n)
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
    struct tally c = {0};
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

/* ---- answers that are kept ------------------------------------------------------------------ */

static void siphash_of(const char *text, size_t n, uint64_t hash[2])
{
    static const uint64_t secret[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    struct siphash h;
    siphash_begin(&h, secret);
    for (size_t i = 0; i < n; i += 3) /* in pieces of any length */
        siphash_add(&h, text + i, n - i < 3 ? n - i : 3);
    siphash_end(&h, hash);
}

/* The authors' vectors: inputs 00 01 02 ... of 0, 1 and 15 bytes under the key 00 01 ... 0f. */
static void hash_is_siphash(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        uint64_t want[2];
    } cases[] = {{0, {UINT64_C(0xe6a825ba047f81a3), UINT64_C(0x930255c71472f66d)}},
                 {1, {UINT64_C(0x44af996bd8c187da), UINT64_C(0x45fc229b11597634)}},
                 {15, {UINT64_C(0x11a8b03399e99354), UINT64_C(0xd9c3cf970fec087e)}}};
    char text[16];
    uint64_t out128[2];
    for (int i = 0; i < 16; i++)
        text[i] = (char)i;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        siphash_of(text, cases[i].n, out128);
        assert_int_equal(out128[0], cases[i].want[0]);
        assert_int_equal(out128[1], cases[i].want[1]);
    }
}

static void *ask_once(void *arg)
{
    serve_ask(*(int *)arg, "PUT", "/predictions/signs", NULL, picture, picture_bytes,
              (struct reply *)((int64_t *)arg + 1));
    return NULL;
}

static void answers_are_kept(void **state)
{
    (void)state;
    static const char *path[1];
    static struct reply first, again;
    struct cache_counts counts;
    path[0] = store;
    struct server_options o = serve_options(path);
    o.cache_bytes = 3000; /* of a few answers */
    struct server *s = serve_begin(&o);
    const int port = http_port(s->inference);
    serve_ask(port, "PUT", "/predictions/signs", NULL, picture, picture_bytes, &first);
    serve_ask(port, "PUT", "/predictions/signs", NULL, picture, picture_bytes, &again);
    cache_counts(s->cache, &counts);
    assert_int_equal(counts.hits, 1);
    assert_int_equal(counts.misses, 1);
    assert_string_equal(first.body, again.body);
    assert_string_not_equal(first.head, again.head); /* each has an id of its own */
    assert_non_null(strcasestr(again.head, "x-request-id: "));
    assert_non_null(strcasestr(again.head, "Pragma: no-cache"));
    for (int i = 0; i < 20; i++) {
        char query[64];
        snprintf(query, sizeof query, "/predictions/signs?unused=%d", i);
        serve_ask(port, "PUT", query, NULL, picture, picture_bytes, &again);
    }
    cache_counts(s->cache, &counts);
    assert_true(counts.bytes <= 3000 && counts.entries > 0 && counts.entries < 20);
    const uint64_t misses = counts.misses;
    store_put("signs.infer");
    repository_scan(s->repository); /* another model: nothing of before holds */
    serve_ask(port, "PUT", "/predictions/signs?unused=19", NULL, picture, picture_bytes, &again);
    cache_counts(s->cache, &counts);
    assert_int_equal(counts.misses, misses + 1);
    serve_ask(port, "PUT", "/predictions/nobody", NULL, picture, picture_bytes, &again);
    serve_ask(port, "PUT", "/predictions/nobody", NULL, picture, picture_bytes, &again);
    assert_int_equal(again.status, 404); /* errors are not kept */
    cache_counts(s->cache, &counts);
    assert_int_equal(counts.misses, misses + 3);
    server_end(s, 5);
}

/* Of requests that come while the first is computed each gets the same answer. */
static void requests_are_joined(void **state)
{
    (void)state;
    enum { N = 8, ROUNDS = 20 };
    static const char *path[1];
    static struct {
        int64_t port;
        struct reply reply;
    } calls[N];
    struct cache_counts counts;
    path[0] = store;
    struct server_options o = serve_options(path);
    o.cache_bytes = 0;
    o.http_threads = 4;
    struct server *s = serve_begin(&o);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[N];
        for (int i = 0; i < N; i++) {
            calls[i].port = http_port(s->inference);
            assert_int_equal(pthread_create(&threads[i], NULL, ask_once, &calls[i]), 0);
        }
        for (int i = 0; i < N; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(calls[i].reply.status, 200);
            assert_string_equal(calls[i].reply.body, calls[0].reply.body);
        }
    }
    cache_counts(s->cache, &counts);
    assert_int_equal(counts.joined + counts.misses, N * ROUNDS);
    assert_int_equal(counts.hits + counts.entries, 0);
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
        cmocka_unit_test(models_are_evicted),
        cmocka_unit_test(queues_are_bounded),
        cmocka_unit_test(goals_are_read),
        cmocka_unit_test(goals_are_held),
        cmocka_unit_test(hash_is_siphash),
        cmocka_unit_test(answers_are_kept),
        cmocka_unit_test(requests_are_joined),
    };
    return cmocka_run_group_tests_name("serve", tests, begin, end);
}
