/* What the page shows: versions, counts, times, drift. No more than clients can ask for elsewhere
 * on this port, but for drift; paths and reasons of failures are for the management port. */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "tools/monitor/monitor.h"
#include "tools/serve/clock.h"
#include "tools/serve/page/page.h"
#include "tools/serve/transport/reply.h"
#include "tools/serve/watch/observe.h"

static const double bounds[] = VERSION_BOUNDS;

static const char *task_name(infer_task task)
{
    static const char *const names[] = {[INFER_TASK_NONE] = "none",
                                        [INFER_TASK_CLASSIFY] = "classify",
                                        [INFER_TASK_DETECT] = "detect",
                                        [INFER_TASK_SEGMENT] = "segment",
                                        [INFER_TASK_KEYPOINTS] = "keypoints",
                                        [INFER_TASK_TEXT_REGIONS] = "text_regions",
                                        [INFER_TASK_TEXT] = "text"};
    return (size_t)task < sizeof names / sizeof *names ? names[task] : "none";
}

/* A quantile in seconds, spread evenly between the bounds that it lies between: what is above the
 * last bound counts as that. NaN: nothing was counted. */
static double quantile(const struct version_histogram *h, double q)
{
    uint64_t total = 0, below = 0;
    for (int i = 0; i <= VERSION_NBOUNDS; i++)
        total += h->count[i];
    if (!total)
        return (double)NAN;
    const double want = q * (double)total;
    for (int i = 0; i < VERSION_NBOUNDS; i++) {
        const double low = i ? bounds[i - 1] : 0;
        if (h->count[i] && (double)(below + h->count[i]) >= want)
            return low + (bounds[i] - low) * (want - (double)below) / (double)h->count[i];
        below += h->count[i];
    }
    return bounds[VERSION_NBOUNDS - 1];
}

/* null where there is none. */
static void add_number(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *name, double value)
{
    if (isfinite(value))
        yyjson_mut_obj_add_real(doc, o, name, value);
    else
        yyjson_mut_obj_add_null(doc, o, name);
}

static void add_counts(yyjson_mut_doc *doc, yyjson_mut_val *o, struct server *s, struct version *v)
{
    struct version_counts n;
    int queued, running;
    scheduler_counts(s->scheduler, v, &n, &queued, &running);
    yyjson_mut_obj_add_uint(doc, o, "success", n.success);
    yyjson_mut_obj_add_uint(doc, o, "failure", n.failure);
    yyjson_mut_obj_add_uint(doc, o, "images", n.images);
    yyjson_mut_obj_add_int(doc, o, "queued", queued);
    yyjson_mut_obj_add_int(doc, o, "running", running);
    add_number(doc, o, "p50", quantile(&n.request, 0.5));
    add_number(doc, o, "p95", quantile(&n.request, 0.95));
    add_number(doc, o, "p99", quantile(&n.request, 0.99));
    yyjson_mut_val *counts = yyjson_mut_obj_add_arr(doc, o, "counts");
    for (int i = 0; i <= VERSION_NBOUNDS; i++)
        yyjson_mut_arr_add_uint(doc, counts, n.request.count[i]);
}

static void add_verdict(yyjson_mut_doc *doc, yyjson_mut_val *list, enum feature which,
                        const struct verdict *d, int alert)
{
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_str(doc, o, "feature", feature_name(which));
    yyjson_mut_obj_add_str(doc, o, "what", feature_what(which));
    yyjson_mut_obj_add_bool(doc, o, "judged", d->judged != 0);
    yyjson_mut_obj_add_bool(doc, o, "drifted", d->drifted != 0);
    yyjson_mut_obj_add_bool(doc, o, "alert", alert != 0);
    add_number(doc, o, "psi", d->psi);
    add_number(doc, o, "psi_limit", d->psi_limit);
    add_number(doc, o, "p", d->p);
    add_number(doc, o, "mean", d->mean);
    add_number(doc, o, "reference_mean", d->reference_mean);
}

/* Judging takes milliseconds: it is done for those who ask. */
static void add_drift(yyjson_mut_doc *doc, yyjson_mut_val *o, struct version *v)
{
    struct monitor_report *r = malloc(sizeof *r);
    if (r &&
        monitor_report(observation_monitor(v->observation), (double)serve_wall_ms() / 1e3, r)) {
        yyjson_mut_val *drift = yyjson_mut_obj_add_obj(doc, o, "drift");
        yyjson_mut_obj_add_bool(doc, drift, "reference", r->has_reference != 0);
        yyjson_mut_obj_add_uint(doc, drift, "pictures", r->pictures);
        yyjson_mut_obj_add_uint(doc, drift, "window", r->now.pictures);
        yyjson_mut_obj_add_bool(doc, drift, "enough", r->now.enough != 0);
        yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, drift, "features");
        for (int i = 0; i < FEATURE_COUNT; i++)
            if (r->now.of[i].m)
                add_verdict(doc, list, (enum feature)i, &r->now.of[i], r->alert[i]);
    }
    free(r);
}

static void add_version(yyjson_mut_doc *doc, yyjson_mut_val *list, struct server *s,
                        const struct repository_row *row, int with_drift)
{
    static const char *const states[] = {[MODEL_UNAVAILABLE] = "unavailable",
                                         [MODEL_LOADING] = "loading",
                                         [MODEL_READY] = "ready",
                                         [MODEL_UNLOADING] = "unloading"};
    struct version *v = row->version;
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_strcpy(doc, o, "model", row->name);
    yyjson_mut_obj_add_sint(doc, o, "version", row->number);
    yyjson_mut_obj_add_str(doc, o, "state", states[row->state]);
    if (!v)
        return;
    yyjson_mut_obj_add_str(doc, o, "task", task_name(v->task));
    yyjson_mut_obj_add_bool(doc, o, "pictures", v->takes_pictures != 0);
    yyjson_mut_obj_add_bool(doc, o, "observed", v->observation != NULL);
    add_counts(doc, o, s, v);
    if (with_drift && v->observation)
        add_drift(doc, o, v);
}

void page_status(struct call *c)
{
    struct server *s = c->server;
    char text[8];
    const int with_drift =
        http_query(c->request, "drift", text, sizeof text) && text[0] == '1' && text[1] == 0;
    int n = 0;
    struct repository_row *rows = repository_rows(s->repository, &n);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "name", s->options.name);
    yyjson_mut_obj_add_str(doc, root, "version", infer_version());
    yyjson_mut_obj_add_real(doc, root, "time", (double)serve_now_ns() / 1e9);
    yyjson_mut_obj_add_val(doc, root, "bounds",
                           yyjson_mut_arr_with_double(doc, bounds, sizeof bounds / sizeof *bounds));
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "versions");
    for (int i = 0; rows && i < n; i++)
        add_version(doc, list, s, &rows[i], with_drift);
    repository_rows_free(rows, n);
    struct http_answer a = {.status = 200};
    http_add(&a, "Cache-Control", "no-store");
    reply_json_with(c->request, &a, doc, 0);
}
