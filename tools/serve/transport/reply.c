#include "tools/serve/transport/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void reply_json_with(struct http_request *r, struct http_answer *a, yyjson_mut_doc *doc, int pretty)
{
    size_t bytes = 0;
    const yyjson_write_flag flags =
        YYJSON_WRITE_ALLOW_INF_AND_NAN | (pretty ? YYJSON_WRITE_PRETTY_TWO_SPACES : 0);
    char *text = doc ? yyjson_mut_write(doc, flags, &bytes) : NULL;
    yyjson_mut_doc_free(doc);
    if (!text) {
        reply_text(r, 500, "application/json", "{\"error\":\"out of memory\"}");
        return;
    }
    if (!a->content_type)
        a->content_type = "application/json";
    a->body = text;
    a->body_bytes = bytes;
    a->free_body = free;
    http_answer(r, a);
}

void reply_json(struct http_request *r, int status, yyjson_mut_doc *doc, int pretty)
{
    struct http_answer a = {.status = status};
    reply_json_with(r, &a, doc, pretty);
}

void reply_text(struct http_request *r, int status, const char *content_type, const char *body)
{
    size_t n = 0;
    while (body[n])
        n++;
    const struct http_answer a = {
        .status = status, .content_type = content_type, .body = body, .body_bytes = n};
    http_answer(r, &a);
}

void reply_empty(struct http_request *r, int status)
{
    const struct http_answer a = {.status = status, .body = ""};
    http_answer(r, &a);
}

void reply_error(struct http_request *r, int status, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, o);
    yyjson_mut_obj_add_strcpy(doc, o, "error", text);
    struct http_answer a = {.status = status};
    if (status == 503)
        http_add(&a, "Retry-After", "1");
    reply_json_with(r, &a, doc, 0);
}

void reply_mms_headers(const struct http_request *r, struct http_answer *a)
{
    http_add(a, "x-request-id", r->id);
    http_add(a, "Pragma", "no-cache");
    http_add(a, "Cache-Control", "no-cache; no-store, must-revalidate, private");
    http_add(a, "Expires", "Thu, 01 Jan 1970 00:00:00 UTC");
}

void reply_exception(struct http_request *r, int status, const char *type, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, o);
    yyjson_mut_obj_add_int(doc, o, "code", status);
    yyjson_mut_obj_add_strcpy(doc, o, "type", type);
    yyjson_mut_obj_add_strcpy(doc, o, "message", text);
    struct http_answer a = {.status = status, .close = 1};
    reply_mms_headers(r, &a);
    if (status == 503)
        http_add(&a, "Retry-After", "1");
    reply_json_with(r, &a, doc, 1);
}
