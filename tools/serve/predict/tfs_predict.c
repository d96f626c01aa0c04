/* :predict and :classify. */
#include <stdlib.h>
#include <string.h>

#include "tools/serve/kserve/kserve.h"
#include "tools/serve/predict/columns.h"
#include "tools/serve/predict/picture_list.h"
#include "tools/serve/predict/tfs.h"
#include "tools/serve/transport/reply.h"

/* A request on its way. */
struct prediction {
    struct http_request *http;
    yyjson_doc *doc;
    int rows;
    struct v2_request request;
    struct columns_memory memory;
    struct picture_list pictures;
};

static void drop(struct prediction *p)
{
    v2_free(&p->request);
    columns_free(&p->memory);
    picture_list_free(&p->pictures);
    yyjson_doc_free(p->doc);
    free(p);
}

static void refuse(struct http_request *r, const struct v2_error *err)
{
    static const int statuses[] = {
        [V2_OK] = 500,          [V2_INVALID] = 400,     [V2_NOT_FOUND] = 404,
        [V2_UNAVAILABLE] = 503, [V2_UNSUPPORTED] = 501, [V2_INTERNAL] = 500};
    reply_error(r, statuses[err->code], "%s", err->text);
}

/* A request with its body read; 0: err says why not. */
static int begin(struct prediction *p, const struct tfs_call *t, struct v2_error *err)
{
    p->http = t->http;
    p->doc = kserve_read((const char *)t->http->body, t->http->body_bytes, err);
    if (!p->doc || !yyjson_is_obj(yyjson_doc_get_root(p->doc))) {
        err->code = V2_INVALID;
        if (p->doc)
            v2_fail(err, V2_INVALID, "the body is not an object");
        return 0;
    }
    yyjson_val *signature = yyjson_obj_get(yyjson_doc_get_root(p->doc), "signature_name");
    const char *name = yyjson_get_str(signature);
    if (!signature || (name && (!*name || strcmp(name, "serving_default") == 0)))
        return 1;
    v2_fail(err, V2_INVALID, "Serving signature name: \"%.100s\" not found in signature def",
            name ? name : "");
    return 0;
}

/* ---- predict -------------------------------------------------------------------------------- */

static void answer(const struct prediction *p)
{
    struct v2_error err = {V2_UNAVAILABLE, "out of memory"};
    int count;
    struct v2_result *results = v2_results(&p->request, &count, &err);
    yyjson_mut_doc *doc = results ? yyjson_mut_doc_new(NULL) : NULL;
    yyjson_mut_val *value = NULL;
    if (doc && p->rows) {
        value = columns_rows(doc, results, count);
        if (!value)
            v2_fail(&err, V2_INVALID,
                    "the outputs have not a row for each instance: send \"inputs\" instead");
    } else if (doc) {
        value = columns_values(doc, results, count);
    }
    v2_results_free(results, results ? count : 0);
    if (!value) {
        yyjson_mut_doc_free(doc);
        refuse(p->http, &err);
        return;
    }
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_obj_add_val(doc, root, p->rows ? "predictions" : "outputs", value);
    yyjson_mut_doc_set_root(doc, root);
    reply_json(p->http, 200, doc, 1);
}

static void on_tensors(struct job *job, void *ctx)
{
    struct prediction *p = ctx;
    struct v2_error err;
    if (job->status == JOB_OK) {
        answer(p);
    } else {
        v2_job_error(job, &err);
        refuse(p->http, &err);
    }
    drop(p);
}

static int fill(struct prediction *p, struct v2_error *err)
{
    yyjson_val *root = yyjson_doc_get_root(p->doc);
    yyjson_val *rows = yyjson_obj_get(root, "instances"), *columns = yyjson_obj_get(root, "inputs");
    if ((rows != NULL) == (columns != NULL)) {
        v2_fail(err, V2_INVALID, "the body has not one of \"instances\" and \"inputs\"");
        return 0;
    }
    p->rows = rows != NULL;
    return rows ? columns_read_rows(&p->request, rows, &p->memory, err)
                : columns_read(&p->request, columns, &p->memory, err);
}

static int submit(struct prediction *p, const struct server *s, struct v2_error *err)
{
    server_follow(s, p->request.job, p->http);
    return v2_submit(&p->request, on_tensors, p, err);
}

void tfs_predict(const struct tfs_call *t)
{
    struct v2_error err = {V2_UNAVAILABLE, "out of memory"};
    struct version *v = tfs_version(t);
    struct prediction *p = v ? calloc(1, sizeof *p) : NULL;
    if (!v)
        return;
    const int ok = p && begin(p, t, &err) && v2_begin(&p->request, t->server, v, &err) &&
                   fill(p, &err) && submit(p, t->server, &err);
    version_unref(v);
    if (ok)
        return;
    refuse(t->http, &err);
    if (p)
        drop(p);
}

/* ---- classify ------------------------------------------------------------------------------- */

static void tell_classes(const struct prediction *p, const struct job *job)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *result = yyjson_mut_obj_add_arr(doc, root, "result");
    for (int i = 0; i < job->npictures; i++) {
        yyjson_mut_val *one = yyjson_mut_arr_add_arr(doc, result);
        for (size_t k = 0; k < job->answers[i].nclasses; k++) {
            const infer_class *c = &job->answers[i].classes[k];
            const char *label = version_label(job->version, c->index);
            yyjson_mut_val *pair = yyjson_mut_arr_add_arr(doc, one);
            yyjson_mut_arr_add_strcpy(doc, pair, label ? label : "");
            yyjson_mut_arr_add_float(doc, pair, c->score);
        }
    }
    yyjson_mut_doc_set_root(doc, root);
    reply_json(p->http, 200, doc, 1);
}

static void on_pictures(struct job *job, void *ctx)
{
    struct prediction *p = ctx;
    struct v2_error err;
    if (job->status == JOB_OK) {
        tell_classes(p, job);
    } else {
        v2_job_error(job, &err);
        refuse(p->http, &err);
    }
    job_free(job);
    drop(p);
}

static int submit_pictures(struct prediction *p, const struct tfs_call *t, struct version *v,
                           struct v2_error *err)
{
    yyjson_val *examples = yyjson_obj_get(yyjson_doc_get_root(p->doc), "examples");
    if (v->task != INFER_TASK_CLASSIFY) {
        v2_fail(err, V2_INVALID, "model '%.100s' does not classify pictures: use :predict",
                v->name);
        return 0;
    }
    if (!yyjson_is_arr(examples) || !picture_list_add_json(&p->pictures, examples) ||
        !p->pictures.count) {
        v2_fail(err, V2_INVALID, "\"examples\" is no list of pictures in base64, at most %d",
                PICTURE_LIST_MOST);
        return 0;
    }
    struct job *job = job_new(v, JOB_PICTURES);
    if (job)
        job->pictures = calloc((size_t)p->pictures.count, sizeof *job->pictures);
    if (!job || !job->pictures) {
        job_free(job);
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
        return 0;
    }
    memcpy(job->pictures, p->pictures.picture, (size_t)p->pictures.count * sizeof *job->pictures);
    snprintf(job->id, sizeof job->id, "%s", p->http->id);
    job->npictures = p->pictures.count;
    job->done = on_pictures;
    job->ctx = p;
    traffic_submit(t->server, job);
    return 1;
}

void tfs_classify(const struct tfs_call *t)
{
    struct v2_error err = {V2_UNAVAILABLE, "out of memory"};
    struct version *v = tfs_version(t);
    struct prediction *p = v ? calloc(1, sizeof *p) : NULL;
    if (!v)
        return;
    const int ok = p && begin(p, t, &err) && submit_pictures(p, t, v, &err);
    version_unref(v);
    if (ok)
        return;
    refuse(t->http, &err);
    if (p)
        drop(p);
}
