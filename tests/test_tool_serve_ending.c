/* A server that ends: connections that are open get their answers, and then none that would be
 * wrong. tests/check_replicas.sh shows it behind a proxy. */
#include "tests/serve_client.h"
#include "tools/serve/transport/http.h"

static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
static struct reply r;
static int asked;

static void handle(void *ctx, struct http_request *q)
{
    (void)ctx;
    asked++;
    http_answer(q, &(struct http_answer){.status = 200, .body = "yes", .body_bytes = 3});
}

static struct http_server *begin(void)
{
    char why[200] = "";
    const struct http_options o = {.listener = -1,
                                   .threads = 1,
                                   .max_body = 1 << 20,
                                   .max_body_memory = 1 << 20,
                                   .handle = handle};
    struct http_server *s = http_begin(&o, why, sizeof why);
    if (!s)
        fail_msg("%s", why);
    asked = 0;
    return s;
}

static void ask(int fd)
{
    serve_send(fd, request, strlen(request));
    serve_receive(fd, &r);
}

static int count_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (d && readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Behind http_quiesce a connection has one more answer, which says that it is the last. */
static void last_answer(void **state)
{
    (void)state;
    struct http_server *s = begin();
    const int fd = serve_connect(http_port(s));
    ask(fd);
    assert_int_equal(r.status, 200);
    assert_null(strcasestr(r.head, "Connection: close"));
    http_quiesce(s);
    ask(fd);
    assert_int_equal(r.status, 200);
    assert_non_null(strcasestr(r.head, "Connection: close"));
    ask(fd);
    assert_int_equal(r.status, 0);
    assert_int_equal(asked, 2);
    close(fd);
    http_end(s);
}

/* Behind http_close a request is not handled, and its connection ends without a byte: an answer
 * that says "no" would be passed on, while this is sent again. */
static void no_answer(void **state)
{
    (void)state;
    struct http_server *s = begin();
    const int fd = serve_connect(http_port(s));
    ask(fd);
    assert_int_equal(r.status, 200);
    http_close(s);
    ask(fd);
    assert_int_equal(r.status, 0);
    assert_string_equal(r.head, "");
    assert_int_equal(asked, 1);
    close(fd);
    for (int i = 0; i < 1000 && http_pending(s); i++)
        usleep(1000);
    assert_int_equal(http_pending(s), 0);
    http_end(s);
}

/* A client that goes within its head, and one that goes behind a whole request, leave nothing:
 * their sockets are closed long before a silent connection's time is over. */
static void gone_without_a_word(void **state)
{
    (void)state;
    struct http_server *s = begin();
    const int descriptors = count_descriptors();
    for (int i = 0; i < 5; i++) {
        int fd = serve_connect(http_port(s));
        serve_send(fd, request, i % 2 ? strlen(request) : 20);
        close(fd);
    }
    const int idle = serve_connect(http_port(s)); /* it stays; the others were taken before it */
    ask(idle);
    assert_int_equal(r.status, 200);
    for (int i = 0; i < 100 && count_descriptors() > descriptors + 2; i++)
        usleep(100000);
    assert_int_equal(count_descriptors(), descriptors + 2); /* both ends of the idle one */
    ask(idle);
    assert_int_equal(r.status, 200);
    close(idle);
    http_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gone_without_a_word),
        cmocka_unit_test(last_answer),
        cmocka_unit_test(no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
