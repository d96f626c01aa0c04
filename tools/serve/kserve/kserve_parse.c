/* JSON of an inference to inputs and outputs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base64.h"
#include "tools/serve/kserve/kserve.h"

yyjson_doc *kserve_read(const char *json, size_t bytes, struct v2_error *err)
{
    yyjson_read_err why;
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json, bytes,
                                       YYJSON_READ_ALLOW_INF_AND_NAN | YYJSON_READ_ALLOW_BOM |
                                           YYJSON_READ_BIGNUM_AS_RAW,
                                       NULL, &why);
    if (!doc)
        v2_fail(err, V2_INVALID, "failed to parse the request JSON buffer: %s at %zu", why.msg,
                why.pos);
    return doc;
}

/* A member; null is as good as none. */
static yyjson_val *member(yyjson_val *o, const char *key)
{
    yyjson_val *v = yyjson_obj_get(o, key);
    return yyjson_is_null(v) ? NULL : v;
}

/* A number that is none below 0. 1: it is there, 0: it is not, -1: it is something else. */
static int read_unsigned(yyjson_val *parameters, const char *key, uint64_t *to,
                         struct v2_error *err)
{
    yyjson_val *v = member(parameters, key);
    if (!v)
        return 0;
    if (!yyjson_is_uint(v)) {
        v2_fail(err, V2_INVALID, "Unable to parse '%s': it is no unsigned integer", key);
        return -1;
    }
    *to = yyjson_get_uint(v);
    return 1;
}

static int read_bool(yyjson_val *parameters, const char *key, int *to, struct v2_error *err)
{
    yyjson_val *v = member(parameters, key);
    if (v && !yyjson_is_bool(v)) {
        v2_fail(err, V2_INVALID, "Unable to parse '%s': it is neither true nor false", key);
        return 0;
    }
    if (v)
        *to = yyjson_get_bool(v);
    return 1;
}

static int wrong(struct v2_error *err, const char *key, const char *what)
{
    v2_fail(err, V2_INVALID, "Unable to parse '%s': it is no %s", key, what);
    return 0;
}

/* The "parameters" of something; 0: they are no object of plain values. */
static int read_parameters(yyjson_val *of, yyjson_val **parameters, struct v2_error *err)
{
    yyjson_obj_iter it;
    *parameters = member(of, "parameters");
    if (*parameters && !yyjson_is_obj(*parameters))
        return wrong(err, "parameters", "object");
    yyjson_obj_iter_init(*parameters, &it);
    for (yyjson_val *key; *parameters && (key = yyjson_obj_iter_next(&it));)
        if (yyjson_is_ctn(yyjson_obj_iter_get_val(key))) {
            v2_fail(err, V2_INVALID,
                    "parameter '%.100s' has invalid type. It should be either 'int', 'bool', or "
                    "'string'.",
                    yyjson_get_str(key));
            return 0;
        }
    return 1;
}

/* ---- inputs --------------------------------------------------------------------------------- */

static int read_shape(yyjson_val *input, int64_t *dims, int32_t *rank, struct v2_error *err)
{
    yyjson_val *shape = yyjson_obj_get(input, "shape"), *d;
    yyjson_arr_iter it;
    *rank = 0;
    if (!yyjson_is_arr(shape))
        return wrong(err, "shape", "array");
    yyjson_arr_iter_init(shape, &it);
    while ((d = yyjson_arr_iter_next(&it))) {
        if (!yyjson_is_uint(d) || yyjson_get_uint(d) > INT64_MAX)
            return wrong(err, "shape", "array of unsigned integers");
        if (*rank == INFER_MAX_RANK) {
            v2_fail(err, V2_INVALID, "an input has more than %d dimensions", INFER_MAX_RANK);
            return 0;
        }
        dims[(*rank)++] = (int64_t)yyjson_get_uint(d);
    }
    return 1;
}

/* The bytes of a picture are no text: in JSON they come as base64. The request owns what they are
 * decoded to. */
static int decode_pictures(struct v2_request *q, int place, struct v2_text *texts, size_t n,
                           struct v2_error *err)
{
    size_t room = 1, at = 0;
    for (size_t i = 0; i < n; i++)
        room += base64_room(texts[i].bytes);
    unsigned char *to = malloc(room);
    q->owned[place] = to;
    if (!to) {
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        const long bytes = base64_decode(texts[i].data, texts[i].bytes, to + at);
        if (bytes < 0)
            return wrong(err, "data", "picture in base64");
        texts[i] = (struct v2_text){to + at, (size_t)bytes};
        at += (size_t)bytes;
    }
    return 1;
}

/* Strings of an array, however nested. */
static int read_texts(struct v2_request *q, int place, yyjson_val *data, struct v2_error *err)
{
    const size_t count = kserve_count(data);
    struct v2_text *texts = calloc(count + 1, sizeof *texts);
    size_t n = 0;
    int ok = texts != NULL;
    if (!ok)
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
    yyjson_val *end = unsafe_yyjson_get_next(data);
    for (yyjson_val *v = data + 1; ok && v < end; v++) {
        if (yyjson_is_arr(v))
            continue;
        ok = yyjson_is_str(v);
        if (ok)
            texts[n++] = (struct v2_text){yyjson_get_str(v), yyjson_get_len(v)};
        else
            wrong(err, "data", "array of strings");
    }
    if (ok && q->pictures)
        ok = decode_pictures(q, place, texts, n, err);
    if (ok)
        ok = v2_input_texts(q, place, texts, n, err);
    free(texts);
    return ok;
}

static int read_data(struct v2_request *q, int place, yyjson_val *data, struct v2_error *err)
{
    struct v2_info info;
    v2_input_info(q->version, place, &info);
    if (!yyjson_is_arr(data))
        return wrong(err, "data", "array");
    if (q->pictures || info.type == INFER_TYPE_NONE)
        return read_texts(q, place, data, err);
    if (info.type == INFER_F16 || info.type == INFER_BF16) {
        v2_fail(err, V2_INVALID,
                "receiving %s data via JSON is not supported. Please use the binary data format "
                "for input %.100s",
                v2_datatype(info.type), info.name);
        return 0;
    }
    const size_t count = kserve_count(data);
    void *to = v2_input_room(q, place, count, err);
    return to && kserve_numbers(data, info.type, to, count, info.name, err);
}

/* The bytes behind the JSON that no input has taken yet. */
struct rest {
    const unsigned char *data;
    size_t bytes;
};

static int read_binary(struct v2_request *q, int place, size_t bytes, struct rest *rest,
                       struct v2_error *err)
{
    if (bytes > rest->bytes) {
        v2_fail(err, V2_INVALID,
                "unexpected size for input '%.100s', expecting %zu additional bytes for model "
                "'%.100s'",
                q->version->inputs[place].name, bytes - rest->bytes, q->version->name);
        return 0;
    }
    const unsigned char *data = rest->data;
    rest->data += bytes;
    rest->bytes -= bytes;
    return v2_input_raw(q, place, data, bytes, err);
}

static int read_input(struct v2_request *q, yyjson_val *input, int only, struct rest *rest,
                      struct v2_error *err)
{
    yyjson_val *name = yyjson_obj_get(input, "name"), *type = yyjson_obj_get(input, "datatype"),
               *data = member(input, "data"), *parameters;
    int64_t dims[INFER_MAX_RANK];
    uint64_t bytes = 0;
    struct v2_tensor t = {.dims = dims};
    if (!yyjson_is_str(name))
        return wrong(err, "name", "string");
    if (!yyjson_is_str(type))
        return wrong(err, "datatype", "string");
    if (!read_shape(input, dims, &t.rank, err) || !read_parameters(input, &parameters, err))
        return 0;
    int binary = read_unsigned(parameters, "binary_data_size", &bytes, err);
    if (binary < 0)
        return 0;
    if (!binary && !data && only && rest->bytes) { /* the one input has all of it */
        binary = 1;
        bytes = rest->bytes;
    }
    if (binary == (data != NULL)) {
        v2_fail(err, V2_INVALID,
                "Input must set only one of the following fields: 'data', 'binary_data_size' in "
                "'parameters'. But %s",
                binary ? "both are set" : "no field is set");
        return 0;
    }
    t.name = yyjson_get_str(name);
    t.name_length = yyjson_get_len(name);
    t.datatype = yyjson_get_str(type);
    t.datatype_length = yyjson_get_len(type);
    const int place = v2_input(q, &t, err);
    if (place < 0)
        return 0;
    return binary ? read_binary(q, place, bytes, rest, err) : read_data(q, place, data, err);
}

static int read_inputs(struct v2_request *q, yyjson_val *root, struct rest rest,
                       struct v2_error *err)
{
    yyjson_val *inputs = yyjson_obj_get(root, "inputs"), *input;
    yyjson_arr_iter it;
    if (!yyjson_is_arr(inputs))
        return wrong(err, "inputs", "array");
    yyjson_arr_iter_init(inputs, &it);
    while ((input = yyjson_arr_iter_next(&it)))
        if (!read_input(q, input, yyjson_arr_size(inputs) == 1, &rest, err))
            return 0;
    if (rest.bytes) {
        v2_fail(err, V2_INVALID, "unexpected additional input data for model '%.100s'",
                q->version->name);
        return 0;
    }
    return 1;
}

/* ---- outputs -------------------------------------------------------------------------------- */

static int read_output(struct kserve_call *k, yyjson_val *output, struct v2_error *err)
{
    yyjson_val *name = yyjson_obj_get(output, "name"), *parameters;
    uint64_t classes = 0;
    int binary = k->binary;
    if (!yyjson_is_str(name))
        return wrong(err, "name", "string");
    if (!read_parameters(output, &parameters, err) ||
        read_unsigned(parameters, "classification", &classes, err) < 0 ||
        !read_bool(parameters, "binary_data", &binary, err))
        return 0;
    return v2_output(&k->request, yyjson_get_str(name), yyjson_get_len(name),
                     classes > INT64_MAX ? INT64_MAX : (int64_t)classes, binary, err);
}

static int read_outputs(struct kserve_call *k, yyjson_val *root, struct v2_error *err)
{
    yyjson_val *outputs = member(root, "outputs"), *output;
    yyjson_arr_iter it;
    if (outputs && !yyjson_is_arr(outputs))
        return wrong(err, "outputs", "array");
    yyjson_arr_iter_init(outputs, &it);
    while (outputs && (output = yyjson_arr_iter_next(&it)))
        if (!read_output(k, output, err))
            return 0;
    return 1;
}

int kserve_parse(struct kserve_call *k, const char *json, size_t bytes, const unsigned char *binary,
                 size_t nbinary, struct v2_error *err)
{
    struct v2_request *q = &k->request;
    uint64_t priority = 0;
    yyjson_val *parameters;
    k->doc = kserve_read(json, bytes, err);
    if (!k->doc)
        return 0;
    yyjson_val *root = yyjson_doc_get_root(k->doc), *id = member(root, "id");
    if (id && !yyjson_is_str(id))
        return wrong(err, "id", "string");
    if (id && yyjson_get_len(id))
        k->id = yyjson_get_str(id);
    if (!read_parameters(root, &parameters, err) ||
        read_unsigned(parameters, "timeout", &q->timeout_us, err) < 0 ||
        read_unsigned(parameters, "priority", &priority, err) < 0 ||
        !read_bool(parameters, "binary_data_output", &k->binary, err))
        return 0;
    q->priority = priority > UINT32_MAX ? UINT32_MAX : (uint32_t)priority;
    return read_inputs(q, root, (struct rest){binary, nbinary}, err) && read_outputs(k, root, err);
}
