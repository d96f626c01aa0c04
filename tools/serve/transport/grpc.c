/* gRPC on the streams of HTTP/2: headers to calls, and their fate. */
#include "tools/serve/transport/grpc.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/models/scheduler.h"
#include "tools/serve/transport/grpc_internal.h"

enum { MOST_HEADER_BYTES = 16 << 10, MOST_STREAMS = 256 };

/* ---- streams -------------------------------------------------------------------------------- */

static void on_begin(struct grpc_server *server, struct h2_stream *stream)
{
    struct grpc_call *c = calloc(1, sizeof *c);
    if (!c) {
        h2_reset(stream, NGHTTP2_REFUSED_STREAM);
        return;
    }
    c->server = server;
    c->stream = stream;
    c->loop = h2_loop_of(stream);
    c->last = &c->first;
    c->coding = "identity";
    c->began_ns = serve_now_ns();
    c->references = 1;
    c->reader.budget = &server->budget;
    c->reader.most = server->options.max_message;
    h2_set_user(stream, c);
}

/* A coding that is spoken, as a text that stays. */
static const char *known_coding(const char *value)
{
    static const char *const names[] = {"identity", "gzip", "deflate"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(value, names[i]) == 0)
            return names[i];
    return NULL;
}

static int lists(const char *list, const char *name)
{
    const size_t n = strlen(name);
    for (const char *p = list; *p; p += strcspn(p, ",")) {
        p += strspn(p, ", ");
        if (strncmp(p, name, n) == 0 && (p[n] == 0 || p[n] == ',' || p[n] == ' '))
            return 1;
    }
    return 0;
}

static void on_header(void *ctx, struct h2_stream *stream, const char *name, const char *value)
{
    struct grpc_server *s = ctx;
    uint64_t ns;
    if (!h2_user(stream))
        on_begin(s, stream);
    struct grpc_call *c = h2_user(stream);
    if (!c)
        return;
    if (strcmp(name, ":method") == 0)
        c->is_post = strcmp(value, "POST") == 0;
    else if (strcmp(name, ":path") == 0)
        snprintf(c->path, sizeof c->path, "%s", value);
    else if (strcmp(name, "content-type") == 0)
        c->is_grpc = strncmp(value, "application/grpc", 16) == 0;
    else if (strcmp(name, "authorization") == 0)
        snprintf(c->authorization, sizeof c->authorization, "%s", value);
    else if (strcmp(name, "traceparent") == 0)
        snprintf(c->traceparent, sizeof c->traceparent, "%s", value);
    else if (strcmp(name, "x-request-id") == 0)
        snprintf(c->id, sizeof c->id, "%s", value);
    else if (strcmp(name, "grpc-encoding") == 0)
        c->coding = known_coding(value);
    else if (strcmp(name, "grpc-accept-encoding") == 0 && s->options.coding)
        c->accepts = lists(value, s->options.coding) ? s->options.coding : NULL;
    else if (strcmp(name, "grpc-timeout") == 0 && grpc_timeout(value, &ns))
        c->deadline_ns = serve_now_ns() + ns;
    else if (strcmp(name, "grpc-timeout") == 0)
        c->bad_timeout = 1;
}

static const struct grpc_method *method_of(const struct grpc_server *s, const char *path)
{
    for (const struct grpc_method *m = s->options.methods; m->path; m++)
        if (strcmp(m->path, path) == 0)
            return m;
    return NULL;
}

static void on_begun(void *ctx, struct h2_stream *stream)
{
    struct grpc_server *s = ctx;
    struct grpc_call *c = h2_user(stream);
    if (!c)
        return;
    if (!c->is_post || !c->is_grpc) {
        const struct h2_field field = {":status", c->is_post ? "415" : "405"};
        c->finished = 1;
        h2_respond(stream, &field, 1, 1);
        return;
    }
    c->method = method_of(s, c->path);
    h2_set_deadline(stream, c->deadline_ns);
    if (s->options.allows && !s->options.allows(s->options.ctx, c->authorization))
        grpc_call_finish(c, GRPC_UNAUTHENTICATED, "a bearer token is needed");
    else if (!c->method)
        grpc_call_finish(c, GRPC_UNIMPLEMENTED, "");
    else if (!c->coding)
        grpc_call_finish(c, GRPC_UNIMPLEMENTED, "the message's coding is not known");
    else if (c->bad_timeout)
        grpc_call_finish(c, GRPC_INTERNAL, "grpc-timeout is none");
}

static void on_data(void *ctx, struct h2_stream *stream, const unsigned char *data, size_t bytes)
{
    struct grpc_call *c = h2_user(stream);
    (void)ctx;
    if (!c || c->finished)
        h2_consume(stream, bytes);
    else
        grpc_call_take(c, data, bytes);
}

static void on_ended(void *ctx, struct h2_stream *stream)
{
    struct grpc_call *c = h2_user(stream);
    (void)ctx;
    if (!c || c->finished)
        return;
    c->remote_ended = 1;
    if (!c->method->streaming && c->messages == 0)
        grpc_call_finish(c, GRPC_INTERNAL,
                         grpc_reader_within(&c->reader) ? "the message ends too soon"
                                                        : "there is no message");
    else
        grpc_call_deliver(c);
}

static void on_drained(void *ctx, struct h2_stream *stream)
{
    struct grpc_call *c = h2_user(stream);
    (void)ctx;
    if (c && !c->finished && c->backlog_bytes)
        grpc_call_deliver(c);
}

static void on_late(void *ctx, struct h2_stream *stream)
{
    struct grpc_call *c = h2_user(stream);
    (void)ctx;
    if (c)
        grpc_call_finish(c, GRPC_DEADLINE_EXCEEDED, "Deadline Exceeded");
}

static void on_quiet(void *ctx, struct h2_stream *stream)
{
    struct grpc_call *c = h2_user(stream);
    (void)ctx;
    if (c && !c->finished && c->method && c->method->streaming)
        grpc_call_deliver(c);
}

static void on_gone(void *ctx, struct h2_stream *stream)
{
    struct grpc_call *c = h2_user(stream);
    (void)ctx;
    if (!c)
        return;
    c->stream = NULL;
    if (!c->finished)
        grpc_call_ended(c, GRPC_CANCELLED);
    c->finished = 1;
    grpc_call_give_up(c);
    grpc_call_unref(c);
}

const struct h2_handler grpc_handler = {.header = on_header,
                                        .begun = on_begun,
                                        .data = on_data,
                                        .ended = on_ended,
                                        .drained = on_drained,
                                        .late = on_late,
                                        .quiet = on_quiet,
                                        .gone = on_gone};

/* ---- begin and end -------------------------------------------------------------------------- */

struct grpc_server *grpc_begin(const struct grpc_options *options, char *why, size_t size)
{
    struct grpc_server *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    s->options = *options;
    s->options.certificate = s->options.key = NULL;
    s->budget.most = options->max_memory;
    const struct h2_options o = {.host = options->host,
                                 .port = options->port,
                                 .threads = options->threads,
                                 .max_connections = options->max_connections,
                                 .max_streams = MOST_STREAMS,
                                 .max_header_bytes = MOST_HEADER_BYTES,
                                 .idle_seconds = options->idle_seconds,
                                 .stall_seconds = options->stall_seconds,
                                 .certificate = options->certificate,
                                 .key = options->key,
                                 .handler = &grpc_handler,
                                 .ctx = s};
    s->h2 = h2_begin(&o, why, size);
    if (s->h2)
        return s;
    free(s);
    return NULL;
}

int grpc_port(const struct grpc_server *s)
{
    return h2_port(s->h2);
}

void grpc_quiesce(struct grpc_server *s)
{
    atomic_store(&s->draining, 1);
    h2_quiesce(s->h2);
}

unsigned grpc_pending(const struct grpc_server *s)
{
    return h2_streams(s->h2);
}

void grpc_end(struct grpc_server *s)
{
    if (!s)
        return;
    h2_end(s->h2);
    free(s);
}
