/* Tensors to nested lists. */
#include <string.h>

#include "tools/base64.h"
#include "tools/cli.h"
#include "tools/serve/predict/answers.h"
#include "tools/serve/predict/columns.h"

#include <stdlib.h>

/* A result that is walked from its first element to its last. */
struct walk {
    yyjson_mut_doc *doc;
    infer_type type;
    int32_t rank;
    const int64_t *dims;
    const void *data;
    size_t bytes, at; /* bytes; where the next element is */
};

static int is_utf8(const unsigned char *text, size_t n)
{
    char copy[8];
    for (size_t i = 0; i < n;) {
        memset(copy, 0, sizeof copy);
        memcpy(copy, text + i, n - i < 4 ? n - i : 4);
        const int length = cli_utf8_length((const unsigned char *)copy);
        if (length <= 0)
            return 0;
        i += (size_t)length;
    }
    return 1;
}

/* A string, or {"b64": "..."} for bytes that are none. */
static yyjson_mut_val *text_value(struct walk *w)
{
    struct v2_text text = {"", 0};
    v2_next_text(w->data, w->bytes, &w->at, &text);
    if (is_utf8(text.data, text.bytes))
        return yyjson_mut_strncpy(w->doc, text.data, text.bytes);
    size_t length = 0;
    char *base64 = base64_encode(text.data, text.bytes, &length);
    yyjson_mut_val *o = yyjson_mut_obj(w->doc);
    if (base64)
        yyjson_mut_obj_add_strncpy(w->doc, o, "b64", base64, length);
    free(base64);
    return o;
}

/* `n` elements as one list. */
static yyjson_mut_val *flat(struct walk *w, int64_t n)
{
    if (w->type == INFER_TYPE_NONE) {
        yyjson_mut_val *list = yyjson_mut_arr(w->doc);
        for (int64_t i = 0; i < n; i++)
            yyjson_mut_arr_append(list, text_value(w));
        return list;
    }
    struct job_tensor t = {.type = w->type, .rank = 1, .dims = {n}};
    t.bytes = (size_t)n * infer_type_size(w->type); /* of what there is */
    t.data = (unsigned char *)(uintptr_t)w->data + w->at;
    w->at += t.bytes;
    return tensor_json(w->doc, &t);
}

static yyjson_mut_val *nested(struct walk *w, int32_t depth)
{
    if (w->rank == depth) {
        yyjson_mut_val *one = yyjson_mut_arr_get_first(flat(w, 1));
        return one ? yyjson_mut_val_mut_copy(w->doc, one) : NULL;
    }
    if (w->rank == depth + 1)
        return flat(w, w->dims[depth]);
    yyjson_mut_val *list = yyjson_mut_arr(w->doc);
    for (int64_t i = 0; list && i < w->dims[depth]; i++)
        yyjson_mut_arr_append(list, nested(w, depth + 1));
    return list;
}

static struct walk walk_of(yyjson_mut_doc *doc, const struct v2_result *r)
{
    return (struct walk){.doc = doc,
                         .type = r->info.type,
                         .rank = r->info.rank,
                         .dims = r->info.dims,
                         .data = r->data,
                         .bytes = r->bytes};
}

yyjson_mut_val *columns_value(yyjson_mut_doc *doc, const struct v2_result *r)
{
    struct walk w = walk_of(doc, r);
    return nested(&w, 0);
}

yyjson_mut_val *columns_values(yyjson_mut_doc *doc, const struct v2_result *results, int count)
{
    if (count == 1)
        return columns_value(doc, results);
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    for (int i = 0; i < count; i++)
        yyjson_mut_obj_add(o, yyjson_mut_strcpy(doc, results[i].info.name),
                           columns_value(doc, &results[i]));
    return o;
}

yyjson_mut_val *columns_rows(yyjson_mut_doc *doc, const struct v2_result *results, int count)
{
    struct walk walks[VERSION_MOST_TENSORS];
    for (int i = 0; i < count; i++) {
        walks[i] = walk_of(doc, &results[i]);
        if (results[i].info.rank < 1 || results[i].info.dims[0] != results[0].info.dims[0])
            return NULL;
    }
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (int64_t row = 0; list && count && row < results[0].info.dims[0]; row++) {
        yyjson_mut_val *o = count > 1 ? yyjson_mut_obj(doc) : NULL;
        for (int i = 0; i < count; i++) {
            yyjson_mut_val *v = nested(&walks[i], 1);
            if (o)
                yyjson_mut_obj_add(o, yyjson_mut_strcpy(doc, results[i].info.name), v);
            else
                yyjson_mut_arr_append(list, v);
        }
        if (o)
            yyjson_mut_arr_append(list, o);
    }
    return list;
}
