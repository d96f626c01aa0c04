/* The shared folder of reference vectors (README there), read as JSON. */
#ifndef INFER_TESTS_VISION_JSON_H
#define INFER_TESTS_VISION_JSON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "third_party/yyjson/yyjson.h"

/* A path in the shared folder; valid until the fourth call from now. */
static inline const char *shared_path(const char *name)
{
    static char paths[4][400];
    static unsigned next;
    const char *shared = getenv("INFER_SHARED");
    char *path = paths[next++ % 4];
    snprintf(path, sizeof *paths, "%s/%s", shared ? shared : "../shared", name);
    return path;
}

/* The document of a file there; ends the test as skipped where there is none. */
static inline yyjson_doc *shared_json(const char *name)
{
    const char *path = shared_path(name);
    yyjson_read_err err;
    if (access(path, R_OK) != 0) {
        printf("%s: not there, so this is not tested\n", path);
        skip();
    }
    yyjson_doc *doc = yyjson_read_file(path, 0, NULL, &err);
    if (!doc)
        fail_msg("%s: %s at byte %zu", path, err.msg, err.pos);
    return doc;
}

static inline double json_real(yyjson_val *v, const char *key)
{
    yyjson_val *x = yyjson_obj_get(v, key);
    assert_true(yyjson_is_num(x));
    return yyjson_get_num(x);
}

/* The path of the picture `id` of a list of pictures there; as long valid as shared_path's. */
static inline const char *shared_picture(yyjson_val *images, int64_t id)
{
    yyjson_val *v;
    char name[200];
    size_t i, n;
    yyjson_arr_foreach(images, i, n, v) if ((int64_t)json_real(v, "id") == id)
    {
        snprintf(name, sizeof name, "images/%s", yyjson_get_str(yyjson_obj_get(v, "file")));
        return shared_path(name);
    }
    fail_msg("image %d is not listed", (int)id);
    return NULL;
}

#endif
