#include "tools/inputs.h"

#include <stdlib.h>
#include <string.h>

#include "tools/npy.h"
#include "tools/onnx/onnx_import.h"
#include "tools/random_fill.h"
#include "tools/tensor_stats.h"

int inputs_init(struct inputs *in, const infer_model *model)
{
    memset(in, 0, sizeof *in);
    in->model = model;
    in->n = infer_model_inputs(model);
    in->tensors = calloc(in->n + 1, sizeof *in->tensors);
    in->specs = calloc(in->n + 1, sizeof *in->specs);
    if (in->tensors && in->specs)
        return CLI_OK;
    fprintf(stderr, "infer: no memory for %zu inputs\n", in->n);
    return CLI_RESOURCES;
}

void inputs_free_views(struct inputs *in)
{
    free(in->tensors);
    free(in->specs);
    in->tensors = NULL;
    in->specs = NULL;
}

void inputs_free(struct inputs *in)
{
    for (size_t i = 0; in->tensors && i < in->n; i++)
        free(in->tensors[i].data);
    inputs_free_views(in);
}

static infer_value_info info_of(const struct inputs *in, size_t i)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_model_input(in->model, i, &info, NULL);
    return info;
}

/* ---- files ---------------------------------------------------------------------------------- */

/* The input that "NAME=FILE" names, and the file. Names and files may have = in them, so the
 * names of the model decide. Without a name it is the only input. */
static int split_input(const struct inputs *in, const char *text, size_t *index, const char **path)
{
    for (size_t i = 0; i < in->n; i++) {
        infer_value_info info = info_of(in, i);
        size_t n = strlen(info.name);
        if (strncmp(text, info.name, n) == 0 && text[n] == '=') {
            *index = i;
            *path = text + n + 1;
            return 1;
        }
    }
    *index = 0;
    *path = text;
    if (in->n == 1 && !strchr(text, '='))
        return 1;
    cli_usage("--input %s: the model has no such input; it has:", text);
    for (size_t i = 0; i < in->n; i++) {
        char dims[128];
        infer_value_info info = info_of(in, i);
        fprintf(stderr, "  %s  %s %s\n", info.name, infer_type_name(info.type),
                dims_text(&info, dims, sizeof dims));
    }
    return 0;
}

static void narrow_to_bf16(infer_tensor *t)
{
    size_t n = infer_tensor_elements(t);
    for (size_t i = 0; i < n; i++) {
        float f;
        memcpy(&f, (char *)t->data + i * 4, 4);
        uint16_t v = f32_to_bf16(f);
        memcpy((char *)t->data + i * 2, &v, 2);
    }
    t->type = INFER_BF16;
}

static infer_status load_proto(const char *path, infer_tensor *t, infer_error *err)
{
    struct onnx_tensor proto;
    infer_status status = onnx_tensor_load(path, &proto, err);
    if (status != INFER_OK)
        return status;
    *t = proto.tensor;
    t->bytes = infer_tensor_elements(t) * infer_type_size(t->type);
    t->data = aligned_alloc(64, (t->bytes + 64) & ~(size_t)63);
    if (t->data && t->bytes)
        memcpy(t->data, proto.tensor.data, t->bytes);
    status = t->data ? INFER_OK : infer__no_memory(err, t->bytes);
    onnx_tensor_free(&proto);
    return status;
}

int inputs_load_file(struct inputs *in, size_t i, const char *path)
{
    infer_error err;
    infer_value_info info = info_of(in, i);
    infer_tensor *t = &in->tensors[i];
    size_t n = strlen(path);
    int proto = n > 3 && strcmp(path + n - 3, ".pb") == 0;
    if ((proto ? load_proto(path, t, &err) : npy_load(path, t, &err)) != INFER_OK)
        return cli_fail(path, &err);
    if (info.type == INFER_BF16 && t->type == INFER_F32)
        narrow_to_bf16(t);
    if (info.type == INFER_BF16 && t->type == INFER_U16) /* as ONNX's own tests store it */
        t->type = INFER_BF16;
    if (info.type == t->type)
        return CLI_OK;
    fprintf(stderr, "infer: %s: its elements are %s; input '%s' needs %s\n", path,
            infer_type_name(t->type), info.name, infer_type_name(info.type));
    return CLI_BAD_INPUT;
}

int inputs_load(struct inputs *in, const struct cli_args *args)
{
    int n, status = CLI_OK;
    const char *const *texts = cli_values(args, "input", &n);
    for (int k = 0; k < n && status == CLI_OK; k++) {
        size_t i;
        const char *path;
        if (!split_input(in, texts[k], &i, &path))
            return CLI_USAGE;
        if (in->tensors[i].data)
            return cli_usage("--input %s: this input was given before", texts[k]);
        status = inputs_load_file(in, i, path);
    }
    return status;
}

int inputs_load_set(struct inputs *in, const char *folder)
{
    int status = CLI_OK;
    for (size_t i = 0; i < in->n && status == CLI_OK; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/input_%zu.pb", folder, i);
        if (!in->tensors[i].data)
            status = inputs_load_file(in, i, path);
    }
    return status;
}

int inputs_fill(struct inputs *in, const infer_session *session, uint64_t seed)
{
    for (size_t i = 0; i < in->n; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_tensor *t = &in->tensors[i];
        if (t->data)
            continue;
        infer_session_input(session, i, &info, NULL);
        t->type = info.type;
        t->rank = info.rank;
        memcpy(t->dims, info.dims, sizeof t->dims);
        t->bytes = infer_tensor_elements(t) * infer_type_size(t->type);
        t->data = aligned_alloc(64, (t->bytes + 64) & ~(size_t)63);
        if (!t->data) {
            fprintf(stderr, "infer: no memory for input '%s'\n", info.name);
            return CLI_RESOURCES;
        }
        random_fill(t, seed + i);
    }
    return CLI_OK;
}

int inputs_like(struct inputs *in, const struct inputs *from, const char *path)
{
    for (size_t i = 0; i < in->n; i++) {
        infer_value_info info = info_of(in, i);
        size_t k = 0;
        while (k < from->n && strcmp(info_of(from, k).name, info.name) != 0)
            k++;
        if (k == from->n && in->n == from->n)
            k = i;
        if (k == from->n || from->tensors[k].type != info.type) {
            fprintf(stderr, "infer: %s: input '%s' (%s) is not one of the other model's\n", path,
                    info.name, infer_type_name(info.type));
            return CLI_BAD_INPUT;
        }
        in->tensors[i] = from->tensors[k];
    }
    return CLI_OK;
}

/* ---- sessions ------------------------------------------------------------------------------- */

size_t inputs_missing(const struct inputs *in)
{
    size_t i = 0;
    while (i < in->n && in->tensors[i].data)
        i++;
    return i;
}

int inputs_check_shapes(const struct inputs *in, const struct session_args *s)
{
    for (size_t k = 0; k < s->nshapes; k++) {
        int found = 0;
        for (size_t i = 0; i < in->n; i++)
            found |= strcmp(info_of(in, i).name, s->shapes[k].name) == 0;
        if (!found) { /* it would otherwise be passed over in silence */
            cli_usage("--input-shape %s: the model has no such input", s->shapes[k].name);
            return 0;
        }
    }
    return 1;
}

static size_t make_specs(const struct inputs *in, const struct session_args *s, int values)
{
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++) {
        const infer_tensor *t = &in->tensors[i];
        const char *name = info_of(in, i).name;
        if (t->data) {
            infer_input_spec *spec = &in->specs[n++];
            memset(spec, 0, sizeof *spec);
            spec->name = name;
            spec->rank = t->rank;
            memcpy(spec->dims, t->dims, sizeof spec->dims);
            spec->data = values && (t->type == INFER_S64 || t->type == INFER_S32) ? t->data : NULL;
        }
        const infer_input_spec *given = NULL; /* the last one counts */
        for (size_t k = 0; !t->data && k < s->nshapes; k++)
            given = strcmp(s->shapes[k].name, name) == 0 ? &s->shapes[k] : given;
        if (given)
            in->specs[n++] = *given;
    }
    return n;
}

infer_status inputs_session(const struct inputs *in, const infer_model *model,
                            const struct session_args *shapes, const infer_session_options *options,
                            infer_session **session, infer_error *err)
{
    infer_session_options o = *options;
    infer_status status = INFER_ERROR_NEED_VALUE;
    o.inputs = in->specs;
    for (int values = 0; values < 2 && status == INFER_ERROR_NEED_VALUE; values++) {
        o.ninputs = make_specs(in, shapes, values);
        status = infer_session_create(model, &o, session, err);
    }
    return status;
}
