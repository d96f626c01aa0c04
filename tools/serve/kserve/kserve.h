/* KServe v2 over REST, with Triton's extensions: what its parts share. */
#ifndef INFER_TOOLS_SERVE_KSERVE_H
#define INFER_TOOLS_SERVE_KSERVE_H

#include "third_party/yyjson/yyjson.h"
#include "tools/serve/kserve/inference.h"

/* An inference on its way. */
struct kserve_call {
    struct v2_request request;
    struct http_request *http;
    yyjson_doc *doc; /* of the body: names and texts lie in it */
    const char *id;  /* to be echoed; NULL: none */
    int binary;      /* outputs are binary unless they say otherwise */
};

/* Fills a request from JSON and the bytes behind it. 0: err says why not. */
int kserve_parse(struct kserve_call *k, const char *json, size_t bytes, const unsigned char *binary,
                 size_t nbinary, struct v2_error *err);
/* How JSON of requests is read: bare NaN and Infinity, a byte order mark, numbers of any length. */
yyjson_doc *kserve_read(const char *json, size_t bytes, struct v2_error *err);
/* The numbers of an array, nested or not, into `count` elements of a type. */
int kserve_numbers(yyjson_val *data, infer_type type, void *to, size_t count, const char *name,
                   struct v2_error *err);
/* Values of an array, however deep they are nested; an object counts as one. */
size_t kserve_count(yyjson_val *data);

/* Answers with the results of a job that is done, or tells why there are none. */
void kserve_answer(struct kserve_call *k);
/* {"error": "..."}; `plain`: called text/plain. */
void kserve_refuse(struct http_request *r, const struct v2_error *err, int plain);
/* A whole answer: the JSON of a document, which is freed. */
void kserve_json(struct http_request *r, int status, yyjson_mut_doc *doc);
/* The number of a version in a path; 0: it is none, which was answered. */
int kserve_version(const struct call *c, int part, int64_t *number);

/* Handlers of the table in kserve.c. */
void kserve_infer(struct call *c);         /* of the newest version */
void kserve_infer_version(struct call *c); /* of one */
void kserve_index(struct call *c);
void kserve_load(struct call *c);
void kserve_unload(struct call *c);
void kserve_named_repository(struct call *c);
void kserve_statistics(struct call *c); /* of all, of a model, of a version */
void kserve_config(struct call *c);

#endif
