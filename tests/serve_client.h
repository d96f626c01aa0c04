/* A server in this process, and bytes to and from its sockets. */
#ifndef INFER_TESTS_SERVE_CLIENT_H
#define INFER_TESTS_SERVE_CLIENT_H

#include "tools/serve/server.h"

#include "tool_run.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

/* ---- a store: a folder of models within the test's own ----------------------------------------
 */

static char store[256];

/* Makes it, empty, after the bundled model (setup of tool_run.h). 0: it stands. */
static inline int store_begin(void **state)
{
    if (setup(state) != CLI_OK)
        return 1;
    snprintf(store, sizeof store, "%s/store", folder);
    return mkdir(store, 0700);
}

/* A copy of the bundled model under a name, as "signs.infer", put in its place in one step. */
static inline void store_put(const char *name)
{
    char path[400], part[300];
    size_t bytes;
    char *content = read_file(model, &bytes);
    snprintf(path, sizeof path, "%s/%s", store, name);
    snprintf(part, sizeof part, "%s/.part", store);
    write_bytes(part, content, bytes);
    free(content);
    assert_int_equal(rename(part, path), 0);
}

/* ---- a server, and connections to it --------------------------------------------------------- */

/* Options of a small server of one path. */
static inline struct server_options serve_options(const char *const *path)
{
    return (struct server_options){
        .paths = path,
        .npaths = 1,
        .name = "libinfer",
        .grpc_port = -1,
        .max_request_bytes = 4 << 20,
        .threads = 2,
        .http_threads = 1,
        .versions = {.max_batch = 4, .max_queue = 64},
        .control = 1,
        .cache_bytes = -1,
    };
}

static inline struct server *serve_begin(const struct server_options *o)
{
    char why[300] = "";
    struct server *s = server_begin(o, why, sizeof why);
    if (!s)
        fail_msg("%s", why);
    return s;
}

static inline int serve_connect(int port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static inline void serve_send(int fd, const void *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        const ssize_t sent = send(fd, (const char *)bytes + at, n - at, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server may end the connection before it has read everything */
        at += (size_t)sent;
    }
}

/* An answer: status 0 where the connection ended without one. */
struct reply {
    int status;
    char head[2048];
    char body[512 << 10];
    size_t bytes;
};

static inline size_t reply_length(const char *head)
{
    const char *p = strcasestr(head, "\r\nContent-Length:");
    return p ? strtoul(p + 17, NULL, 10) : 0;
}

/* The next answer on a connection; "100 Continue" is passed over. */
static inline void serve_receive(int fd, struct reply *r)
{
    *r = (struct reply){0};
    size_t head = 0;
    while (head + 1 < sizeof r->head && !strstr(r->head, "\r\n\r\n")) {
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, 20000) != 1 || recv(fd, r->head + head, 1, 0) != 1)
            return;
        head++;
    }
    if (sscanf(r->head, "HTTP/1.1 %d", &r->status) != 1)
        return;
    if (r->status == 100) {
        serve_receive(fd, r);
        return;
    }
    const size_t want = reply_length(r->head);
    assert_true(want < sizeof r->body);
    while (r->bytes < want) {
        const ssize_t n = recv(fd, r->body + r->bytes, want - r->bytes, 0);
        if (n <= 0)
            break;
        r->bytes += (size_t)n;
    }
}

/* One request on a connection of its own. `more`: header lines, each with its end. */
static inline void serve_ask(int port, const char *method, const char *path, const char *more,
                             const void *body, size_t bytes, struct reply *r)
{
    char head[2048];
    const int n =
        snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n%s\r\n",
                 method, path, bytes, more ? more : "");
    const int fd = serve_connect(port);
    serve_send(fd, head, (size_t)n);
    serve_send(fd, body, bytes);
    serve_receive(fd, r);
    close(fd);
}

#endif
