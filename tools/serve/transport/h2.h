/* HTTP/2 for the server, by prior knowledge or over TLS: nghttp2 on sockets that never block, one
 * loop a thread. A connection, its streams and all calls about them belong to one loop; other
 * threads reach it by h2_post alone. */
#ifndef INFER_TOOLS_SERVE_H2_H
#define INFER_TOOLS_SERVE_H2_H

#include <stddef.h>
#include <stdint.h>

struct h2_server;
struct h2_loop;
struct h2_stream;

/* Work for a loop; the memory is the caller's until `run` is called, on the loop's thread. */
struct h2_task {
    struct h2_task *next;
    void (*run)(struct h2_task *task);
};

/* Bytes that wait to be sent, in order. `release` is called with `owner` when they are gone, sent
 * or not; the chunk itself is freed with free. */
struct h2_chunk {
    struct h2_chunk *next;
    const unsigned char *data;
    size_t bytes;
    void (*release)(void *owner); /* may be NULL */
    void *owner;
};

/* What is done with streams. All are called on the stream's loop. */
struct h2_handler {
    /* A header, as it comes; pseudo-headers too. Texts live for the call, and end with a 0. */
    void (*header)(void *ctx, struct h2_stream *stream, const char *name, const char *value);
    /* All headers have come. */
    void (*begun)(void *ctx, struct h2_stream *stream);
    /* Bytes of the body. The peer may send as many again once h2_consume has been told. */
    void (*data)(void *ctx, struct h2_stream *stream, const unsigned char *data, size_t bytes);
    /* The peer sends no more. */
    void (*ended)(void *ctx, struct h2_stream *stream);
    /* All that was queued is on its way. */
    void (*drained)(void *ctx, struct h2_stream *stream);
    /* The time of h2_set_deadline has come. */
    void (*late)(void *ctx, struct h2_stream *stream);
    /* No further connections are taken, and this stream should come to its end. */
    void (*quiet)(void *ctx, struct h2_stream *stream);
    /* The stream is no more: the last call about it, also where the peer has reset it. */
    void (*gone)(void *ctx, struct h2_stream *stream);
};

struct h2_options {
    const char *host; /* NULL: loopback */
    int port;         /* 0: any free one, see h2_port */
    int threads;
    int max_connections, max_streams; /* of all; of each connection */
    size_t max_header_bytes;          /* of all headers of a request */
    unsigned idle_seconds;         /* a connection without streams ends behind so many; 0: never */
    unsigned stall_seconds;        /* what the peer began or doesn't read is given up; 0: never */
    const char *certificate, *key; /* texts of PEM, for h2_begin alone; NULL: no TLS */
    const struct h2_handler *handler;
    void *ctx;
};

/* Begins to listen. NULL: `why` has a sentence. */
struct h2_server *h2_begin(const struct h2_options *options, char *why, size_t size);
int h2_port(const struct h2_server *server);
/* No further connections are taken; peers are told to open no further streams. */
void h2_quiesce(struct h2_server *server);
/* Streams that are open, and connections. */
unsigned h2_streams(const struct h2_server *server);
unsigned h2_connections(const struct h2_server *server);
/* Ends all connections. Nobody may post any more. */
void h2_end(struct h2_server *server);

/* Hands a task to a loop. Any thread. */
void h2_post(struct h2_loop *loop, struct h2_task *task);
struct h2_loop *h2_loop_of(const struct h2_stream *stream);

/* What the handler keeps with a stream. */
void h2_set_user(struct h2_stream *stream, void *user);
void *h2_user(const struct h2_stream *stream);
/* When `late` is to be called: CLOCK_MONOTONIC in ns; 0: never. */
void h2_set_deadline(struct h2_stream *stream, uint64_t ns);
/* Whether the peer is within something that it should bring to its end, see `stall_seconds`. */
void h2_expect(struct h2_stream *stream, int yes);

struct h2_field {
    const char *name, *value;
};
/* Headers of the answer; `last`: there is no body and no trailer. Texts are copied. */
void h2_respond(struct h2_stream *stream, const struct h2_field *fields, size_t n, int last);
/* Queues a list of chunks, which are the stream's from here on. */
void h2_send(struct h2_stream *stream, struct h2_chunk *chunks);
/* The end, with trailers, when all that is queued has been sent. */
void h2_finish(struct h2_stream *stream, const struct h2_field *fields, size_t n);
/* Frees a list of chunks that was not sent. */
void h2_chunks_free(struct h2_chunk *chunks);
/* Bytes that are queued and not yet on their way. */
size_t h2_queued(const struct h2_stream *stream);
/* The stream ends at once; `code` is one of HTTP/2's. */
void h2_reset(struct h2_stream *stream, uint32_t code);
/* `bytes` of the body have been worked on. */
void h2_consume(struct h2_stream *stream, size_t bytes);

#endif
