/* /predictions, /invocations and their kin: from a request to a job. */
#include "tools/serve/predict/predict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/kserve/kserve.h"
#include "tools/serve/transport/reply.h"

enum { NAME_BYTES = 256, MOST_TOP = 100000 };

/* ---- names ---------------------------------------------------------------------------------- */

void mms_unknown(struct http_request *r, const char *name, const char *version)
{
    if (*version)
        reply_exception(r, 404, "ModelVersionNotFoundException",
                        "Model version: %s does not exist for model: %s", version, name);
    else
        reply_exception(r, 404, "ModelNotFoundException", "Model not found: %s", name);
}

int mms_name(const struct call *c, int part, char *name, size_t size)
{
    const struct part *p = &c->part[part];
    if (http_unescape(p->text, p->length, 0, name, size) >= 0)
        return 1;
    reply_exception(c->request, 400, "BadRequestException",
                    "the path has a broken escape or too long a name");
    return 0;
}

int64_t mms_version(const struct part *part)
{
    int64_t number = 0;
    size_t i = 0;
    for (; i < part->length && part->text[i] >= '0' && part->text[i] <= '9' && i < 18; i++)
        number = number * 10 + (part->text[i] - '0');
    const int whole = i == part->length ||
                      (part->length - i == 2 && part->text[i] == '.' && part->text[i + 1] == '0');
    return whole ? number : 0;
}

/* ---- what is asked -------------------------------------------------------------------------- */

/* A parameter of the query, else a value of the body. */
static int parameter(const struct prediction *p, const char *name, char *value, size_t size)
{
    return http_query(p->http, name, value, size) || body_value(&p->body, name, value, size);
}

static int is_off(const char *text)
{
    return strcmp(text, "0") == 0 || strcmp(text, "false") == 0 || strcmp(text, "no") == 0;
}

/* 0: a parameter makes no sense, which `why` tells. */
static int read_parameters(struct prediction *p, char *why, size_t size)
{
    char text[64], *end;
    if (parameter(p, "top", text, sizeof text)) {
        p->top = strtol(text, &end, 10);
        if (*end || end == text || p->top < 1 || p->top > MOST_TOP) {
            snprintf(why, size, "top is a number of classes, not '%s'", text);
            return 0;
        }
    }
    if (parameter(p, "score", text, sizeof text)) {
        p->score = strtof(text, &end);
        if (*end || end == text || !(p->score >= 0 && p->score <= 1)) {
            snprintf(why, size, "score is a threshold of 0 to 1, not '%s'", text);
            return 0;
        }
    }
    if (parameter(p, "mask", text, sizeof text)) {
        p->masks = strcmp(text, "png") == 0   ? ANSWER_PNG
                   : strcmp(text, "rle") == 0 ? ANSWER_RLE
                                              : ANSWER_NO_MASK;
        if (p->masks == ANSWER_NO_MASK && strcmp(text, "none") != 0) {
            snprintf(why, size, "mask is rle, png or none, not '%s'", text);
            return 0;
        }
    }
    if (parameter(p, "vector", text, sizeof text) && !is_off(text))
        p->vector = strcmp(text, "normalised") == 0 ? JOB_VECTOR_OF_LENGTH_1 : JOB_VECTOR;
    if (!parameter(p, "detector", p->detector, sizeof p->detector))
        *p->detector = 0;
    if (parameter(p, "draw", text, sizeof text) && !is_off(text))
        p->draw = strcmp(text, "png") == 0 ? DRAW_PNG : DRAW_JPEG;
    return 1;
}

void prediction_free(struct prediction *p)
{
    v2_free(&p->request);
    columns_free(&p->memory);
    picture_list_free(&p->pictures);
    body_free(&p->body);
    yyjson_doc_free(p->doc);
    version_unref(p->version);
    infer_image_free(&p->image);
    free(p);
}

/* ---- pictures ------------------------------------------------------------------------------- */

static int is_parameter(const struct body_field *f)
{
    static const char *const names[] = {"top",    "score",    "mask",      "draw",
                                        "vector", "detector", "model_name"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (f->name_bytes == strlen(names[i]) && memcmp(f->name, names[i], f->name_bytes) == 0)
            return 1;
    return 0;
}

/* The pictures of a body: 1: there are some; 0: there are none; -1: too many. */
static int find_pictures(struct prediction *p)
{
    for (int i = 0; i < p->body.count; i++) {
        const struct body_field *f = &p->body.fields[i];
        if (!f->is_file && is_parameter(f))
            continue;
        if (body_is_json(f->data, f->bytes)) {
            struct v2_error err;
            yyjson_doc_free(p->doc);
            p->doc = kserve_read((const char *)f->data, f->bytes, &err);
            const int before = p->pictures.count;
            if (!p->doc || !picture_list_add_json(&p->pictures, yyjson_doc_get_root(p->doc)))
                while (p->pictures.count > before)
                    free(p->pictures.owned[--p->pictures.count]);
        } else if (f->is_file || body_is_picture(f->data, f->bytes)) {
            if (!picture_list_add(&p->pictures, f->data, f->bytes))
                return -1;
        } else {
            picture_list_add_text(&p->pictures, (const char *)f->data, f->bytes);
        }
    }
    return p->pictures.count > 0;
}

static void on_pictures(struct job *job, void *ctx)
{
    struct prediction *p = ctx;
    if (job->status == JOB_OK)
        predict_answer(p, job);
    else
        predict_tell_failure(p, job);
    job_free(job);
    prediction_free(p);
}

/* 0: err says why it is not run. */
static int submit_pictures(struct prediction *p, struct v2_error *err)
{
    struct version *v = p->version;
    const int drawable = v->task != INFER_TASK_NONE && !p->vector && p->pictures.count == 1;
    if (p->draw && !drawable) {
        v2_fail(err, V2_INVALID, "draw is for one picture and a model whose answers can be drawn");
        return 0;
    }
    if (*p->detector)
        return predict_by_detector(p, err);
    const int tensors = v->task == INFER_TASK_NONE && !p->vector;
    struct job *job = job_new(v, tensors ? JOB_PICTURE_TENSORS : JOB_PICTURES);
    if (job)
        job->pictures = calloc((size_t)p->pictures.count, sizeof *job->pictures);
    if (!job || !job->pictures) {
        job_free(job);
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
        return 0;
    }
    memcpy(job->pictures, p->pictures.picture, (size_t)p->pictures.count * sizeof *job->pictures);
    job->npictures = p->pictures.count;
    snprintf(job->id, sizeof job->id, "%s", p->http->id);
    job->top = (int)p->top;
    job->score = p->score;
    job->vector = p->vector;
    job->want_masks = p->masks != ANSWER_NO_MASK || p->draw;
    server_follow(p->server, job, p->http);
    job->done = on_pictures;
    job->ctx = p;
    traffic_submit(p->server, job);
    return 1;
}

/* ---- tensors -------------------------------------------------------------------------------- */

static void on_tensors(struct job *job, void *ctx)
{
    struct prediction *p = ctx;
    if (job->status == JOB_OK)
        predict_answer_tensors(p);
    else
        predict_tell_failure(p, job);
    prediction_free(p);
}

static int submit_tensors(struct prediction *p, struct v2_error *err)
{
    if (p->draw) {
        v2_fail(err, V2_INVALID, "draw is for pictures");
        return 0;
    }
    if (!v2_begin(&p->request, p->server, p->version, err) || !predict_tensors(p, err))
        return 0;
    server_follow(p->server, p->request.job, p->http);
    return v2_submit(&p->request, on_tensors, p, err);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* Runs a prediction, or tells why not. The body has been taken apart. */
static void run(struct prediction *p)
{
    struct v2_error err = {V2_INVALID, ""};
    int found = 0, ok = read_parameters(p, err.text, sizeof err.text);
    if (ok && p->version->takes_pictures) {
        found = find_pictures(p);
        ok = found >= 0;
        if (!ok)
            v2_fail(&err, V2_INVALID, "more than %d pictures", PICTURE_LIST_MOST);
    }
    if (ok && found == 0 && p->body.count == 0 && !p->version->text_inputs) {
        v2_fail(&err, V2_INVALID, "the body is empty");
        ok = 0;
    } else if (ok && found == 0 && p->version->takes_pictures && !p->doc) {
        v2_fail(&err, V2_INVALID, "there is no picture in the body");
        ok = 0;
    }
    if (ok && (found ? submit_pictures(p, &err) : submit_tensors(p, &err)))
        return;
    predict_refuse(p, &err);
    prediction_free(p);
}

/* A prediction with its body taken apart; NULL: it was answered. */
static struct prediction *begin(struct call *c)
{
    char why[200];
    struct prediction *p = calloc(1, sizeof *p);
    if (!p) {
        reply_exception(c->request, 507, "InsufficientMemoryException", "out of memory");
        return NULL;
    }
    p->server = c->server;
    p->http = c->request;
    if (body_read(c->request, &p->body, why, sizeof why))
        return p;
    reply_exception(c->request, 400, "BadRequestException", "%s", why);
    prediction_free(p);
    return NULL;
}

/* To the version of a number, 0: the default one; `version` is as it was sent. Takes p over. */
static void predict_with(struct prediction *p, const char *name, int64_t number,
                         const char *version)
{
    enum repository_missing missing;
    p->version = repository_get(p->server->repository, name, strlen(name), number, &missing);
    if (p->version) {
        if (!number)
            p->version = traffic_choose(p->server, p->version);
        run(p);
        return;
    }
    mms_unknown(p->http, name, missing == MODEL_NO_VERSION ? version : "");
    prediction_free(p);
}

static void predict(struct call *c)
{
    char name[NAME_BYTES];
    struct prediction *p = mms_name(c, 0, name, sizeof name) ? begin(c) : NULL;
    if (p)
        predict_with(p, name, 0, "");
}

/* MMS knows no versions and passes over what stands there. */
static void predict_version(struct call *c)
{
    char name[NAME_BYTES], version[NAME_BYTES];
    if (!mms_name(c, 0, name, sizeof name) || !mms_name(c, 1, version, sizeof version))
        return;
    int64_t number = mms_version(&c->part[1]);
    enum repository_missing missing;
    if (c->server->options.compat == COMPAT_MMS) {
        struct version *v =
            number ? repository_get(c->server->repository, name, strlen(name), number, &missing)
                   : NULL;
        if (!v)
            number = 0;
        version_unref(v);
    } else if (number == 0) {
        number = -1;
    }
    struct prediction *p = begin(c);
    if (p)
        predict_with(p, name, number, version);
}

/* The name of the only model; 0: there are none, or several. */
static int only_model(struct server *s, char *name, size_t size)
{
    int n, models = 0;
    struct repository_row *rows = repository_rows(s->repository, &n);
    *name = 0;
    for (int i = 0; rows && i < n; i++)
        if (rows[i].state == MODEL_READY && strcmp(rows[i].name, name) != 0) {
            models++;
            snprintf(name, size, "%s", rows[i].name);
        }
    repository_rows_free(rows, n);
    return models == 1;
}

/* MMS looks for the name in the query alone, TorchServe in the body too. */
static void invocations(struct call *c)
{
    char name[NAME_BYTES];
    struct prediction *p = begin(c);
    if (!p)
        return;
    if (http_query(c->request, "model_name", name, sizeof name) ||
        (c->server->options.compat == COMPAT_TORCHSERVE &&
         body_value(&p->body, "model_name", name, sizeof name)) ||
        only_model(c->server, name, sizeof name)) {
        predict_with(p, name, 0, "");
        return;
    }
    reply_exception(c->request, 400, "BadRequestException", "Parameter model_name is required.");
    prediction_free(p);
}

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

const struct route predict_routes[] = {
    {"*", "/ping", ping},
    {"OPTIONS", "/", openapi_inference},
    {"OPTIONS", "*", openapi_inference},
    {"*", "/api-description", openapi_inference},
    {"OPTIONS", "/predictions/{}", openapi_model},
    {"*", "/predictions/{}", predict},
    {"*", "/predictions/{}/", predict},
    {"*", "/predictions/{}/{}", predict_version},
    {"*", "/models/{}/invoke", predict},
    {"*", "/invocations", invocations},
    {"*", "/{}/predict", predict},
    {NULL, NULL, NULL},
};
