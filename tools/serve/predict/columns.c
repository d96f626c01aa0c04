/* Nested lists to tensors. */
#include "tools/serve/predict/columns.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "tools/base64.h"
#include "tools/serve/kserve/kserve.h"

enum leaf { LEAF_NUMBER, LEAF_TEXT };

/* What a list of lists is: its dimensions, and what it holds in the end. */
struct nest {
    int32_t rank;
    int64_t dims[INFER_MAX_RANK];
    enum leaf leaf;
};

void columns_free(struct columns_memory *m)
{
    for (int i = 0; i < VERSION_MOST_TENSORS; i++) {
        free(m->owned[i]);
        m->owned[i] = NULL;
    }
}

static int refuse(struct v2_error *err, const char *name, const char *what)
{
    v2_fail(err, V2_INVALID, "input '%.100s': %s", name, what);
    return 0;
}

/* ---- shapes --------------------------------------------------------------------------------- */

/* The string in {"b64": "..."}, or NULL. */
static yyjson_val *encoded(yyjson_val *v)
{
    yyjson_val *text =
        yyjson_is_obj(v) && yyjson_obj_size(v) == 1 ? yyjson_obj_get(v, "b64") : NULL;
    return yyjson_is_str(text) ? text : NULL;
}

static int is_text(yyjson_val *v)
{
    return yyjson_is_str(v) || encoded(v);
}

/* Whether a value has the shape of the nest from a depth on. */
static int has_shape(yyjson_val *v, const struct nest *n, int32_t depth)
{
    size_t i, count;
    yyjson_val *one;
    if (depth == n->rank)
        return !yyjson_is_arr(v) && is_text(v) == (n->leaf == LEAF_TEXT);
    if (!yyjson_is_arr(v) || yyjson_arr_size(v) != (size_t)n->dims[depth])
        return 0;
    yyjson_arr_foreach(v, i, count, one)
    {
        if (!has_shape(one, n, depth + 1))
            return 0;
    }
    return 1;
}

/* Works a shape out from the first elements and checks all others. */
static int find_shape(yyjson_val *v, struct nest *n)
{
    yyjson_val *first = v;
    *n = (struct nest){.leaf = LEAF_NUMBER};
    while (yyjson_is_arr(first)) {
        if (n->rank == INFER_MAX_RANK)
            return 0;
        n->dims[n->rank++] = (int64_t)yyjson_arr_size(first);
        first = yyjson_arr_get_first(first);
    }
    if (first && is_text(first))
        n->leaf = LEAF_TEXT;
    return has_shape(v, n, 0);
}

static size_t elements(const struct nest *n)
{
    size_t all = 1;
    for (int32_t k = 0; k < n->rank; k++)
        if (!infer__size_mul(all, (size_t)n->dims[k], &all))
            return SIZE_MAX;
    return all;
}

/* ---- elements ------------------------------------------------------------------------------- */

/* The pieces that an input is given in: one that is all of it, or one for each example. */
struct pieces {
    yyjson_val *const *list;
    size_t count;
    int stacked;
};

/* Text and base64 of a value, in order. */
static int gather_texts(yyjson_val *v, struct v2_text *texts, size_t *n, unsigned char **to)
{
    size_t i, count;
    yyjson_val *one, *base64 = encoded(v);
    if (base64) {
        const long bytes = base64_decode(yyjson_get_str(base64), yyjson_get_len(base64), *to);
        if (bytes < 0)
            return 0;
        texts[(*n)++] = (struct v2_text){*to, (size_t)bytes};
        *to += bytes;
        return 1;
    }
    if (yyjson_is_str(v)) {
        texts[(*n)++] = (struct v2_text){yyjson_get_str(v), yyjson_get_len(v)};
        return 1;
    }
    yyjson_arr_foreach(v, i, count, one)
    {
        if (!gather_texts(one, texts, n, to))
            return 0;
    }
    return 1;
}

/* Room for all base64 of a value. */
static size_t room_of(yyjson_val *v)
{
    size_t i, count, all = 0;
    yyjson_val *one, *base64 = encoded(v);
    if (base64)
        return base64_room(yyjson_get_len(base64));
    yyjson_arr_foreach(v, i, count, one) all += room_of(one); /* of what the body has: it fits */
    return all;
}

static int give_texts(struct v2_request *q, int place, const struct pieces *p, size_t count,
                      struct columns_memory *m, struct v2_error *err)
{
    size_t room = 1, n = 0;
    if (count >= SIZE_MAX / sizeof(struct v2_text))
        return refuse(err, q->version->inputs[place].name, "too many texts");
    for (size_t i = 0; i < p->count; i++)
        room += room_of(p->list[i]);
    struct v2_text *texts = calloc(count + 1, sizeof *texts);
    unsigned char *to = m->owned[place] = malloc(room);
    int ok = texts && to;
    if (!ok)
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
    for (size_t i = 0; ok && i < p->count; i++)
        if (!gather_texts(p->list[i], texts, &n, &to))
            ok = refuse(err, q->version->inputs[place].name, "\"b64\" is not base64");
    ok = ok && v2_input_texts(q, place, texts, n, err);
    free(texts);
    return ok;
}

static int give_numbers(struct v2_request *q, int place, const struct pieces *p, size_t each,
                        const struct v2_info *info, struct v2_error *err)
{
    if (info->type == INFER_F16 || info->type == INFER_BF16)
        return refuse(err, info->name, "its type can't be sent as JSON");
    const size_t size = infer_type_size(info->type);
    unsigned char *to = v2_input_room(q, place, each * p->count, err);
    if (!to)
        return 0;
    for (size_t i = 0; i < p->count; i++) {
        /* the values of a list stand behind it; a number alone is in that place itself */
        yyjson_val *list = yyjson_is_arr(p->list[i]) ? p->list[i] : p->list[i] - 1;
        if (!kserve_numbers(list, info->type, to + i * each * size, each, info->name, err))
            return 0;
    }
    return 1;
}

/* ---- inputs --------------------------------------------------------------------------------- */

/* Announces an input of the shape that was found. Pictures are one each, however they are nested.
 */
static int announce(struct v2_request *q, const struct v2_info *info, struct nest *n,
                    const struct pieces *p, struct v2_error *err)
{
    const char *datatype = v2_datatype(n->leaf == LEAF_TEXT ? INFER_TYPE_NONE : info->type);
    int64_t dims[INFER_MAX_RANK + 1];
    struct v2_tensor t = {.name = info->name,
                          .name_length = strlen(info->name),
                          .datatype = datatype,
                          .datatype_length = strlen(datatype),
                          .dims = dims};
    if (p->stacked)
        dims[t.rank++] = (int64_t)p->count;
    for (int32_t k = 0; k < n->rank; k++)
        dims[t.rank++] = n->dims[k];
    if (n->leaf == LEAF_TEXT && info->type != INFER_TYPE_NONE && q->version->takes_pictures) {
        dims[0] = (int64_t)(elements(n) * p->count);
        t.rank = 1;
    }
    return v2_input(q, &t, err);
}

static int read_input(struct v2_request *q, int place, const struct pieces *p,
                      struct columns_memory *m, struct v2_error *err)
{
    struct v2_info info;
    struct nest n;
    v2_input_info(q->version, place, &info);
    if (!find_shape(p->list[0], &n))
        return refuse(err, info.name, "its lists are not of the same lengths and kinds");
    for (size_t i = 1; i < p->count; i++)
        if (!has_shape(p->list[i], &n, 0))
            return refuse(err, info.name, "it has not the same shape in all examples");
    if (n.leaf == LEAF_TEXT && info.type != INFER_TYPE_NONE && !q->version->takes_pictures)
        return refuse(err, info.name, "text, where the model has numbers");
    if (announce(q, &info, &n, p, err) < 0)
        return 0;
    if (n.leaf == LEAF_TEXT)
        return give_texts(q, place, p, elements(&n) * p->count, m, err);
    if (info.type == INFER_TYPE_NONE)
        return refuse(err, info.name, "numbers, where the model has text");
    return give_numbers(q, place, p, elements(&n), &info, err);
}

int columns_read_input(struct v2_request *q, int place, yyjson_val *value, struct columns_memory *m,
                       struct v2_error *err)
{
    const struct pieces p = {&value, 1, 0};
    return read_input(q, place, &p, m, err);
}

/* The place of an input by the key of an object; -1: err has its name. */
static int place_of(const struct v2_request *q, yyjson_val *key, struct v2_error *err)
{
    const int place = version_input(q->version, yyjson_get_str(key), yyjson_get_len(key));
    if (place < 0)
        v2_fail(err, V2_INVALID, "unexpected inference input '%.100s' for model '%.100s'",
                yyjson_get_str(key), q->version->name);
    return place;
}

int columns_read(struct v2_request *q, yyjson_val *value, struct columns_memory *m,
                 struct v2_error *err)
{
    size_t i, n;
    yyjson_val *key, *v;
    struct pieces p = {&value, 1, 0};
    if (!yyjson_is_obj(value) || encoded(value)) {
        if (q->version->ninputs == 1)
            return read_input(q, 0, &p, m, err);
        v2_fail(err, V2_INVALID, "model '%.100s' has %d inputs: name them", q->version->name,
                q->version->ninputs);
        return 0;
    }
    p.list = &v;
    yyjson_obj_foreach(value, i, n, key, v)
    {
        const int place = place_of(q, key, err);
        if (place < 0 || !read_input(q, place, &p, m, err))
            return 0;
    }
    return 1;
}

/* One input of all examples, which are objects. */
static int read_stacked(struct v2_request *q, yyjson_val *rows, yyjson_val *key, yyjson_val **list,
                        struct columns_memory *m, struct v2_error *err)
{
    size_t i, n;
    yyjson_val *row;
    const int place = place_of(q, key, err);
    if (place < 0)
        return 0;
    yyjson_arr_foreach(rows, i, n, row)
    {
        list[i] = yyjson_obj_getn(row, yyjson_get_str(key), yyjson_get_len(key));
        if (!list[i])
            return refuse(err, yyjson_get_str(key), "an example is without it");
    }
    const struct pieces p = {list, n, 1};
    return read_input(q, place, &p, m, err);
}

int columns_read_rows(struct v2_request *q, yyjson_val *rows, struct columns_memory *m,
                      struct v2_error *err)
{
    size_t i, n, width;
    yyjson_val *first = yyjson_arr_get_first(rows), *row, *key, *value;
    if (!first) {
        v2_fail(err, V2_INVALID, "\"instances\" is not a list with something in it");
        return 0;
    }
    if (!yyjson_is_obj(first) || encoded(first))
        return columns_read(q, rows, m, err);
    width = yyjson_obj_size(first);
    yyjson_arr_foreach(rows, i, n, row)
    {
        if (yyjson_obj_size(row) != width) {
            v2_fail(err, V2_INVALID, "the examples have not the same inputs");
            return 0;
        }
    }
    yyjson_val **list = calloc(yyjson_arr_size(rows) + 1, sizeof(yyjson_val *));
    int ok = list != NULL;
    if (!ok)
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
    if (ok)
        yyjson_obj_foreach(first, i, n, key, value)
        {
            (void)value;
            ok = ok && read_stacked(q, rows, key, list, m, err);
        }
    free(list);
    return ok;
}
