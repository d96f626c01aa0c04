/* JSON files read with messages that say where something is wrong. */
#ifndef INFER_TOOLS_EVAL_JSON_FILE_H
#define INFER_TOOLS_EVAL_JSON_FILE_H

#include "base/memory.h"
#include "third_party/yyjson/yyjson.h"

/* The document of a file, to be freed with yyjson_doc_free. */
infer_status json_open(const char *path, yyjson_doc **doc, infer_error *err);

/* An object in a list of the file: "annotations[12]" in messages. */
struct json_item {
    yyjson_val *object;
    const char *list; /* its key; "" of a list that is the file */
    size_t index;
};

/* Calls `take` with each object of a list; 0 elements where `list` is NULL. */
infer_status json_each(yyjson_val *list, const char *name,
                       infer_status (*take)(void *ctx, const struct json_item *item,
                                            infer_error *err),
                       void *ctx, infer_error *err);

/* Members by key. Where one is missing `otherwise` is used if it is not NULL. Numbers are finite.
 */
infer_status json_get_number(const struct json_item *item, const char *key, const double *otherwise,
                             double *out, infer_error *err);
infer_status json_get_integer(const struct json_item *item, const char *key,
                              const int64_t *otherwise, int64_t *out, infer_error *err);
/* The text, which belongs to the document. */
infer_status json_get_text(const struct json_item *item, const char *key, const char *otherwise,
                           const char **out, infer_error *err);
/* Numbers of a list, into the region; `count` is how many there must be, 0 for any number but 0. */
infer_status json_get_numbers(struct infer__region *r, const struct json_item *item,
                              const char *key, yyjson_val *list, uint32_t count, double **out,
                              uint32_t *n, infer_error *err);

/* A failure in an item: "annotations[12]: bbox: what is wrong". */
infer_status json_fail(const struct json_item *item, const char *key, infer_error *err,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Puts the place in front of a message that is there already. */
infer_status json_in(const struct json_item *item, const char *key, infer_status status,
                     infer_error *err);

#endif
