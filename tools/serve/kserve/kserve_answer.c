/* Results to the body of an answer: JSON, with tensors as bytes behind it where they are asked for
 * so, compressed where the client takes that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/kserve/kserve.h"
#include "tools/serve/predict/answers.h"
#include "tools/serve/transport/coding.h"

/* What is answered, in the order in which it is freed. */
struct body {
    char *bytes; /* JSON, then tensors */
    size_t length, json;
};

static yyjson_mut_val *texts_json(yyjson_mut_doc *doc, const struct v2_result *r)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    struct v2_text text;
    size_t at = 0;
    while (v2_next_text(r->data, r->bytes, &at, &text))
        yyjson_mut_arr_add_strn(doc, list, text.data, text.bytes);
    return list;
}

static void add_output(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct v2_result *r,
                       int binary)
{
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_str(doc, o, "name", r->info.name);
    yyjson_mut_obj_add_str(doc, o, "datatype", v2_datatype(r->info.type));
    yyjson_mut_obj_add_val(doc, o, "shape",
                           yyjson_mut_arr_with_sint64(doc, r->info.dims, (size_t)r->info.rank));
    if (binary) {
        yyjson_mut_val *parameters = yyjson_mut_obj_add_obj(doc, o, "parameters");
        yyjson_mut_obj_add_uint(doc, parameters, "binary_data_size", r->bytes);
    } else if (r->info.type == INFER_TYPE_NONE) {
        yyjson_mut_obj_add_val(doc, o, "data", texts_json(doc, r));
    } else {
        const struct job_tensor t = {
            .type = r->info.type, .data = (void *)(uintptr_t)r->data, .bytes = r->bytes};
        yyjson_mut_obj_add_val(doc, o, "data", tensor_json(doc, &t));
    }
}

static int is_binary(const struct kserve_call *k, const struct v2_result *r)
{
    return k->request.noutputs ? r->mark : k->binary;
}

static char *write_json(const struct kserve_call *k, const struct v2_result *results, int n,
                        size_t *bytes)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    char number[24];
    yyjson_mut_doc_set_root(doc, o);
    if (k->id)
        yyjson_mut_obj_add_str(doc, o, "id", k->id);
    yyjson_mut_obj_add_str(doc, o, "model_name", k->request.version->name);
    snprintf(number, sizeof number, "%lld", (long long)k->request.version->number);
    yyjson_mut_obj_add_str(doc, o, "model_version", number);
    yyjson_mut_val *outputs = yyjson_mut_obj_add_arr(doc, o, "outputs");
    for (int i = 0; i < n; i++)
        add_output(doc, outputs, &results[i], is_binary(k, &results[i]));
    char *text = yyjson_mut_write(
        doc, YYJSON_WRITE_ALLOW_INF_AND_NAN | YYJSON_WRITE_ALLOW_INVALID_UNICODE, bytes);
    yyjson_mut_doc_free(doc);
    return text;
}

/* 0: no memory. */
static int make_body(const struct kserve_call *k, const struct v2_result *results, int n,
                     struct body *b)
{
    b->bytes = write_json(k, results, n, &b->json);
    b->length = b->json;
    if (!b->bytes)
        return 0;
    for (int i = 0; i < n; i++)
        b->length += is_binary(k, &results[i]) ? results[i].bytes : 0;
    if (b->length == b->json)
        return 1;
    char *whole = realloc(b->bytes, b->length);
    if (!whole) {
        free(b->bytes);
        return 0;
    }
    size_t at = b->json;
    for (int i = 0; i < n; i++)
        if (is_binary(k, &results[i]) && results[i].bytes) {
            memcpy(whole + at, results[i].data, results[i].bytes);
            at += results[i].bytes;
        }
    b->bytes = whole;
    return 1;
}

/* Compresses where the client names a coding; what can't be goes out as it is. */
static void encode_body(const struct kserve_call *k, struct body *b, struct http_answer *a)
{
    const char *coding = coding_accepted(http_header(k->http, "Accept-Encoding"));
    unsigned char *out;
    size_t bytes;
    if (!coding || coding_encode(coding, b->bytes, b->length, &out, &bytes) != CODING_OK)
        return;
    free(b->bytes);
    b->bytes = (char *)out;
    b->length = bytes;
    http_add(a, "Content-Encoding", coding);
}

static void send_body(const struct kserve_call *k, struct body *b)
{
    char json[24];
    const int binary = b->length > b->json;
    struct http_answer a = {.status = 200,
                            .content_type =
                                binary ? "application/octet-stream" : "application/json",
                            .free_body = free};
    snprintf(json, sizeof json, "%zu", b->json);
    if (binary)
        http_add(&a, "Inference-Header-Content-Length", json);
    encode_body(k, b, &a);
    a.body = b->bytes;
    a.body_bytes = b->length;
    http_answer(k->http, &a);
}

void kserve_answer(struct kserve_call *k)
{
    const struct job *job = k->request.job;
    struct v2_error err = {.code = V2_UNAVAILABLE, .text = "out of memory"};
    struct v2_result *results = NULL;
    struct body body = {0};
    int n = 0;
    if (job->status != JOB_OK)
        v2_job_error(job, &err);
    else
        results = v2_results(&k->request, &n, &err);
    if (results && make_body(k, results, n, &body))
        send_body(k, &body);
    else
        kserve_refuse(k->http, &err, job->status != JOB_QUEUE_FULL);
    v2_results_free(results, n);
}
