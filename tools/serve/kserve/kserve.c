/* KServe v2 over REST: the table, health and metadata. */
#include "tools/serve/kserve/kserve.h"

#include <stdlib.h>
#include <string.h>

#include "tools/serve/transport/reply.h"

static int http_status(enum v2_code code)
{
    static const int statuses[] = {
        [V2_OK] = 200,          [V2_INVALID] = 400,     [V2_NOT_FOUND] = 404,
        [V2_UNAVAILABLE] = 503, [V2_UNSUPPORTED] = 501, [V2_INTERNAL] = 500};
    return statuses[code];
}

void kserve_refuse(struct http_request *r, const struct v2_error *err, int plain)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, o);
    yyjson_mut_obj_add_str(doc, o, "error", err->text);
    struct http_answer a = {.status = http_status(err->code),
                            .content_type = plain ? "text/plain" : NULL};
    if (a.status == 503)
        http_add(&a, "Retry-After", "1");
    reply_json_with(r, &a, doc, 0);
}

void kserve_json(struct http_request *r, int status, yyjson_mut_doc *doc)
{
    reply_json(r, status, doc, 0);
}

int kserve_version(const struct call *c, int part, int64_t *number)
{
    const struct part *p = &c->part[part];
    *number = 0;
    for (size_t i = 0; i < p->length; i++) {
        if (p->text[i] < '0' || p->text[i] > '9' || p->length > 18) {
            const struct v2_error err = {.code = V2_NOT_FOUND, .text = "Not Found"};
            kserve_refuse(c->request, &err, 1);
            return 0;
        }
        *number = *number * 10 + (p->text[i] - '0');
    }
    if (*number == 0)
        *number = -1; /* there is no such version; 0 would be the newest */
    return 1;
}

/* ---- health --------------------------------------------------------------------------------- */

static void live(struct call *c)
{
    reply_text(c->request, 200, "text/plain", "");
}

static void ready(struct call *c)
{
    const int ok = !atomic_load(&c->server->draining) && repository_ready(c->server->repository);
    reply_text(c->request, ok ? 200 : 400, "text/plain", "");
}

static void tell_ready(struct call *c, int64_t number)
{
    enum repository_missing missing;
    struct version *v =
        repository_get(c->server->repository, c->part[0].text, c->part[0].length, number, &missing);
    const struct v2_error err = {.code = V2_INVALID, .text = "Model version not ready"};
    if (v)
        reply_text(c->request, 200, "text/plain", "");
    else
        kserve_refuse(c->request, &err, 1);
    version_unref(v);
}

static void model_ready(struct call *c)
{
    tell_ready(c, 0);
}

static void version_ready(struct call *c)
{
    int64_t number;
    if (kserve_version(c, 1, &number))
        tell_ready(c, number);
}

/* ---- metadata ------------------------------------------------------------------------------- */

static void server_metadata(struct call *c)
{
    static const char *extensions[] = {
        "classification",     "model_repository", "schedule_policy", "model_configuration",
        "binary_tensor_data", "parameters",       "statistics"};
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, o);
    yyjson_mut_obj_add_str(doc, o, "name", c->server->options.name);
    yyjson_mut_obj_add_str(doc, o, "version", infer_version());
    yyjson_mut_obj_add_val(
        doc, o, "extensions",
        yyjson_mut_arr_with_str(doc, extensions, sizeof extensions / sizeof *extensions));
    kserve_json(c->request, 200, doc);
}

static void add_tensor(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct v2_info *info)
{
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_strcpy(doc, o, "name", info->name);
    yyjson_mut_obj_add_str(doc, o, "datatype", v2_datatype(info->type));
    yyjson_mut_obj_add_val(doc, o, "shape",
                           yyjson_mut_arr_with_sint64(doc, info->dims, (size_t)info->rank));
}

static void add_versions(const struct call *c, const struct version *v, yyjson_mut_doc *doc,
                         yyjson_mut_val *list)
{
    int n;
    int64_t *numbers = v2_versions(c->server, v->name, &n);
    for (int i = 0; numbers && i < n; i++) {
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)numbers[i]);
        yyjson_mut_arr_add_strcpy(doc, list, text);
    }
    free(numbers);
}

static void tell_metadata(struct call *c, int64_t number)
{
    struct v2_error err;
    struct v2_info info;
    struct version *v = v2_find(c->server, c->part[0].text, c->part[0].length, number, &err);
    if (!v) {
        kserve_refuse(c->request, &err, 0);
        return;
    }
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, o);
    yyjson_mut_obj_add_strcpy(doc, o, "name", v->name);
    add_versions(c, v, doc, yyjson_mut_obj_add_arr(doc, o, "versions"));
    yyjson_mut_obj_add_str(doc, o, "platform", "libinfer");
    yyjson_mut_val *inputs = yyjson_mut_obj_add_arr(doc, o, "inputs");
    for (int i = 0; i < v->ninputs; i++) {
        v2_input_info(v, i, &info);
        add_tensor(doc, inputs, &info);
    }
    yyjson_mut_val *outputs = yyjson_mut_obj_add_arr(doc, o, "outputs");
    for (int i = 0; i < v->noutputs; i++) {
        v2_output_info(v, i, &info);
        add_tensor(doc, outputs, &info);
    }
    version_unref(v);
    kserve_json(c->request, 200, doc);
}

static void model_metadata(struct call *c)
{
    tell_metadata(c, 0);
}

static void version_metadata(struct call *c)
{
    int64_t number;
    if (kserve_version(c, 1, &number))
        tell_metadata(c, number);
}

/* Clients ask before they share memory: there is none that is shared. */
static void shared_memory(struct call *c)
{
    reply_text(c->request, 200, "application/json", "[]");
}

const struct route kserve_routes[] = {
    {"GET", "/v2", server_metadata},
    {"GET", "/v2/health/live", live},
    {"GET", "/v2/health/ready", ready},
    {"GET", "/v2/models/stats", kserve_statistics},
    {"GET", "/v2/models/{}", model_metadata},
    {"GET", "/v2/models/{}/ready", model_ready},
    {"GET", "/v2/models/{}/stats", kserve_statistics},
    {"GET", "/v2/models/{}/config", kserve_config},
    {"POST", "/v2/models/{}/infer", kserve_infer},
    {"GET", "/v2/models/{}/versions/{}", version_metadata},
    {"GET", "/v2/models/{}/versions/{}/ready", version_ready},
    {"GET", "/v2/models/{}/versions/{}/stats", kserve_statistics},
    {"GET", "/v2/models/{}/versions/{}/config", kserve_config},
    {"POST", "/v2/models/{}/versions/{}/infer", kserve_infer_version},
    {"POST", "/v2/repository/index", kserve_index},
    {"POST", "/v2/repository/models/{}/load", kserve_load},
    {"POST", "/v2/repository/models/{}/unload", kserve_unload},
    {"POST", "/v2/repository/{}/models/{}/load", kserve_named_repository},
    {"POST", "/v2/repository/{}/models/{}/unload", kserve_named_repository},
    {"GET", "/v2/systemsharedmemory/status", shared_memory},
    {"GET", "/v2/cudasharedmemory/status", shared_memory},
    {NULL, NULL, NULL},
};
