/* HTTP/1.1 for the server: requests with their whole bodies in, answers out, from any thread.
 * libmicrohttpd does sockets, parsing, keep-alive, pipelining, chunks and TLS. */
#ifndef INFER_TOOLS_SERVE_HTTP_H
#define INFER_TOOLS_SERVE_HTTP_H

#include <stddef.h>
#include <stdint.h>

struct http_server;

/* A request whose body has arrived. It lives until it is answered. All text is as it was sent: what
 * is percent-encoded still is. */
struct http_request {
    const char *method;
    const char *path;    /* without the query */
    const char *query;   /* behind the '?', "" without one */
    unsigned char *body; /* decoded where Content-Encoding says so; a 0 follows it */
    size_t body_bytes;
    uint64_t came_ns; /* CLOCK_MONOTONIC, when its last byte was read */
    char id[37];      /* of its own, for x-request-id and logs */
    void *tag;        /* the server's */
};

enum { HTTP_MOST_HEADERS = 16 };

/* What is answered. `body` is freed by `free_body`, which is NULL for memory that stays. */
struct http_answer {
    int status;
    int close;                /* not 0: the connection ends behind it */
    const char *content_type; /* NULL: none */
    const void *body;
    size_t body_bytes;
    void (*free_body)(void *);
    int headers; /* how many; values are copied by http_answer */
    struct {
        const char *name, *value;
    } header[HTTP_MOST_HEADERS];
};

/* Called on a thread of HTTP; the request must be answered once, then or later. */
typedef void (*http_handle)(void *ctx, struct http_request *request);
/* Called behind every answer, for the log: `bytes` of the body. */
typedef void (*http_log)(void *ctx, const struct http_request *request, int status, size_t bytes);

struct http_options {
    const char *host; /* NULL: loopback */
    int port;         /* 0: any free one, see http_port */
    int listener;     /* a bound socket to take instead, -1: none */
    int threads;
    size_t max_body;          /* bytes of a body, as sent and as decoded: past it 413 */
    size_t max_body_memory;   /* of all bodies that are being received or answered: past it 503 */
    unsigned idle_seconds;    /* a connection that is silent for so long ends; 0: never */
    unsigned receive_seconds; /* the same within a body */
    const char *certificate, *key; /* PEM texts; NULL: no TLS */
    const char *origin;            /* whose pages may read answers: CORS; NULL: none's */
    http_handle handle;
    /* Called before every answer by a handler; may be NULL. */
    void (*answered)(void *ctx, struct http_request *request, const struct http_answer *answer);
    http_log log; /* may be NULL */
    void *ctx;
};

/* Begins to listen. NULL: `why` has a sentence. */
struct http_server *http_begin(const struct http_options *options, char *why, size_t size);
int http_port(const struct http_server *server);
/* No further connections are taken; those that are open end behind their next answer. */
void http_quiesce(struct http_server *server);
/* Connections with a further request end without an answer, which tells clients and proxies that
 * they may send it again. Requests that are under way go on. */
void http_close(struct http_server *server);
/* Requests that are not answered yet. */
unsigned http_pending(const struct http_server *server);
/* Ends all connections. Every request must have been answered. */
void http_end(struct http_server *server);

/* Whether the client of a request that is not answered yet has given the connection up: it was
 * reset. One that has only ended its side may still read the answer, and counts as there. An
 * is_gone of job.h; any thread, until the request is answered. */
int http_is_gone(const void *request);

/* A header of the request, or NULL. */
const char *http_header(const struct http_request *request, const char *name);
/* A parameter of the query, percent-decoded, into `value`; 0 where there is none or it is too long.
 */
int http_query(const struct http_request *request, const char *name, char *value, size_t size);
/* Percent-decodes `n` bytes of text, '+' too where `plus`; returns their number, -1 where an escape
 * is broken or it does not fit with a 0 behind it. */
long http_unescape(const char *text, size_t n, int plus, char *out, size_t size);
/* Answers a request, which is then gone. Any thread. */
void http_answer(struct http_request *request, const struct http_answer *answer);
/* Adds a header; both texts must live until the answer is given. */
void http_add(struct http_answer *answer, const char *name, const char *value);

#endif
