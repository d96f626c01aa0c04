/* POST .../infer: from a body to a job. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/kserve/kserve.h"

static void drop(struct kserve_call *k)
{
    v2_free(&k->request);
    yyjson_doc_free(k->doc);
    free(k);
}

static void on_done(struct job *job, void *ctx)
{
    struct kserve_call *k = ctx;
    (void)job;
    kserve_answer(k);
    drop(k);
}

/* The length of the JSON: what the header says, else all. 0: no such length. */
static int json_length(const struct http_request *r, size_t *bytes, struct v2_error *err)
{
    const char *header = http_header(r, "Inference-Header-Content-Length");
    char *end;
    *bytes = r->body_bytes;
    if (!header)
        return 1;
    errno = 0;
    const unsigned long long n = strtoull(header, &end, 10);
    if (*header < '0' || *header > '9' || *end || errno || n > r->body_bytes) {
        v2_fail(err, V2_INVALID, "inference header size should be in range (0, %zu), got: %.40s",
                r->body_bytes, header);
        return 0;
    }
    *bytes = (size_t)n;
    return 1;
}

/* Fills the request. A body without JSON is the one input, and all outputs are binary then. */
static int fill(struct kserve_call *k, size_t json, struct v2_error *err)
{
    const struct http_request *r = k->http;
    if (json)
        return kserve_parse(k, (const char *)r->body, json, r->body + json, r->body_bytes - json,
                            err);
    k->binary = 1;
    return v2_input_whole(&k->request, r->body ? r->body : (const unsigned char *)"", r->body_bytes,
                          err);
}

/* Refuses what JSON can't carry before it is computed. */
static int outputs_fit(const struct kserve_call *k, struct v2_error *err)
{
    const struct v2_request *q = &k->request;
    const int n = q->noutputs ? q->noutputs : q->version->noutputs;
    for (int i = 0; i < n; i++) {
        const struct v2_output *o = &q->outputs[i];
        const infer_value_info *info = &q->version->outputs[q->noutputs ? o->index : i];
        const int half = info->type == INFER_F16 || info->type == INFER_BF16;
        if (half && !(q->noutputs ? o->mark || o->classes : k->binary)) {
            v2_fail(err, V2_INVALID,
                    "sending %s data via JSON is not supported. Please use the binary data format "
                    "for output",
                    v2_datatype(info->type));
            return 0;
        }
    }
    return 1;
}

static void infer(struct call *c, int64_t number)
{
    struct v2_error err = {.code = V2_UNAVAILABLE, .text = "out of memory"};
    size_t json;
    struct version *v = v2_find(c->server, c->part[0].text, c->part[0].length, number, &err);
    if (!number)
        v = traffic_choose(c->server, v);
    struct kserve_call *k = v ? calloc(1, sizeof *k) : NULL;
    int plain = 1; /* as Triton has it: errors found before the body is looked at, and after */
    int ok = k && v2_begin(&k->request, c->server, v, &err) && json_length(c->request, &json, &err);
    version_unref(v);
    if (ok) {
        k->http = c->request;
        server_follow(c->server, k->request.job, c->request);
        ok = fill(k, json, &err);
        plain = k->request.late;
    }
    if (ok && !outputs_fit(k, &err)) {
        plain = 1;
        ok = 0;
    }
    if (ok && v2_submit(&k->request, on_done, k, &err))
        return;
    kserve_refuse(c->request, &err, plain);
    if (k)
        drop(k);
}

void kserve_infer(struct call *c)
{
    infer(c, 0);
}

void kserve_infer_version(struct call *c)
{
    int64_t number;
    if (kserve_version(c, 1, &number))
        infer(c, number);
}
