/* A gRPC client of one connection for tests: nghttp2 on a blocking socket, calls one by one or
 * side by side. */
#ifndef INFER_TESTS_GRPC_CLIENT_H
#define INFER_TESTS_GRPC_CLIENT_H

#include "tests/serve_client.h"

#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>

#include "tools/serve/transport/grpc_frame.h"

enum { CALLS = 64 };

/* What came back on a stream. */
struct grpc_call_seen {
    int32_t id;
    int http, status; /* grpc-status; -1: none has come */
    char message[256], encoding[16];
    unsigned char *data; /* with prefixes */
    size_t bytes, capacity;
    int headers, closed; /* HEADERS frames; the stream is closed */
    uint32_t error;
    const unsigned char *body; /* what is sent */
    size_t body_bytes, sent;
    int more; /* the body's end is not the stream's */
};

struct grpc_client {
    int fd;
    nghttp2_session *session;
    struct grpc_call_seen calls[CALLS];
    int ncalls;
    int over, goaway; /* the connection ended; how many GOAWAY have come */
};

static inline struct grpc_call_seen *seen_of(struct grpc_client *c, int32_t id)
{
    for (int i = 0; i < c->ncalls; i++)
        if (c->calls[i].id == id)
            return &c->calls[i];
    return NULL;
}

static inline int seen_header(nghttp2_session *session, const nghttp2_frame *frame,
                              const uint8_t *name, size_t n, const uint8_t *value, size_t m,
                              uint8_t flags, void *ctx)
{
    struct grpc_call_seen *k = seen_of(ctx, frame->hd.stream_id);
    (void)session, (void)n, (void)m, (void)flags;
    if (!k)
        return 0;
    if (strcmp((const char *)name, ":status") == 0)
        k->http = atoi((const char *)value);
    else if (strcmp((const char *)name, "grpc-status") == 0)
        k->status = atoi((const char *)value);
    else if (strcmp((const char *)name, "grpc-message") == 0)
        snprintf(k->message, sizeof k->message, "%s", (const char *)value);
    else if (strcmp((const char *)name, "grpc-encoding") == 0)
        snprintf(k->encoding, sizeof k->encoding, "%s", (const char *)value);
    return 0;
}

static inline int seen_data(nghttp2_session *session, uint8_t flags, int32_t id,
                            const uint8_t *data, size_t n, void *ctx)
{
    struct grpc_call_seen *k = seen_of(ctx, id);
    (void)session, (void)flags;
    assert_non_null(k);
    if (k->bytes + n > k->capacity) {
        k->capacity = 2 * (k->bytes + n);
        k->data = realloc(k->data, k->capacity);
        assert_non_null(k->data);
    }
    memcpy(k->data + k->bytes, data, n);
    k->bytes += n;
    return 0;
}

static inline int seen_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct grpc_client *c = ctx;
    struct grpc_call_seen *k = seen_of(c, frame->hd.stream_id);
    (void)session;
    c->goaway += frame->hd.type == NGHTTP2_GOAWAY;
    if (k && frame->hd.type == NGHTTP2_HEADERS)
        k->headers++;
    return 0;
}

static inline int seen_close(nghttp2_session *session, int32_t id, uint32_t error, void *ctx)
{
    struct grpc_call_seen *k = seen_of(ctx, id);
    (void)session;
    if (k) {
        k->closed = 1;
        k->error = error;
    }
    return 0;
}

static inline ssize_t give_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                                uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct grpc_call_seen *k = source->ptr;
    (void)session, (void)id, (void)ctx;
    size_t n = k->body_bytes - k->sent;
    if (n == 0 && k->more)
        return NGHTTP2_ERR_DEFERRED;
    n = n < length ? n : length;
    if (n)
        memcpy(buf, k->body + k->sent, n);
    k->sent += n;
    if (k->sent == k->body_bytes && !k->more)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

/* `window` of each stream: what the client lets the server send without having read it. */
static inline void grpc_client_open(struct grpc_client *c, int port, uint32_t window)
{
    nghttp2_session_callbacks *k;
    const nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    memset(c, 0, sizeof *c);
    const int yes = 1;
    c->fd = serve_connect(port);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    nghttp2_session_callbacks_new(&k);
    nghttp2_session_callbacks_set_on_header_callback(k, seen_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(k, seen_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(k, seen_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(k, seen_close);
    assert_int_equal(nghttp2_session_client_new(&c->session, k, c), 0);
    nghttp2_session_callbacks_del(k);
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, &entry, 1);
}

static inline void grpc_client_close(struct grpc_client *c)
{
    nghttp2_session_del(c->session);
    for (int i = 0; i < c->ncalls; i++)
        free(c->calls[i].data);
    if (c->fd >= 0)
        close(c->fd);
}

/* Writes what nghttp2 has to say. */
static inline void grpc_client_flush(struct grpc_client *c)
{
    const uint8_t *bytes;
    ssize_t n;
    while ((n = nghttp2_session_mem_send(c->session, &bytes)) > 0)
        serve_send(c->fd, bytes, (size_t)n);
}

/* Reads for at most `ms` until there is something. 0: nothing has come. */
static inline int grpc_client_read(struct grpc_client *c, int ms)
{
    static unsigned char buffer[1 << 16];
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    if (poll(&p, 1, ms) <= 0)
        return 0;
    const ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
    if (n <= 0 || nghttp2_session_mem_recv(c->session, buffer, (size_t)n) < 0)
        c->over = 1;
    return n > 0;
}

/* Begins a call; `extra` is a header more, or {NULL, NULL}. */
static inline struct grpc_call_seen *grpc_begin_call(struct grpc_client *c, const char *path,
                                                     const void *body, size_t bytes, int more,
                                                     const char *name, const char *value)
{
    const char *fields[8][2] = {{":method", "POST"},
                                {":scheme", "http"},
                                {":path", path},
                                {":authority", "test"},
                                {"content-type", "application/grpc"},
                                {"te", "trailers"},
                                {"grpc-accept-encoding", "identity,deflate, gzip"},
                                {name, value}};
    nghttp2_nv nv[8];
    const size_t n = name ? 8 : 7;
    for (size_t i = 0; i < n; i++)
        nv[i] = (nghttp2_nv){(uint8_t *)(uintptr_t)fields[i][0], (uint8_t *)(uintptr_t)fields[i][1],
                             strlen(fields[i][0]), strlen(fields[i][1]), NGHTTP2_NV_FLAG_NONE};
    assert_true(c->ncalls < CALLS);
    struct grpc_call_seen *k = &c->calls[c->ncalls++];
    *k = (struct grpc_call_seen){.status = -1, .body = body, .body_bytes = bytes, .more = more};
    const nghttp2_data_provider provider = {.source.ptr = k, .read_callback = give_body};
    k->id = nghttp2_submit_request(c->session, NULL, nv, n, &provider, NULL);
    assert_true(k->id > 0);
    return k;
}

/* Until the call is closed, or nothing has come for 20 s. */
static inline void grpc_end_call(struct grpc_client *c, struct grpc_call_seen *k)
{
    grpc_client_flush(c);
    for (int idle = 0; idle < 200 && !k->closed && !c->over;) {
        idle = grpc_client_read(c, 100) ? 0 : idle + 1;
        grpc_client_flush(c);
    }
    assert_true(k->closed);
}

/* Until `bytes` of answers have come on the call. */
static inline void grpc_await(struct grpc_client *c, struct grpc_call_seen *k, size_t bytes)
{
    grpc_client_flush(c);
    for (int idle = 0; idle < 200 && k->bytes < bytes && !k->closed && !c->over;) {
        idle = grpc_client_read(c, 100) ? 0 : idle + 1;
        grpc_client_flush(c);
    }
    assert_true(k->bytes >= bytes);
}

#endif
