/* The tree of an evaluation, and its JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/eval/report.h"

int report_begin(struct report *r)
{
    r->intervals = NULL;
    r->doc = yyjson_mut_doc_new(NULL);
    r->root = yyjson_mut_obj(r->doc);
    r->stats = NULL;
    if (!r->root) {
        yyjson_mut_doc_free(r->doc);
        r->doc = NULL;
        return 0;
    }
    yyjson_mut_doc_set_root(r->doc, r->root);
    r->stats = report_object(r, r->root, "stats");
    return r->stats != NULL;
}

void report_end(struct report *r)
{
    yyjson_mut_doc_free(r->doc);
    memset(r, 0, sizeof *r);
}

/* Puts a value under a copy of the key, or into a list. Where there was no memory the root becomes
 * useless, which report_whole sees. */
static void put(struct report *r, yyjson_mut_val *parent, const char *key, yyjson_mut_val *v)
{
    const int fine = key ? yyjson_mut_obj_add(parent, yyjson_mut_strcpy(r->doc, key), v)
                         : yyjson_mut_arr_append(parent, v);
    if (!fine)
        r->root = NULL;
}

int report_whole(const struct report *r)
{
    return r->root != NULL;
}

yyjson_mut_val *report_object(struct report *r, yyjson_mut_val *parent, const char *key)
{
    yyjson_mut_val *v = yyjson_mut_obj(r->doc);
    put(r, parent, key, v);
    return v;
}

yyjson_mut_val *report_list(struct report *r, yyjson_mut_val *parent, const char *key)
{
    yyjson_mut_val *v = yyjson_mut_arr(r->doc);
    put(r, parent, key, v);
    return v;
}

static yyjson_mut_val *number(struct report *r, double v, int count)
{
    if (!isfinite(v))
        return yyjson_mut_null(r->doc);
    return count ? yyjson_mut_sint(r->doc, (int64_t)v) : yyjson_mut_real(r->doc, v);
}

void report_number(struct report *r, yyjson_mut_val *object, const char *key, double v)
{
    put(r, object, key, number(r, v, 0));
}

void report_count(struct report *r, yyjson_mut_val *object, const char *key, double v)
{
    put(r, object, key, number(r, v, 1));
}

/* Bytes that are no UTF-8 become ?, as JSON has no other texts. */
void report_string(struct report *r, yyjson_mut_val *object, const char *key, const char *text)
{
    char *copy = strdup(text);
    for (unsigned char *p = (unsigned char *)copy; p && *p;) {
        const int n = cli_utf8_length(p);
        if (!n)
            *p = '?';
        p += n ? n : 1;
    }
    put(r, object, key, yyjson_mut_strcpy(r->doc, copy));
    free(copy);
}

void report_flag(struct report *r, yyjson_mut_val *object, const char *key, int v)
{
    put(r, object, key, yyjson_mut_bool(r->doc, v));
}

void report_numbers(struct report *r, yyjson_mut_val *parent, const char *key, const double *v,
                    size_t n, int counts)
{
    yyjson_mut_val *list = report_list(r, parent, key);
    for (size_t i = 0; i < n; i++)
        put(r, list, NULL, number(r, v[i], counts));
}

void report_interval(struct report *r, const char *name, const double interval[2])
{
    if (!r->intervals)
        r->intervals = report_object(r, r->root, "intervals");
    report_numbers(r, r->intervals, name, interval, 2, 0);
}

/* ---- finding -------------------------------------------------------------------------------- */

static int number_of(yyjson_mut_val *v, double *out)
{
    *out = yyjson_mut_is_num(v) ? yyjson_mut_get_num(v) : NAN;
    return yyjson_mut_is_num(v) || yyjson_mut_is_null(v);
}

/* A list's element whose name is the start of `path`, up to a dot or the end. */
static yyjson_mut_val *named_element(yyjson_mut_val *list, const char **path)
{
    yyjson_mut_arr_iter it;
    yyjson_mut_arr_iter_init(list, &it);
    for (yyjson_mut_val *v; (v = yyjson_mut_arr_iter_next(&it)) != NULL;) {
        const char *name = yyjson_mut_get_str(yyjson_mut_obj_get(v, "name"));
        const size_t n = name ? strlen(name) : 0;
        if (n && strncmp(name, *path, n) == 0 && (*path)[n] == '.') {
            *path += n;
            return v;
        }
    }
    return NULL;
}

static yyjson_mut_val *follow(yyjson_mut_val *at, const char *path)
{
    while (at && *path) {
        const size_t n = strcspn(path, ".");
        if (yyjson_mut_is_arr(at)) {
            at = named_element(at, &path);
        } else {
            at = yyjson_mut_obj_getn(at, path, n);
            path += n;
        }
        path += *path == '.';
    }
    return at;
}

int report_find(const struct report *r, const char *name, double *v)
{
    yyjson_mut_obj_iter it;
    if (number_of(yyjson_mut_obj_get(r->stats, name), v))
        return 1;
    yyjson_mut_obj_iter_init(r->root, &it);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        yyjson_mut_val *inside = yyjson_mut_obj_iter_get_val(key);
        if (yyjson_mut_is_obj(inside) && number_of(yyjson_mut_obj_get(inside, name), v))
            return 1;
    }
    return number_of(follow(r->root, name), v);
}

int report_write_json(const struct report *r, FILE *f)
{
    char *text = yyjson_mut_write(r->doc, YYJSON_WRITE_PRETTY_TWO_SPACES, NULL);
    if (text)
        fprintf(f, "%s\n", text);
    free(text);
    return text != NULL;
}
