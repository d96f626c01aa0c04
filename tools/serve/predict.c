/* POST or PUT /predictions/{model}: the bytes of a picture to its answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/answers.h"
#include "tools/serve/reply.h"
#include "tools/serve/server.h"

static void ping(struct call *c)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, o);
    yyjson_mut_obj_add_str(doc, o, "status", "Healthy");
    struct http_answer a = {.status = 200};
    reply_mms_headers(c->request, &a);
    reply_json_with(c->request, &a, doc, 1);
}

static void tell_failure(struct http_request *r, const struct job *job)
{
    switch (job->status) {
    case JOB_BAD_INPUT:
        reply_exception(r, 400, "BadRequestException", "%s", job->error);
        break;
    case JOB_QUEUE_FULL:
    case JOB_LATE:
    case JOB_UNLOADED:
        reply_exception(r, 503, "ServiceUnavailableException", "%s", job->error);
        break;
    default:
        reply_exception(r, 503, "InternalServerException", "Prediction failed");
    }
}

static void on_done(struct job *job, void *ctx)
{
    struct http_request *r = ctx;
    if (job->status != JOB_OK) {
        tell_failure(r, job);
    } else {
        yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_doc_set_root(doc, job->kind == JOB_PICTURES ? answer_json(doc, job, 0)
                                                               : outputs_json(doc, job));
        struct http_answer a = {.status = 200};
        reply_mms_headers(r, &a);
        reply_json_with(r, &a, doc, 1);
    }
    job_free(job);
}

static void predict(struct call *c)
{
    enum repository_missing missing;
    struct version *v =
        repository_get(c->server->repository, c->part[0].text, c->part[0].length, 0, &missing);
    if (!v) {
        reply_exception(c->request, 404, "ModelNotFoundException", "Model not found: %.*s",
                        (int)c->part[0].length, c->part[0].text);
        return;
    }
    struct job *job = job_new(v, v->task == INFER_TASK_NONE ? JOB_PICTURE_TENSORS : JOB_PICTURES);
    version_unref(v);
    if (job)
        job->pictures = calloc(1, sizeof *job->pictures);
    if (!job || !job->pictures) {
        job_free(job);
        reply_exception(c->request, 507, "InsufficientMemoryException", "out of memory");
        return;
    }
    job->npictures = 1;
    job->pictures[0].data = c->request->body;
    job->pictures[0].bytes = c->request->body_bytes;
    job->done = on_done;
    job->ctx = c->request;
    scheduler_submit(c->server->scheduler, job);
}

const struct route predict_routes[] = {
    {"GET HEAD POST PUT", "/ping", ping},
    {"*", "/predictions/{}", predict},
    {NULL, NULL, NULL},
};
