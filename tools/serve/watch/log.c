#include "tools/serve/watch/log.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "tools/cli.h"

int log_begin(struct server *s, char *why, size_t size)
{
    const char *path = s->options.access_log;
    if (!path)
        return 1;
    s->log = strcmp(path, "-") == 0 ? stdout : fopen(path, "ae");
    if (!s->log)
        snprintf(why, size, "%s: %s", path, strerror(errno));
    return s->log != NULL;
}

void log_end(struct server *s)
{
    if (s->log && s->log != stdout)
        fclose(s->log);
    s->log = NULL;
}

static void print_time(FILE *f)
{
    struct timespec now;
    struct tm t;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &t);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &t);
    fprintf(f, "\"%s.%03ldZ\"", text, now.tv_nsec / 1000000);
}

static void begin_line(FILE *f, const char *method, const char *path)
{
    fputs("{\"time\": ", f);
    print_time(f);
    fputs(", \"method\": ", f);
    json_string(f, method);
    fputs(", \"path\": ", f);
    json_string(f, path);
}

/* `trace` NULL: none came with it. */
static void end_line(FILE *f, const char *trace)
{
    if (trace) {
        fputs(", \"traceparent\": ", f);
        json_string(f, trace);
    }
    fputs("}\n", f);
    fflush(f);
}

void log_request(void *ctx, const struct http_request *r, int status, size_t bytes)
{
    struct server *s = ctx;
    atomic_fetch_add(&s->answers[status / 100 % 6], 1);
    if (!s->log)
        return;
    const char *trace = http_header(r, "traceparent");
    FILE *f = s->log;
    flockfile(f);
    begin_line(f, r->method, r->path);
    fprintf(f, ", \"status\": %d, \"in\": %zu, \"out\": %zu, \"ms\": %.3f, \"id\": \"%s\"", status,
            r->body_bytes, bytes, (double)(serve_now_ns() - r->came_ns) / 1e6, r->id);
    end_line(f, trace);
    funlockfile(f);
}

void log_call(void *ctx, const struct grpc_ended *call)
{
    struct server *s = ctx;
    atomic_fetch_add(&s->grpc_calls[(unsigned)call->status % SERVER_GRPC_STATUSES], 1);
    if (!s->log)
        return;
    FILE *f = s->log;
    flockfile(f);
    begin_line(f, "GRPC", call->path);
    fprintf(
        f, ", \"status\": %d, \"in\": %zu, \"out\": %zu, \"ms\": %.3f, \"id\": ", (int)call->status,
        call->bytes_in, call->bytes_out, (double)(serve_now_ns() - call->began_ns) / 1e6);
    json_string(f, call->id);
    end_line(f, *call->traceparent ? call->traceparent : NULL);
    funlockfile(f);
}

void log_event(const struct server *s, const char *name, int64_t number, const char *what)
{
    (void)s;
    fprintf(stderr, "infer: %s/%lld: %s\n", name, (long long)number, what);
}
