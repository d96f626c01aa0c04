/* gRPC as clients see it, over methods of this test: calls, streams, cancelling, times, ends, and
 * clients that mean no good. */
#include "tests/grpc_client.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>

#include "tools/serve/models/scheduler.h"
#include "tools/serve/transport/coding.h"
#include "tools/serve/transport/grpc.h"

/* ---- the methods ---------------------------------------------------------------------------- */

static void echo(void *ctx, struct grpc_request *r)
{
    struct grpc_body body = {.npieces = 2};
    const size_t half = r->bytes / 2;
    (void)ctx;
    body.piece[0].data = r->message;
    body.piece[0].bytes = half;
    body.piece[1].data = r->message + half;
    body.piece[1].bytes = r->bytes - half;
    grpc_answer(r, &body);
}

static void refuse(void *ctx, struct grpc_request *r)
{
    (void)ctx;
    grpc_fail(r, GRPC_INVALID_ARGUMENT, "50%% of \"%.*s\"\n", (int)r->bytes, r->message);
}

/* Requests that another thread answers, the last that has come first. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct late_request {
    struct grpc_request *r;
    atomic_int unwanted;
} late[2000];
static int nlate;
static atomic_int released;

static void release(void *owner)
{
    free(owner);
    atomic_fetch_add(&released, 1);
}

static void put_off(void *ctx, struct grpc_request *r)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    assert_true(nlate < 2000);
    struct late_request *l = &late[nlate++];
    atomic_store(&l->unwanted, 0);
    l->r = r;
    grpc_watch(r, &l->unwanted);
    pthread_mutex_unlock(&lock);
}

static void wait_for_late(int n)
{
    for (int i = 0;; i++) {
        pthread_mutex_lock(&lock);
        const int have = nlate;
        pthread_mutex_unlock(&lock);
        if (have >= n)
            return;
        assert_true(i < 20000);
        usleep(1000);
    }
}

/* Answers all with `bytes` of the message's first one, from where they lie. */
static void *answer_late(void *arg)
{
    const size_t bytes = *(const size_t *)arg;
    pthread_mutex_lock(&lock);
    for (int i = nlate - 1; i >= 0; i--) {
        struct grpc_body body = {.npieces = 1, .release = release, .owner = malloc(bytes)};
        memset(body.owner, late[i].r->message[0], bytes);
        body.piece[0].data = body.owner;
        body.piece[0].bytes = bytes;
        grpc_answer(late[i].r, &body);
    }
    nlate = 0;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void answer_on_a_thread(size_t bytes)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_late, &bytes), 0);
    pthread_join(thread, NULL);
}

static int allows(void *ctx, const char *authorization)
{
    (void)ctx;
    return strcmp(authorization, "no") != 0;
}

static const struct grpc_method methods[] = {
    {"/t.T/Echo", 0, echo},
    {"/t.T/Refuse", 0, refuse},
    {"/t.T/Late", 0, put_off},
    {"/t.T/EchoStream", 1, echo},
    {"/t.T/LateStream", 1, put_off},
    {"/t.T/RefuseStream", 1, refuse},
    {NULL, 0, NULL},
};

static const struct grpc_options usual = {.threads = 2,
                                          .max_connections = 50,
                                          .max_message = 20 << 20,
                                          .max_memory = 256 << 20,
                                          .idle_seconds = 60,
                                          .stall_seconds = 1,
                                          .methods = methods,
                                          .allows = allows};

static struct grpc_server *begin(const struct grpc_options *o)
{
    char why[200] = "";
    struct grpc_server *s = grpc_begin(o, why, sizeof why);
    if (!s)
        fail_msg("%s", why);
    nlate = 0;
    return s;
}

/* ---- what is sent --------------------------------------------------------------------------- */

/* A message of `n` bytes behind a prefix; the caller's. */
static unsigned char *framed(size_t n, int first, size_t *bytes)
{
    unsigned char *p = malloc(GRPC_PREFIX_BYTES + n + 1);
    assert_non_null(p);
    grpc_prefix(p, 0, n);
    for (size_t i = 0; i < n; i++)
        p[GRPC_PREFIX_BYTES + i] = (unsigned char)(first + (int)(i * 31 >> 3));
    *bytes = GRPC_PREFIX_BYTES + n;
    return p;
}

/* A call that works, as a sign of life. */
static void say_hello(int port)
{
    struct grpc_client c;
    size_t bytes;
    unsigned char *hello = framed(1000, 1, &bytes);
    grpc_client_open(&c, port, 65535);
    struct grpc_call_seen *k = grpc_begin_call(&c, "/t.T/Echo", hello, bytes, 0, NULL, NULL);
    grpc_end_call(&c, k);
    assert_int_equal(k->status, 0);
    assert_int_equal(k->bytes, bytes);
    assert_memory_equal(k->data, hello, bytes);
    grpc_client_close(&c);
    free(hello);
}

static int count_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* The server has no connection and no call left. */
static void assert_empty(struct grpc_server *s, int descriptors)
{
    for (int i = 0; i < 500 && (grpc_pending(s) || count_descriptors() > descriptors); i++)
        usleep(10000);
    assert_int_equal(grpc_pending(s), 0);
    assert_int_equal(count_descriptors(), descriptors);
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void calls(void **state)
{
    static const size_t sizes[] = {0, 1, 5000, 70000, 10 << 20};
    struct grpc_server *s = begin(&usual);
    struct grpc_client c;
    (void)state;
    grpc_client_open(&c, grpc_port(s), 1 << 20);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t bytes;
        unsigned char *body = framed(sizes[i], 3, &bytes);
        struct grpc_call_seen *k = grpc_begin_call(&c, "/t.T/Echo", body, bytes, 0, NULL, NULL);
        grpc_end_call(&c, k);
        assert_int_equal(k->http, 200);
        assert_int_equal(k->status, 0);
        assert_int_equal(k->headers, 2); /* trailers stand behind the answer */
        assert_int_equal(k->error, 0);
        assert_int_equal(k->bytes, bytes);
        assert_memory_equal(k->data, body, bytes);
        free(body);
    }
    grpc_client_close(&c);
    grpc_end(s);
}

static struct grpc_call_seen *fails(struct grpc_client *c, const char *path, const void *body,
                                    size_t bytes, const char *name, const char *value, int status)
{
    struct grpc_call_seen *k = grpc_begin_call(c, path, body, bytes, 0, name, value);
    grpc_end_call(c, k);
    assert_int_equal(k->status, status);
    assert_int_equal(k->headers, 1); /* trailers alone */
    assert_int_equal(k->bytes, 0);
    return k;
}

static void calls_that_fail(void **state)
{
    static const unsigned char two[] = "\0\0\0\0\1a\0\0\0\0\1b";
    struct grpc_server *s = begin(&usual);
    struct grpc_client c;
    (void)state;
    grpc_client_open(&c, grpc_port(s), 65535);
    struct grpc_call_seen *k = fails(&c, "/t.T/Refuse", two, 6, NULL, NULL, GRPC_INVALID_ARGUMENT);
    assert_string_equal(k->message, "50%25 of \"a\"%0A");
    fails(&c, "/t.T/None", two, 6, NULL, NULL, GRPC_UNIMPLEMENTED);
    fails(&c, "/t.T/Echo", two, 6, "authorization", "no", GRPC_UNAUTHENTICATED);
    fails(&c, "/t.T/Echo", two, 6, "grpc-timeout", "soon", GRPC_INTERNAL);
    fails(&c, "/t.T/Echo", two, 6, "grpc-encoding", "br", GRPC_UNIMPLEMENTED);
    fails(&c, "/t.T/Echo", two, 0, NULL, NULL, GRPC_INTERNAL);            /* no message */
    fails(&c, "/t.T/Echo", two, 3, NULL, NULL, GRPC_INTERNAL);            /* within the prefix */
    fails(&c, "/t.T/Echo", "\0\0\0\0\5ab", 7, NULL, NULL, GRPC_INTERNAL); /* within the message */
    fails(&c, "/t.T/Echo", "\3\0\0\0\1a", 6, NULL, NULL, GRPC_INTERNAL);
    fails(&c, "/t.T/Echo", "\1\0\0\0\1a", 6, NULL, NULL, GRPC_INTERNAL); /* of no coding */
    fails(&c, "/t.T/Echo", "\1\0\0\0\1a", 6, "grpc-encoding", "gzip", GRPC_INTERNAL);
    fails(&c, "/t.T/Echo", "\0\2\0\0\0", 5, NULL, NULL, GRPC_RESOURCE_EXHAUSTED);
    char *long_value = malloc(20001);
    memset(long_value, 'x', 20000);
    long_value[20000] = 0;
    k = grpc_begin_call(&c, "/t.T/Echo", two, 6, 0, "x-long", long_value);
    grpc_end_call(&c, k);
    assert_int_equal(k->status, -1); /* more headers than are taken: the stream is reset */
    free(long_value);
    grpc_client_close(&c);
    say_hello(grpc_port(s));
    grpc_end(s);
}

/* What a client sends, a byte at a time. */
static void bytes_one_by_one(void **state)
{
    struct grpc_server *s = begin(&usual);
    struct grpc_client c;
    const uint8_t *bytes;
    size_t length;
    ssize_t n;
    (void)state;
    unsigned char *body = framed(5000, 9, &length);
    grpc_client_open(&c, grpc_port(s), 65535);
    struct grpc_call_seen *k = grpc_begin_call(&c, "/t.T/Echo", body, length, 0, NULL, NULL);
    while ((n = nghttp2_session_mem_send(c.session, &bytes)) > 0)
        for (ssize_t i = 0; i < n; i++)
            serve_send(c.fd, bytes + i, 1);
    grpc_end_call(&c, k);
    assert_int_equal(k->status, 0);
    assert_int_equal(k->bytes, length);
    assert_memory_equal(k->data, body, length);
    grpc_client_close(&c);
    grpc_end(s);
    free(body);
}

static void compressed(const char *coding)
{
    struct grpc_options o = usual;
    struct grpc_client c;
    unsigned char *coded, *plain;
    size_t length, coded_bytes, plain_bytes;
    o.coding = coding;
    struct grpc_server *s = begin(&o);
    unsigned char *body = framed(50000, 2, &length);
    assert_int_equal(coding_encode(coding, body + GRPC_PREFIX_BYTES, length - GRPC_PREFIX_BYTES,
                                   &coded, &coded_bytes),
                     CODING_OK);
    unsigned char *sent = malloc(GRPC_PREFIX_BYTES + coded_bytes);
    grpc_prefix(sent, 1, coded_bytes);
    memcpy(sent + GRPC_PREFIX_BYTES, coded, coded_bytes);
    grpc_client_open(&c, grpc_port(s), 65535);
    struct grpc_call_seen *k = grpc_begin_call(
        &c, "/t.T/Echo", sent, GRPC_PREFIX_BYTES + coded_bytes, 0, "grpc-encoding", coding);
    grpc_end_call(&c, k);
    assert_int_equal(k->status, 0);
    assert_string_equal(k->encoding, coding);
    assert_int_equal(k->data[0], 1);
    assert_true(k->bytes < length);
    assert_int_equal(coding_decode(coding, k->data + GRPC_PREFIX_BYTES,
                                   k->bytes - GRPC_PREFIX_BYTES, 1 << 20, &plain, &plain_bytes),
                     CODING_OK);
    assert_int_equal(plain_bytes, length - GRPC_PREFIX_BYTES);
    assert_memory_equal(plain, body + GRPC_PREFIX_BYTES, plain_bytes);
    grpc_client_close(&c);
    grpc_end(s);
    free(plain);
    free(coded);
    free(sent);
    free(body);
}

static void codings(void **state)
{
    (void)state;
    compressed("gzip");
    compressed("deflate");
}

/* ---- times and cancelling ------------------------------------------------------------------- */

static void wait_unwanted(struct late_request *l)
{
    for (int i = 0; i < 5000 && !atomic_load(&l->unwanted); i++)
        usleep(1000);
    assert_int_equal(atomic_load(&l->unwanted), 1);
}

static void deadlines(void **state)
{
    struct grpc_server *s = begin(&usual);
    struct grpc_client c;
    (void)state;
    grpc_client_open(&c, grpc_port(s), 65535);
    const uint64_t begun = serve_now_ns();
    struct grpc_call_seen *k =
        grpc_begin_call(&c, "/t.T/Late", "\0\0\0\0\1a", 6, 0, "grpc-timeout", "80m");
    grpc_end_call(&c, k);
    const uint64_t took = serve_now_ns() - begun;
    assert_int_equal(k->status, GRPC_DEADLINE_EXCEEDED);
    assert_in_range(took, 75000000, 2000000000);
    wait_unwanted(&late[0]);
    assert_true(late[0].r->deadline_ns > begun);
    answer_on_a_thread(10); /* an answer that nobody waits for is thrown away */
    grpc_client_close(&c);
    say_hello(grpc_port(s));
    grpc_end(s);
}

static void cancelling(void **state)
{
    struct grpc_server *s = begin(&usual);
    const int descriptors = count_descriptors();
    struct grpc_client c;
    (void)state;
    grpc_client_open(&c, grpc_port(s), 65535);
    struct grpc_call_seen *k = grpc_begin_call(&c, "/t.T/Late", "\0\0\0\0\1a", 6, 0, NULL, NULL);
    grpc_client_flush(&c);
    wait_for_late(1);
    nghttp2_submit_rst_stream(c.session, NGHTTP2_FLAG_NONE, k->id, NGHTTP2_CANCEL);
    grpc_client_flush(&c);
    wait_unwanted(&late[0]);
    grpc_begin_call(&c, "/t.T/LateStream", "\0\0\0\0\1a\0\0\0\0\1b", 12, 1, NULL, NULL);
    grpc_client_flush(&c);
    wait_for_late(3);
    grpc_client_close(&c); /* the whole connection goes */
    wait_unwanted(&late[1]);
    wait_unwanted(&late[2]);
    answer_on_a_thread(100000);
    assert_empty(s, descriptors);
    grpc_end(s);
}

/* ---- streams -------------------------------------------------------------------------------- */

static void streams(void **state)
{
    static const int count = 50;
    static unsigned char body[50 * 6];
    struct grpc_server *s = begin(&usual);
    struct grpc_client c;
    (void)state;
    for (int i = 0; i < count; i++)
        memcpy(body + i * 6, (unsigned char[]){0, 0, 0, 0, 1, (unsigned char)i}, 6);
    grpc_client_open(&c, grpc_port(s), 65535);
    struct grpc_call_seen *k =
        grpc_begin_call(&c, "/t.T/LateStream", body, sizeof body, 0, NULL, NULL);
    grpc_client_flush(&c);
    wait_for_late(count);
    answer_on_a_thread(3); /* the last first, but they come in order */
    grpc_end_call(&c, k);
    assert_int_equal(k->status, 0);
    assert_int_equal(k->bytes, count * 8);
    for (int i = 0; i < count; i++)
        assert_int_equal(k->data[i * 8 + 5], i);
    /* without a message */
    k = grpc_begin_call(&c, "/t.T/EchoStream", body, 0, 0, NULL, NULL);
    grpc_end_call(&c, k);
    assert_int_equal(k->status, 0);
    /* answered one by one, while the client's side is open */
    k = grpc_begin_call(&c, "/t.T/EchoStream", body, 60, 1, NULL, NULL);
    grpc_await(&c, k, 60);
    assert_memory_equal(k->data, body, 60);
    k->body_bytes = 120;
    k->more = 0;
    nghttp2_session_resume_data(c.session, k->id);
    grpc_end_call(&c, k);
    assert_int_equal(k->bytes, 120);
    assert_int_equal(k->status, 0);
    /* a status in the middle ends it, and what the client sends further is not waited for */
    k = grpc_begin_call(&c, "/t.T/RefuseStream", body, 6, 1, NULL, NULL);
    grpc_end_call(&c, k);
    assert_int_equal(k->status, GRPC_INVALID_ARGUMENT);
    grpc_client_close(&c);
    grpc_end(s);
}

/* A client that sends and sends and reads nothing is stopped; others are answered, and it gets all
 * when it reads at last. */
static void a_slow_reader(void **state)
{
    enum { COUNT = 150, BYTES = 200000 };
    struct grpc_options o = usual;
    struct grpc_client c;
    size_t one, all = 0;
    (void)state;
    o.stall_seconds = 20;
    struct grpc_server *s = begin(&o);
    unsigned char *body = malloc((size_t)COUNT * (BYTES + GRPC_PREFIX_BYTES));
    assert_non_null(body);
    for (int i = 0; i < COUNT; i++) {
        unsigned char *message = framed(BYTES, i, &one);
        memcpy(body + all, message, one);
        all += one;
        free(message);
    }
    grpc_client_open(&c, grpc_port(s), 65535);
    struct grpc_call_seen *k = grpc_begin_call(&c, "/t.T/EchoStream", body, all, 0, NULL, NULL);
    for (int i = 0; i < 20; i++) { /* answers are read by nghttp2, but no window is given back */
        grpc_client_flush(&c);
        grpc_client_read(&c, 10);
        if (i % 5 == 0)
            say_hello(grpc_port(s));
    }
    assert_true(k->sent < all || k->bytes < all);
    grpc_end_call(&c, k);
    assert_int_equal(k->status, 0);
    assert_int_equal(k->bytes, all);
    assert_memory_equal(k->data, body, all);
    grpc_client_close(&c);
    grpc_end(s);
    free(body);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void draining(void **state)
{
    struct grpc_server *s = begin(&usual);
    const int port = grpc_port(s);
    struct grpc_client c;
    (void)state;
    grpc_client_open(&c, port, 65535);
    struct grpc_call_seen *idle =
        grpc_begin_call(&c, "/t.T/EchoStream", "\0\0\0\0\1a", 6, 1, NULL, NULL);
    struct grpc_call_seen *busy = grpc_begin_call(&c, "/t.T/Late", "\0\0\0\0\1a", 6, 0, NULL, NULL);
    grpc_await(&c, idle, 6);
    wait_for_late(1);
    grpc_quiesce(s);
    grpc_end_call(&c, idle); /* a stream that nothing is asked on ends */
    assert_int_equal(idle->status, GRPC_UNAVAILABLE);
    for (int i = 0; i < 30 && c.goaway < 2; i++)
        grpc_client_read(&c, 100);
    assert_int_equal(c.goaway, 2);
    assert_int_equal(grpc_pending(s), 1);
    answer_on_a_thread(4); /* what has come is answered */
    grpc_end_call(&c, busy);
    assert_int_equal(busy->status, 0);
    for (int i = 0; i < 50 && !c.over; i++)
        grpc_client_read(&c, 100);
    assert_true(c.over);
    assert_int_equal(grpc_pending(s), 0);
    grpc_client_close(&c);
    grpc_end(s);
}

/* ---- clients that mean no good -------------------------------------------------------------- */

static void send_garbage(int port)
{
    static const char *const texts[] = {"GET / HTTP/1.1\r\n\r\n", "\0\0\0\0\0\0\0",
                                        "PRI * HTTP/2.0"};
    for (size_t i = 0; i < 3; i++) {
        const int fd = serve_connect(port);
        char byte;
        serve_send(fd, texts[i], strlen(texts[i]) + 1);
        if (i < 2) { /* the third may still become a preface, and is given up later */
            struct pollfd p = {.fd = fd, .events = POLLIN};
            assert_int_equal(poll(&p, 1, 5000), 1);
            while (recv(fd, &byte, 1, 0) > 0)
                ;
        }
        close(fd);
    }
}

/* Streams that are opened and reset at once. */
static void reset_rapidly(int port, int count)
{
    struct grpc_client c;
    grpc_client_open(&c, port, 65535);
    grpc_client_flush(&c);
    for (int i = 0; i < count && !c.over; i++) {
        c.ncalls = 0;
        struct grpc_call_seen *k =
            grpc_begin_call(&c, "/t.T/Late", "\0\0\0\0\1a", 6, 1, NULL, NULL);
        grpc_client_flush(&c);
        nghttp2_submit_rst_stream(c.session, NGHTTP2_FLAG_NONE, k->id, NGHTTP2_CANCEL);
        grpc_client_flush(&c);
    }
    grpc_client_close(&c);
}

/* Frames that cost the client nothing: the connection is ended. */
static void flood(int port, const void *frame, size_t bytes)
{
    struct grpc_client c;
    char sink[4096];
    unsigned char many[17 * 1000];
    grpc_client_open(&c, port, 65535);
    grpc_client_flush(&c);
    for (size_t i = 0; i < 1000; i++)
        memcpy(many + i * bytes, frame, bytes);
    int ended = 0;
    for (int i = 0; i < 100 && !ended; i++) {
        const ssize_t sent = send(c.fd, many, bytes * 1000, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (recv(c.fd, sink, sizeof sink, MSG_DONTWAIT) > 0)
            ;
        ended = sent < 0 && errno != EAGAIN;
        usleep(1000);
    }
    assert_true(ended);
    grpc_client_close(&c);
}

static void hostile_clients(void **state)
{
    struct grpc_server *s = begin(&usual);
    const int port = grpc_port(s), descriptors = count_descriptors();
    (void)state;
    send_garbage(port);
    say_hello(port);
    reset_rapidly(port, 1000);
    say_hello(port);
    wait_for_late(1); /* some of them had come so far; nobody waits for them */
    answer_on_a_thread(10);
    flood(port, "\0\0\x08\x06\0\0\0\0\0pingping", 17); /* PING */
    flood(port, "\0\0\0\x04\0\0\0\0\0", 9);            /* SETTINGS */
    flood(port, "\0\0\x04\x08\0\0\0\0\0\0\0\0\1", 13); /* WINDOW_UPDATE */
    say_hello(port);
    int open[20];
    for (int i = 0; i < 20; i++) /* half-open: nothing ever comes */
        open[i] = serve_connect(port);
    struct grpc_client c; /* and one that stops within a message */
    grpc_client_open(&c, port, 65535);
    struct grpc_call_seen *k = grpc_begin_call(&c, "/t.T/Echo", "\0\0\1\0\0abcd", 9, 1, NULL, NULL);
    grpc_client_flush(&c);
    say_hello(port);
    grpc_end_call(&c, k); /* given up behind stall_seconds */
    assert_int_equal(k->error, NGHTTP2_CANCEL);
    for (int i = 0; i < 20; i++) {
        char byte;
        struct pollfd p = {.fd = open[i], .events = POLLIN};
        ssize_t n = 1;
        while (n > 0 && poll(&p, 1, 5000) == 1) /* its SETTINGS, and the end */
            n = recv(open[i], &byte, 1, 0);
        assert_int_equal(n, 0);
        close(open[i]);
    }
    grpc_client_close(&c);
    say_hello(port);
    assert_empty(s, descriptors);
    grpc_end(s);
}

static void too_many_connections(void **state)
{
    struct grpc_options o = usual;
    int open[5], refused = 0;
    (void)state;
    o.max_connections = 3;
    struct grpc_server *s = begin(&o);
    const int descriptors = count_descriptors();
    for (int i = 0; i < 5; i++) {
        char bytes[9];
        open[i] = serve_connect(grpc_port(s));
        refused += recv(open[i], bytes, sizeof bytes, 0) <= 0;
    }
    assert_int_equal(refused, 2);
    for (int i = 0; i < 5; i++)
        close(open[i]);
    assert_empty(s, descriptors);
    say_hello(grpc_port(s));
    grpc_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls),
        cmocka_unit_test(calls_that_fail),
        cmocka_unit_test(bytes_one_by_one),
        cmocka_unit_test(codings),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(cancelling),
        cmocka_unit_test(streams),
        cmocka_unit_test(a_slow_reader),
        cmocka_unit_test(draining),
        cmocka_unit_test(hostile_clients),
        cmocka_unit_test(too_many_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
