/* GET /monitor: what is observed of all versions. POST /feedback: what an answer should have been.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/cli.h"
#include "tools/monitor/monitor.h"
#include "tools/serve/clock.h"
#include "tools/serve/server.h"
#include "tools/serve/transport/reply.h"
#include "tools/serve/watch/observe.h"

static const char *class_name(void *ctx, int64_t index)
{
    return version_label(ctx, index);
}

static void version_json(FILE *f, struct version *v)
{
    struct monitor_report *r = malloc(sizeof *r);
    struct feedback_report told;
    fputs("{\"monitor\": ", f);
    if (r && monitor_report(observation_monitor(v->observation), (double)serve_wall_ms() / 1e3, r))
        monitor_json(f, r);
    else
        fputs("null", f);
    fputs(", \"feedback\": ", f);
    if (feedback_report(observation_feedback(v->observation), &told)) {
        feedback_json(f, &told, class_name, v);
        free(told.classes);
    } else {
        fputs("null", f);
    }
    fputs("}", f);
    free(r);
}

static void monitor(struct call *c)
{
    int n = 0, told = 0;
    char *text = NULL;
    size_t bytes = 0;
    struct repository_row *rows = repository_rows(c->server->repository, &n);
    FILE *f = rows ? open_memstream(&text, &bytes) : NULL;
    if (f) {
        fputs("{\"versions\": [", f);
        for (int i = 0; i < n; i++)
            if (rows[i].version && rows[i].version->observation) {
                fputs(told++ ? ", " : "", f);
                version_json(f, rows[i].version);
            }
        const struct sampler_count s = observers_samples(c->server->observers);
        fprintf(f,
                "], \"samples\": {\"reservoir\": %u, \"least_confident\": %u, "
                "\"most_drifted\": %u, \"bytes\": %llu, \"offered\": %llu}}\n",
                s.pictures[SAMPLE_RESERVOIR], s.pictures[SAMPLE_LEAST_CONFIDENT],
                s.pictures[SAMPLE_MOST_DRIFTED], (unsigned long long)s.bytes,
                (unsigned long long)s.offered);
        fclose(f);
    }
    repository_rows_free(rows, n);
    const struct http_answer a = {.status = text ? 200 : 500,
                                  .content_type = "application/json",
                                  .body = text ? text : "",
                                  .body_bytes = bytes,
                                  .free_body = text ? free : NULL};
    http_answer(c->request, &a);
}

/* The number of a class, given as one or by its label; -1: there is none. */
static int64_t class_of(const struct version *v, yyjson_val *label)
{
    if (yyjson_is_int(label))
        return yyjson_get_sint(label);
    const char *text = yyjson_get_str(label), *name;
    for (int64_t i = 0; text && (name = version_label(v, i)) != NULL; i++)
        if (strcmp(name, text) == 0)
            return i;
    return -1;
}

/* Tries every version that might have answered. */
static enum feedback_result tell(struct server *s, const char *model, const char *id,
                                 yyjson_val *label, int *unknown_label)
{
    int n = 0;
    enum feedback_result done = FEEDBACK_UNKNOWN;
    struct repository_row *rows = repository_rows(s->repository, &n);
    *unknown_label = 0;
    for (int i = 0; rows && i < n && done == FEEDBACK_UNKNOWN; i++) {
        struct version *v = rows[i].version;
        if (!v || !v->observation || (model && strcmp(model, v->name) != 0))
            continue;
        const int64_t truth = class_of(v, label);
        *unknown_label |= truth < 0;
        if (truth >= 0)
            done = feedback_label(observation_feedback(v->observation), id, truth);
    }
    repository_rows_free(rows, n);
    return done;
}

static void feedback(struct call *c)
{
    struct http_request *r = c->request;
    int unknown_label;
    yyjson_doc *doc = yyjson_read((const char *)r->body, r->body_bytes, 0);
    yyjson_val *root = yyjson_doc_get_root(doc), *label = yyjson_obj_get(root, "label");
    const char *id = yyjson_get_str(yyjson_obj_get(root, "id"));
    const char *model = yyjson_get_str(yyjson_obj_get(root, "model"));
    if (!id || !(yyjson_is_str(label) || yyjson_is_int(label))) {
        reply_error(r, 400,
                    "{\"id\": the answer's x-request-id, \"label\": a class or its number} "
                    "is needed");
        yyjson_doc_free(doc);
        return;
    }
    switch (tell(c->server, model, id, label, &unknown_label)) {
    case FEEDBACK_COUNTED:
        reply_text(r, 200, "application/json", "{\"status\": \"counted\"}\n");
        break;
    case FEEDBACK_AGAIN:
        reply_error(r, 409, "the answer '%.64s' has its label already", id);
        break;
    case FEEDBACK_NO_MEMORY:
        reply_error(r, 503, "out of memory");
        break;
    default:
        if (unknown_label)
            reply_error(r, 400, "no class of that name or number");
        else
            reply_error(r, 404, "no answer of the id '%.64s' is remembered", id);
    }
    yyjson_doc_free(doc);
}

const struct route observe_routes[] = {
    {"GET HEAD", "/monitor", monitor},
    {"POST", "/feedback", feedback},
    {NULL, NULL, NULL},
};
