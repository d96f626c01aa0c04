#include "tools/serve/kserve/load.h"

#include <string.h>

int load_refuses(const char *key, struct v2_error *err)
{
    if (strncmp(key, "file:", 5) != 0)
        return 0;
    v2_fail(err, V2_INVALID,
            "'%.100s' can't be given with load: put the file into the repository, complete, and "
            "load then",
            key);
    return 1;
}

static int is_loaded(struct server *s, const char *name)
{
    enum repository_missing missing;
    struct version *v = repository_get(s->repository, name, strlen(name), 0, &missing);
    version_unref(v);
    return v != NULL;
}

/* The configuration must be that of the model, which is loaded for that where it is not. */
static int check(struct server *s, const char *name, yyjson_val *config,
                 const struct load_config *c, struct v2_error *err)
{
    char why[400];
    enum repository_missing missing;
    if (!is_loaded(s, name) && !repository_load(s->repository, name, why, sizeof why)) {
        v2_fail(err, V2_INTERNAL, "%s", why);
        return 0;
    }
    struct version *v = repository_get(s->repository, name, strlen(name), 0, &missing);
    if (!v) {
        v2_fail(err, V2_INTERNAL, "failed to load '%.100s'", name);
        return 0;
    }
    const int fits = load_fits(config, c, v, err);
    version_unref(v);
    return fits;
}

static int load_with(struct server *s, const char *name, yyjson_val *config, struct v2_error *err)
{
    char why[400];
    struct load_config c = {.options = repository_options_of(s->repository, name)};
    if (!load_read(config, name, &c, err) || !check(s, name, config, &c, err))
        return 0;
    if (repository_load_with(s->repository, name, &c.options, &c.policy, why, sizeof why))
        return 1;
    v2_fail(err, V2_INTERNAL, "%s", why);
    return 0;
}

int load_model(struct server *s, const char *name, const char *config, struct v2_error *err)
{
    char why[400];
    if (config) {
        yyjson_doc *doc = yyjson_read(config, strlen(config), 0);
        yyjson_val *root = yyjson_doc_get_root(doc);
        int ok = yyjson_is_obj(root);
        if (ok)
            ok = load_with(s, name, root, err);
        else
            v2_fail(err, V2_INVALID, "the config that came with load is no JSON object");
        yyjson_doc_free(doc);
        return ok;
    }
    if (repository_load_with(s->repository, name, NULL, NULL, why, sizeof why))
        return 1;
    v2_fail(err, V2_INTERNAL, "%s", why);
    return 0;
}
