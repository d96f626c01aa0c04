/* What the files of gRPC share. */
#ifndef INFER_TOOLS_SERVE_GRPC_INTERNAL_H
#define INFER_TOOLS_SERVE_GRPC_INTERNAL_H

#include <pthread.h>

#include "tools/serve/transport/grpc.h"
#include "tools/serve/transport/grpc_frame.h"
#include "tools/serve/transport/h2.h"

enum { GRPC_TEXT_BYTES = 1024 };

struct grpc_server {
    struct grpc_options options;
    struct h2_server *h2;
    struct grpc_budget budget;
    atomic_int draining;
};

/* What is done with streams; its ctx is a grpc_server. */
extern const struct h2_handler grpc_handler;

/* A call: a stream, and what came on it. Its loop's alone. */
struct grpc_call {
    struct grpc_server *server;
    struct h2_loop *loop;
    struct h2_stream *stream; /* NULL: gone */
    const struct grpc_method *method;
    char path[128], authorization[512], traceparent[64], id[64];
    uint64_t began_ns;
    size_t bytes_in, bytes_out;
    int is_post, is_grpc, bad_timeout;
    const char *coding; /* of the client's messages: "gzip", "deflate", "identity", NULL: unknown */
    const char *accepts;
    uint64_t deadline_ns;
    struct grpc_reader reader;
    unsigned char *backlog; /* what came while it was full */
    size_t backlog_bytes, backlog_start, backlog_capacity;
    struct grpc_item *first, **last; /* requests, in the order of their messages */
    int waiting, messages;
    int remote_ended, responded, finished;
    unsigned references; /* items, and the stream */
};

/* A request on its way. */
struct grpc_item {
    struct grpc_request request; /* the first member */
    struct h2_task task;         /* brings the answer back to the loop */
    struct grpc_call *call;
    struct grpc_item *next;
    struct grpc_message message;
    pthread_mutex_t lock;
    atomic_int *flag; /* under the lock */
    int unwanted;     /* under the lock: nobody waits for it */
    int answered;     /* the loop's */
    enum grpc_status status;
    char *text; /* of a failure */
    struct h2_chunk *chunks;
};

/* A message on its way that is not the request's last. */
struct grpc_pushed {
    struct h2_task task; /* the first member */
    struct grpc_item *item;
    struct h2_chunk *chunks;
};

/* Takes what came on the call's stream. */
void grpc_call_take(struct grpc_call *c, const unsigned char *data, size_t bytes);
/* Sends the answers whose turn it is, takes up what there was no room for, and ends the call where
 * it has come to its end. */
void grpc_call_deliver(struct grpc_call *c);
/* The end of a call: trailers, alone where nothing was answered. */
void grpc_call_finish(struct grpc_call *c, enum grpc_status status, const char *text);
/* Tells whoever counts calls that this one has ended. */
void grpc_call_ended(const struct grpc_call *c, enum grpc_status status);
/* Nobody waits for the requests of a call any longer. */
void grpc_call_give_up(struct grpc_call *c);
void grpc_call_unref(struct grpc_call *c);
/* The task of a grpc_pushed, which comes before that of the item's answer. */
void grpc_pushed(struct h2_task *task);
/* The task that brings an answer back to its loop. */
void grpc_come_back(struct h2_task *task);

#endif
