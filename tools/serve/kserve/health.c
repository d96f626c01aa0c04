#include "tools/serve/kserve/health.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "serve/kserve.pb-c.h"
#include "tools/serve/kserve/kserve_grpc.h"

typedef Inference__HealthCheckResponse response;
typedef Inference__HealthCheckResponse__ServingStatus serving;
#define SERVING INFERENCE__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING INFERENCE__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN INFERENCE__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

/* A call that watches. */
struct watcher {
    struct watcher *next;
    struct grpc_request *request;
    int known; /* the service that it asks for */
    serving told;
};

struct health {
    pthread_mutex_t lock;
    struct watcher *first;
    int closed;
};

struct health *health_begin(void)
{
    struct health *h = calloc(1, sizeof *h);
    if (h)
        pthread_mutex_init(&h->lock, NULL);
    return h;
}

void health_free(struct health *h)
{
    if (!h)
        return;
    pthread_mutex_destroy(&h->lock);
    free(h);
}

static serving state_of(struct server *s)
{
    return !atomic_load(&s->draining) && repository_ready(s->repository) ? SERVING : NOT_SERVING;
}

/* Whether the request asks for the server or for its service; -1: it is no message, and was
 * answered. */
static int read_service(struct grpc_request *r)
{
    Inference__HealthCheckRequest *q =
        kserve_grpc_read(r, &inference__health_check_request__descriptor);
    if (!q)
        return -1;
    const int known = !*q->service || strcmp(q->service, "inference.GRPCInferenceService") == 0;
    kserve_grpc_free(q);
    return known;
}

void health_check(void *server, struct grpc_request *r)
{
    response a = INFERENCE__HEALTH_CHECK_RESPONSE__INIT;
    const int known = read_service(r);
    if (known < 0)
        return;
    if (!known) {
        grpc_fail(r, GRPC_NOT_FOUND, "unknown service");
        return;
    }
    a.status = state_of(server);
    kserve_grpc_reply(r, &a);
}

/* ---- watching, under the lock --------------------------------------------------------------- */

static void push(struct watcher *w, serving state)
{
    response a = INFERENCE__HEALTH_CHECK_RESPONSE__INIT;
    unsigned char bytes[16];
    struct grpc_body body = {.npieces = 1};
    a.status = w->told = state;
    body.piece[0].data = bytes;
    body.piece[0].bytes = protobuf_c_message_pack(&a.base, bytes); /* two bytes at most */
    grpc_push(w->request, &body);
}

static void tell_all(struct server *s)
{
    const serving state = state_of(s);
    for (struct watcher *w = s->health->first; w; w = w->next)
        if (w->known && w->told != state)
            push(w, state);
}

void health_changed(struct server *s)
{
    struct health *h = s->health;
    if (!h || !s->repository)
        return;
    pthread_mutex_lock(&h->lock);
    tell_all(s);
    pthread_mutex_unlock(&h->lock);
}

void health_close(struct server *s)
{
    struct health *h = s->health;
    if (!h || !s->repository)
        return;
    pthread_mutex_lock(&h->lock);
    h->closed = 1;
    tell_all(s);
    for (struct watcher *w = h->first, *next; w; w = next) {
        next = w->next;
        grpc_fail(w->request, GRPC_UNAVAILABLE, "the server is shutting down");
        free(w);
    }
    h->first = NULL;
    pthread_mutex_unlock(&h->lock);
}

/* The client has gone. */
static void forget(void *server, struct grpc_request *r)
{
    struct health *h = ((struct server *)server)->health;
    pthread_mutex_lock(&h->lock);
    struct watcher **at = &h->first, *w;
    while (*at && (*at)->request != r)
        at = &(*at)->next;
    w = *at;
    if (w) /* else health_close was first */
        *at = w->next;
    pthread_mutex_unlock(&h->lock);
    if (w)
        grpc_fail(r, GRPC_CANCELLED, "the client has gone");
    free(w);
}

void health_watch(void *server, struct grpc_request *r)
{
    struct server *s = server;
    struct health *h = s->health;
    const int known = read_service(r);
    if (known < 0)
        return;
    struct watcher *w = malloc(sizeof *w);
    pthread_mutex_lock(&h->lock);
    if (w && !h->closed) {
        *w = (struct watcher){.next = h->first, .request = r, .known = known};
        r->unwanted = forget;
        h->first = w;
        push(w, known ? state_of(s) : SERVICE_UNKNOWN);
        w = NULL;
        r = NULL;
    }
    pthread_mutex_unlock(&h->lock);
    free(w);
    if (r)
        grpc_fail(r, GRPC_UNAVAILABLE, "the server is shutting down");
}
