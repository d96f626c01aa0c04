/* Triton's extensions about models: the repository, statistics, configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/kserve/kserve.h"
#include "tools/serve/kserve/load.h"
#include "tools/serve/transport/reply.h"

/* ---- the repository ------------------------------------------------------------------------- */

/* A body that is empty or JSON; NULL in *doc where it is empty. 0: it was refused. */
static int read_body(struct call *c, yyjson_doc **doc)
{
    struct v2_error err;
    *doc = NULL;
    if (c->request->body_bytes == 0)
        return 1;
    *doc = kserve_read((const char *)c->request->body, c->request->body_bytes, &err);
    if (!*doc)
        kserve_refuse(c->request, &err, 0);
    return *doc != NULL;
}

static void add_row(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct repository_row *row)
{
    static const char *const states[] = {[MODEL_UNAVAILABLE] = "UNAVAILABLE",
                                         [MODEL_LOADING] = "LOADING",
                                         [MODEL_READY] = "READY",
                                         [MODEL_UNLOADING] = "UNLOADING"};
    char number[24];
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    snprintf(number, sizeof number, "%lld", (long long)row->number);
    yyjson_mut_obj_add_strcpy(doc, o, "name", row->name);
    yyjson_mut_obj_add_strcpy(doc, o, "version", number);
    yyjson_mut_obj_add_str(doc, o, "state", states[row->state]);
    if (row->state != MODEL_READY)
        yyjson_mut_obj_add_strcpy(doc, o, "reason", row->reason);
}

void kserve_index(struct call *c)
{
    yyjson_doc *body;
    if (!read_body(c, &body))
        return;
    const int ready = yyjson_get_bool(yyjson_obj_get(yyjson_doc_get_root(body), "ready"));
    yyjson_doc_free(body);
    int n;
    struct repository_row *rows = repository_rows(c->server->repository, &n);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    yyjson_mut_doc_set_root(doc, list);
    for (int i = 0; rows && i < n; i++)
        if (!ready || rows[i].state == MODEL_READY)
            add_row(doc, list, &rows[i]);
    repository_rows_free(rows, n);
    kserve_json(c->request, 200, doc);
}

/* A change that takes its time: it has a thread of its own, so that no other request waits. */
struct change {
    struct server *server;
    struct http_request *request;
    int load;
    char name[128];
    char *config; /* that came with load; NULL: none */
};

static void free_change(struct change *change)
{
    if (change)
        free(change->config);
    free(change);
}

static void make_change(void *arg)
{
    struct change *change = arg;
    struct v2_error err;
    int ok = 1;
    if (change->load)
        ok = load_model(change->server, change->name, change->config, &err);
    else
        repository_unload(change->server->repository, change->name); /* an unknown one is gone */
    if (ok)
        reply_text(change->request, 200, "application/json", "");
    else
        kserve_refuse(change->request, &err, 0);
    free_change(change);
}

/* The parameters of a call: *config becomes a copy of the configuration, NULL where there is none.
 * 0: it was refused. */
static int read_parameters(struct call *c, char **config)
{
    yyjson_doc *body;
    struct v2_error err;
    *config = NULL;
    if (!read_body(c, &body))
        return 0;
    yyjson_val *parameters = yyjson_obj_get(yyjson_doc_get_root(body), "parameters"), *key;
    yyjson_val *text = yyjson_obj_get(parameters, "config");
    yyjson_obj_iter it;
    int ok = 1;
    yyjson_obj_iter_init(parameters, &it);
    while (ok && yyjson_is_obj(parameters) && (key = yyjson_obj_iter_next(&it)))
        ok = !load_refuses(yyjson_get_str(key), &err);
    if (ok && text && !yyjson_is_str(text)) {
        v2_fail(&err, V2_INVALID, "attempt to access JSON non-string as string: 'config'");
        ok = 0;
    }
    if (ok && text && !(*config = strdup(yyjson_get_str(text)))) {
        v2_fail(&err, V2_UNAVAILABLE, "out of memory");
        ok = 0;
    }
    yyjson_doc_free(body);
    if (!ok)
        kserve_refuse(c->request, &err, 0);
    return ok;
}

static void begin_change(struct call *c, int load)
{
    const struct part *name = &c->part[0];
    struct v2_error err;
    char *config;
    if (!c->server->options.control) {
        v2_fail(&err, V2_UNAVAILABLE, "explicit model load / unload is not allowed");
        kserve_refuse(c->request, &err, 0);
        return;
    }
    if (!read_parameters(c, &config))
        return;
    struct change *change = calloc(1, sizeof *change);
    if (change) {
        *change = (struct change){
            .server = c->server, .request = c->request, .load = load, .config = config};
        if (name->length < sizeof change->name) {
            memcpy(change->name, name->text, name->length);
            if (server_aside(c->server, make_change, change))
                return;
        }
    } else {
        free(config);
    }
    v2_fail(&err, change ? V2_INTERNAL : V2_UNAVAILABLE, "failed to %s the model",
            load ? "load" : "unload");
    free_change(change);
    kserve_refuse(c->request, &err, 0);
}

void kserve_load(struct call *c)
{
    begin_change(c, 1);
}

void kserve_unload(struct call *c)
{
    begin_change(c, 0);
}

void kserve_named_repository(struct call *c)
{
    const struct v2_error err = {.code = V2_UNSUPPORTED,
                                 .text = "'repository_name' specification is not supported"};
    kserve_refuse(c->request, &err, 0);
}

/* ---- statistics ----------------------------------------------------------------------------- */

static yyjson_mut_val *duration(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *key,
                                uint64_t count, uint64_t ns)
{
    yyjson_mut_val *d = yyjson_mut_obj_add_obj(doc, o, key);
    yyjson_mut_obj_add_uint(doc, d, "count", count);
    yyjson_mut_obj_add_uint(doc, d, "ns", ns);
    return d;
}

static void add_batches(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct version_counts *n)
{
    for (size_t i = 1; i < sizeof n->batch_runs / sizeof *n->batch_runs; i++) {
        if (!n->batch_runs[i])
            continue;
        yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
        const uint64_t around = n->batch_input_ns[i] + n->batch_output_ns[i];
        yyjson_mut_obj_add_uint(doc, o, "batch_size", i);
        duration(doc, o, "compute_input", n->batch_runs[i], n->batch_input_ns[i]);
        duration(doc, o, "compute_infer", n->batch_runs[i],
                 n->batch_ns[i] > around ? n->batch_ns[i] - around : 0);
        duration(doc, o, "compute_output", n->batch_runs[i], n->batch_output_ns[i]);
    }
}

static void add_statistics(struct server *s, yyjson_mut_doc *doc, yyjson_mut_val *list,
                           const struct repository_row *row)
{
    struct version_counts n;
    int queued, running;
    char number[24];
    scheduler_counts(s->scheduler, row->version, &n, &queued, &running);
    snprintf(number, sizeof number, "%lld", (long long)row->number);
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_strcpy(doc, o, "name", row->name);
    yyjson_mut_obj_add_strcpy(doc, o, "version", number);
    yyjson_mut_obj_add_uint(doc, o, "last_inference", n.last_ms);
    yyjson_mut_obj_add_uint(doc, o, "inference_count", n.images);
    yyjson_mut_obj_add_uint(doc, o, "execution_count", n.runs);
    yyjson_mut_val *stats = yyjson_mut_obj_add_obj(doc, o, "inference_stats");
    duration(doc, stats, "success", n.success, n.success_ns);
    duration(doc, stats, "fail", n.failure, n.failure_ns);
    duration(doc, stats, "queue", n.success, n.queue_ns);
    duration(doc, stats, "compute_input", n.success, n.input_ns);
    duration(doc, stats, "compute_infer", n.success, n.compute_ns);
    duration(doc, stats, "compute_output", n.success, n.output_ns);
    duration(doc, stats, "cache_hit", 0, 0);
    duration(doc, stats, "cache_miss", 0, 0);
    yyjson_mut_obj_add_obj(doc, o, "response_stats");
    add_batches(doc, yyjson_mut_obj_add_arr(doc, o, "batch_stats"), &n);
    yyjson_mut_obj_add_arr(doc, o, "memory_usage");
}

void kserve_statistics(struct call *c)
{
    const struct part *name = &c->part[0], *version = &c->part[1];
    int64_t number = 0;
    int n, found = 0;
    if (version->text && !kserve_version(c, 1, &number))
        return;
    struct repository_row *rows = repository_rows(c->server->repository, &n);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, o);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, o, "model_stats");
    for (int i = 0; rows && i < n; i++) {
        if (!rows[i].version || (number && rows[i].number != number) ||
            (name->text && (strlen(rows[i].name) != name->length ||
                            memcmp(rows[i].name, name->text, name->length) != 0)))
            continue;
        add_statistics(c->server, doc, list, &rows[i]);
        found = 1;
    }
    repository_rows_free(rows, n);
    if (found || !name->text) {
        kserve_json(c->request, 200, doc);
        return;
    }
    struct v2_error err;
    yyjson_mut_doc_free(doc);
    v2_fail(&err, V2_INVALID, "requested model '%.*s' is not available",
            name->length > 200 ? 200 : (int)name->length, name->text);
    kserve_refuse(c->request, &err, 0);
}

/* ---- configuration -------------------------------------------------------------------------- */

/* What Triton's config calls a tensor; the batch is not among the dimensions. */
static yyjson_mut_val *config_tensor(yyjson_mut_doc *doc, yyjson_mut_val *list,
                                     const struct v2_info *info, int batched)
{
    char type[24];
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    snprintf(type, sizeof type, "TYPE_%s",
             info->type == INFER_TYPE_NONE ? "STRING" : v2_datatype(info->type));
    yyjson_mut_obj_add_strcpy(doc, o, "name", info->name);
    yyjson_mut_obj_add_strcpy(doc, o, "data_type", type);
    yyjson_mut_obj_add_val(
        doc, o, "dims",
        yyjson_mut_arr_with_sint64(doc, info->dims + batched, (size_t)(info->rank - batched)));
    yyjson_mut_obj_add_bool(doc, o, "is_shape_tensor", false);
    yyjson_mut_obj_add_bool(doc, o, "is_non_linear_format_io", false);
    return o;
}

static const char *config_format(const struct version *v)
{
    if (!v->takes_pictures)
        return "FORMAT_NONE";
    return v->preprocess.layout == INFER_LAYOUT_NHWC ? "FORMAT_NHWC" : "FORMAT_NCHW";
}

static void add_tensors(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct version *v)
{
    const int batched = v2_max_batch(v) > 0;
    struct v2_info info;
    yyjson_mut_val *inputs = yyjson_mut_obj_add_arr(doc, o, "input");
    for (int i = 0; i < v->ninputs; i++) {
        v2_input_info(v, i, &info);
        yyjson_mut_val *t = config_tensor(doc, inputs, &info, batched);
        yyjson_mut_obj_add_str(doc, t, "format", config_format(v));
        yyjson_mut_obj_add_bool(doc, t, "allow_ragged_batch", false);
        yyjson_mut_obj_add_bool(doc, t, "optional", false);
    }
    yyjson_mut_val *outputs = yyjson_mut_obj_add_arr(doc, o, "output");
    for (int i = 0; i < v->noutputs; i++) {
        v2_output_info(v, i, &info);
        yyjson_mut_val *t = config_tensor(doc, outputs, &info, batched);
        yyjson_mut_obj_add_str(doc, t, "label_filename",
                               infer_model_labels(v->model) ? "labels.txt" : "");
    }
    yyjson_mut_obj_add_arr(doc, o, "batch_input");
    yyjson_mut_obj_add_arr(doc, o, "batch_output");
}

static void add_runtime(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct version *v)
{
    yyjson_mut_val *best = yyjson_mut_obj_add_obj(doc, o, "optimization");
    yyjson_mut_obj_add_str(doc, best, "priority", "PRIORITY_DEFAULT");
    static const char *const pinned[] = {"input_pinned_memory", "output_pinned_memory"};
    for (int i = 0; i < 2; i++)
        yyjson_mut_obj_add_bool(doc, yyjson_mut_obj_add_obj(doc, best, pinned[i]), "enable", false);
    yyjson_mut_obj_add_uint(doc, best, "gather_kernel_buffer_threshold", 0);
    yyjson_mut_obj_add_bool(doc, best, "eager_batching", false);
    yyjson_mut_val *group =
        yyjson_mut_arr_add_obj(doc, yyjson_mut_obj_add_arr(doc, o, "instance_group"));
    yyjson_mut_obj_add_strcpy(doc, group, "name", v->name);
    yyjson_mut_obj_add_str(doc, group, "kind", "KIND_CPU");
    yyjson_mut_obj_add_int(doc, group, "count", v->options.workers > 0 ? v->options.workers : 1);
    yyjson_mut_obj_add_arr(doc, group, "gpus");
    yyjson_mut_obj_add_arr(doc, group, "secondary_devices");
    yyjson_mut_obj_add_arr(doc, group, "profile");
    yyjson_mut_obj_add_bool(doc, group, "passive", false);
    yyjson_mut_obj_add_str(doc, group, "host_policy", "");
}

/* Where batches wait for others, or have sizes of their own. */
static void add_batching(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct version *v)
{
    const struct version_options *options = &v->options;
    if (!v->batched || (!options->batch_delay_ns && !options->preferred[0]))
        return;
    yyjson_mut_val *batching = yyjson_mut_obj_add_obj(doc, o, "dynamic_batching");
    yyjson_mut_val *sizes = yyjson_mut_obj_add_arr(doc, batching, "preferred_batch_size");
    for (int i = 0; i < VERSION_MOST_PREFERRED && options->preferred[i]; i++)
        yyjson_mut_arr_add_int(doc, sizes, options->preferred[i]);
    yyjson_mut_obj_add_uint(doc, batching, "max_queue_delay_microseconds",
                            options->batch_delay_ns / 1000);
}

void kserve_config(struct call *c)
{
    struct v2_error err;
    int64_t number = 0;
    if (c->part[1].text && !kserve_version(c, 1, &number))
        return;
    struct version *v = v2_find(c->server, c->part[0].text, c->part[0].length, number, &err);
    if (!v) {
        kserve_refuse(c->request, &err, 0);
        return;
    }
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    const char *file = strrchr(v->path, '/');
    yyjson_mut_doc_set_root(doc, o);
    yyjson_mut_obj_add_strcpy(doc, o, "name", v->name);
    yyjson_mut_obj_add_str(doc, o, "platform", "");
    yyjson_mut_obj_add_str(doc, o, "backend", "libinfer");
    yyjson_mut_obj_add_str(doc, o, "runtime", "");
    yyjson_mut_val *latest =
        yyjson_mut_obj_add_obj(doc, yyjson_mut_obj_add_obj(doc, o, "version_policy"), "latest");
    yyjson_mut_obj_add_int(doc, latest, "num_versions", 1);
    yyjson_mut_obj_add_int(doc, o, "max_batch_size", v2_max_batch(v));
    add_tensors(doc, o, v);
    add_runtime(doc, o, v);
    add_batching(doc, o, v);
    yyjson_mut_obj_add_strcpy(doc, o, "default_model_filename", file ? file + 1 : v->path);
    yyjson_mut_obj_add_obj(doc, o, "cc_model_filenames");
    yyjson_mut_obj_add_obj(doc, o, "metric_tags");
    yyjson_mut_obj_add_obj(doc, o, "parameters");
    yyjson_mut_obj_add_arr(doc, o, "model_warmup");
    version_unref(v);
    kserve_json(c->request, 200, doc);
}
