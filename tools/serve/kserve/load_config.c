/* What a ModelConfig says, key by key. What is not understood is refused, not passed over: a client
 * that asks for something should not believe that it has it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/kserve/load.h"

enum { MOST = 1024 };

static int wrong(struct v2_error *err, const char *key, const char *what)
{
    v2_fail(err, V2_INVALID, "the config that came with load: '%.60s': %s", key, what);
    return 0;
}

/* Nothing is asked for: null, false, 0, or an empty text, list or object. */
static int is_empty(yyjson_val *v)
{
    return yyjson_is_null(v) || yyjson_is_false(v) ||
           (yyjson_is_num(v) && yyjson_get_num(v) == 0) ||
           (yyjson_is_str(v) && yyjson_get_len(v) == 0) ||
           (yyjson_is_ctn(v) && yyjson_get_len(v) == 0);
}

/* A whole number of 0..most; protobuf's JSON has long ones as text. */
static int number(yyjson_val *v, int64_t most, int64_t *out)
{
    char *end;
    if (yyjson_is_int(v)) {
        *out = yyjson_get_sint(v);
    } else if (yyjson_is_str(v)) {
        errno = 0;
        *out = strtoll(yyjson_get_str(v), &end, 10);
        if (errno || *end || end == yyjson_get_str(v))
            return 0;
    } else {
        return 0;
    }
    return *out >= 0 && *out <= most;
}

static int passes(yyjson_val *v, const char *key, struct load_config *c, struct v2_error *err)
{
    (void)v, (void)key, (void)c, (void)err;
    return 1;
}

static int read_text(yyjson_val *v, const char *key, struct load_config *c, struct v2_error *err)
{
    (void)c;
    return yyjson_is_str(v) ? 1 : wrong(err, key, "a text is needed");
}

static int read_max_batch(yyjson_val *v, const char *key, struct load_config *c,
                          struct v2_error *err)
{
    int64_t n;
    if (!number(v, MOST, &n))
        return wrong(err, key, "a number of 0 to 1024 is needed");
    c->max_batch = (int)n;
    c->options.max_batch = n > 0 ? (int)n : 1;
    c->options.told |= VERSION_TOLD_BATCH;
    return 1;
}

static int read_groups(yyjson_val *v, const char *key, struct load_config *c, struct v2_error *err)
{
    yyjson_arr_iter it;
    yyjson_val *group;
    int64_t all = 0, n;
    if (!yyjson_is_arr(v))
        return wrong(err, key, "a list is needed");
    yyjson_arr_iter_init(v, &it);
    while ((group = yyjson_arr_iter_next(&it))) {
        yyjson_val *count = yyjson_obj_get(group, "count");
        const char *kind = yyjson_get_str(yyjson_obj_get(group, "kind"));
        if (kind && strcmp(kind, "KIND_CPU") != 0 && strcmp(kind, "KIND_AUTO") != 0)
            return wrong(err, key, "instances run on CPUs alone: KIND_CPU or KIND_AUTO");
        n = 1;
        if (!yyjson_is_obj(group) || (count && !number(count, MOST, &n)) || n < 1)
            return wrong(err, key, "groups with a count of 1 to 1024 are needed");
        all += n;
    }
    if (all > MOST)
        return wrong(err, key, "at most 1024 instances");
    c->options.workers = (int)all; /* 0: an empty list, as if there were none */
    c->options.told |= VERSION_TOLD_WORKERS;
    return 1;
}

static int read_preferred(yyjson_val *v, const char *key, struct load_config *c,
                          struct v2_error *err)
{
    int64_t n, last = 0;
    yyjson_arr_iter it;
    yyjson_val *size;
    int count = 0;
    if (!yyjson_is_arr(v) || yyjson_arr_size(v) > VERSION_MOST_PREFERRED)
        return wrong(err, key, "a list of at most 8 sizes is needed");
    memset(c->options.preferred, 0, sizeof c->options.preferred);
    yyjson_arr_iter_init(v, &it);
    while ((size = yyjson_arr_iter_next(&it))) {
        if (!number(size, MOST, &n) || n <= last)
            return wrong(err, key, "sizes that grow are needed, up to 1024");
        c->options.preferred[count++] = (int)n;
        last = n;
    }
    return 1;
}

static int read_delay(yyjson_val *v, const char *key, struct load_config *c, struct v2_error *err)
{
    int64_t n;
    if (!number(v, 10000000, &n))
        return wrong(err, key, "microseconds of 0 to 10000000 are needed");
    c->options.batch_delay_ns = (uint64_t)n * 1000;
    c->options.told |= VERSION_TOLD_DELAY;
    return 1;
}

static int read_queue_size(yyjson_val *v, const char *key, struct load_config *c,
                           struct v2_error *err)
{
    int64_t n;
    if (!number(v, 1000000, &n))
        return wrong(err, key, "a number of 0 to 1000000 is needed");
    if (n) /* 0 is no limit to Triton; here the server's stays */
        c->options.max_queue = (int)n;
    return 1;
}

static int read_timeout(yyjson_val *v, const char *key, struct load_config *c, struct v2_error *err)
{
    int64_t n;
    if (!number(v, 86400000000, &n))
        return wrong(err, key, "microseconds are needed, at most a day");
    c->options.timeout_ns = (uint64_t)n * 1000;
    c->options.told |= VERSION_TOLD_TIMEOUT;
    return 1;
}

static int read_action(yyjson_val *v, const char *key, struct load_config *c, struct v2_error *err)
{
    (void)c;
    return yyjson_equals_str(v, "REJECT") ? 1 : wrong(err, key, "what is late is rejected: REJECT");
}

static int refuse(yyjson_val *v, const char *key, struct load_config *c, struct v2_error *err)
{
    (void)c;
    return is_empty(v) ? 1 : wrong(err, key, "is not supported");
}

static int read_policy(yyjson_val *v, const char *key, struct load_config *c, struct v2_error *err)
{
    yyjson_val *latest = yyjson_obj_get(v, "latest"), *specific = yyjson_obj_get(v, "specific");
    yyjson_val *versions = yyjson_obj_get(specific, "versions"), *number_val;
    yyjson_arr_iter it;
    int64_t n = 1;
    if (!yyjson_is_obj(v) || yyjson_obj_size(v) > 1)
        return wrong(err, key, "one of latest, specific and all is needed");
    if (latest) {
        yyjson_val *count = yyjson_obj_get(latest, "num_versions");
        if (count && (!number(count, INT32_MAX, &n) || n < 1))
            return wrong(err, key, "num_versions is a number of 1 and more");
        c->policy.latest = (int)n;
    } else if (specific) {
        if (!yyjson_is_arr(versions) || yyjson_arr_size(versions) < 1 ||
            yyjson_arr_size(versions) > REPOSITORY_MOST_SPECIFIC)
            return wrong(err, key, "specific has a list of 1 to 32 versions");
        yyjson_arr_iter_init(versions, &it);
        while ((number_val = yyjson_arr_iter_next(&it))) {
            if (!number(number_val, INT64_MAX, &n) || n < 1)
                return wrong(err, key, "versions are numbers of 1 and more");
            c->policy.specific[c->policy.nspecific++] = n;
        }
    } else if (yyjson_obj_size(v) && !yyjson_obj_get(v, "all")) {
        return wrong(err, key, "one of latest, specific and all is needed");
    }
    return 1;
}

/* ---- tables --------------------------------------------------------------------------------- */

struct row {
    const char *key;
    int (*read)(yyjson_val *v, const char *key, struct load_config *c, struct v2_error *err);
};

static int read_keys(yyjson_val *o, const char *of, const struct row *rows, struct load_config *c,
                     struct v2_error *err)
{
    yyjson_obj_iter it;
    yyjson_val *key;
    if (!yyjson_is_obj(o))
        return wrong(err, of, "an object is needed");
    yyjson_obj_iter_init(o, &it);
    while ((key = yyjson_obj_iter_next(&it))) {
        const struct row *r = rows;
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        while (r->key && strcmp(r->key, yyjson_get_str(key)) != 0)
            r++;
        if (!yyjson_is_null(value) &&
            !(r->key ? r->read : refuse)(value, yyjson_get_str(key), c, err))
            return 0;
    }
    return 1;
}

static int read_queue_policy(yyjson_val *v, const char *key, struct load_config *c,
                             struct v2_error *err)
{
    static const struct row rows[] = {{"max_queue_size", read_queue_size},
                                      {"default_timeout_microseconds", read_timeout},
                                      {"timeout_action", read_action},
                                      {"allow_timeout_override", passes}, /* always */
                                      {NULL, NULL}};
    return read_keys(v, key, rows, c, err);
}

static int read_batching(yyjson_val *v, const char *key, struct load_config *c,
                         struct v2_error *err)
{
    static const struct row rows[] = {{"preferred_batch_size", read_preferred},
                                      {"max_queue_delay_microseconds", read_delay},
                                      {"default_queue_policy", read_queue_policy},
                                      {"priority_levels", passes}, /* requests have any */
                                      {"default_priority_level", passes},
                                      {NULL, NULL}};
    return read_keys(v, key, rows, c, err);
}

static int read_cache(yyjson_val *v, const char *key, struct load_config *c, struct v2_error *err)
{
    (void)c;
    return yyjson_get_bool(yyjson_obj_get(v, "enable"))
               ? wrong(err, key, "answers are kept for all models or none, by --cache")
               : 1;
}

int load_read(yyjson_val *config, const char *name, struct load_config *c, struct v2_error *err)
{
    static const struct row rows[] = {{"name", read_text},
                                      {"platform", read_text},
                                      {"backend", read_text},
                                      {"runtime", read_text},
                                      {"default_model_filename", read_text},
                                      {"max_batch_size", read_max_batch},
                                      {"input", passes}, /* see load_fits */
                                      {"output", passes},
                                      {"instance_group", read_groups},
                                      {"dynamic_batching", read_batching},
                                      {"version_policy", read_policy},
                                      {"response_cache", read_cache},
                                      {"optimization", passes}, /* hints */
                                      {NULL, NULL}};
    yyjson_val *own = yyjson_obj_get(config, "name");
    c->max_batch = -1;
    if (yyjson_is_str(own) && yyjson_get_len(own) && !yyjson_equals_str(own, name))
        return wrong(err, "name", "is another than the model's");
    return read_keys(config, "config", rows, c, err);
}

/* ---- the model ------------------------------------------------------------------------------ */

/* Whether a tensor is the model's: dims stand without the batch where there is one. */
static int tensor_fits(yyjson_val *t, const struct v2_info *info, int batched, struct v2_error *err)
{
    const char *type = yyjson_get_str(yyjson_obj_get(t, "data_type"));
    yyjson_val *dims = yyjson_obj_get(t, "dims");
    const char *own = info->type == INFER_TYPE_NONE ? "STRING" : v2_datatype(info->type);
    if (type && (strncmp(type, "TYPE_", 5) != 0 || strcmp(type + 5, own) != 0))
        return wrong(err, info->name, "the model's type is another");
    if (!dims)
        return 1;
    if (!yyjson_is_arr(dims) || yyjson_arr_size(dims) != (size_t)(info->rank - batched))
        return wrong(err, info->name, "the model has another number of dims");
    for (int32_t k = batched; k < info->rank; k++) {
        const int64_t n = yyjson_get_sint(yyjson_arr_get(dims, (size_t)(k - batched)));
        if (n != info->dims[k] && n != -1 && info->dims[k] != -1)
            return wrong(err, info->name, "the model's dims are others");
    }
    return 1;
}

static int tensors_fit(yyjson_val *list, const char *key, const struct version *v, int output,
                       int batched, struct v2_error *err)
{
    yyjson_arr_iter it;
    yyjson_val *t;
    struct v2_info info;
    if (!list || yyjson_is_null(list))
        return 1;
    if (!yyjson_is_arr(list))
        return wrong(err, key, "a list is needed");
    yyjson_arr_iter_init(list, &it);
    while ((t = yyjson_arr_iter_next(&it))) {
        yyjson_val *name = yyjson_obj_get(t, "name");
        if (!yyjson_is_str(name))
            return wrong(err, key, "each has a name");
        const char *text = yyjson_get_str(name);
        const int place =
            output ? version_output(v, text, strlen(text)) : version_input(v, text, strlen(text));
        if (place < 0)
            return wrong(err, text, "the model has no such tensor");
        (output ? v2_output_info : v2_input_info)(v, place, &info);
        if (!tensor_fits(t, &info, batched, err))
            return 0;
    }
    return 1;
}

int load_fits(yyjson_val *config, const struct load_config *c, const struct version *v,
              struct v2_error *err)
{
    const char *file = yyjson_get_str(yyjson_obj_get(config, "default_model_filename"));
    const char *slash = strrchr(v->path, '/');
    if (c->max_batch > 0 && !v->batched)
        return wrong(err, "max_batch_size", "the model has no free first dimension for batches");
    if (file && *file && strcmp(file, slash ? slash + 1 : v->path) != 0)
        return wrong(err, "default_model_filename", "the model is in another file");
    const int batched = v->batched && c->max_batch != 0;
    return tensors_fit(yyjson_obj_get(config, "input"), "input", v, 0, batched, err) &&
           tensors_fit(yyjson_obj_get(config, "output"), "output", v, 1, batched, err);
}
