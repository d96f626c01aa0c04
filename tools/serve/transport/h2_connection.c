/* A connection: nghttp2's session on a socket. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tools/serve/models/scheduler.h"
#include "tools/serve/transport/h2_internal.h"

enum { READS_A_TURN = 4, PIECES = 32 };

/* ---- what is written ------------------------------------------------------------------------ */

/* Room for `bytes` behind what waits. */
static int make_room(struct h2_connection *c, size_t bytes)
{
    if (c->out_start && c->out_start == c->out_end)
        c->out_start = c->out_end = 0;
    if (bytes <= c->out_capacity - c->out_end)
        return 1;
    const size_t waits = c->out_end - c->out_start;
    size_t capacity = c->out_capacity ? c->out_capacity : 4096;
    while (capacity < waits + bytes)
        capacity *= 2;
    unsigned char *out = malloc(capacity);
    if (!out)
        return 0;
    if (waits)
        memcpy(out, c->out + c->out_start, waits);
    free(c->out);
    c->out = out;
    c->out_capacity = capacity;
    c->out_start = 0;
    c->out_end = waits;
    return 1;
}

static int append(struct h2_connection *c, const void *bytes, size_t n)
{
    if (!make_room(c, n))
        return 0;
    memcpy(c->out + c->out_end, bytes, n);
    c->out_end += n;
    return 1;
}

/* Writes pieces; returns how many bytes went, -1 where the connection is broken. */
static ssize_t write_pieces(struct h2_connection *c, struct iovec *pieces, int n)
{
    struct msghdr m = {.msg_iov = pieces, .msg_iovlen = (size_t)n};
    const ssize_t sent = c->tls ? h2_tls_send(c->tls, pieces->iov_base, pieces->iov_len)
                                : sendmsg(c->fd, &m, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
            return 0;
        c->broken = 1;
        return -1;
    }
    c->sent_ns = c->loop->now_ns;
    return sent;
}

/* Writes what waits; 1 where nothing waits any more. */
static int flush(struct h2_connection *c)
{
    while (c->out_end > c->out_start) {
        struct iovec piece = {c->out + c->out_start, c->out_end - c->out_start};
        const ssize_t sent = write_pieces(c, &piece, 1);
        if (sent <= 0)
            return 0;
        c->out_start += (size_t)sent;
    }
    c->out_start = c->out_end = 0;
    return 1;
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t n, int flags,
                       void *ctx)
{
    struct h2_connection *c = ctx;
    (void)session, (void)flags;
    if (c->out_end - c->out_start >= H2_OUT_BYTES)
        return NGHTTP2_ERR_WOULDBLOCK;
    if (c->out_end == c->out_start)
        c->sent_ns = c->loop->now_ns;
    return append(c, data, n) ? (ssize_t)n : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Copies `n` bytes of the queue behind what waits. */
static int append_queued(struct h2_connection *c, struct h2_stream *s, size_t n)
{
    struct iovec pieces[PIECES];
    if (!make_room(c, n))
        return 0;
    while (n) {
        size_t bytes;
        const int count = h2_stream_gather(s, n, pieces, PIECES, &bytes);
        for (int i = 0; i < count; i++)
            append(c, pieces[i].iov_base, pieces[i].iov_len);
        h2_stream_advance(s, bytes);
        n -= bytes;
    }
    return 1;
}

/* A DATA frame: small ones are gathered, large ones written from where they lie, and what the
 * socket does not take is kept. */
static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t n, nghttp2_data_source *source, void *ctx)
{
    struct h2_connection *c = ctx;
    struct h2_stream *s = source->ptr;
    (void)session, (void)frame;
    if (c->out_end - c->out_start >= H2_OUT_BYTES)
        return NGHTTP2_ERR_WOULDBLOCK;
    if (c->out_end == c->out_start)
        c->sent_ns = c->loop->now_ns;
    if (!append(c, head, 9))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (n >= H2_DIRECT_BYTES && flush(c)) {
        struct iovec pieces[PIECES];
        ssize_t sent = 1;
        while (n && sent > 0) {
            size_t bytes;
            const int count = h2_stream_gather(s, n, pieces, PIECES, &bytes);
            sent = write_pieces(c, pieces, count);
            if (sent > 0) {
                h2_stream_advance(s, (size_t)sent);
                n -= (size_t)sent;
            }
        }
    }
    return append_queued(c, s, n) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

void h2_connection_write(struct h2_connection *c)
{
    do {
        if (!flush(c))
            return;
        if (nghttp2_session_send(c->session) != 0)
            c->broken = 1;
    } while (!c->broken && c->out_end > c->out_start);
}

static ssize_t frame_length(nghttp2_session *session, uint8_t type, int32_t id,
                            int32_t session_room, int32_t stream_room, uint32_t frame, void *ctx)
{
    (void)session, (void)type, (void)id, (void)ctx;
    ssize_t n = H2_READ_BYTES;
    n = n < session_room ? n : session_room;
    n = n < stream_room ? n : stream_room;
    return n < (ssize_t)frame ? n : (ssize_t)frame;
}

/* ---- what is read --------------------------------------------------------------------------- */

/* Whether the peer may send a further frame that carries nothing. */
static int allow_control(struct h2_connection *c)
{
    const uint64_t now = c->loop->now_ns;
    const uint64_t more = (now - c->told_ns) / (1000000000u / H2_CONTROL_A_SECOND);
    if (more) {
        c->told_ns = now;
        c->control += more < H2_MOST_CONTROL ? (long)more : H2_MOST_CONTROL;
        c->control = c->control < H2_MOST_CONTROL ? c->control : H2_MOST_CONTROL;
    }
    return --c->control > 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct h2_connection *c = ctx;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct h2_stream *s = h2_stream_open(c, frame->hd.stream_id);
    if (!s)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    nghttp2_session_set_stream_user_data(session, s->id, s);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t n, const uint8_t *value, size_t m, uint8_t flags, void *ctx)
{
    struct h2_connection *c = ctx;
    const struct h2_options *o = &c->loop->server->options;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    (void)flags;
    if (!s || s->begun) /* trailers of a request mean nothing */
        return 0;
    s->header_bytes += n + m + 32; /* as MAX_HEADER_LIST_SIZE counts */
    if (s->header_bytes > o->max_header_bytes)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the stream is reset */
    o->handler->header(o->ctx, s, (const char *)name, (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t n, void *ctx)
{
    struct h2_connection *c = ctx;
    const struct h2_options *o = &c->loop->server->options;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
    (void)flags;
    nghttp2_session_consume_connection(session, n);
    if (!s)
        return 0;
    s->heard_ns = c->loop->now_ns;
    if (s->finishing)
        nghttp2_session_consume_stream(session, id, n);
    else
        o->handler->data(o->ctx, s, data, n);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct h2_connection *c = ctx;
    const struct h2_options *o = &c->loop->server->options;
    struct h2_stream *s = NULL;
    c->greeted = 1;
    const int is_request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if ((!is_request || (frame->hd.length == 0 && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))) &&
        !allow_control(c))
        nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
    if (is_request)
        s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!s)
        return 0;
    if (!s->begun) {
        s->begun = 1;
        o->handler->begun(o->ctx, s);
    }
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        s->remote_ended = 1;
        s->expects = 0;
        if (!s->finishing)
            o->handler->ended(o->ctx, s);
    }
    return 0;
}

/* An answer before the request's end: the peer need not send the rest. */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct h2_connection *c = ctx;
    const struct h2_options *o = &c->loop->server->options;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!s)
        return 0;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        c->control += H2_CONTROL_A_STREAM;
        if (!s->remote_ended)
            nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
    } else if (frame->hd.type == NGHTTP2_DATA) {
        c->control += H2_CONTROL_A_STREAM;
        if (s->queued == 0 && !s->finishing)
            o->handler->drained(o->ctx, s);
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
    (void)code, (void)ctx;
    if (s)
        h2_stream_end(s);
    return 0;
}

void h2_connection_read(struct h2_connection *c)
{
    struct h2_loop *loop = c->loop;
    for (int i = 0; i < READS_A_TURN && !c->broken; i++) {
        const ssize_t n = c->tls ? h2_tls_recv(c->tls, loop->buffer, H2_READ_BYTES)
                                 : recv(c->fd, loop->buffer, H2_READ_BYTES, 0);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return;
        if (n <= 0) { /* gRPC has no half-closed connections: nobody waits any longer */
            c->broken = 1;
            return;
        }
        c->heard_ns = loop->now_ns;
        if (nghttp2_session_mem_recv(c->session, loop->buffer, (size_t)n) < 0)
            c->broken = 1;
        if (n < H2_READ_BYTES && !c->tls) /* a record of TLS is shorter than what has come */
            return;
    }
}

/* ---- begin and end -------------------------------------------------------------------------- */

int h2_callbacks(struct h2_server *server)
{
    nghttp2_session_callbacks *k = NULL;
    if (nghttp2_session_callbacks_new(&server->callbacks) != 0 ||
        nghttp2_option_new(&server->option) != 0)
        return 0;
    k = server->callbacks;
    nghttp2_session_callbacks_set_send_callback(k, on_send);
    nghttp2_session_callbacks_set_send_data_callback(k, on_send_data);
    nghttp2_session_callbacks_set_data_source_read_length_callback(k, frame_length);
    nghttp2_session_callbacks_set_on_begin_headers_callback(k, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(k, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(k, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(k, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(k, on_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(k, on_close);
    nghttp2_option_set_no_auto_window_update(server->option, 1);
    nghttp2_option_set_no_closed_streams(server->option, 1);
    nghttp2_option_set_max_outbound_ack(server->option, 100);
    return 1;
}

static int begin_session(struct h2_connection *c)
{
    const struct h2_options *o = &c->loop->server->options;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)o->max_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 1 << 20},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)o->max_header_bytes},
    };
    return nghttp2_session_server_new2(&c->session, c->loop->server->callbacks, c,
                                       c->loop->server->option) == 0 &&
           nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 4) == 0 &&
           nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0,
                                                 H2_SESSION_WINDOW) == 0;
}

struct h2_connection *h2_connection_open(struct h2_loop *loop, int fd)
{
    struct h2_connection *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return NULL;
    }
    c->loop = loop;
    c->fd = fd;
    c->heard_ns = c->sent_ns = c->told_ns = loop->now_ns;
    c->control = H2_MOST_CONTROL;
    if (loop->server->tls)
        c->tls = h2_tls_open(loop->server->tls, fd);
    if ((loop->server->tls && !c->tls) || !begin_session(c)) {
        h2_tls_close(c->tls);
        nghttp2_session_del(c->session);
        close(fd);
        free(c);
        return NULL;
    }
    c->next = loop->connections;
    if (c->next)
        c->next->previous = c;
    loop->connections = c;
    atomic_fetch_add(&loop->server->connections, 1);
    return c;
}

void h2_connection_close(struct h2_connection *c)
{
    while (c->streams)
        h2_stream_end(c->streams);
    nghttp2_session_del(c->session);
    h2_tls_close(c->tls);
    shutdown(c->fd, SHUT_WR);
    close(c->fd);
    *(c->previous ? &c->previous->next : &c->loop->connections) = c->next;
    if (c->next)
        c->next->previous = c->previous;
    atomic_fetch_sub(&c->loop->server->connections, 1);
    free(c->out);
    free(c);
}

int h2_connection_waits(const struct h2_connection *c)
{
    if (c->tls)
        return h2_tls_wants_room(c->tls);
    return c->out_end > c->out_start;
}

int h2_connection_over(const struct h2_connection *c)
{
    return c->broken || (c->out_end == c->out_start && !nghttp2_session_want_read(c->session) &&
                         !nghttp2_session_want_write(c->session));
}

void h2_connection_leave(struct h2_connection *c, int notice)
{
    if (notice) {
        nghttp2_submit_shutdown_notice(c->session);
    } else if (!c->leaving) {
        c->leaving = 1;
        nghttp2_submit_goaway(c->session, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(c->session), NGHTTP2_NO_ERROR,
                              NULL, 0);
    }
    h2_mark(c);
}
