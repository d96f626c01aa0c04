/* TensorFlow Serving's REST API: /v1/models/{m}[/versions/{n}|/labels/{l}][:predict|:classify]. */
#include "tools/serve/predict/tfs.h"

#include <stdio.h>
#include <string.h>

#include "tools/serve/kserve/kserve.h"
#include "tools/serve/predict/predict.h"
#include "tools/serve/transport/reply.h"

/* ---- which version -------------------------------------------------------------------------- */

/* Splits a segment of a path at its last ':'. */
static struct part split(struct part whole, struct part *verb)
{
    size_t n = whole.length;
    while (n > 0 && whole.text[n - 1] != ':')
        n--;
    *verb = n ? (struct part){whole.text + n, whole.length - n} : (struct part){"", 0};
    return (struct part){whole.text, n ? n - 1 : whole.length};
}

/* The version that labels lead to; 0: there is none. */
static int64_t labelled(const struct tfs_call *t, struct part label)
{
    char text[64];
    const long n = http_unescape(label.text, label.length, 0, text, sizeof text);
    return n > 0
               ? repository_label(t->server->repository, t->name, strlen(t->name), text, (size_t)n)
               : 0;
}

/* Reads model and version from the path; version 0 is the default one, as ovmsclient sends it. 0:
 * it was answered. */
static int read_path(struct call *c, enum tfs_form form, struct tfs_call *t)
{
    struct part name = c->part[0], version = {"", 0}, verb;
    *t = (struct tfs_call){.server = c->server, .http = c->request};
    if (form == TFS_MODEL)
        name = split(name, &verb);
    else
        version = split(c->part[1], &verb);
    snprintf(t->verb, sizeof t->verb, "%.*s", (int)(verb.length < 32 ? verb.length : 31),
             verb.text);
    if (http_unescape(name.text, name.length, 0, t->name, sizeof t->name) <= 0) {
        reply_error(c->request, 400, "Malformed request: %s %s", c->request->method,
                    c->request->path);
        return 0;
    }
    t->told = form != TFS_MODEL;
    if (form == TFS_VERSION) {
        const int zero = version.length == 1 && *version.text == '0';
        t->number = mms_version(&version);
        if (!t->number && !zero) {
            reply_error(c->request, 400, "Malformed request: %s %s", c->request->method,
                        c->request->path);
            return 0;
        }
    } else if (form == TFS_LABEL && !(t->number = labelled(t, version))) {
        reply_error(c->request, 404, "Unrecognized servable version label: %.*s",
                    (int)(version.length < 64 ? version.length : 64), version.text);
        return 0;
    }
    return 1;
}

struct version *tfs_version(const struct tfs_call *t)
{
    enum repository_missing missing;
    struct version *v =
        repository_get(t->server->repository, t->name, strlen(t->name), t->number, &missing);
    if (!t->number)
        v = traffic_choose(t->server, v);
    if (!v && t->number && missing != MODEL_UNKNOWN)
        reply_error(t->http, 404, "Servable not found for request: Specific(%s, %lld)", t->name,
                    (long long)t->number);
    else if (!v)
        reply_error(t->http, 404, "Servable not found for request: Latest(%s)", t->name);
    return v;
}

/* ---- status --------------------------------------------------------------------------------- */

static void add_state(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct repository_row *row)
{
    static const char *const states[] = {[MODEL_UNAVAILABLE] = "END",
                                         [MODEL_LOADING] = "LOADING",
                                         [MODEL_READY] = "AVAILABLE",
                                         [MODEL_UNLOADING] = "UNLOADING"};
    char number[32];
    const int failed = row->state == MODEL_UNAVAILABLE && strcmp(row->reason, "unloaded") != 0;
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    snprintf(number, sizeof number, "%lld", (long long)row->number);
    yyjson_mut_obj_add_strcpy(doc, o, "version", number);
    yyjson_mut_obj_add_str(doc, o, "state", states[row->state]);
    yyjson_mut_val *status = yyjson_mut_obj_add_obj(doc, o, "status");
    yyjson_mut_obj_add_str(doc, status, "error_code", failed ? "UNKNOWN" : "OK");
    yyjson_mut_obj_add_strcpy(doc, status, "error_message", failed ? row->reason : "");
}

static void tell_status(const struct tfs_call *t)
{
    int n, told = 0;
    struct repository *repository = t->server->repository;
    const int64_t only = t->number ? t->number
                         : t->told ? repository_default(repository, t->name, strlen(t->name))
                                   : 0;
    struct repository_row *rows = repository_rows(repository, &n);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    for (int i = 0; rows && i < n; i++) {
        if (strcmp(rows[i].name, t->name) != 0 || (only && rows[i].number != only))
            continue;
        add_state(doc, list, &rows[i]);
        told++;
    }
    repository_rows_free(rows, n);
    yyjson_mut_obj_add_val(doc, root, "model_version_status", list);
    yyjson_mut_doc_set_root(doc, root);
    if (told) {
        reply_json(t->http, 200, doc, 1);
        return;
    }
    yyjson_mut_doc_free(doc);
    reply_error(t->http, 404, "Could not find any versions of model %s", t->name);
}

/* ---- metadata ------------------------------------------------------------------------------- */

static const char *dtype(infer_type type)
{
    static const char *const names[] = {
        [INFER_TYPE_NONE] = "DT_STRING", [INFER_F32] = "DT_FLOAT",  [INFER_F16] = "DT_HALF",
        [INFER_BF16] = "DT_BFLOAT16",    [INFER_F64] = "DT_DOUBLE", [INFER_S8] = "DT_INT8",
        [INFER_U8] = "DT_UINT8",         [INFER_S16] = "DT_INT16",  [INFER_U16] = "DT_UINT16",
        [INFER_S32] = "DT_INT32",        [INFER_U32] = "DT_UINT32", [INFER_S64] = "DT_INT64",
        [INFER_U64] = "DT_UINT64",       [INFER_BOOL] = "DT_BOOL",
    };
    return (size_t)type < sizeof names / sizeof *names && names[type] ? names[type] : "DT_INVALID";
}

static void add_tensor(yyjson_mut_doc *doc, yyjson_mut_val *of, const struct v2_info *info)
{
    char size[32];
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    yyjson_mut_obj_add_str(doc, o, "dtype", dtype(info->type));
    yyjson_mut_val *shape = yyjson_mut_obj_add_obj(doc, o, "tensorShape");
    yyjson_mut_val *dims = yyjson_mut_obj_add_arr(doc, shape, "dim");
    for (int32_t k = 0; k < info->rank; k++) {
        yyjson_mut_val *dim = yyjson_mut_arr_add_obj(doc, dims);
        snprintf(size, sizeof size, "%lld", (long long)info->dims[k]);
        yyjson_mut_obj_add_strcpy(doc, dim, "size", size);
        yyjson_mut_obj_add_str(doc, dim, "name", "");
    }
    yyjson_mut_obj_add_bool(doc, shape, "unknownRank", false);
    yyjson_mut_obj_add_strcpy(doc, o, "name", info->name);
    yyjson_mut_obj_add(of, yyjson_mut_strcpy(doc, info->name), o);
}

/* In the names that protobuf's JSON has, which ovmsclient looks for. */
static void tell_metadata(const struct tfs_call *t)
{
    struct version *v = tfs_version(t);
    char number[32];
    struct v2_info info;
    if (!v)
        return;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc),
                   *spec = yyjson_mut_obj_add_obj(doc, root, "modelSpec");
    yyjson_mut_obj_add_strcpy(doc, spec, "name", v->name);
    yyjson_mut_obj_add_str(doc, spec, "signatureName", "");
    snprintf(number, sizeof number, "%lld", (long long)v->number);
    yyjson_mut_obj_add_strcpy(doc, spec, "version", number);
    yyjson_mut_val *map =
        yyjson_mut_obj_add_obj(doc, yyjson_mut_obj_add_obj(doc, root, "metadata"), "signature_def");
    yyjson_mut_obj_add_str(doc, map, "@type",
                           "type.googleapis.com/tensorflow.serving.SignatureDefMap");
    yyjson_mut_val *def = yyjson_mut_obj_add_obj(
        doc, yyjson_mut_obj_add_obj(doc, map, "signatureDef"), "serving_default");
    yyjson_mut_val *inputs = yyjson_mut_obj_add_obj(doc, def, "inputs");
    for (int i = 0; i < v->ninputs; i++) {
        v2_input_info(v, i, &info);
        add_tensor(doc, inputs, &info);
    }
    yyjson_mut_val *outputs = yyjson_mut_obj_add_obj(doc, def, "outputs");
    for (int i = 0; i < v->noutputs; i++) {
        v2_output_info(v, i, &info);
        add_tensor(doc, outputs, &info);
    }
    yyjson_mut_obj_add_str(doc, def, "methodName", "tensorflow/serving/predict");
    version_unref(v);
    yyjson_mut_doc_set_root(doc, root);
    reply_json(t->http, 200, doc, 1);
}

/* ---- routes --------------------------------------------------------------------------------- */

static void serve(struct call *c, enum tfs_form form)
{
    struct tfs_call t;
    if (!read_path(c, form, &t))
        return;
    const int get = strcmp(c->request->method, "GET") == 0;
    if (get && !*t.verb)
        tell_status(&t);
    else if (!get && strcmp(t.verb, "predict") == 0)
        tfs_predict(&t);
    else if (!get && strcmp(t.verb, "classify") == 0)
        tfs_classify(&t);
    else
        reply_error(c->request, 400, "Malformed request: %s %s", c->request->method,
                    c->request->path);
}

static void serve_model(struct call *c)
{
    serve(c, TFS_MODEL);
}

static void serve_version(struct call *c)
{
    serve(c, TFS_VERSION);
}

static void serve_label(struct call *c)
{
    serve(c, TFS_LABEL);
}

static void metadata(struct call *c, enum tfs_form form)
{
    struct tfs_call t;
    if (read_path(c, form, &t))
        tell_metadata(&t);
}

static void model_metadata(struct call *c)
{
    metadata(c, TFS_MODEL);
}

static void version_metadata(struct call *c)
{
    metadata(c, TFS_VERSION);
}

static void label_metadata(struct call *c)
{
    metadata(c, TFS_LABEL);
}

const struct route tfs_routes[] = {
    {"GET POST", "/v1/models/{}", serve_model},
    {"GET POST", "/v1/models/{}/versions/{}", serve_version},
    {"GET POST", "/v1/models/{}/labels/{}", serve_label},
    {"GET", "/v1/models/{}/metadata", model_metadata},
    {"GET", "/v1/models/{}/versions/{}/metadata", version_metadata},
    {"GET", "/v1/models/{}/labels/{}/metadata", label_metadata},
    {NULL, NULL, NULL},
};
