/* A connection of HTTP/2 with gRPC on it, as the server has it: frames, headers, calls, their
 * answers and their ends, in one thread.
 *
 * The first byte says how the rest is cut on its way; the preface comes before it. Methods answer
 * at once, later, or when the connection is at its end; others fail, push and watch. Property: for
 * any bytes the connection comes to its end, every request is answered once and every call told of
 * once, and no stream, no memory of messages and no connection is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/require.h"
#include "tools/serve/clock.h"
#include "tools/serve/transport/grpc_internal.h"
#include "tools/serve/transport/h2_internal.h"

enum { MOST = 1 << 16, MOST_LATE = 64, TURNS = 10000 };

static struct grpc_request *late[MOST_LATE];
static int nlate;
static long ended;

/* ---- methods -------------------------------------------------------------------------------- */

static void echo(void *ctx, struct grpc_request *r)
{
    (void)ctx;
    struct grpc_body body = {.npieces = 1};
    body.piece[0].data = r->message;
    body.piece[0].bytes = r->bytes;
    grpc_answer(r, &body);
}

static void refuse(void *ctx, struct grpc_request *r)
{
    (void)ctx;
    grpc_fail(r, GRPC_INVALID_ARGUMENT, "no: %zu \xff bytes", r->bytes);
}

static void put_off(void *ctx, struct grpc_request *r)
{
    if (nlate < MOST_LATE)
        late[nlate++] = r;
    else
        refuse(ctx, r);
}

static void gone(void *ctx, struct grpc_request *r)
{
    (void)ctx;
    grpc_fail(r, GRPC_CANCELLED, "gone");
}

static void push(void *ctx, struct grpc_request *r)
{
    const struct grpc_body body = {.npieces = 1, .piece[0] = {"pushed", 6}};
    grpc_push(r, &body);
    if (r->bytes & 1) {
        r->unwanted = gone; /* it is answered when the call ends, and no earlier */
        return;
    }
    put_off(ctx, r);
}

static const struct grpc_method methods[] = {
    {"/t.T/E", 0, echo},    {"/t.T/R", 0, refuse},   {"/t.T/L", 0, put_off}, {"/t.T/ES", 1, echo},
    {"/t.T/RS", 1, refuse}, {"/t.T/LS", 1, put_off}, {"/t.T/P", 1, push},    {NULL, 0, NULL},
};

static void call_ended(void *ctx, const struct grpc_ended *call)
{
    (void)ctx;
    REQUIRE(call->path && (unsigned)call->status <= 16);
    ended++;
}

/* ---- the loop ------------------------------------------------------------------------------- */

static struct grpc_server grpc;
static struct h2_server h2;
static struct h2_loop loop;

static void begin(void)
{
    const struct grpc_options o = {.max_message = MOST,
                                   .max_memory = 4 * MOST,
                                   .coding = "gzip",
                                   .methods = methods,
                                   .ended = call_ended};
    grpc.options = o;
    grpc.budget.most = o.max_memory;
    h2.options = (struct h2_options){.max_connections = 1,
                                     .max_streams = 16,
                                     .max_header_bytes = 4096,
                                     .handler = &grpc_handler,
                                     .ctx = &grpc};
    h2.listener = -1;
    REQUIRE(h2_callbacks(&h2));
    loop.server = &h2;
    loop.thread = pthread_self();
    loop.tasks_tail = &loop.tasks;
    loop.next_deadline = UINT64_MAX;
    loop.epoll = loop.event = -1;
    pthread_mutex_init(&loop.lock, NULL);
    loop.buffer = malloc(H2_READ_BYTES);
    REQUIRE(loop.buffer != NULL);
}

static void run_tasks(void)
{
    while (loop.tasks) {
        struct h2_task *task = loop.tasks;
        loop.tasks = task->next;
        if (!loop.tasks)
            loop.tasks_tail = &loop.tasks;
        task->run(task);
    }
}

static void answer_late(void)
{
    while (nlate)
        echo(NULL, late[--nlate]);
    run_tasks();
}

/* What the server writes is read, so that it goes on. */
static void drain(int fd)
{
    static char bytes[1 << 16];
    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
}

static void turn(struct h2_connection *c, int peer)
{
    h2_connection_read(c);
    run_tasks();
    if (nlate > 3)
        answer_late();
    if (!c->broken)
        h2_connection_write(c);
    drain(peer);
}

static void feed(struct h2_connection *c, int peer, const uint8_t *data, size_t size, size_t step)
{
    for (size_t at = 0; at < size && !h2_connection_over(c);) {
        const size_t n = step < size - at ? step : size - at;
        const ssize_t sent = send(peer, data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            at += (size_t)sent;
        else if (errno != EAGAIN)
            break;
        turn(c, peer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
    int pair[2];
    if (size == 0)
        return 0;
    if (!loop.buffer)
        begin();
    loop.now_ns = serve_now_ns();
    ended = 0;
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    struct h2_connection *c = h2_connection_open(&loop, pair[0]);
    REQUIRE(c != NULL);
    feed(c, pair[1], preface, sizeof preface, sizeof preface);
    feed(c, pair[1], data + 1, size - 1, data[0] ? data[0] : 4096);
    if (data[0] & 1) { /* answers come while the client is there, or when it has gone */
        answer_late();
        turn(c, pair[1]);
    }
    h2_connection_leave(c, 1);
    h2_connection_leave(c, 0);
    turn(c, pair[1]);
    shutdown(pair[1], SHUT_WR);
    turn(c, pair[1]);
    loop.dirty = NULL;
    h2_connection_close(c);
    answer_late();
    close(pair[1]);
    REQUIRE(!loop.connections && !loop.tasks && nlate == 0);
    REQUIRE(h2_streams(&h2) == 0 && h2_connections(&h2) == 0);
    REQUIRE(atomic_load(&grpc.budget.used) == 0);
    return 0;
}
