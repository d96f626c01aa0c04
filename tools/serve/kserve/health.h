/* grpc.health.v1: who is told when the server becomes ready, and when it no longer is. */
#ifndef INFER_TOOLS_SERVE_HEALTH_H
#define INFER_TOOLS_SERVE_HEALTH_H

struct health;
struct server;
struct grpc_request;

/* NULL without memory. */
struct health *health_begin(void);
/* Every call that watches must have ended. */
void health_free(struct health *h);

/* Looks whether the server is ready, and tells those that watch if that has changed. Any thread. */
void health_changed(struct server *s);
/* The server ends: all that watch are told, and their calls end. Nobody may watch from here on. */
void health_close(struct server *s);

/* The methods; `server` is a struct server. */
void health_check(void *server, struct grpc_request *r);
void health_watch(void *server, struct grpc_request *r);

#endif
