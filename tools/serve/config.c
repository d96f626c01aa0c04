#include "tools/serve/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/eval/json_file.h"

/* Keys of a model that are no options of the command line. */
static int is_own_key(const char *key)
{
    static const char *const keys[] = {"default", "labels", "canary", "shadow", "models", "paths"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0)
            return 1;
    return 0;
}

static int wrong(const struct config *c, const char *model, const char *key, const char *what)
{
    cli_usage("%s: %s%s%s%s: %s", c->path, model ? "models." : "", model ? model : "",
              model && key ? "." : "", key ? key : "", what);
    return 0;
}

static int read_version(const struct config *c, const char *model, const char *key, yyjson_val *v,
                        int64_t *out)
{
    if (!v || !yyjson_is_int(v) || yyjson_get_sint(v) < 1)
        return wrong(c, model, key, "the number of a version is needed, from 1 on");
    *out = yyjson_get_sint(v);
    return 1;
}

static int read_share(const struct config *c, const char *model, const char *key, yyjson_val *v,
                      struct config_share *out)
{
    if (!v)
        return 1;
    yyjson_val *percent = yyjson_obj_get(v, "percent");
    if (!yyjson_is_obj(v) ||
        !read_version(c, model, key, yyjson_obj_get(v, "version"), &out->version))
        return yyjson_is_obj(v) ? 0 : wrong(c, model, key, "version and percent are needed");
    out->percent = yyjson_get_num(percent);
    if (!yyjson_is_num(percent) || !(out->percent >= 0 && out->percent <= 100))
        return wrong(c, model, key, "a percent of 0 to 100 is needed");
    return 1;
}

static int read_labels(const struct config *c, struct config_model *m, yyjson_val *v)
{
    yyjson_obj_iter it;
    yyjson_val *key;
    if (!v)
        return 1;
    if (!yyjson_is_obj(v))
        return wrong(c, m->name, "labels", "names with the numbers of versions are needed");
    yyjson_obj_iter_init(v, &it);
    while ((key = yyjson_obj_iter_next(&it))) {
        if (m->nlabels == CONFIG_MOST_LABELS)
            return wrong(c, m->name, "labels", "there are too many");
        m->labels[m->nlabels].name = yyjson_get_str(key);
        if (!read_version(c, m->name, "labels", yyjson_obj_iter_get_val(key),
                          &m->labels[m->nlabels++].number))
            return 0;
    }
    return 1;
}

static int read_model(const struct config *c, struct config_model *m)
{
    yyjson_val *preferred = yyjson_obj_get(m->object, "default");
    if (!yyjson_is_obj(m->object))
        return wrong(c, m->name, NULL, "an object is needed");
    return (!preferred || read_version(c, m->name, "default", preferred, &m->preferred)) &&
           read_labels(c, m, yyjson_obj_get(m->object, "labels")) &&
           read_share(c, m->name, "canary", yyjson_obj_get(m->object, "canary"), &m->canary) &&
           read_share(c, m->name, "shadow", yyjson_obj_get(m->object, "shadow"), &m->shadow);
}

static int read_models(struct config *c, yyjson_val *models)
{
    yyjson_obj_iter it;
    yyjson_val *key;
    if (!models)
        return 1;
    if (!yyjson_is_obj(models))
        return wrong(c, NULL, "models", "an object with an object for each model is needed");
    c->models = calloc(yyjson_obj_size(models) + 1, sizeof *c->models);
    if (!c->models)
        return wrong(c, NULL, "models", "out of memory");
    yyjson_obj_iter_init(models, &it);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct config_model *m = &c->models[c->nmodels++];
        m->name = yyjson_get_str(key);
        m->object = yyjson_obj_iter_get_val(key);
        if (!read_model(c, m))
            return 0;
    }
    return 1;
}

static int read_paths(struct config *c, yyjson_val *paths)
{
    yyjson_arr_iter it;
    yyjson_val *path;
    if (!paths)
        return 1;
    if (!yyjson_is_arr(paths))
        return wrong(c, NULL, "paths", "a list of folders and files is needed");
    yyjson_arr_iter_init(paths, &it);
    while ((path = yyjson_arr_iter_next(&it))) {
        if (!yyjson_is_str(path) || c->npaths == CONFIG_MOST_ARGUMENTS)
            return wrong(c, NULL, "paths", "a list of at most 256 texts is needed");
        c->paths[c->npaths++] = yyjson_get_str(path);
    }
    return 1;
}

int config_read(struct config *c, const char *path)
{
    infer_error err;
    *c = (struct config){.path = path};
    if (json_open(path, &c->doc, &err) != INFER_OK) {
        cli_fail(path, &err);
        return 0;
    }
    yyjson_val *root = yyjson_doc_get_root(c->doc);
    if (!yyjson_is_obj(root))
        return wrong(c, NULL, NULL, "an object is needed");
    return read_paths(c, yyjson_obj_get(root, "paths")) &&
           read_models(c, yyjson_obj_get(root, "models"));
}

void config_free(struct config *c)
{
    for (int i = 0; i < c->ntext; i++)
        free(c->text[i]);
    free(c->models);
    yyjson_doc_free(c->doc);
    *c = (struct config){0};
}

/* "--key=value"; NULL where the value is false, or is none for an option. */
static char *argument(const char *key, yyjson_val *v, int *bad)
{
    char *text = NULL;
    int n = 0;
    if (yyjson_is_str(v))
        n = asprintf(&text, "--%s=%s", key, yyjson_get_str(v));
    else if (yyjson_is_int(v))
        n = asprintf(&text, "--%s=%lld", key, (long long)yyjson_get_sint(v));
    else if (yyjson_is_real(v))
        n = asprintf(&text, "--%s=%.17g", key, yyjson_get_real(v));
    else if (yyjson_is_true(v))
        n = asprintf(&text, "--%s", key);
    else
        *bad = !yyjson_is_false(v);
    *bad |= n < 0;
    return n > 0 ? text : NULL;
}

int config_arguments(struct config *c, const struct config_model *model, char **out, int most)
{
    yyjson_obj_iter it;
    yyjson_val *key;
    int n = 0;
    yyjson_obj_iter_init(model ? model->object : yyjson_doc_get_root(c->doc), &it);
    while ((key = yyjson_obj_iter_next(&it))) {
        const char *name = yyjson_get_str(key);
        int bad = 0;
        if (is_own_key(name))
            continue;
        char *text = argument(name, yyjson_obj_iter_get_val(key), &bad);
        if (bad || (text && (n == most || c->ntext == CONFIG_MOST_ARGUMENTS))) {
            free(text);
            wrong(c, model ? model->name : NULL, name, "a text, a number, true or false is needed");
            return -1;
        }
        if (text)
            out[n++] = c->text[c->ntext++] = text;
    }
    return n;
}

void config_apply(const struct config *c, struct repository *r)
{
    for (int i = 0; i < c->nmodels; i++) {
        const struct config_model *m = &c->models[i];
        if (m->preferred)
            repository_set_default(r, m->name, m->preferred);
        for (int k = 0; k < m->nlabels; k++)
            repository_set_label(r, m->name, m->labels[k].name, m->labels[k].number);
        repository_set_shares(r, m->name, m->canary.version, m->canary.percent, m->shadow.version,
                              m->shadow.percent);
    }
}
