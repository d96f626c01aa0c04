/* A prediction's body to tensors: JSON, .npy files, or the elements themselves. */
#include <string.h>
#include <strings.h>

#include "tools/npy.h"
#include "tools/serve/kserve/kserve.h"
#include "tools/serve/predict/predict.h"

static int give_bytes(struct v2_request *q, const struct v2_info *info, const struct body_field *f,
                      struct v2_error *err)
{
    const char *datatype = v2_datatype(info->type);
    struct v2_tensor t = {.name = info->name,
                          .name_length = strlen(info->name),
                          .datatype = datatype,
                          .datatype_length = strlen(datatype),
                          .rank = info->rank,
                          .dims = info->dims};
    const int place = v2_input(q, &t, err);
    return place >= 0 && v2_input_raw(q, place, f->data, f->bytes, err);
}

/* A .npy file has type and shape with it. */
static int give_npy(struct v2_request *q, const char *name, const struct body_field *f,
                    struct v2_error *err)
{
    infer_tensor t;
    infer_error e;
    if (npy_parse((void *)(uintptr_t)f->data, f->bytes, &t, &e) != INFER_OK) {
        v2_fail(err, V2_INVALID, "input '%.100s': %s", name, e.message);
        return 0;
    }
    struct v2_info info = {.name = name, .type = t.type, .rank = t.rank};
    memcpy(info.dims, t.dims, sizeof info.dims);
    const struct body_field data = {.data = t.data, .bytes = t.bytes};
    return give_bytes(q, &info, &data, err);
}

/* The elements of an input as they lie in memory; free dimensions are 1. */
static int give_raw(struct v2_request *q, int place, const struct body_field *f,
                    struct v2_error *err)
{
    struct v2_info info;
    struct v2_text text = {f->data, f->bytes};
    v2_input_info(q->version, place, &info);
    if (q->version->ninputs == 1)
        return v2_input_whole(q, f->data, f->bytes, err);
    for (int32_t k = 0; k < info.rank; k++)
        info.dims[k] = info.dims[k] < 0 ? 1 : info.dims[k];
    if (info.type != INFER_TYPE_NONE)
        return give_bytes(q, &info, f, err);
    const struct v2_tensor t = {info.name, "BYTES", strlen(info.name), 5, info.rank, info.dims};
    return v2_input(q, &t, err) >= 0 && v2_input_texts(q, place, &text, 1, err);
}

static int is_npy(const struct body_field *f)
{
    return f->bytes > 6 && memcmp(f->data, "\x93NUMPY", 6) == 0;
}

/* Of several documents the last is kept: what the others had was copied. */
static int read_document(struct prediction *p, const struct body_field *f, struct v2_error *err)
{
    yyjson_doc_free(p->doc);
    p->doc = kserve_read((const char *)f->data, f->bytes, err);
    err->code = V2_INVALID;
    return p->doc != NULL;
}

/* Inputs by their names, or the value of the only input, behind "inputs", "instances" or "data", or
 * as they are. */
static int read_json(struct prediction *p, const struct body_field *f, struct v2_error *err)
{
    struct v2_request *q = &p->request;
    if (!read_document(p, f, err))
        return 0;
    yyjson_val *root = yyjson_doc_get_root(p->doc), *inner;
    if ((inner = yyjson_obj_get(root, "instances")) &&
        version_input(q->version, "instances", 9) < 0)
        return columns_read_rows(q, inner, &p->memory, err);
    if ((inner = yyjson_obj_get(root, "inputs")) && version_input(q->version, "inputs", 6) < 0)
        return columns_read(q, inner, &p->memory, err);
    if (q->version->ninputs == 1 && yyjson_obj_size(root) == 1 &&
        (inner = yyjson_obj_get(root, "data")))
        return columns_read(q, inner, &p->memory, err);
    return columns_read(q, root, &p->memory, err);
}

/* A number or a list alone, as a form's value has it. */
static int read_value(struct prediction *p, int place, const struct body_field *f,
                      struct v2_error *err)
{
    struct v2_request *q = &p->request;
    return read_document(p, f, err) &&
           columns_read_input(q, place, yyjson_doc_get_root(p->doc), &p->memory, err);
}

/* Whether the whole body is text for the only input: it is not called JSON. */
static int is_text(const struct prediction *p, const struct v2_info *info,
                   const struct body_field *f)
{
    const char *type = http_header(p->http, "Content-Type");
    return info->type == INFER_TYPE_NONE &&
           (f->name || !type || strncasecmp(type, "application/json", 16) != 0);
}

static int read_field(struct prediction *p, const struct body_field *f, struct v2_error *err)
{
    struct v2_request *q = &p->request;
    struct v2_info info;
    const int alone = q->version->ninputs == 1;
    int place = f->name_bytes ? version_input(q->version, f->name, f->name_bytes) : -1;
    if (place < 0 && alone)
        place = 0;
    if (place < 0 && !f->name && body_is_json(f->data, f->bytes))
        return read_json(p, f, err);
    if (place < 0) {
        v2_fail(err, V2_INVALID, "unexpected inference input '%.*s' for model '%.100s'",
                (int)(f->name_bytes > 100 ? 100 : f->name_bytes), f->name ? f->name : "",
                q->version->name);
        return 0;
    }
    v2_input_info(q->version, place, &info);
    if (is_text(p, &info, f))
        return give_raw(q, place, f, err);
    if (is_npy(f))
        return give_npy(q, q->version->inputs[place].name, f, err);
    if (body_is_json(f->data, f->bytes))
        return f->name && !alone ? read_value(p, place, f, err) : read_json(p, f, err);
    if (!f->is_file)
        return read_value(p, place, f, err);
    return give_raw(q, place, f, err);
}

int predict_tensors(struct prediction *p, struct v2_error *err)
{
    const struct body_field nothing = {.data = (const unsigned char *)""};
    if (p->body.count == 0)
        return read_field(p, &nothing, err); /* a text of 0 characters, where that is an input */
    for (int i = 0; i < p->body.count; i++)
        if (!read_field(p, &p->body.fields[i], err))
            return 0;
    return 1;
}
