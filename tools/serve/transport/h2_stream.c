/* Streams: what waits to be sent on them, and how they end. */
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "tools/serve/transport/h2_internal.h"

static void chunk_free(struct h2_chunk *chunk)
{
    if (chunk->release)
        chunk->release(chunk->owner);
    free(chunk);
}

void h2_chunks_free(struct h2_chunk *chunk)
{
    while (chunk) {
        struct h2_chunk *next = chunk->next;
        chunk_free(chunk);
        chunk = next;
    }
}

struct h2_stream *h2_stream_open(struct h2_connection *c, int32_t id)
{
    struct h2_stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->connection = c;
    s->id = id;
    s->heard_ns = c->loop->now_ns;
    s->next = c->streams;
    if (s->next)
        s->next->previous = s;
    c->streams = s;
    c->nstreams++;
    atomic_fetch_add(&c->loop->server->streams, 1);
    return s;
}

void h2_stream_end(struct h2_stream *s)
{
    struct h2_connection *c = s->connection;
    const struct h2_options *o = &c->loop->server->options;
    *(s->previous ? &s->previous->next : &c->streams) = s->next;
    if (s->next)
        s->next->previous = s->previous;
    c->nstreams--;
    o->handler->gone(o->ctx, s);
    atomic_fetch_sub(&c->loop->server->streams, 1);
    h2_chunks_free(s->first);
    free(s->trailers);
    free(s);
}

void h2_set_user(struct h2_stream *s, void *user)
{
    s->user = user;
}

void *h2_user(const struct h2_stream *s)
{
    return s->user;
}

void h2_expect(struct h2_stream *s, int yes)
{
    s->expects = yes;
}

size_t h2_queued(const struct h2_stream *s)
{
    return s->queued;
}

void h2_consume(struct h2_stream *s, size_t bytes)
{
    nghttp2_session_consume_stream(s->connection->session, s->id, bytes);
    h2_mark(s->connection);
}

void h2_reset(struct h2_stream *s, uint32_t code)
{
    nghttp2_submit_rst_stream(s->connection->session, NGHTTP2_FLAG_NONE, s->id, code);
    h2_mark(s->connection);
}

static nghttp2_nv field_nv(const char *name, size_t n, const char *value, size_t m)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, n, m,
                        NGHTTP2_NV_FLAG_NONE};
}

/* The bytes that a DATA frame may take of the queue; the end where there are no more to come. */
static ssize_t give_data(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct h2_stream *s = source->ptr;
    (void)buf, (void)ctx;
    if (s->queued == 0 && !s->finishing)
        return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (s->queued > length)
        return (ssize_t)length;
    if (s->finishing) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session, id, s->trailers, s->ntrailers) != 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return (ssize_t)s->queued;
}

void h2_respond(struct h2_stream *s, const struct h2_field *fields, size_t n, int last)
{
    nghttp2_nv nv[16];
    nghttp2_data_provider body = {.source.ptr = s, .read_callback = give_data};
    n = n < 16 ? n : 16;
    for (size_t i = 0; i < n; i++)
        nv[i] = field_nv(fields[i].name, strlen(fields[i].name), fields[i].value,
                         strlen(fields[i].value));
    s->finishing |= last;
    if (nghttp2_submit_response(s->connection->session, s->id, nv, n, last ? NULL : &body) != 0)
        h2_reset(s, NGHTTP2_INTERNAL_ERROR);
    h2_mark(s->connection);
}

void h2_send(struct h2_stream *s, struct h2_chunk *chunks)
{
    if (!chunks)
        return;
    *(s->first ? &s->last->next : &s->first) = chunks;
    for (struct h2_chunk *k = chunks; k; k = k->next) {
        s->queued += k->bytes;
        s->last = k;
    }
    nghttp2_session_resume_data(s->connection->session, s->id);
    h2_mark(s->connection);
}

void h2_finish(struct h2_stream *s, const struct h2_field *fields, size_t n)
{
    size_t bytes = n * sizeof *s->trailers;
    for (size_t i = 0; i < n; i++)
        bytes += strlen(fields[i].name) + strlen(fields[i].value);
    s->trailers = malloc(bytes + 1);
    if (!s->trailers) {
        h2_reset(s, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    char *text = (char *)(s->trailers + n);
    for (size_t i = 0; i < n; i++) {
        const size_t a = strlen(fields[i].name), b = strlen(fields[i].value);
        memcpy(text, fields[i].name, a);
        memcpy(text + a, fields[i].value, b);
        s->trailers[i] = field_nv(text, a, text + a, b);
        text += a + b;
    }
    s->ntrailers = n;
    s->finishing = 1;
    nghttp2_session_resume_data(s->connection->session, s->id);
    h2_mark(s->connection);
}

void h2_stream_advance(struct h2_stream *s, size_t n)
{
    s->queued -= n;
    s->offset += n;
    while (s->first && s->offset >= s->first->bytes) {
        struct h2_chunk *next = s->first->next;
        s->offset -= s->first->bytes;
        chunk_free(s->first);
        s->first = next;
    }
}

int h2_stream_gather(const struct h2_stream *s, size_t n, struct iovec *pieces, int most,
                     size_t *bytes)
{
    size_t skip = s->offset;
    int count = 0;
    *bytes = 0;
    for (const struct h2_chunk *k = s->first; k && *bytes < n && count < most; k = k->next) {
        size_t length = k->bytes - skip;
        length = length < n - *bytes ? length : n - *bytes;
        if (length)
            pieces[count++] = (struct iovec){(void *)(uintptr_t)(k->data + skip), length};
        *bytes += length;
        skip = 0;
    }
    return count;
}
