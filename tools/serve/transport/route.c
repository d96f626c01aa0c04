/* From a request's path to whoever answers it. */
#include <string.h>
#include <strings.h>

#include "tools/serve/page/page.h"
#include "tools/serve/server.h"
#include "tools/serve/transport/cache.h"
#include "tools/serve/transport/reply.h"

/* Whether a path is of a pattern; fills the parts. */
static int matches(const char *pattern, const char *path, struct part *parts)
{
    int n = 0;
    while (*pattern) {
        if (pattern[0] == '{') {
            const size_t length = strcspn(path, "/");
            if (length == 0)
                return 0;
            parts[n++] = (struct part){path, length};
            path += length;
            pattern += 2;
        } else if (*pattern++ != *path++) {
            return 0;
        }
    }
    return *path == 0;
}

static int allows(const char *methods, const char *method)
{
    const size_t n = strlen(method);
    if (*methods == '*')
        return 1;
    for (const char *p = methods; *p; p += strspn(p, " ")) {
        const size_t length = strcspn(p, " ");
        if (length == n && memcmp(p, method, n) == 0)
            return 1;
        p += length;
    }
    return 0;
}

/* Runs the row that fits. 0: no pattern fits; -1: one does, but not with this method. */
static int run_row(const struct route *table, struct call *call)
{
    int seen = 0;
    for (const struct route *row = table; row->pattern; row++) {
        memset(call->part, 0, sizeof call->part);
        if (!matches(row->pattern, call->request->path, call->part))
            continue;
        if (allows(row->methods, call->request->method)) {
            row->run(call);
            return 1;
        }
        seen = -1;
    }
    return seen;
}

int route_allows(const char *token, const char *authorization)
{
    if (!token)
        return 1;
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return 0;
    const char *t = authorization + 7;
    const size_t n = strlen(t);
    unsigned differs = n != strlen(token); /* the time does not depend on where */
    for (size_t i = 0; i < n && i < strlen(token); i++)
        differs |= (unsigned)(unsigned char)t[i] ^ (unsigned char)token[i];
    return !differs;
}

/* Whether a browser asks what a page may do, which it does without a token. */
static int is_preflight(const struct server *s, const struct http_request *r)
{
    return s->options.origin && strcmp(r->method, "OPTIONS") == 0 &&
           http_header(r, "Access-Control-Request-Method");
}

/* Whether the request may be answered; if not it was told so. */
static int is_allowed(const struct server *s, struct http_request *r, const char *token)
{
    if (is_preflight(s, r) || route_allows(token, http_header(r, "Authorization")))
        return 1;
    if (s->options.compat == COMPAT_TORCHSERVE)
        reply_exception(r, 400, "InvalidKeyException",
                        "Token Authorization failed. Token either incorrect, expired, or not "
                        "provided correctly");
    else
        reply_error(r, 401, "a bearer token is needed");
    return 0;
}

/* Triton's, which calls some of them plain text. */
static void refuse_v2(struct http_request *r, int known)
{
    const char *end = strrchr(r->path, '/');
    const int json =
        known && (strncmp(r->path, "/v2/repository/", 15) == 0 ||
                  (strncmp(r->path, "/v2/models/", 11) == 0 && end && strcmp(end, "/infer") != 0));
    reply_text(r, known ? 405 : 404, json ? "application/json" : "text/plain",
               known ? "{\"error\":\"Method Not Allowed\"}" : "{\"error\":\"Not Found\"}");
}

static void route(struct server *s, struct http_request *r, const struct route *const *tables,
                  int ntables)
{
    struct call call = {.server = s, .request = r};
    int seen = 0;
    for (int i = 0; i < ntables; i++) {
        const int done = run_row(tables[i], &call);
        if (done == 1)
            return;
        seen |= done;
    }
    if (is_preflight(s, r)) {
        reply_empty(r, 200);
    } else if (strncmp(r->path, "/v2", 3) == 0 || strncmp(r->path, "/v1", 3) == 0) {
        refuse_v2(r, seen);
    } else if (seen) {
        reply_exception(r, 405, "MethodNotAllowedException",
                        "Requested method is not allowed, please refer to API document.");
    } else {
        reply_exception(r, 404, "ResourceNotFoundException",
                        "Requested resource is not found, please refer to API document.");
    }
}

void route_inference(void *server, struct http_request *request)
{
    static const struct route *const tables[] = {kserve_routes, tfs_routes, predict_routes,
                                                 page_routes};
    struct server *s = server;
    const int all = (int)(sizeof tables / sizeof *tables); /* the page's is the last */
    if ((page_is_file(s, request) || is_allowed(s, request, s->options.token)) &&
        !cache_ask(s->cache, request, repository_generation(s->repository)))
        route(s, request, tables, page_is_asked(s, request) ? all : all - 1);
}

void route_management(void *server, struct http_request *request)
{
    static const struct route *const tables[] = {metrics_routes, observe_routes, management_routes};
    struct server *s = server;
    const char *own = s->options.management_token;
    if (is_allowed(s, request, own ? own : s->options.token))
        route(s, request, tables, sizeof tables / sizeof *tables);
}
