/* Descriptions of models, with the keys that MMS and TorchServe have. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/serve/models/found.h"
#include "tools/serve/predict/management.h"
#include "tools/serve/transport/reply.h"

const char *management_url(const struct call *c, const struct version *v)
{
    return found_relative(c->server->options.paths, c->server->options.npaths, v->path);
}

static void add_time(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *key, uint64_t ms)
{
    char day[32], text[48];
    struct tm t;
    const time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &t);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(text, sizeof text, "%s.%03dZ", day, (int)(ms % 1000));
    yyjson_mut_obj_add_strcpy(doc, o, key, text);
}

/* A worker is a run at a time: a session on the pool's threads. */
static void add_worker(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct version *v, int i,
                       uint64_t memory, int torch)
{
    char id[32];
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    snprintf(id, sizeof id, "%d", i + 1);
    yyjson_mut_obj_add_strcpy(doc, o, "id", id);
    add_time(doc, o, "startTime", v->loaded_ms);
    yyjson_mut_obj_add_str(doc, o, "status", "READY");
    yyjson_mut_obj_add_uint(doc, o, "memoryUsage", memory);
    if (torch)
        yyjson_mut_obj_add_int(doc, o, "pid", getpid());
    yyjson_mut_obj_add_bool(doc, o, "gpu", false);
    if (torch)
        yyjson_mut_obj_add_str(doc, o, "gpuUsage", "N/A");
}

/* Keys that TorchServe has for what there is none of here. */
static void add_torchserve(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct version *v)
{
    static const char *const falses[] = {"continuousBatching", "useJobTicket", "useVenv",
                                         "stateful"};
    static const char *const zeros[] = {"sequenceMaxIdleMSec", "sequenceTimeoutMSec",
                                        "maxNumSequence", "maxSequenceJobQueueSize"};
    yyjson_mut_obj_add_uint(doc, o, "responseTimeout", v->options.timeout_ns / 1000000000u);
    yyjson_mut_obj_add_int(doc, o, "startupTimeout", 0);
    yyjson_mut_obj_add_int(doc, o, "maxRetryTimeoutInSec", 0);
    yyjson_mut_obj_add_int(doc, o, "clientTimeoutInMills", 0);
    yyjson_mut_obj_add_str(doc, o, "parallelType", "");
    yyjson_mut_obj_add_int(doc, o, "parallelLevel", 0);
    yyjson_mut_obj_add_str(doc, o, "deviceType", "cpu");
    for (size_t i = 0; i < 4; i++)
        yyjson_mut_obj_add_bool(doc, o, falses[i], false);
    for (size_t i = 0; i < 4; i++)
        yyjson_mut_obj_add_int(doc, o, zeros[i], 0);
}

/* What the model's makers noted in it. */
static void add_notes(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct version *v)
{
    infer_model_info info = INFER_MODEL_INFO_INIT;
    infer_error err;
    yyjson_mut_val *notes = yyjson_mut_obj_add_obj(doc, o, "customizedMetadata");
    if (infer_model_describe(v->model, &info, &err) != INFER_OK)
        return;
    for (uint64_t i = 0; i < info.metadata; i++) {
        const char *key, *value;
        if (infer_model_metadata(v->model, (size_t)i, &key, &value, &err) == INFER_OK)
            yyjson_mut_obj_add(notes, yyjson_mut_strcpy(doc, key), yyjson_mut_strcpy(doc, value));
    }
}

static yyjson_mut_val *description(const struct call *c, yyjson_mut_doc *doc, struct version *v)
{
    const int torch = management_torchserve(c);
    struct version_counts counts;
    char text[32];
    int queued, running;
    struct scheduler *s = c->server->scheduler;
    const int workers = scheduler_workers(s, v);
    const uint64_t memory = workers ? scheduler_memory(s, v) : 0;
    scheduler_counts(s, v, &counts, &queued, &running);
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    yyjson_mut_obj_add_strcpy(doc, o, "modelName", v->name);
    snprintf(text, sizeof text, "%lld.0", (long long)v->number);
    if (torch)
        yyjson_mut_obj_add_strcpy(doc, o, "modelVersion", text);
    yyjson_mut_obj_add_strcpy(doc, o, "modelUrl", management_url(c, v));
    yyjson_mut_obj_add_str(doc, o, "runtime", "libinfer");
    yyjson_mut_obj_add_int(doc, o, "minWorkers", workers);
    yyjson_mut_obj_add_int(doc, o, "maxWorkers", workers);
    yyjson_mut_obj_add_int(doc, o, "batchSize", v->options.max_batch);
    yyjson_mut_obj_add_uint(doc, o, "maxBatchDelay", v->options.batch_delay_ns / 1000000);
    if (torch)
        add_torchserve(doc, o, v);
    yyjson_mut_obj_add_bool(doc, o, "loadedAtStartup", v->loaded_ms <= c->server->ready_ms);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, o, "workers");
    for (int i = 0; i < workers; i++)
        add_worker(doc, list, v, i, memory, torch);
    if (torch) {
        yyjson_mut_val *queue = yyjson_mut_obj_add_obj(doc, o, "jobQueueStatus");
        yyjson_mut_obj_add_int(doc, queue, "remainingCapacity", v->options.max_queue - queued);
        yyjson_mut_obj_add_int(doc, queue, "pendingRequests", queued);
    }
    if (torch && http_query(c->request, "customized", text, sizeof text) &&
        strcmp(text, "true") == 0)
        add_notes(doc, o, v);
    return o;
}

void management_describe(struct call *c, struct version **versions, int count)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = NULL;
    if (doc && !management_torchserve(c))
        root = description(c, doc, versions[0]);
    else if (doc)
        root = yyjson_mut_arr(doc);
    for (int i = 0; root && management_torchserve(c) && i < count; i++)
        yyjson_mut_arr_append(root, description(c, doc, versions[i]));
    yyjson_mut_doc_set_root(doc, root);
    struct http_answer a = {.status = 200};
    reply_mms_headers(c->request, &a);
    reply_json_with(c->request, &a, doc, 1);
}
