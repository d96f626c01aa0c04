/* The management API of MMS and TorchServe: which models are served, and by how many workers. */
#include "tools/serve/predict/management.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/models/found.h"
#include "tools/serve/predict/predict.h"
#include "tools/serve/transport/reply.h"

enum { NAME_BYTES = 256, MOST_WORKERS = 1024, PAGE = 100 };

int management_torchserve(const struct call *c)
{
    return c->server->options.compat == COMPAT_TORCHSERVE;
}

static void bad_request(struct call *c, const char *what)
{
    reply_exception(c->request, 400, "BadRequestException", "%s", what);
}

/* {"status": "..."}. */
static void tell(struct call *c, int status, const char *text)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, o);
    yyjson_mut_obj_add_strcpy(doc, o, "status", text);
    struct http_answer a = {.status = status};
    reply_mms_headers(c->request, &a);
    reply_json_with(c->request, &a, doc, 1);
}

/* ---- parameters ----------------------------------------------------------------------------- */

/* Those of the query, or of a body of JSON. */
struct parameters {
    const struct http_request *http;
    yyjson_doc *doc;
};

static struct parameters read_parameters(const struct http_request *r)
{
    const char *type = http_header(r, "Content-Type");
    struct parameters p = {.http = r};
    if (r->body_bytes && type && strncmp(type, "application/json", 16) == 0)
        p.doc = yyjson_read((const char *)r->body, r->body_bytes, 0);
    return p;
}

static int text_of(const struct parameters *p, const char *name, char *value, size_t size)
{
    yyjson_val *v = yyjson_obj_get(yyjson_doc_get_root(p->doc), name);
    if (http_query(p->http, name, value, size))
        return 1;
    if (yyjson_is_str(v) && yyjson_get_len(v) < size)
        return snprintf(value, size, "%s", yyjson_get_str(v)) >= 0;
    if (yyjson_is_int(v))
        return snprintf(value, size, "%lld", (long long)yyjson_get_sint(v)) >= 0;
    if (yyjson_is_bool(v))
        return snprintf(value, size, "%s", yyjson_get_bool(v) ? "true" : "false") >= 0;
    return 0;
}

/* A whole number of min..max, `otherwise` where there is none. 0: it is no such number. */
static int number_of(const struct parameters *p, const char *name, long min, long max,
                     long otherwise, long *value)
{
    char text[32], *end;
    *value = otherwise;
    if (!text_of(p, name, text, sizeof text))
        return 1;
    errno = 0;
    *value = strtol(text, &end, 10);
    return *text && !*end && !errno && *value >= min && *value <= max;
}

static int is_true(const struct parameters *p, const char *name)
{
    char text[8];
    return text_of(p, name, text, sizeof text) && strcmp(text, "true") == 0;
}

/* ---- listing -------------------------------------------------------------------------------- */

/* A number of the query; one that can't be read is as if it were not there, as there. */
static long page_number(const struct http_request *r, const char *name, long otherwise)
{
    char text[32], *end;
    if (!http_query(r, name, text, sizeof text))
        return otherwise;
    const long value = strtol(text, &end, 10);
    return *text && !*end && value >= 0 && value < 1000000000 ? value : otherwise;
}

static void list(struct call *c)
{
    int n;
    struct repository *repository = c->server->repository;
    struct repository_row *rows = repository_rows(repository, &n);
    const long first = page_number(c->request, "next_page_token", 0);
    const long end = first + page_number(c->request, "limit", PAGE);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *models = yyjson_mut_arr(doc);
    long at = 0;
    for (int i = 0; rows && i < n; i++) {
        const struct repository_row *row = &rows[i];
        if (!row->version ||
            repository_default(repository, row->name, strlen(row->name)) != row->number)
            continue;
        if (at >= first && at < end) {
            yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, models);
            yyjson_mut_obj_add_strcpy(doc, o, "modelName", row->name);
            yyjson_mut_obj_add_strcpy(doc, o, "modelUrl", management_url(c, row->version));
        }
        at++;
    }
    repository_rows_free(rows, n);
    if (end <= at) {
        char token[32];
        snprintf(token, sizeof token, "%ld", end);
        yyjson_mut_obj_add_strcpy(doc, root, "nextPageToken", token);
    }
    yyjson_mut_obj_add_val(doc, root, "models", models);
    yyjson_mut_doc_set_root(doc, root);
    struct http_answer a = {.status = 200};
    reply_mms_headers(c->request, &a);
    reply_json_with(c->request, &a, doc, 1);
}

/* ---- registering ---------------------------------------------------------------------------- */

/* What a call to register asks for. It outlives the call. */
struct registration {
    struct call call; /* without the parts of its path */
    char url[512], name[NAME_BYTES], path[1024];
    struct version_options options;
    long workers; /* -1: not told */
};

/* Names stand in paths of requests. */
static int is_name(const char *name)
{
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < ' ' || *p == '/' || *p == 0x7f)
            return 0;
    return *name && *name != '.' && strlen(name) < 128;
}

/* The file of a url, which is a path in the model store: nothing is fetched, and nothing outside
 * is looked at. 0: it was answered. */
static int find_file(struct call *c, struct registration *g)
{
    const struct server_options *o = &c->server->options;
    const int torch = management_torchserve(c);
    if (strstr(g->url, "://")) {
        reply_exception(c->request, 400,
                        torch ? "DownloadArchiveException" : "DownloadModelException",
                        "Failed to download %s from: %s", torch ? "archive" : "model", g->url);
        return 0;
    }
    if (strstr(g->url, "..")) {
        reply_exception(c->request, 404, "ModelNotFoundException",
                        "Relative path is not allowed in url: %s", g->url);
        return 0;
    }
    if (found_below(o->paths, o->npaths, g->url, g->path, sizeof g->path))
        return 1;
    reply_exception(c->request, 404, "ModelNotFoundException",
                    torch ? "Model not found at: %s" : "Model not found in model store: %s",
                    g->url);
    return 0;
}

/* The file's name without its ending. */
static void name_of_file(struct registration *g)
{
    const char *slash = strrchr(g->url, '/'), *base = slash ? slash + 1 : g->url;
    const char *dot = strrchr(base, '.');
    const size_t n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    snprintf(g->name, sizeof g->name, "%.*s", (int)(n < sizeof g->name ? n : sizeof g->name - 1),
             base);
}

/* 0: it was answered. */
static int read_registration(struct call *c, const struct parameters *p, struct registration *g)
{
    long batch, delay, timeout;
    char runtime[32];
    const int initial = c->server->options.initial_workers;
    g->options = c->server->options.versions;
    if (!text_of(p, "url", g->url, sizeof g->url) || !*g->url) {
        bad_request(c, "Parameter url is required.");
        return 0;
    }
    if (text_of(p, "runtime", runtime, sizeof runtime) && strncmp(runtime, "python", 6) != 0) {
        reply_exception(c->request, 400, "BadRequestException", "Invalid RuntimeType value: %s",
                        runtime);
        return 0;
    }
    if (!number_of(p, "batch_size", 1, 1024, g->options.max_batch, &batch) ||
        !number_of(p, "max_batch_delay", 0, 3600000, (long)(g->options.batch_delay_ns / 1000000),
                   &delay) ||
        !number_of(p, "response_timeout", 0, 86400, 0, &timeout) ||
        !number_of(p, "initial_workers", 0, MOST_WORKERS,
                   initial == VERSION_NO_WORKERS ? 0
                   : initial                     ? initial
                                                 : -1,
                   &g->workers)) {
        bad_request(c, "batch_size, max_batch_delay, response_timeout or initial_workers is no "
                       "number that it may be");
        return 0;
    }
    if (!find_file(c, g))
        return 0;
    if (!text_of(p, "model_name", g->name, sizeof g->name) || !*g->name)
        name_of_file(g);
    if (!is_name(g->name)) {
        bad_request(c, "a model's name is of 1 to 127 characters, does not begin with a dot and "
                       "has no '/' in it");
        return 0;
    }
    char text[32];
    g->options.told |= text_of(p, "batch_size", text, sizeof text) ? VERSION_TOLD_BATCH : 0;
    g->options.told |= text_of(p, "max_batch_delay", text, sizeof text) ? VERSION_TOLD_DELAY : 0;
    g->options.told |= timeout ? VERSION_TOLD_TIMEOUT : 0;
    g->options.max_batch = (int)batch;
    g->options.batch_delay_ns = (uint64_t)delay * 1000000;
    if (timeout)
        g->options.timeout_ns = (uint64_t)timeout * 1000000000u;
    return 1;
}

static void tell_registered(struct call *c, const struct registration *g, int64_t number,
                            int workers)
{
    char text[NAME_BYTES + 160];
    if (management_torchserve(c))
        snprintf(text, sizeof text,
                 "Model \"%s\" Version: %lld.0 registered with %d initial workers%s", g->name,
                 (long long)number, workers,
                 workers ? "" : ". Use scale workers API to add workers for the model.");
    else if (workers)
        snprintf(text, sizeof text, "Workers scaled");
    else
        snprintf(text, sizeof text, "Model \"%s\" registered", g->name);
    tell(c, 200, text);
}

/* A further version leaves the default where it was, as in TorchServe. */
static void add_model(struct registration *g)
{
    struct call *c = &g->call;
    struct server *s = c->server;
    char why[300] = "";
    int64_t number;
    enum repository_missing missing;
    const int torch = management_torchserve(c);
    const int64_t before = torch ? repository_default(s->repository, g->name, strlen(g->name)) : 0;
    switch (repository_add(s->repository, g->name, g->path, &g->options, !torch, &number, why,
                           sizeof why)) {
    case REPOSITORY_DONE:
        break;
    case REPOSITORY_EXISTS:
        reply_exception(c->request, 409, "ConflictStatusException",
                        torch ? "Model version is already registered for model %s"
                              : "Model %s is already registered.",
                        g->name);
        return;
    default:
        reply_exception(c->request, 400, "InvalidModelException", "%s: %s", g->url, why);
        return;
    }
    if (before)
        repository_set_default(s->repository, g->name, before);
    struct version *v = repository_get(s->repository, g->name, strlen(g->name), number, &missing);
    int workers = 0;
    if (v && g->workers >= 0)
        scheduler_scale(s->scheduler, v, (int)g->workers);
    if (v)
        workers = g->workers >= 0 ? (int)g->workers : scheduler_workers(s->scheduler, v);
    version_unref(v);
    tell_registered(c, g, number, workers);
}

/* Loading takes its time: others are answered meanwhile. */
static void load_aside(void *registration)
{
    add_model(registration);
    free(registration);
}

/* Whether models may be registered and unregistered; if not it was answered. */
static int may_control(struct call *c)
{
    if (c->server->options.control)
        return 1;
    reply_exception(c->request, 405, "MethodNotAllowedException",
                    "Requested method is not allowed, please refer to API document.");
    return 0;
}

static void do_register(struct call *c)
{
    if (!may_control(c))
        return;
    struct registration *g = calloc(1, sizeof *g);
    if (!g) {
        reply_exception(c->request, 507, "InsufficientMemoryException", "out of memory");
        return;
    }
    g->call = (struct call){.server = c->server, .request = c->request};
    const struct parameters p = read_parameters(c->request);
    const int good = read_registration(c, &p, g);
    yyjson_doc_free(p.doc);
    if (!good)
        free(g);
    else if (!server_aside(c->server, load_aside, g))
        load_aside(g);
}

/* ---- one model ------------------------------------------------------------------------------ */

/* The version that parts of the path mean, counted; NULL: it was answered. `text` becomes the
 * version as it was sent, "" where none was. */
static struct version *version_of(struct call *c, int with_version, char *name, char *text)
{
    enum repository_missing missing;
    int64_t number = 0;
    *text = 0;
    if (!mms_name(c, 0, name, NAME_BYTES) || (with_version && !mms_name(c, 1, text, NAME_BYTES)))
        return NULL;
    if (with_version && !(number = mms_version(&c->part[1])))
        number = -1;
    struct version *v = repository_get(c->server->repository, name, strlen(name), number, &missing);
    if (!v)
        mms_unknown(c->request, name,
                    repository_default(c->server->repository, name, strlen(name)) ? text : "");
    return v;
}

static void describe_one(struct call *c, int with_version)
{
    char name[NAME_BYTES], text[NAME_BYTES];
    struct version *v = version_of(c, with_version, name, text);
    if (v)
        management_describe(c, &v, 1);
    version_unref(v);
}

static void describe(struct call *c)
{
    describe_one(c, 0);
}

static void describe_version(struct call *c)
{
    char name[NAME_BYTES];
    if (c->part[1].length != 3 || memcmp(c->part[1].text, "all", 3) != 0) {
        describe_one(c, 1);
        return;
    }
    if (!mms_name(c, 0, name, sizeof name))
        return;
    int n, count = 0;
    struct repository_row *rows = repository_rows(c->server->repository, &n);
    struct version **all = calloc((size_t)n + 1, sizeof(struct version *));
    for (int i = 0; rows && all && i < n; i++)
        if (rows[i].version && strcmp(rows[i].name, name) == 0)
            all[count++] = rows[i].version;
    if (count)
        management_describe(c, all, count);
    else
        mms_unknown(c->request, name, "");
    free(all);
    repository_rows_free(rows, n);
}

static void scale(struct call *c, int with_version)
{
    char name[NAME_BYTES], text[NAME_BYTES], status[NAME_BYTES * 2 + 80];
    long min, max;
    struct version *v = version_of(c, with_version, name, text);
    if (!v)
        return;
    const struct parameters p = read_parameters(c->request);
    const int fits = number_of(&p, "min_worker", 0, MOST_WORKERS, 1, &min) &&
                     number_of(&p, "max_worker", 0, MOST_WORKERS, min, &max);
    const int waits = is_true(&p, "synchronous");
    yyjson_doc_free(p.doc);
    if (!fits) {
        bad_request(c, "min_worker or max_worker is no number of workers");
    } else if (max < min) {
        bad_request(c, "max_worker cannot be less than min_worker.");
    } else {
        scheduler_scale(c->server->scheduler, v, (int)max);
        if (management_torchserve(c))
            snprintf(status, sizeof status, "Workers scaled to %ld for model: %s%s%s", max, name,
                     *text ? ", version: " : "", text);
        else
            snprintf(status, sizeof status, "Workers scaled");
        tell(c, waits ? 200 : 202, waits ? status : "Processing worker updates...");
    }
    version_unref(v);
}

static void scale_model(struct call *c)
{
    scale(c, 0);
}

static void scale_version(struct call *c)
{
    scale(c, 1);
}

/* MMS unregisters a model, TorchServe one version of it. */
static void unregister(struct call *c, int with_version)
{
    char name[NAME_BYTES], text[NAME_BYTES], status[NAME_BYTES + 40];
    struct version *v = may_control(c) ? version_of(c, with_version, name, text) : NULL;
    if (!v)
        return;
    enum repository_done done = REPOSITORY_DONE;
    if (with_version || management_torchserve(c))
        done = repository_remove(c->server->repository, name, v->number);
    else
        repository_unload(c->server->repository, name);
    version_unref(v);
    if (done == REPOSITORY_IS_DEFAULT) {
        reply_exception(c->request, 403, "InvalidModelVersionException",
                        "Cannot remove default version for model %s", name);
    } else if (done != REPOSITORY_DONE) {
        mms_unknown(c->request, name, text);
    } else {
        snprintf(status, sizeof status, "Model \"%s\" unregistered", name);
        tell(c, 200, status);
    }
}

static void unregister_model(struct call *c)
{
    unregister(c, 0);
}

static void unregister_version(struct call *c)
{
    unregister(c, 1);
}

static void set_default(struct call *c)
{
    char name[NAME_BYTES], text[NAME_BYTES], status[NAME_BYTES * 2 + 80];
    struct version *v = version_of(c, 1, name, text);
    if (!v)
        return;
    repository_set_default(c->server->repository, name, v->number);
    version_unref(v);
    snprintf(status, sizeof status,
             "Default version successfully updated for model \"%s\" to \"%s\"", name, text);
    tell(c, 200, status);
}

/* A name for a version, which /v1/models/{m}/labels/{label} then means. */
static void set_label(struct call *c)
{
    char name[NAME_BYTES], text[NAME_BYTES], label[64], status[NAME_BYTES * 2 + 160];
    struct version *v = version_of(c, 1, name, text);
    if (!v)
        return;
    const long n = http_unescape(c->part[2].text, c->part[2].length, 0, label, sizeof label);
    if (n <= 0)
        bad_request(c, "a label is of 1 to 63 characters");
    else if (repository_set_label(c->server->repository, name, label, v->number) != REPOSITORY_DONE)
        reply_exception(c->request, 507, "InsufficientMemoryException", "out of memory");
    else {
        snprintf(status, sizeof status, "Label \"%s\" of model \"%s\" is version \"%s\"", label,
                 name, text);
        tell(c, 200, status);
    }
    version_unref(v);
}

static void remove_label(struct call *c)
{
    char name[NAME_BYTES], text[NAME_BYTES], label[64];
    struct version *v = version_of(c, 0, name, text);
    if (!v)
        return;
    if (http_unescape(c->part[1].text, c->part[1].length, 0, label, sizeof label) > 0)
        repository_set_label(c->server->repository, name, label, 0);
    version_unref(v);
    tell(c, 200, "Label removed");
}

const struct route management_routes[] = {
    {"OPTIONS", "/", openapi_management},
    {"*", "/api-description", openapi_management},
    {"GET", "/models", list},
    {"GET", "/models/", list},
    {"POST", "/models", do_register},
    {"GET", "/models/{}", describe},
    {"PUT", "/models/{}", scale_model},
    {"DELETE", "/models/{}", unregister_model},
    {"GET", "/models/{}/{}", describe_version},
    {"PUT", "/models/{}/{}", scale_version},
    {"DELETE", "/models/{}/{}", unregister_version},
    {"PUT", "/models/{}/{}/set-default", set_default},
    {"PUT", "/models/{}/{}/labels/{}", set_label},
    {"DELETE", "/models/{}/labels/{}", remove_label},
    {NULL, NULL, NULL},
};
