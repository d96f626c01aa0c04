/* Logs: a line of JSON for each request. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/monitor/drift.h"

enum { MOST_LINE = 1 << 20, MOST_COMPLAINTS = 5 };

static const char *text_of(yyjson_val *object, const char *key)
{
    const char *text = yyjson_get_str(yyjson_obj_get(object, key));
    return text ? text : "";
}

/* A picture's path, which is the log's folder's where it does not begin with a slash; to be freed.
 */
static char *picture_of(const char *log, const char *name)
{
    const char *slash = strrchr(log, '/');
    const int folder = slash && name[0] != '/' ? (int)(slash - log) + 1 : 0;
    char *path = NULL;
    return asprintf(&path, "%.*s%s", folder, log, name) < 0 ? NULL : path;
}

static int add_request(struct drift *d, const char *log, yyjson_val *root, const struct features *f)
{
    yyjson_val *time = yyjson_obj_get(root, "time");
    const char *name = text_of(root, "picture");
    char *picture = *name ? picture_of(log, name) : NULL;
    const int status = drift_add(d, text_of(root, "model"), text_of(root, "version"), picture, f,
                                 yyjson_is_num(time) ? yyjson_get_num(time) : (double)d->pictures);
    free(picture);
    return status;
}

static void complain(struct drift *d, const char *log, uint64_t line, const char *what)
{
    if (d->skipped++ < MOST_COMPLAINTS)
        fprintf(stderr, "infer: %s:%llu: %s; it is left out\n", log, (unsigned long long)line,
                what);
}

/* One line. Others than of requests, which have no features, are none of ours. */
static int read_line(struct drift *d, const char *log, uint64_t line, char *text, size_t size)
{
    yyjson_read_err e;
    struct features f;
    int status = CLI_OK;
    if (size > MOST_LINE) {
        complain(d, log, line, "it is longer than 1 MiB");
        return CLI_OK;
    }
    yyjson_doc *doc = yyjson_read_opts(text, size, 0, NULL, &e);
    yyjson_val *root = yyjson_doc_get_root(doc), *features = yyjson_obj_get(root, "features");
    if (!doc)
        complain(d, log, line, e.msg);
    else if (!yyjson_is_obj(root))
        complain(d, log, line, "it is no object");
    else if (features && (!yyjson_is_obj(features) || !features_from_json(&f, features)))
        complain(d, log, line, "`features` is no object of numbers");
    else if (features)
        status = add_request(d, log, root, &f);
    yyjson_doc_free(doc);
    return status;
}

static int is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == 0;
}

int drift_read_log(struct drift *d, const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;
    ssize_t n;
    int status = CLI_OK;
    d->path = path;
    if (!f) {
        fprintf(stderr, "infer: %s: %s\n", path, strerror(errno));
        return CLI_BAD_INPUT;
    }
    for (uint64_t line = 1; status == CLI_OK && (n = getline(&text, &room, f)) > 0; line++)
        if (!is_blank(text))
            status = read_line(d, path, line, text, (size_t)n);
    if (status == CLI_OK && ferror(f)) {
        fprintf(stderr, "infer: %s: %s\n", path, strerror(errno));
        status = CLI_BAD_INPUT;
    }
    free(text);
    fclose(f);
    return status;
}
