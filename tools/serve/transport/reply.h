/* Answers to requests, in the forms that the protocols share. */
#ifndef INFER_TOOLS_SERVE_REPLY_H
#define INFER_TOOLS_SERVE_REPLY_H

#include "third_party/yyjson/yyjson.h"
#include "tools/serve/transport/http.h"

/* JSON of a document, which is freed. `pretty`: indented by 2. NULL (no memory): 500. */
void reply_json(struct http_request *r, int status, yyjson_mut_doc *doc, int pretty);
/* The same, with headers that `more` has already (its body and type are set here). */
void reply_json_with(struct http_request *r, struct http_answer *more, yyjson_mut_doc *doc,
                     int pretty);
/* A text that stays, or is copied where it does not: `body` need not outlive the call. */
void reply_text(struct http_request *r, int status, const char *content_type, const char *body);
void reply_empty(struct http_request *r, int status);
/* KServe's errors: {"error": "..."}. */
void reply_error(struct http_request *r, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* MMS's and TorchServe's: {"code", "type", "message"}, indented, and the connection ends. */
void reply_exception(struct http_request *r, int status, const char *type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The headers of every answer of MMS and TorchServe, x-request-id among them. */
void reply_mms_headers(const struct http_request *r, struct http_answer *a);

#endif
