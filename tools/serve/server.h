/* The server: what the protocols share. */
#ifndef INFER_TOOLS_SERVE_SERVER_H
#define INFER_TOOLS_SERVE_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "third_party/yyjson/yyjson.h"
#include "tools/serve/models/repository.h"
#include "tools/serve/models/scheduler.h"
#include "tools/serve/models/traffic.h"
#include "tools/serve/transport/http.h"
#include "tools/serve/watch/observe.h"

/* Statuses of gRPC: from 0 to 16. */
enum { SERVER_GRPC_STATUSES = 17 };

/* Where servers that clients know differ, and which of them is followed. */
enum server_compat { COMPAT_MMS, COMPAT_TORCHSERVE };

struct config;
struct health;

struct server_options {
    struct observe_options observe;
    const struct config *config; /* of single models; NULL: nothing is different for any */
    const char *const *paths;
    int npaths;
    const char *host, *management_host;
    int port, management_port, grpc_port; /* -1: not opened; 0: any */
    const char *grpc_coding;              /* "gzip" or "deflate": of gRPC's answers; NULL: none */
    const char *name;                     /* "libinfer" */
    size_t max_request_bytes;
    unsigned idle_seconds;    /* that a connection may be silent between requests; 0: 300 */
    unsigned receive_seconds; /* that a sender may be silent within a body; 0: 30 */
    int threads, http_threads;
    const char *models;  /* that are loaded at the start: see repository.h */
    int initial_workers; /* of models that are registered by call without saying; 0: as of all;
                            VERSION_NO_WORKERS */
    struct version_options versions;
    enum server_compat compat;
    int triton_metrics;   /* Triton's names too */
    int64_t memory_bytes; /* of all models; 0: no limit */
    int64_t cache_bytes;  /* of answers that are kept; -1: none are, and no requests are joined */
    int control;          /* models may be loaded and unloaded by call */
    unsigned poll_ms;     /* how often the paths are looked at; 0: never */
    int no_page;          /* nothing at / for browsers */
    const char *token;    /* that requests must bear; NULL: none */
    const char *management_token;  /* on the port for management; NULL: the same */
    const char *origin;            /* that CORS allows: "*" or one; NULL: none */
    const char *certificate, *key; /* files of PEM */
    const char *access_log;        /* file of JSON lines, "-" standard output; NULL: none */
};

struct server {
    struct server_options options;
    struct infer_pool *pool;
    struct scheduler *scheduler;
    struct repository *repository;
    struct observers *observers;
    struct cache *cache; /* NULL: none */
    struct http_server *inference, *management;
    struct grpc_server *grpc; /* NULL: not opened */
    struct health *health;    /* NULL: likewise */
    atomic_int draining;
    atomic_int aside;              /* threads that server_aside has begun */
    uint64_t started_ms, ready_ms; /* CLOCK_REALTIME; the first models were loaded in between */
    struct traffic_counts traffic;
    pthread_t watcher;
    int watching;
    atomic_ullong answers[6];                       /* of HTTP, by the first digit of the status */
    atomic_ullong grpc_calls[SERVER_GRPC_STATUSES]; /* that ended, by status */
    FILE *log; /* of requests, one JSON object a line; NULL: none */
};

/* A piece of a path, as it was sent. */
struct part {
    const char *text;
    size_t length;
};

enum { ROUTE_MOST_PARTS = 4 };

/* A request on its way to whoever answers it. It is on the stack of the caller: what takes longer
 * than the handler keeps what it needs of it. */
struct call {
    struct server *server;
    struct http_request *request;
    struct part part[ROUTE_MOST_PARTS]; /* what stands for each {} of the pattern */
};

/* A row of a protocol's table. */
struct route {
    const char *methods; /* "GET HEAD", or "*" for any */
    const char *pattern; /* as "/v2/models/{}/infer"; {} is one segment that is not empty */
    void (*run)(struct call *call);
};

/* The tables of protocols; each ends with a NULL pattern. */
extern const struct route kserve_routes[];     /* /v2, inference */
extern const struct route predict_routes[];    /* MMS, TorchServe, SageMaker: inference */
extern const struct route tfs_routes[];        /* TensorFlow Serving: /v1, inference */
extern const struct route management_routes[]; /* MMS, TorchServe: management */
extern const struct route observe_routes[];    /* management */
extern const struct route metrics_routes[];    /* management */
extern const struct route page_routes[];       /* inference */

/* Hands a request of either port to its handler, or answers 404 or 405 in the manner of the path's
 * protocol. */
void route_inference(void *server, struct http_request *request);
void route_management(void *server, struct http_request *request);

/* Whether a request that brings this Authorization ("" or NULL: none) bears the token, NULL: none
 * is wanted. Any thread. */
int route_allows(const char *token, const char *authorization);

/* A job is not run if the client of `r` has gone by then, unless others may wait for its answer,
 * too.
 */
void server_follow(const struct server *s, struct job *job, const struct http_request *r);

/* Begins all of it. NULL: `why` has a sentence. Models are loaded before it returns. */
struct server *server_begin(const struct server_options *options, char *why, size_t size);
/* Calls `work` on a thread of its own, as what it does takes long (loading a model); it must answer
 * its request. The server does not end before it returns. 0: there is no thread. */
int server_aside(struct server *s, void (*work)(void *arg), void *arg);
/* Takes no further connections, answers what has come (for at most `seconds`), and ends. */
void server_end(struct server *s, unsigned seconds);

#endif
