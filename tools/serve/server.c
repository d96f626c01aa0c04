#include "tools/serve/server.h"
#include "tools/serve/clock.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/read_file.h"
#include "tools/serve/config.h"
#include "tools/serve/kserve/health.h"
#include "tools/serve/kserve/kserve_grpc.h"
#include "tools/serve/notify.h"
#include "tools/serve/transport/cache.h"
#include "tools/serve/watch/log.h"

enum {
    BODIES_AT_ONCE = 64,
    IDLE_SECONDS = 300,
    RECEIVE_SECONDS = 30,
    GRPC_CONNECTIONS = 10000,
    GRPC_STALL_SECONDS = 30
};

static const struct version_options *versions_of(void *ctx, const char *name)
{
    const struct config *c = ((struct server *)ctx)->options.config;
    for (int i = 0; c && i < c->nmodels; i++)
        if (strcmp(c->models[i].name, name) == 0)
            return &c->models[i].versions;
    return NULL;
}

static void scan(struct server *s)
{
    repository_scan(s->repository);
    if (s->options.config)
        config_apply(s->options.config, s->repository);
}

/* Looks at the paths again and again. */
static void *watch(void *arg)
{
    struct server *s = arg;
    const struct timespec pause = {s->options.poll_ms / 1000,
                                   (long)(s->options.poll_ms % 1000) * 1000000};
    while (!atomic_load(&s->draining)) {
        nanosleep(&pause, NULL);
        if (!atomic_load(&s->draining))
            scan(s);
    }
    return NULL;
}

static void tell(void *ctx, const char *name, int64_t number, const char *what)
{
    log_event(ctx, name, number, what);
    health_changed(ctx);
}

static void on_answer(void *ctx, struct http_request *request, const struct http_answer *answer)
{
    cache_answered(((struct server *)ctx)->cache, request, answer);
}

/* Texts of the certificate and its key, to be freed. 0: `why` says what is missing; without a
 * certificate both are NULL. */
static int read_certificate(const struct server_options *o, char **certificate, char **key,
                            char *why, size_t size)
{
    size_t bytes;
    *certificate = *key = NULL;
    if (!o->certificate)
        return 1;
    *certificate = read_file(o->certificate, &bytes);
    *key = *certificate ? read_file(o->key ? o->key : o->certificate, &bytes) : NULL;
    if (*key)
        return 1;
    free(*certificate);
    *certificate = NULL;
    snprintf(why, size, "no TLS without certificate and key");
    return 0;
}

static struct http_server *listen_on(struct server *s, const char *host, int port,
                                     http_handle handle, char *why, size_t size)
{
    const struct server_options *o = &s->options;
    struct http_options h = {.host = host,
                             .port = port,
                             .listener = notify_socket(handle == route_inference ? 0 : 1),
                             .threads = handle == route_inference ? o->http_threads : 1,
                             .max_body = o->max_request_bytes,
                             .max_body_memory = o->max_request_bytes * BODIES_AT_ONCE,
                             .idle_seconds = o->idle_seconds ? o->idle_seconds : IDLE_SECONDS,
                             .receive_seconds =
                                 o->receive_seconds ? o->receive_seconds : RECEIVE_SECONDS,
                             .origin = o->origin,
                             .handle = handle,
                             .answered = s->cache ? on_answer : NULL,
                             .log = log_request,
                             .ctx = s};
    char *certificate, *key;
    if (!read_certificate(o, &certificate, &key, why, size))
        return NULL;
    h.certificate = certificate;
    h.key = key;
    struct http_server *http = http_begin(&h, why, size);
    free(certificate);
    free(key);
    return http;
}

static int allows(void *server, const char *authorization)
{
    return route_allows(((struct server *)server)->options.token, authorization);
}

static int begin_grpc(struct server *s, char *why, size_t size)
{
    const struct server_options *o = &s->options;
    struct grpc_options g = {.host = o->host,
                             .port = o->grpc_port,
                             .threads = o->http_threads,
                             .max_connections = GRPC_CONNECTIONS,
                             .max_message = o->max_request_bytes,
                             .max_memory = o->max_request_bytes * BODIES_AT_ONCE,
                             .idle_seconds = IDLE_SECONDS,
                             .stall_seconds = GRPC_STALL_SECONDS,
                             .coding = o->grpc_coding,
                             .methods = kserve_grpc_methods,
                             .allows = allows,
                             .ended = log_call,
                             .ctx = s};
    char *certificate, *key;
    if (!read_certificate(o, &certificate, &key, why, size))
        return 0;
    g.certificate = certificate;
    g.key = key;
    s->grpc = grpc_begin(&g, why, size);
    free(certificate);
    free(key);
    return s->grpc != NULL;
}

static int begin_models(struct server *s, char *why, size_t size)
{
    infer_error err;
    infer_pool_options po = INFER_POOL_OPTIONS_INIT;
    po.threads = (uint32_t)s->options.threads;
    if (infer_pool_create(&po, &s->pool, &err) != INFER_OK) {
        snprintf(why, size, "%s", err.message);
        return 0;
    }
    if (!observers_begin(&s->observers, &s->options.observe, why, size))
        return 0;
    s->options.versions.observers = s->observers;
    s->scheduler = scheduler_begin(s->options.threads);
    if (!s->scheduler) {
        snprintf(why, size, "no memory or threads");
        return 0;
    }
    const struct repository_options ro = {.paths = s->options.paths,
                                          .npaths = s->options.npaths,
                                          .load = s->options.models,
                                          .versions = s->options.versions,
                                          .versions_of = versions_of,
                                          .memory_limit = (uint64_t)s->options.memory_bytes,
                                          .pool = s->pool,
                                          .scheduler = s->scheduler,
                                          .tell = tell,
                                          .ctx = s};
    s->repository = repository_open(&ro, why, size);
    if (s->repository)
        scan(s);
    return s->repository != NULL;
}

static int begin_all(struct server *s, char *why, size_t size)
{
    const struct server_options *o = &s->options;
    if (o->grpc_port >= 0 && !(s->health = health_begin())) {
        snprintf(why, size, "out of memory");
        return 0;
    }
    if (!log_begin(s, why, size) || !begin_models(s, why, size))
        return 0;
    if (o->cache_bytes >= 0 && !(s->cache = cache_begin((size_t)o->cache_bytes))) {
        snprintf(why, size, "out of memory");
        return 0;
    }
    s->inference = listen_on(s, o->host, o->port, route_inference, why, size);
    if (!s->inference)
        return 0;
    if (o->management_port >= 0) {
        s->management =
            listen_on(s, o->management_host, o->management_port, route_management, why, size);
        if (!s->management)
            return 0;
    }
    if (o->grpc_port >= 0 && !begin_grpc(s, why, size))
        return 0;
    if (o->poll_ms && pthread_create(&s->watcher, NULL, watch, s) == 0)
        s->watching = 1;
    return 1;
}

struct server *server_begin(const struct server_options *options, char *why, size_t size)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    /* Bodies come and go: their memory stays the process's, so that its pages need not be made
     * again for each. */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    s->options = *options;
    s->started_ms = serve_wall_ms();
    if (begin_all(s, why, size)) {
        s->ready_ms = serve_wall_ms();
        return s;
    }
    server_end(s, 0);
    return NULL;
}

static unsigned pending(const struct server *s)
{
    return (s->inference ? http_pending(s->inference) : 0) +
           (s->management ? http_pending(s->management) : 0) +
           (s->grpc ? grpc_pending(s->grpc) : 0);
}

void server_follow(const struct server *s, struct job *job, const struct http_request *r)
{
    job->is_gone = s->cache ? NULL : http_is_gone;
    job->client = r;
}

struct aside {
    struct server *server;
    void (*work)(void *arg);
    void *arg;
};

static void *work_aside(void *arg)
{
    struct aside *a = arg;
    a->work(a->arg);
    atomic_fetch_sub(&a->server->aside, 1);
    free(a);
    return NULL;
}

int server_aside(struct server *s, void (*work)(void *arg), void *arg)
{
    struct aside *a = malloc(sizeof *a);
    pthread_t thread;
    if (!a)
        return 0;
    *a = (struct aside){s, work, arg};
    atomic_fetch_add(&s->aside, 1);
    if (pthread_create(&thread, NULL, work_aside, a) == 0) {
        pthread_detach(thread);
        return 1;
    }
    atomic_fetch_sub(&s->aside, 1);
    free(a);
    return 0;
}

/* `waited` counts hundredths of a second. */
static void wait_for_answers(const struct server *s, unsigned seconds, unsigned *waited)
{
    for (; pending(s) && *waited < seconds * 100; ++*waited)
        usleep(10000);
}

void server_end(struct server *s, unsigned seconds)
{
    if (!s)
        return;
    atomic_store(&s->draining, 1);
    if (s->inference)
        http_quiesce(s->inference);
    health_close(s);
    if (s->grpc)
        grpc_quiesce(s->grpc);
    unsigned waited = 0;
    wait_for_answers(s, seconds, &waited);
    if (s->watching)
        pthread_join(s->watcher, NULL);
    if (s->inference)
        http_close(s->inference);
    wait_for_answers(s, seconds, &waited); /* to those that came meanwhile */
    while (atomic_load(&s->aside))
        usleep(1000);
    scheduler_end(s->scheduler); /* answers what still waits */
    http_end(s->inference);
    http_end(s->management);
    grpc_end(s->grpc);
    cache_end(s->cache);
    repository_close(s->repository);
    scheduler_free(s->scheduler);
    health_free(s->health);
    observers_end(s->observers);
    infer_pool_free(&s->pool);
    log_end(s);
    free(s);
}
