/* Clients that are slow, many, or gone: the server answers the others, and nothing of them stays.
 */
#include "tests/serve_client.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tools/serve/transport/coding.h"
#include "tools/serve/watch/metrics.h"

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

static struct server *begin_server(size_t most_bytes, unsigned receive_seconds)
{
    static const char *path[1];
    path[0] = store;
    struct server_options o = serve_options(path);
    o.max_request_bytes = most_bytes;
    o.idle_seconds = 60;
    o.receive_seconds = receive_seconds;
    return serve_begin(&o);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The lower quartile of the time that a prediction takes, in ms: what else goes on on the machine
 * makes others longer. */
static double usual_ms(int port)
{
    enum { N = 60 };
    static struct reply r;
    double ms[N];
    for (int i = 0; i < N; i++) {
        const uint64_t begun = serve_now_ns();
        serve_ask(port, "PUT", "/predictions/signs", NULL, picture, picture_bytes, &r);
        assert_int_equal(r.status, 200);
        ms[i] = (double)(serve_now_ns() - begun) / 1e6;
    }
    qsort(ms, N, sizeof *ms, ascending);
    return ms[N / 4];
}

/* AddressSanitizer keeps what is freed for a while: resident memory says nothing there. */
#if defined(__SANITIZE_ADDRESS__)
enum { RESIDENT_COUNTS = 0 };
#else
enum { RESIDENT_COUNTS = 1 };
#endif

/* Memory has not grown by more than this. */
static void grew_by_at_most(double before, double bytes)
{
    const double grown = process_use().resident_bytes - before;
    if (RESIDENT_COUNTS && grown > bytes)
        fail_msg("memory has grown by %.0f bytes, more than %.0f", grown, bytes);
}

/* Waits until the queue has room again. */
static void wait_for_room(int port)
{
    static struct reply r;
    for (int i = 0; i < 3000; i++) {
        serve_ask(port, "PUT", "/predictions/signs", NULL, picture, picture_bytes, &r);
        if (r.status == 200)
            return;
        usleep(10000);
    }
    fail_msg("still %d", r.status);
}

/* Others are answered at most twice as slowly; 2 ms are what a busy machine may add to either. */
static void others_are_answered(int port, double before)
{
    double now = usual_ms(port);
    for (int i = 0; i < 5 && now > 2 * before + 2; i++)
        now = usual_ms(port);
    if (now > 2 * before + 2)
        fail_msg("%.2f ms, before %.2f ms", now, before);
}

/* Descriptors come back to what they were, in the server's own time. */
static void descriptors_return(double before)
{
    for (int i = 0; i < 3000 && process_use().descriptors > before; i++)
        usleep(10000);
    if (process_use().descriptors > before)
        fail_msg("%.0f descriptors, before %.0f", process_use().descriptors, before);
}

/* The clients are in processes of their own, each of which has its own descriptors. */
static int most_connections(void)
{
    struct rlimit l;
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    const int most = l.rlim_cur > 10400 ? 10000 : (int)l.rlim_cur - 400;
    if (most < 10000)
        print_message("skipped: only %d of 10,000 connections, for want of descriptors\n", most);
    return most;
}

/* A process with `n` connections, of which half have begun a request; all are there when this
 * returns, until *hold is closed. */
static pid_t connect_many(int port, int n, int *hold)
{
    int ready[2], holds[2];
    char byte;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(holds, O_CLOEXEC), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(holds[1]);
        for (int i = 0; i < n; i++) {
            const int fd = serve_connect(port);
            if (i % 2)
                serve_send(fd, "GET /ping HTTP/1.1\r\nHo", 23);
        }
        if (write(ready[1], "", 1) == 1 && read(holds[0], &byte, 1) >= 0)
            _exit(0);
        _exit(1);
    }
    close(ready[1]);
    close(holds[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    *hold = holds[1];
    return child;
}

static void many_idle_connections(void **state)
{
    (void)state;
    enum { CLIENTS = 2 };
    struct server *s = begin_server(4 << 20, 2);
    const int port = http_port(s->inference), n = most_connections();
    const double before = usual_ms(port);
    const struct process_use at_first = process_use();
    pid_t clients[CLIENTS];
    int holds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connect_many(port, n / CLIENTS, &holds[i]);
    for (int i = 0; i < 500 && process_use().descriptors < at_first.descriptors + n; i++)
        usleep(10000); /* the last of them wait to be taken */
    assert_true(process_use().descriptors >= at_first.descriptors + n);
    others_are_answered(port, before);
    print_message("%.1f kB for each of %d idle connections\n",
                  (process_use().resident_bytes - at_first.resident_bytes) / 1024 / n, n);
    grew_by_at_most(at_first.resident_bytes, n * (double)(16 << 10));
    for (int i = 0; i < CLIENTS; i++) {
        close(holds[i]);
        kill(clients[i], SIGKILL);
        waitpid(clients[i], NULL, 0);
    }
    descriptors_return(at_first.descriptors);
    server_end(s, 5);
}

/* Some 200 clients send a byte at a time, and nobody else notices. */
static void slow_senders(void **state)
{
    (void)state;
    enum { N = 200 };
    int fds[N];
    struct server *s = begin_server(4 << 20, 2);
    const int port = http_port(s->inference);
    const double before = usual_ms(port), descriptors = process_use().descriptors;
    const char head[] =
        "PUT /predictions/signs HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n";
    for (int i = 0; i < N; i++) {
        fds[i] = serve_connect(port);
        serve_send(fds[i], head, sizeof head - 1);
    }
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < N; i++)
            serve_send(fds[i], "x", 1);
    others_are_answered(port, before);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    descriptors_return(descriptors);
    server_end(s, 5);
}

/* What all bodies may take together is bounded, by 64 of the largest: here 256 of the least piece
 * of memory that one gets. What does not fit is refused, until those that wait have gone. */
static void bodies_are_bounded(void **state)
{
    (void)state;
    enum { N = 300, BYTES = 64 << 10, SENT = 10000 };
    int fds[N];
    static struct reply r;
    static char zeros[SENT];
    struct server *s = begin_server(BYTES, 10); /* longer than it takes to send them all */
    const int port = http_port(s->inference);
    char head[200];
    const int n =
        snprintf(head, sizeof head,
                 "PUT /predictions/signs HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", BYTES);
    r.status = 0;
    for (int i = 0; i < N; i++) {
        fds[i] = serve_connect(port);
        serve_send(fds[i], head, (size_t)n);
        serve_send(fds[i], zeros, sizeof zeros);
    }
    for (int i = 0; i < 500 && r.status != 503; i++)
        serve_ask(port, "PUT", "/predictions/signs", NULL, picture, picture_bytes, &r);
    assert_int_equal(r.status, 503);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    wait_for_room(port);
    server_end(s, 5);
}

/* What is unpacked counts as much as what was sent: requests that wait can't hold more. */
static void bombs_are_bounded(void **state)
{
    (void)state;
    enum { N = 200, BYTES = 1 << 20 };
    static unsigned char zeros[BYTES - 1000];
    int fds[N], counts[3] = {0};
    static struct reply r;
    unsigned char *packed;
    size_t bytes;
    struct server *s = begin_server(BYTES, 2);
    const int port = http_port(s->inference);
    assert_int_equal(coding_encode("gzip", zeros, sizeof zeros, &packed, &bytes), CODING_OK);
    assert_true(bytes < 10000);
    char head[200];
    const int n =
        snprintf(head, sizeof head,
                 "PUT /predictions/signs HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 bytes);
    const double before = process_use().resident_bytes;
    for (int i = 0; i < N; i++) {
        fds[i] = serve_connect(port);
        serve_send(fds[i], head, (size_t)n);
        serve_send(fds[i], packed, bytes);
    }
    for (int i = 0; i < N; i++) {
        serve_receive(fds[i], &r);
        counts[r.status == 400 ? 0 : r.status == 503 ? 1 : 2]++;
        close(fds[i]);
    }
    assert_int_equal(counts[2], 0); /* zeros are no picture, or there was no room */
    grew_by_at_most(before, 1.5 * 64 * BYTES);
    free(packed);
    wait_for_room(port);
    server_end(s, 5);
}

/* A body in chunks that never ends is read and dropped, not kept. */
static void endless_body(void **state)
{
    (void)state;
    static struct reply r;
    static char chunk[(64 << 10) + 16];
    struct server *s = begin_server(1 << 20, 2);
    const int port = http_port(s->inference);
    const int n = snprintf(chunk, sizeof chunk, "10000\r\n");
    const double before = process_use().resident_bytes;
    int fd = serve_connect(port);
    const char head[] =
        "PUT /predictions/signs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    serve_send(fd, head, sizeof head - 1);
    chunk[n + (64 << 10)] = '\r';
    chunk[n + (64 << 10) + 1] = '\n';
    for (int i = 0; i < 1600; i++) /* 100 MiB */
        serve_send(fd, chunk, (size_t)n + (64 << 10) + 2);
    serve_send(fd, "0\r\n\r\n", 5);
    serve_receive(fd, &r);
    assert_int_equal(r.status, 413);
    grew_by_at_most(before, 32 << 20);
    close(fd);
    server_end(s, 5);
}

/* Clients that leave at once, before their answer, in the middle of a body. */
static void gone_clients(void **state)
{
    (void)state;
    struct server *s = begin_server(4 << 20, 2);
    const int port = http_port(s->inference);
    const double before = usual_ms(port), descriptors = process_use().descriptors;
    char head[200];
    const int n = snprintf(
        head, sizeof head,
        "PUT /predictions/signs HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", picture_bytes);
    for (int i = 0; i < 300; i++) {
        const int fd = serve_connect(port);
        const struct linger reset = {1, 0};
        serve_send(fd, head, (size_t)n);
        serve_send(fd, picture, i % 3 ? picture_bytes : picture_bytes / 2);
        if (i % 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
    }
    wait_for_room(port); /* what they asked for is still computed, as far as it was queued */
    others_are_answered(port, before);
    descriptors_return(descriptors);
    server_end(s, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_idle_connections), cmocka_unit_test(slow_senders),
        cmocka_unit_test(bodies_are_bounded),    cmocka_unit_test(bombs_are_bounded),
        cmocka_unit_test(endless_body),          cmocka_unit_test(gone_clients),
    };
    return cmocka_run_group_tests_name("serve: hostile clients", tests, begin, end);
}
