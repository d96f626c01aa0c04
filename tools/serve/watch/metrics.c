/* GET /metrics: Prometheus's text format, by its conventions: base units, counters end in _total.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/monitor/monitor.h"
#include "tools/serve/server.h"
#include "tools/serve/transport/cache.h"
#include "tools/serve/transport/grpc.h"
#include "tools/serve/transport/reply.h"
#include "tools/serve/watch/metrics.h"

/* The versions with their counts, taken once for all families. */
struct served {
    struct repository_row *row;
    struct version_counts counts;
    int queued, running;
};

static void label_value(FILE *f, const char *text)
{
    for (; *text; text++)
        if (*text == '\n')
            fputs("\\n", f);
        else
            fprintf(f, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
}

static void labels(FILE *f, const struct served *s)
{
    fputs("{model=\"", f);
    label_value(f, s->row->name);
    fprintf(f, "\",version=\"%lld\"", (long long)s->row->number);
}

static void family(FILE *f, const char *name, const char *type, const char *help)
{
    fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void requests(FILE *f, const struct served *s, int n)
{
    static const char *const names[] = {"success",  "bad_input", "queue_full", "late",
                                        "unloaded", "cancelled", "failed"};
    family(f, "infer_requests_total", "counter", "Inferences that ended, by how.");
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            fputs("infer_requests_total", f);
            labels(f, &s[i]);
            fprintf(f, ",outcome=\"%s\"} %llu\n", names[k],
                    (unsigned long long)(k ? s[i].counts.failures[k] : s[i].counts.success));
        }
}

static void counter(FILE *f, const struct served *s, int n, const char *name, const char *help,
                    size_t offset)
{
    family(f, name, "counter", help);
    for (int i = 0; i < n; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&s[i].counts + offset, sizeof value);
        fputs(name, f);
        labels(f, &s[i]);
        fprintf(f, "} %llu\n", (unsigned long long)value);
    }
}

static void histogram(FILE *f, const struct served *s, int n, const char *name, const char *help,
                      size_t offset)
{
    static const double bounds[] = VERSION_BOUNDS;
    family(f, name, "histogram", help);
    for (int i = 0; i < n; i++) {
        const struct version_histogram *h =
            (const struct version_histogram *)((const char *)&s[i].counts + offset);
        uint64_t sum = 0;
        for (int k = 0; k <= VERSION_NBOUNDS; k++) {
            sum += h->count[k];
            fprintf(f, "%s_bucket", name);
            labels(f, &s[i]);
            if (k < VERSION_NBOUNDS)
                fprintf(f, ",le=\"%g\"} %llu\n", bounds[k], (unsigned long long)sum);
            else
                fprintf(f, ",le=\"+Inf\"} %llu\n", (unsigned long long)sum);
        }
        fprintf(f, "%s_sum", name);
        labels(f, &s[i]);
        fprintf(f, "} %.9g\n%s_count", (double)h->sum_ns / 1e9, name);
        labels(f, &s[i]);
        fprintf(f, "} %llu\n", (unsigned long long)sum);
    }
}

static void batches(FILE *f, const struct served *s, int n)
{
    static const int bounds[] = {1, 2, 4, 8, 16, 32};
    enum { NBOUNDS = sizeof bounds / sizeof *bounds };
    family(f, "infer_batch_images", "histogram", "Images that were run together.");
    for (int i = 0; i < n; i++) {
        const struct version_counts *c = &s[i].counts;
        const int most = (int)(sizeof c->batch_runs / sizeof *c->batch_runs);
        uint64_t sum = 0, images = 0;
        int at = 0;
        for (int k = 0; k <= NBOUNDS; k++) {
            for (; at < most && (k == NBOUNDS || at <= bounds[k]); at++) {
                sum += c->batch_runs[at];
                images += c->batch_runs[at] * (uint64_t)at;
            }
            fputs("infer_batch_images_bucket", f);
            labels(f, &s[i]);
            if (k < NBOUNDS)
                fprintf(f, ",le=\"%d\"} %llu\n", bounds[k], (unsigned long long)sum);
            else
                fprintf(f, ",le=\"+Inf\"} %llu\n", (unsigned long long)sum);
        }
        fputs("infer_batch_images_sum", f);
        labels(f, &s[i]);
        fprintf(f, "} %llu\ninfer_batch_images_count", (unsigned long long)images);
        labels(f, &s[i]);
        fprintf(f, "} %llu\n", (unsigned long long)sum);
    }
}

static void gauge(FILE *f, const struct served *s, int n, const char *name, const char *help,
                  double (*value)(const struct served *s))
{
    family(f, name, "gauge", help);
    for (int i = 0; i < n; i++) {
        fputs(name, f);
        labels(f, &s[i]);
        fprintf(f, "} %.17g\n", value(&s[i]));
    }
}

static double is_ready(const struct served *s)
{
    return s->row->state == MODEL_READY;
}

static double queued(const struct served *s)
{
    return s->queued;
}

static double running(const struct served *s)
{
    return s->running;
}

static double sessions(const struct served *s)
{
    return s->counts.sessions;
}

static double slo_goal(const struct served *s)
{
    return s->row->version ? (double)s->row->version->options.slo_ns / 1e9 : 0;
}

static double slo_held(const struct served *s)
{
    return s->counts.slo_held_ns / 1e9;
}

static double slo_allowed(const struct served *s)
{
    return s->counts.slo_allowed_ns / 1e9;
}

static double batch_now(const struct served *s)
{
    return s->counts.slo_batch;
}

static double loaded_seconds(const struct served *s)
{
    return s->row->version ? (double)s->row->version->loaded_ms / 1e3 : 0;
}

static double memory_bytes(const struct served *s)
{
    return s->row->version ? (double)s->row->version->bytes : 0;
}

static double load_seconds(const struct served *s)
{
    return s->row->version ? s->row->version->load_ms / 1e3 : 0;
}

static void of_versions(FILE *f, const struct served *s, int n)
{
    requests(f, s, n);
    counter(f, s, n, "infer_images_total", "Images of inferences that succeeded.",
            offsetof(struct version_counts, images));
    counter(f, s, n, "infer_runs_total", "Runs of sessions.",
            offsetof(struct version_counts, runs));
    histogram(f, s, n, "infer_request_duration_seconds",
              "From when an inference was queued to its end, of those that succeeded.",
              offsetof(struct version_counts, request));
    histogram(f, s, n, "infer_queue_duration_seconds", "What of that was waiting.",
              offsetof(struct version_counts, queue));
    histogram(f, s, n, "infer_compute_duration_seconds",
              "What of that was decoding, computing and reading the outputs.",
              offsetof(struct version_counts, compute));
    batches(f, s, n);
    gauge(f, s, n, "infer_queue_length", "Inferences that wait.", queued);
    gauge(f, s, n, "infer_running", "Batches that are being run.", running);
    gauge(f, s, n, "infer_sessions", "Sessions that the version has.", sessions);
    gauge(f, s, n, "infer_batch_limit", "Images that are run together at most, now.", batch_now);
    gauge(f, s, n, "infer_slo_goal_seconds", "The goal for latency; 0: none.", slo_goal);
    gauge(f, s, n, "infer_slo_held_seconds", "The goal's quantile over the last 200 requests.",
          slo_held);
    gauge(f, s, n, "infer_slo_admitted_seconds",
          "The expected time up to which a request is let in.", slo_allowed);
    gauge(f, s, n, "infer_model_ready", "1 where the version can be used.", is_ready);
    gauge(f, s, n, "infer_model_memory_bytes",
          "Of the file, packed weights and a session, when it was loaded.", memory_bytes);
    gauge(f, s, n, "infer_model_loaded_timestamp_seconds", "When the version was loaded.",
          loaded_seconds);
    gauge(f, s, n, "infer_model_load_seconds", "How long that took.", load_seconds);
}

/* ---- Triton's names ------------------------------------------------------------------------- */

static void triton_line(FILE *f, const char *name, const struct served *s, const char *more,
                        uint64_t value)
{
    fputs(name, f);
    labels(f, s);
    fprintf(f, "%s} %llu\n", more, (unsigned long long)value);
}

static void triton_counters(FILE *f, const struct served *s, int n)
{
    static const struct {
        const char *name, *help;
        size_t offset;
        uint64_t unit;
    } rows[] = {
        {"nv_inference_request_success", "Number of successful inference requests",
         offsetof(struct version_counts, success), 1},
        {"nv_inference_count", "Number of inferences performed",
         offsetof(struct version_counts, images), 1},
        {"nv_inference_exec_count", "Number of model executions",
         offsetof(struct version_counts, runs), 1},
        {"nv_inference_request_duration_us",
         "Cumulative inference request duration in microseconds",
         offsetof(struct version_counts, success_ns), 1000},
        {"nv_inference_queue_duration_us", "Cumulative inference queuing duration in microseconds",
         offsetof(struct version_counts, queue_ns), 1000},
        {"nv_inference_compute_input_duration_us", "Cumulative compute input duration",
         offsetof(struct version_counts, input_ns), 1000},
        {"nv_inference_compute_infer_duration_us", "Cumulative compute inference duration",
         offsetof(struct version_counts, compute_ns), 1000},
        {"nv_inference_compute_output_duration_us", "Cumulative compute output duration",
         offsetof(struct version_counts, output_ns), 1000},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        family(f, rows[k].name, "counter", rows[k].help);
        for (int i = 0; i < n; i++) {
            uint64_t value;
            memcpy(&value, (const char *)&s[i].counts + rows[k].offset, sizeof value);
            triton_line(f, rows[k].name, &s[i], "", value / rows[k].unit);
        }
    }
    family(f, "nv_inference_request_failure", "counter", "Number of failed inference requests");
    for (int i = 0; i < n; i++) {
        const uint64_t *w = s[i].counts.failures;
        const char *name = "nv_inference_request_failure";
        triton_line(f, name, &s[i], ",reason=\"REJECTED\"", w[JOB_QUEUE_FULL] + w[JOB_LATE]);
        triton_line(f, name, &s[i], ",reason=\"CANCELED\"", w[JOB_CANCELLED]);
        triton_line(f, name, &s[i], ",reason=\"BACKEND\"", w[JOB_FAILED]);
        triton_line(f, name, &s[i], ",reason=\"OTHER\"", w[JOB_BAD_INPUT] + w[JOB_UNLOADED]);
    }
    family(f, "nv_inference_pending_request_count", "gauge",
           "Instantaneous number of pending requests awaiting execution per-model.");
    for (int i = 0; i < n; i++)
        triton_line(f, "nv_inference_pending_request_count", &s[i], "", (uint64_t)s[i].queued);
}

/* ---- the process ---------------------------------------------------------------------------- */

static void number(FILE *f, const char *name, const char *type, const char *help, double value)
{
    family(f, name, type, help);
    fprintf(f, "%s %.17g\n", name, value);
}

static void of_process(FILE *f, struct server *s)
{
    const struct process_use use = process_use();
    number(f, "process_cpu_seconds_total", "counter", "Time on CPUs.", use.cpu_seconds);
    number(f, "process_resident_memory_bytes", "gauge", "Memory in use.", use.resident_bytes);
    number(f, "process_open_fds", "gauge", "Open descriptors.", use.descriptors);
    number(f, "process_start_time_seconds", "gauge", "When the server began.",
           (double)s->started_ms / 1e3);
    number(f, "infer_threads", "gauge", "Threads that compute.", s->options.threads);
    number(f, "infer_busy_seconds_total", "counter", "Time that they were at work on batches.",
           (double)scheduler_busy_ns(s->scheduler) / 1e9);
    number(f, "infer_http_pending", "gauge", "Requests that are not answered yet.",
           http_pending(s->inference));
    family(f, "infer_http_responses_total", "counter", "Answers, by the class of their status.");
    for (int i = 1; i < 6; i++)
        fprintf(f, "infer_http_responses_total{code=\"%dxx\"} %llu\n", i,
                (unsigned long long)atomic_load(&s->answers[i]));
}

static void of_grpc(FILE *f, struct server *s)
{
    static const char *const names[SERVER_GRPC_STATUSES] = {"OK",
                                                            "CANCELLED",
                                                            "UNKNOWN",
                                                            "INVALID_ARGUMENT",
                                                            "DEADLINE_EXCEEDED",
                                                            "NOT_FOUND",
                                                            "ALREADY_EXISTS",
                                                            "PERMISSION_DENIED",
                                                            "RESOURCE_EXHAUSTED",
                                                            "FAILED_PRECONDITION",
                                                            "ABORTED",
                                                            "OUT_OF_RANGE",
                                                            "UNIMPLEMENTED",
                                                            "INTERNAL",
                                                            "UNAVAILABLE",
                                                            "DATA_LOSS",
                                                            "UNAUTHENTICATED"};
    if (!s->grpc)
        return;
    number(f, "infer_grpc_pending", "gauge", "Calls of gRPC that have not ended.",
           grpc_pending(s->grpc));
    family(f, "infer_grpc_calls_total", "counter", "Calls of gRPC that have ended, by status.");
    for (int i = 0; i < SERVER_GRPC_STATUSES; i++) {
        const unsigned long long n = atomic_load(&s->grpc_calls[i]);
        if (n || i == 0)
            fprintf(f, "infer_grpc_calls_total{code=\"%s\"} %llu\n", names[i], n);
    }
}

static void of_monitors(FILE *f, const struct served *s, int n)
{
    struct monitor_report *reports = calloc((size_t)n + 1, sizeof *reports);
    size_t count = 0;
    for (int i = 0; reports && i < n; i++)
        if (s[i].row->version && s[i].row->version->observation &&
            monitor_report(observation_monitor(s[i].row->version->observation), (double)time(NULL),
                           &reports[count]))
            count++;
    if (count)
        monitor_metrics(f, reports, count);
    free(reports);
}

static void of_traffic(FILE *f, struct server *s)
{
    const struct traffic_counts *t = &s->traffic;
    if (!s->options.config)
        return;
    number(f, "infer_canary_requests_total", "counter", "Requests that a canary has answered.",
           (double)atomic_load(&t->canaries));
    number(f, "infer_shadow_requests_total", "counter", "Copies that a shadow has answered.",
           (double)atomic_load(&t->shadows));
    number(f, "infer_shadow_disagreements_total", "counter",
           "Those whose answer was another than the request's.",
           (double)atomic_load(&t->disagreements));
    number(f, "infer_shadow_failures_total", "counter", "Copies that a shadow has failed at.",
           (double)atomic_load(&t->shadow_failures));
}

static void of_cache(FILE *f, struct server *s)
{
    struct cache_counts c;
    if (!s->cache)
        return;
    cache_counts(s->cache, &c);
    number(f, "infer_cache_hits_total", "counter", "Requests answered with a kept answer.",
           (double)c.hits);
    number(f, "infer_cache_joined_total", "counter",
           "Requests answered with the answer of one that was under way.", (double)c.joined);
    number(f, "infer_cache_misses_total", "counter", "Requests that were computed.",
           (double)c.misses);
    number(f, "infer_cache_entries", "gauge", "Answers that are kept.", (double)c.entries);
    number(f, "infer_cache_bytes", "gauge", "Their memory.", (double)c.bytes);
}

static void metrics(struct call *c)
{
    struct server *s = c->server;
    int n = 0;
    struct repository_row *rows = repository_rows(s->repository, &n);
    struct served *samples = calloc((size_t)n + 1, sizeof *samples);
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = rows && samples ? open_memstream(&text, &bytes) : NULL;
    if (f) {
        for (int i = 0; i < n; i++) {
            samples[i].row = &rows[i];
            if (rows[i].version)
                scheduler_counts(s->scheduler, rows[i].version, &samples[i].counts,
                                 &samples[i].queued, &samples[i].running);
        }
        of_versions(f, samples, n);
        if (s->options.triton_metrics)
            triton_counters(f, samples, n);
        of_monitors(f, samples, n);
        of_traffic(f, s);
        of_cache(f, s);
        of_process(f, s);
        of_grpc(f, s);
        fclose(f);
    }
    free(samples);
    repository_rows_free(rows, n);
    const struct http_answer a = {.status = text ? 200 : 500,
                                  .content_type = "text/plain; version=0.0.4; charset=utf-8",
                                  .body = text ? text : "",
                                  .body_bytes = bytes,
                                  .free_body = text ? free : NULL};
    http_answer(c->request, &a);
}

const struct route metrics_routes[] = {
    {"GET HEAD", "/metrics", metrics},
    {NULL, NULL, NULL},
};
