#include "tools/serve/predict/picture_list.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base64.h"
#include "tools/serve/transport/body.h"

int picture_list_add(struct picture_list *p, const void *data, size_t bytes)
{
    if (p->count == PICTURE_LIST_MOST)
        return 0;
    p->owned[p->count] = NULL;
    p->picture[p->count++] = (infer_picture){.data = data, .bytes = bytes};
    return 1;
}

int picture_list_add_text(struct picture_list *p, const char *text, size_t n)
{
    if (n > 5 && memcmp(text, "data:", 5) == 0) {
        const char *comma = memchr(text, ',', n);
        if (!comma)
            return 0;
        n -= (size_t)(comma + 1 - text);
        text = comma + 1;
    }
    unsigned char *bytes = p->count < PICTURE_LIST_MOST ? malloc(base64_room(n)) : NULL;
    const long decoded = bytes ? base64_decode(text, n, bytes) : -1;
    if (decoded <= 0 || !body_is_picture(bytes, (size_t)decoded)) {
        free(bytes);
        return 0;
    }
    picture_list_add(p, bytes, (size_t)decoded);
    p->owned[p->count - 1] = bytes;
    return 1;
}

static int add_value(struct picture_list *p, yyjson_val *value, int depth);

static int add_object(struct picture_list *p, yyjson_val *value, int depth)
{
    static const char *const keys[] = {"b64",    "data",      "body",    "image",
                                       "inputs", "instances", "examples"};
    size_t i, n;
    yyjson_val *key, *v;
    int known = 0;
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if ((v = yyjson_obj_get(value, keys[k]))) {
            known = 1;
            if (!add_value(p, v, depth + 1))
                return 0;
        }
    yyjson_obj_foreach(value, i, n, key, v)
    {
        if (!known && !add_value(p, v, depth + 1))
            return 0;
    }
    return 1;
}

static int add_value(struct picture_list *p, yyjson_val *value, int depth)
{
    size_t i, n;
    yyjson_val *v;
    if (depth > PICTURE_LIST_DEEPEST)
        return 0;
    if (yyjson_is_str(value))
        return picture_list_add_text(p, yyjson_get_str(value), yyjson_get_len(value));
    if (yyjson_is_obj(value))
        return add_object(p, value, depth);
    yyjson_arr_foreach(value, i, n, v)
    {
        if (!add_value(p, v, depth + 1))
            return 0;
    }
    return 1;
}

int picture_list_add_json(struct picture_list *p, yyjson_val *value)
{
    return add_value(p, value, 0);
}

void picture_list_free(struct picture_list *p)
{
    for (int i = 0; i < p->count; i++)
        free(p->owned[i]);
    p->count = 0;
}
