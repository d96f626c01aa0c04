#include "tools/eval/json_file.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/size.h"
#include "base/status.h"

/* The most that is read of a file; COCO's largest has some 450 MB. */
#define MOST_BYTES (INT64_C(2) << 30)

infer_status json_open(const char *path, yyjson_doc **doc, infer_error *err)
{
    struct stat st;
    yyjson_read_err e;
    *doc = NULL;
    FAIL_IF(stat(path, &st) != 0, INFER_ERROR_IO, "the file can't be found");
    FAIL_IF(!S_ISREG(st.st_mode), INFER_ERROR_IO, "not a regular file");
    FAIL_IF(st.st_size > MOST_BYTES, INFER_ERROR_LIMIT,
            "the file has %lld bytes; at most %lld are read", (long long)st.st_size,
            (long long)MOST_BYTES);
    *doc = yyjson_read_file(path, YYJSON_READ_ALLOW_BOM, NULL, &e);
    if (*doc)
        return INFER_OK;
    FAIL_IF(e.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION, INFER_ERROR_NO_MEMORY,
            "no memory for its JSON");
    FAIL_IF(e.code == YYJSON_READ_ERROR_FILE_OPEN || e.code == YYJSON_READ_ERROR_FILE_READ,
            INFER_ERROR_IO, "the file can't be read");
    return infer__fail_at(err, INFER_ERROR_FORMAT, e.pos, "no JSON: %s", e.msg);
}

infer_status json_fail(const struct json_item *item, const char *key, infer_error *err,
                       const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return infer__fail(err, INFER_ERROR_FORMAT, "%s[%zu]: %s%s%s", item->list, item->index, key,
                       key[0] ? ": " : "", text);
}

infer_status json_in(const struct json_item *item, const char *key, infer_status status,
                     infer_error *err)
{
    char text[sizeof err->message];
    if (status == INFER_OK)
        return status;
    memcpy(text, err->message, sizeof text);
    return infer__fail(err, status, "%s[%zu]: %s%s%.200s", item->list, item->index, key,
                       key[0] ? ": " : "", text);
}

infer_status json_each(yyjson_val *list, const char *name,
                       infer_status (*take)(void *ctx, const struct json_item *item,
                                            infer_error *err),
                       void *ctx, infer_error *err)
{
    yyjson_arr_iter it;
    struct json_item item = {NULL, name, 0};
    if (!list)
        return INFER_OK;
    FAIL_IF(!yyjson_is_arr(list), INFER_ERROR_FORMAT, "%s%s no list", name,
            name[0] ? " is" : "the file is");
    yyjson_arr_iter_init(list, &it);
    for (; (item.object = yyjson_arr_iter_next(&it)) != NULL; item.index++) {
        if (!yyjson_is_obj(item.object))
            return json_fail(&item, "", err, "no object");
        TRY(take(ctx, &item, err));
    }
    return INFER_OK;
}

/* A number, true and false being 1 and 0. */
static int number_of(yyjson_val *v, double *out)
{
    *out = yyjson_is_bool(v) ? yyjson_get_bool(v) : yyjson_get_num(v);
    return (yyjson_is_bool(v) || yyjson_is_num(v)) && isfinite(*out);
}

infer_status json_get_number(const struct json_item *item, const char *key, const double *otherwise,
                             double *out, infer_error *err)
{
    yyjson_val *v = yyjson_obj_get(item->object, key);
    if ((!v || yyjson_is_null(v)) && otherwise) {
        *out = *otherwise;
        return INFER_OK;
    }
    if (!v)
        return json_fail(item, key, err, "is missing");
    return number_of(v, out) ? INFER_OK : json_fail(item, key, err, "no finite number");
}

infer_status json_get_integer(const struct json_item *item, const char *key,
                              const int64_t *otherwise, int64_t *out, infer_error *err)
{
    const double absent = NAN;
    double v = 0;
    yyjson_val *member = yyjson_obj_get(item->object, key);
    if (yyjson_is_sint(member) ||
        (yyjson_is_uint(member) && yyjson_get_uint(member) <= INT64_MAX)) {
        *out = yyjson_get_sint(member);
        return INFER_OK;
    }
    TRY(json_get_number(item, key, otherwise ? &absent : NULL, &v, err));
    if (otherwise && isnan(v)) {
        *out = *otherwise;
        return INFER_OK;
    }
    if (!(fabs(v) <= 0x1p53) || v != floor(v))
        return json_fail(item, key, err, "%g is no whole number that fits", v);
    *out = (int64_t)v;
    return INFER_OK;
}

infer_status json_get_text(const struct json_item *item, const char *key, const char *otherwise,
                           const char **out, infer_error *err)
{
    yyjson_val *v = yyjson_obj_get(item->object, key);
    *out = yyjson_is_str(v) ? yyjson_get_str(v) : otherwise;
    if (*out && strlen(*out) < yyjson_get_len(v) && yyjson_is_str(v))
        return json_fail(item, key, err, "a text with a 0 in it");
    return *out ? INFER_OK : json_fail(item, key, err, v ? "no text" : "is missing");
}

infer_status json_get_numbers(struct infer__region *r, const struct json_item *item,
                              const char *key, yyjson_val *list, uint32_t count, double **out,
                              uint32_t *n, infer_error *err)
{
    yyjson_arr_iter it;
    const size_t length = yyjson_arr_size(list);
    if (!yyjson_is_arr(list) || (count && length != count))
        return json_fail(item, key, err, "a list of %u numbers is needed", count);
    if (!length || length > UINT32_MAX / 2)
        return json_fail(item, key, err, "a list of %zu numbers", length);
    const size_t bytes = infer__array_bytes(length, sizeof **out);
    if (!(*out = infer__region_take(r, bytes)))
        return infer__no_memory(err, bytes);
    *n = 0;
    yyjson_arr_iter_init(list, &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL; ++*n)
        if (!number_of(v, *out + *n))
            return json_fail(item, key, err, "number %u is no finite number", *n + 1);
    return INFER_OK;
}
