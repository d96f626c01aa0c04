/* What a prediction is answered with. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/palette_png.h"
#include "tools/serve/predict/drawn.h"
#include "tools/serve/predict/predict.h"
#include "tools/serve/transport/reply.h"

void predict_refuse(const struct prediction *p, const struct v2_error *err)
{
    switch (err->code) {
    case V2_UNAVAILABLE:
        reply_exception(p->http, 503, "ServiceUnavailableException",
                        "No worker is available to serve request for model: %s. Consider "
                        "increasing job queue size. (%s)",
                        p->version->name, err->text);
        break;
    case V2_INVALID:
    case V2_UNSUPPORTED:
        reply_exception(p->http, 400, "BadRequestException", "%s", err->text);
        break;
    default: /* what went wrong inside is nobody's business */
        reply_exception(p->http, 503, "InternalServerException", "Prediction failed");
    }
}

/* TorchServe's worker dies of what takes too long; MMS knows nothing of the kind. */
void predict_tell_failure(const struct prediction *p, const struct job *job)
{
    struct v2_error err;
    if (job->status == JOB_LATE && p->server->options.compat == COMPAT_TORCHSERVE) {
        reply_exception(p->http, 500, "InternalServerException", "Worker died.");
        return;
    }
    v2_job_error(job, &err);
    predict_refuse(p, &err);
}

static void reply_bytes(const struct prediction *p, const char *type, void *bytes, size_t n)
{
    if (!bytes) {
        reply_exception(p->http, 507, "InsufficientMemoryException", "out of memory");
        return;
    }
    struct http_answer a = {
        .status = 200, .content_type = type, .body = bytes, .body_bytes = n, .free_body = free};
    reply_mms_headers(p->http, &a);
    http_answer(p->http, &a);
}

static void reply_value(const struct prediction *p, yyjson_mut_doc *doc, yyjson_mut_val *value)
{
    if (!value) {
        yyjson_mut_doc_free(doc);
        reply_exception(p->http, 507, "InsufficientMemoryException", "out of memory");
        return;
    }
    yyjson_mut_doc_set_root(doc, value);
    struct http_answer a = {.status = 200};
    reply_mms_headers(p->http, &a);
    reply_json_with(p->http, &a, doc, 1);
}

/* Whether the mask itself is wanted, and nothing else. */
static int wants_mask(const struct prediction *p, const struct job *job)
{
    const char *accept = http_header(p->http, "Accept");
    return p->masks == ANSWER_PNG && job->npictures == 1 &&
           p->version->task == INFER_TASK_SEGMENT && accept &&
           strncasecmp(accept, "image/png", 9) == 0;
}

/* An answer for one picture, a list of them for several. */
static yyjson_mut_val *answers(yyjson_mut_doc *doc, const struct prediction *p,
                               const struct job *job)
{
    if (job->kind != JOB_PICTURES)
        return outputs_json(doc, job);
    if (job->npictures == 1)
        return answer_json(doc, job, 0, p->masks);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (int i = 0; i < job->npictures; i++)
        yyjson_mut_arr_append(list, answer_json(doc, job, i, p->masks));
    return list;
}

void predict_answer(const struct prediction *p, const struct job *job)
{
    size_t n = 0;
    if (p->draw) {
        int jpeg = p->draw == DRAW_JPEG;
        void *bytes = drawn_picture(job, 0, &jpeg, &n);
        reply_bytes(p, jpeg ? "image/jpeg" : "image/png", bytes, n);
    } else if (wants_mask(p, job)) {
        void *bytes = palette_png(&job->answers[0].mask, &n);
        reply_bytes(p, "image/png", bytes, n);
    } else {
        yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        reply_value(p, doc, doc ? answers(doc, p, job) : NULL);
    }
}

void predict_answer_tensors(const struct prediction *p)
{
    int count;
    struct v2_error err;
    struct v2_result *results = v2_results(&p->request, &count, &err);
    if (!results) {
        predict_refuse(p, &err);
        return;
    }
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
    for (int i = 0; root && i < count; i++) {
        yyjson_mut_val *one = yyjson_mut_obj(doc),
                       *shape = yyjson_mut_obj_add_arr(doc, one, "shape");
        for (int32_t k = 0; k < results[i].info.rank; k++)
            yyjson_mut_arr_add_sint(doc, shape, results[i].info.dims[k]);
        yyjson_mut_obj_add_val(doc, one, "data", columns_value(doc, &results[i]));
        yyjson_mut_obj_add(root, yyjson_mut_strcpy(doc, results[i].info.name), one);
    }
    v2_results_free(results, count);
    reply_value(p, doc, root);
}
