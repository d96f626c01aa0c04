/* The APIs of MMS and TorchServe as OpenAPI describes them. */
#include <stdio.h>
#include <string.h>

#include "tools/serve/predict/predict.h"
#include "tools/serve/transport/reply.h"

struct operation {
    const char *path, *method, *id, *description;
    const char *parameters; /* "name in type, ...", where in is q (query), p (path) */
    const char *body;       /* media type of the body; NULL: none */
};

static const struct operation inference[] = {
    {"/", "options", "apiDescription", "Get openapi description.", "", NULL},
    {"/api-description", "get", "apiDescriptionGet", "Get openapi description.", "", NULL},
    {"/ping", "get", "ping", "Get health status.", "", NULL},
    {"/predictions/{model_name}", "post", "predictions", "Predict with the default version.",
     "model_name p string, top q integer, score q number, draw q string, mask q string", "*/*"},
    {"/predictions/{model_name}", "put", "predictionsPut", "The same.", "model_name p string",
     "*/*"},
    {"/predictions/{model_name}", "options", "describePredictions", "Describe one model.",
     "model_name p string", NULL},
    {"/predictions/{model_name}/{model_version}", "post", "versionPredictions",
     "Predict with one version.", "model_name p string, model_version p string", "*/*"},
    {"/models/{model_name}/invoke", "post", "invoke", "Predict, by SageMaker's path.",
     "model_name p string", "*/*"},
    {"/invocations", "post", "invocations", "Predict, by SageMaker's path.", "model_name q string",
     "*/*"},
    {"/{model_name}/predict", "post", "predict", "Predict, by the older path.",
     "model_name p string", "*/*"},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

static const struct operation management[] = {
    {"/", "options", "apiDescription", "Get openapi description.", "", NULL},
    {"/models", "get", "listModels", "List the models that are registered.",
     "limit q integer, next_page_token q string", NULL},
    {"/models", "post", "registerModel", "Register a file of the model store.",
     "url q string, model_name q string, batch_size q integer, max_batch_delay q integer, "
     "response_timeout q integer, initial_workers q integer, synchronous q boolean",
     "application/json"},
    {"/models/{model_name}", "get", "describeModel", "Describe the default version.",
     "model_name p string", NULL},
    {"/models/{model_name}", "put", "setAutoScale", "Set the number of workers.",
     "model_name p string, min_worker q integer, max_worker q integer, synchronous q boolean",
     NULL},
    {"/models/{model_name}", "delete", "unregisterModel", "Unregister a model.",
     "model_name p string", NULL},
    {"/models/{model_name}/{model_version}", "get", "versionDescribeModel",
     "Describe one version, or \"all\".", "model_name p string, model_version p string", NULL},
    {"/models/{model_name}/{model_version}", "put", "versionSetAutoScale",
     "Set the number of workers of one version.",
     "model_name p string, model_version p string, min_worker q integer, max_worker q integer",
     NULL},
    {"/models/{model_name}/{model_version}", "delete", "versionUnregisterModel",
     "Unregister one version.", "model_name p string, model_version p string", NULL},
    {"/models/{model_name}/{model_version}/set-default", "put", "setDefault",
     "Set the version that is meant where none is named.",
     "model_name p string, model_version p string", NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

static yyjson_mut_val *object(yyjson_mut_doc *doc, yyjson_mut_val *parent, const char *key)
{
    return yyjson_mut_obj_add_obj(doc, parent, key);
}

/* {"code", "type", "message"}. */
static void add_error(yyjson_mut_doc *doc, yyjson_mut_val *responses)
{
    static const char *const names[] = {"code", "type", "message"};
    yyjson_mut_val *r = object(doc, responses, "default");
    yyjson_mut_obj_add_str(doc, r, "description", "An error.");
    yyjson_mut_val *schema =
        object(doc, object(doc, object(doc, r, "content"), "application/json"), "schema");
    yyjson_mut_obj_add_str(doc, schema, "type", "object");
    yyjson_mut_val *required = yyjson_mut_obj_add_arr(doc, schema, "required");
    yyjson_mut_val *properties = object(doc, schema, "properties");
    for (int i = 0; i < 3; i++) {
        yyjson_mut_arr_add_str(doc, required, names[i]);
        yyjson_mut_obj_add_str(doc, object(doc, properties, names[i]), "type",
                               i ? "string" : "integer");
    }
}

static void add_parameters(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *text)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, o, "parameters");
    while (*text) {
        char name[64], in, type[16];
        int n = 0;
        if (sscanf(text, "%63s %c %15[a-z]%n", name, &in, type, &n) != 3)
            return;
        yyjson_mut_val *p = yyjson_mut_arr_add_obj(doc, list);
        yyjson_mut_obj_add_str(doc, p, "in", in == 'p' ? "path" : "query");
        yyjson_mut_obj_add_strcpy(doc, p, "name", name);
        yyjson_mut_obj_add_bool(doc, p, "required", in == 'p');
        yyjson_mut_obj_add_strcpy(doc, object(doc, p, "schema"), "type", type);
        text += n;
        text += strspn(text, ", ");
    }
}

static void add_operation(yyjson_mut_doc *doc, yyjson_mut_val *path, const struct operation *op)
{
    yyjson_mut_val *o = object(doc, path, op->method);
    yyjson_mut_obj_add_str(doc, o, "description", op->description);
    yyjson_mut_obj_add_str(doc, o, "operationId", op->id);
    add_parameters(doc, o, op->parameters);
    if (op->body) {
        yyjson_mut_val *content = object(doc, object(doc, o, "requestBody"), "content");
        object(doc, object(doc, content, op->body), "schema");
    }
    yyjson_mut_val *responses = object(doc, o, "responses");
    yyjson_mut_obj_add_str(doc, object(doc, responses, "200"), "description", "OK");
    add_error(doc, responses);
}

static yyjson_mut_doc *new_document(const char *title, yyjson_mut_val **paths)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "openapi", "3.0.1");
    yyjson_mut_val *info = object(doc, root, "info");
    yyjson_mut_obj_add_strcpy(doc, info, "title", title);
    yyjson_mut_obj_add_str(doc, info, "version", infer_version());
    *paths = object(doc, root, "paths");
    return doc;
}

static void reply_document(struct http_request *r, yyjson_mut_doc *doc)
{
    struct http_answer a = {.status = 200};
    reply_mms_headers(r, &a);
    reply_json_with(r, &a, doc, 1);
}

static void describe(struct http_request *r, const char *title, const struct operation *list)
{
    yyjson_mut_val *paths;
    yyjson_mut_doc *doc = new_document(title, &paths);
    yyjson_mut_val *path = NULL;
    for (const struct operation *op = list; doc && op->path; op++) {
        if (op == list || strcmp(op->path, op[-1].path) != 0)
            path = object(doc, paths, op->path);
        add_operation(doc, path, op);
    }
    reply_document(r, doc);
}

void openapi_inference(struct call *c)
{
    describe(c->request, "Inference API", inference);
}

void openapi_management(struct call *c)
{
    describe(c->request, "Management API", management);
}

void openapi_model(struct call *c)
{
    char name[256], text[320];
    enum repository_missing missing;
    if (!mms_name(c, 0, name, sizeof name))
        return;
    struct version *v = repository_get(c->server->repository, name, strlen(name), 0, &missing);
    if (!v) {
        mms_unknown(c->request, name, "");
        return;
    }
    version_unref(v);
    snprintf(text, sizeof text, "RESTful API for: %s", name);
    yyjson_mut_val *paths;
    yyjson_mut_doc *doc = new_document(text, &paths);
    snprintf(text, sizeof text, "/predictions/%s", name);
    yyjson_mut_val *path = yyjson_mut_obj(doc);
    yyjson_mut_obj_add(paths, yyjson_mut_strcpy(doc, text), path);
    const struct operation op = {NULL, "post", "predictions", "Predict.", "", "*/*"};
    add_operation(doc, path, &op);
    reply_document(c->request, doc);
}
