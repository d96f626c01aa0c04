/* What the files of HTTP/2 share. */
#ifndef INFER_TOOLS_SERVE_H2_INTERNAL_H
#define INFER_TOOLS_SERVE_H2_INTERNAL_H

#include <nghttp2/nghttp2.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tools/serve/transport/h2.h"
#include "tools/serve/transport/h2_tls.h"

enum {
    H2_READ_BYTES = 256 << 10,    /* read at a time, and the longest frame that is sent */
    H2_STREAM_WINDOW = 16 << 20,  /* a tensor of 10 MB comes without a pause */
    H2_SESSION_WINDOW = 64 << 20, /* of all streams of a connection */
    H2_OUT_BYTES = 64 << 10,      /* what may wait for a socket before nghttp2 is asked for more */
    H2_DIRECT_BYTES = 8 << 10,    /* from here on a body is written from where it lies */
    H2_MOST_CONTROL = 10000,      /* frames without content that a peer may send in a burst, */
    H2_CONTROL_A_SECOND = 1000,   /* in a second, */
    H2_CONTROL_A_STREAM = 20      /* and for a request that it was answered */
};

struct h2_connection {
    struct h2_loop *loop;
    struct h2_connection *next, *previous; /* of the loop */
    int fd;
    struct h2_tls_session *tls; /* NULL: the bytes go as they are */
    nghttp2_session *session;
    struct h2_stream *streams;
    unsigned nstreams;
    unsigned char *out; /* [out_start, out_end) is to be written */
    size_t out_start, out_end, out_capacity;
    int waits_for_room; /* epoll is to tell when the socket takes more */
    int broken;         /* to be closed */
    int dirty;          /* there is something to send, see loop->dirty */
    struct h2_connection *next_dirty;
    int greeted;                /* its first frame has come */
    int leaving;                /* GOAWAY has been sent */
    long control;               /* frames without content that it may still send */
    uint64_t told_ns;           /* when `control` was last filled */
    uint64_t heard_ns, sent_ns; /* the last byte read, and written */
};

struct h2_stream {
    struct h2_connection *connection;
    struct h2_stream *next, *previous;
    int32_t id;
    void *user;
    size_t header_bytes;
    int begun, remote_ended, finishing;
    int expects;       /* see h2_expect */
    uint64_t heard_ns; /* its last byte */
    uint64_t deadline_ns;
    struct h2_chunk *first, *last;
    size_t queued, offset; /* bytes of all chunks; of the first that are sent */
    nghttp2_nv *trailers;  /* owned, with their texts behind them */
    size_t ntrailers;
};

struct h2_loop {
    struct h2_server *server;
    pthread_t thread;
    int started;
    int epoll, event;
    pthread_mutex_t lock; /* of tasks */
    struct h2_task *tasks, **tasks_tail;
    int ending, quiet; /* asked for, under the lock */
    int quieted;
    struct h2_connection *connections, *dirty;
    uint64_t next_deadline, next_tick;
    uint64_t now_ns;
    unsigned char *buffer; /* H2_READ_BYTES, for all connections in turn */
};

struct h2_server {
    struct h2_options options;
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    struct h2_tls *tls; /* NULL: without */
    int listener;
    int port;
    struct h2_loop *loops;
    int nloops;
    atomic_uint streams, connections;
    atomic_int quiet;
};

/* A connection on a socket, which is then its own. NULL without memory. */
struct h2_connection *h2_connection_open(struct h2_loop *loop, int fd);
/* Ends it and all its streams. */
void h2_connection_close(struct h2_connection *c);
/* Reads what has come. */
void h2_connection_read(struct h2_connection *c);
/* Writes what is to be written; the connection is `broken` where that fails. */
void h2_connection_write(struct h2_connection *c);
/* Whether the socket is to tell when it takes more. */
int h2_connection_waits(const struct h2_connection *c);
/* Whether nothing more will happen on it. */
int h2_connection_over(const struct h2_connection *c);
/* It will be written to at the end of the loop's turn. */
void h2_mark(struct h2_connection *c);
/* GOAWAY: `notice` before the streams that are on their way are refused. */
void h2_connection_leave(struct h2_connection *c, int notice);
/* The callbacks of nghttp2 and its limits. 0: no memory. */
int h2_callbacks(struct h2_server *server);

struct iovec;
struct h2_stream *h2_stream_open(struct h2_connection *c, int32_t id);
/* Frees it, after a last word to the handler. */
void h2_stream_end(struct h2_stream *s);
/* Takes `n` bytes off the queue. */
void h2_stream_advance(struct h2_stream *s, size_t n);
/* The head of the queue as pieces; returns how many, and in *bytes how much, at most `n`. */
int h2_stream_gather(const struct h2_stream *s, size_t n, struct iovec *pieces, int most,
                     size_t *bytes);

#endif
