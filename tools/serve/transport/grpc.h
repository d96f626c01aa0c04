/* gRPC for the server: calls of methods in, answers out, from any thread. */
#ifndef INFER_TOOLS_SERVE_GRPC_H
#define INFER_TOOLS_SERVE_GRPC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct grpc_server;

enum grpc_status {
    GRPC_OK = 0,
    GRPC_CANCELLED = 1,
    GRPC_UNKNOWN = 2,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_NOT_FOUND = 5,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
    GRPC_UNAUTHENTICATED = 16
};

struct grpc_method;

/* A message that waits for its answer: one of a call, or one of many of a streaming call. It lives
 * until it is answered. */
struct grpc_request {
    const struct grpc_method *method;
    unsigned char
        *message; /* decompressed; in place where a tensor may be used, see grpc_frame.h */
    size_t bytes;
    uint64_t came_ns;     /* CLOCK_MONOTONIC, when its last byte was read */
    uint64_t deadline_ns; /* of the call; 0: none */
    /* Called once, on a thread of gRPC, when nobody waits for the answer any longer; NULL: see
     * grpc_watch. The request must still be answered, there or later. */
    void (*unwanted)(void *ctx, struct grpc_request *request);
};

/* A call that has come to its end. */
struct grpc_ended {
    const char *path, *traceparent, *id; /* "" where there is none; id: its x-request-id */
    enum grpc_status status;
    size_t bytes_in, bytes_out; /* of messages, with their prefixes */
    uint64_t began_ns;          /* CLOCK_MONOTONIC */
};

struct grpc_method {
    const char *path; /* "/package.Service/Method" */
    int streaming;    /* each message is answered by one, in order, and by what is pushed */
    /* Called on a thread of gRPC: the request must be answered once, then or later. */
    void (*run)(void *ctx, struct grpc_request *request);
};

enum { GRPC_MOST_PIECES = 130 };

/* An answer: pieces that follow each other. `release` is called with `owner` when they have been
 * sent, or never will be; NULL: the pieces are copied. */
struct grpc_body {
    int npieces;
    struct {
        const void *data;
        size_t bytes;
    } piece[GRPC_MOST_PIECES];
    void (*release)(void *owner);
    void *owner;
};

struct grpc_options {
    const char *host; /* NULL: loopback */
    int port;         /* 0: any free one, see grpc_port */
    int threads;
    int max_connections;
    size_t max_message;            /* bytes of a message, as sent and decompressed */
    size_t max_memory;             /* of all messages that are being received or answered */
    unsigned idle_seconds;         /* a connection without calls ends behind so many; 0: never */
    unsigned stall_seconds;        /* see h2.h */
    const char *certificate, *key; /* texts of PEM, for grpc_begin alone; NULL: no TLS */
    const char *coding;            /* of answers to clients that accept it; NULL: none */
    const struct grpc_method *methods; /* the last has a NULL path */
    /* Whether a call may be made, by its "authorization" ("" without one); NULL: always. */
    int (*allows)(void *ctx, const char *authorization);
    /* Told of every call that has ended, on a thread of gRPC; NULL: nobody is. */
    void (*ended)(void *ctx, const struct grpc_ended *call);
    void *ctx;
};

/* Begins to listen. NULL: `why` has a sentence. */
struct grpc_server *grpc_begin(const struct grpc_options *options, char *why, size_t size);
int grpc_port(const struct grpc_server *server);
/* No further calls are taken; streams end when what has come is answered. */
void grpc_quiesce(struct grpc_server *server);
/* Calls that are not at their end. */
unsigned grpc_pending(const struct grpc_server *server);
/* Ends all connections. Every request must have been answered. */
void grpc_end(struct grpc_server *server);

/* *flag becomes 1 when nobody waits for the answer any longer; until the request is answered. */
void grpc_watch(struct grpc_request *request, atomic_int *flag);
/* Answers a request, which is then gone. Any thread. */
void grpc_answer(struct grpc_request *request, const struct grpc_body *body);
/* Sends a message on the call of a request that is not answered yet; the body is copied. Any
 * thread, and for one request one at a time. */
void grpc_push(struct grpc_request *request, const struct grpc_body *body);
/* Ends the request's call, which may have been a streaming one, with a status and a text. */
void grpc_fail(struct grpc_request *request, enum grpc_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
