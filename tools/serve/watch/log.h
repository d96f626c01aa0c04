/* What the server says: events on standard error, requests as JSON lines. */
#ifndef INFER_TOOLS_SERVE_LOG_H
#define INFER_TOOLS_SERVE_LOG_H

#include "tools/serve/server.h"
#include "tools/serve/transport/grpc.h"

/* Opens the access log where options ask for one. 0: `why` says why not. */
int log_begin(struct server *s, char *why, size_t size);
void log_end(struct server *s);
/* An http_log: `ctx` is the server. */
void log_request(void *ctx, const struct http_request *request, int status, size_t bytes);
/* The same for a call of gRPC that has ended. */
void log_call(void *ctx, const struct grpc_ended *call);
/* "infer: yolo/3: loaded" on standard error. */
void log_event(const struct server *s, const char *name, int64_t number, const char *what);

#endif
