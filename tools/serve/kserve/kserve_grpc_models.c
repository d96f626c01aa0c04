/* KServe v2 over gRPC, about models: metadata, configuration, statistics, the repository. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/kserve.pb-c.h"
#include "tools/serve/kserve/kserve_grpc.h"

typedef Inference__ModelMetadataResponse__TensorMetadata tensor_metadata;
typedef char number_text[24];

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text; /* protobuf-c's structs have no const; packing only reads */
}

static void no_memory(struct grpc_request *r)
{
    grpc_fail(r, GRPC_RESOURCE_EXHAUSTED, "out of memory");
}

/* The version that a request names, counted; NULL: it was answered. */
static struct version *find(struct server *s, struct grpc_request *r)
{
    struct v2_error err;
    Inference__ModelRequest *q = kserve_grpc_read(r, &inference__model_request__descriptor);
    if (!q)
        return NULL;
    struct version *v = v2_find(s, q->name, strlen(q->name), kserve_grpc_version(q->version), &err);
    kserve_grpc_free(q);
    if (!v)
        kserve_grpc_refuse(r, &err);
    return v;
}

/* ---- metadata ------------------------------------------------------------------------------- */

struct metadata {
    Inference__ModelMetadataResponse response;
    struct v2_info infos[2 * VERSION_MOST_TENSORS];
    tensor_metadata tensors[2 * VERSION_MOST_TENSORS], *list[2 * VERSION_MOST_TENSORS];
};

static void describe(const struct version *v, struct metadata *m)
{
    const int n = v->ninputs + v->noutputs;
    for (int i = 0; i < n; i++) {
        struct v2_info *info = &m->infos[i];
        if (i < v->ninputs)
            v2_input_info(v, i, info);
        else
            v2_output_info(v, i - v->ninputs, info);
        inference__model_metadata_response__tensor_metadata__init(&m->tensors[i]);
        m->tensors[i].name = text_of(info->name);
        m->tensors[i].datatype = text_of(v2_datatype(info->type));
        m->tensors[i].n_shape = (size_t)info->rank;
        m->tensors[i].shape = info->dims;
        m->list[i] = &m->tensors[i];
    }
    m->response.name = v->name;
    m->response.platform = text_of("libinfer");
    m->response.n_inputs = (size_t)v->ninputs;
    m->response.inputs = m->list;
    m->response.n_outputs = (size_t)v->noutputs;
    m->response.outputs = m->list + v->ninputs;
}

void kserve_grpc_metadata(void *server, struct grpc_request *r)
{
    struct version *v = find(server, r);
    if (!v)
        return;
    int n = 0;
    struct metadata *m = calloc(1, sizeof *m);
    int64_t *numbers = v2_versions(server, v->name, &n);
    number_text *texts = calloc((size_t)n + 1, sizeof *texts);
    char **versions = calloc((size_t)n + 1, sizeof *versions);
    if (m && numbers && texts && versions) {
        inference__model_metadata_response__init(&m->response);
        for (int i = 0; i < n; i++) {
            snprintf(texts[i], sizeof texts[i], "%lld", (long long)numbers[i]);
            versions[i] = texts[i];
        }
        m->response.n_versions = (size_t)n;
        m->response.versions = versions;
        describe(v, m);
        kserve_grpc_reply(r, &m->response);
    } else {
        no_memory(r);
    }
    free(versions);
    free(texts);
    free(numbers);
    free(m);
    version_unref(v);
}

/* ---- configuration -------------------------------------------------------------------------- */

struct config {
    Inference__ModelConfigResponse response;
    Inference__ModelConfig config;
    struct v2_info infos[2 * VERSION_MOST_TENSORS];
    Inference__ModelInput inputs[VERSION_MOST_TENSORS], *input_list[VERSION_MOST_TENSORS];
    Inference__ModelOutput outputs[VERSION_MOST_TENSORS], *output_list[VERSION_MOST_TENSORS];
    Inference__ModelInstanceGroup group, *groups[1];
    Inference__ModelVersionPolicy policy;
    Inference__ModelVersionPolicy__Latest latest;
    Inference__ModelDynamicBatching batching;
    int32_t preferred[VERSION_MOST_PREFERRED];
};

static Inference__DataType data_type(infer_type type)
{
    static const Inference__DataType types[] = {
        [INFER_TYPE_NONE] = INFERENCE__DATA_TYPE__TYPE_STRING,
        [INFER_F32] = INFERENCE__DATA_TYPE__TYPE_FP32,
        [INFER_F16] = INFERENCE__DATA_TYPE__TYPE_FP16,
        [INFER_BF16] = INFERENCE__DATA_TYPE__TYPE_BF16,
        [INFER_F64] = INFERENCE__DATA_TYPE__TYPE_FP64,
        [INFER_S8] = INFERENCE__DATA_TYPE__TYPE_INT8,
        [INFER_U8] = INFERENCE__DATA_TYPE__TYPE_UINT8,
        [INFER_S16] = INFERENCE__DATA_TYPE__TYPE_INT16,
        [INFER_U16] = INFERENCE__DATA_TYPE__TYPE_UINT16,
        [INFER_S32] = INFERENCE__DATA_TYPE__TYPE_INT32,
        [INFER_U32] = INFERENCE__DATA_TYPE__TYPE_UINT32,
        [INFER_S64] = INFERENCE__DATA_TYPE__TYPE_INT64,
        [INFER_U64] = INFERENCE__DATA_TYPE__TYPE_UINT64,
        [INFER_BOOL] = INFERENCE__DATA_TYPE__TYPE_BOOL,
    };
    return (size_t)type < sizeof types / sizeof *types ? types[type]
                                                       : INFERENCE__DATA_TYPE__TYPE_INVALID;
}

/* The batch is not among the dimensions. */
static void config_tensors(const struct version *v, struct config *c)
{
    const int batched = v2_max_batch(v) > 0;
    for (int i = 0; i < v->ninputs; i++) {
        struct v2_info *info = &c->infos[i];
        v2_input_info(v, i, info);
        inference__model_input__init(&c->inputs[i]);
        c->inputs[i].name = text_of(info->name);
        c->inputs[i].data_type = data_type(info->type);
        c->inputs[i].n_dims = (size_t)(info->rank - batched);
        c->inputs[i].dims = info->dims + batched;
        if (v->takes_pictures)
            c->inputs[i].format = v->preprocess.layout == INFER_LAYOUT_NHWC
                                      ? INFERENCE__MODEL_INPUT__FORMAT__FORMAT_NHWC
                                      : INFERENCE__MODEL_INPUT__FORMAT__FORMAT_NCHW;
        c->input_list[i] = &c->inputs[i];
    }
    for (int i = 0; i < v->noutputs; i++) {
        struct v2_info *info = &c->infos[VERSION_MOST_TENSORS + i];
        v2_output_info(v, i, info);
        inference__model_output__init(&c->outputs[i]);
        c->outputs[i].name = text_of(info->name);
        c->outputs[i].data_type = data_type(info->type);
        c->outputs[i].n_dims = (size_t)(info->rank - batched);
        c->outputs[i].dims = info->dims + batched;
        c->outputs[i].label_filename = text_of(infer_model_labels(v->model) ? "labels.txt" : "");
        c->output_list[i] = &c->outputs[i];
    }
    c->config.n_input = (size_t)v->ninputs;
    c->config.input = c->input_list;
    c->config.n_output = (size_t)v->noutputs;
    c->config.output = c->output_list;
}

/* Where batches wait for others, or have sizes of their own. */
static void config_batching(const struct version *v, struct config *c)
{
    const struct version_options *o = &v->options;
    if (!v->batched || (!o->batch_delay_ns && !o->preferred[0]))
        return;
    inference__model_dynamic_batching__init(&c->batching);
    for (int i = 0; i < VERSION_MOST_PREFERRED && o->preferred[i]; i++)
        c->preferred[c->batching.n_preferred_batch_size++] = o->preferred[i];
    c->batching.preferred_batch_size = c->preferred;
    c->batching.max_queue_delay_microseconds = o->batch_delay_ns / 1000;
    c->config.dynamic_batching = &c->batching;
}

void kserve_grpc_config(void *server, struct grpc_request *r)
{
    struct version *v = find(server, r);
    struct config *c = v ? calloc(1, sizeof *c) : NULL;
    if (!v)
        return;
    if (!c) {
        no_memory(r);
        version_unref(v);
        return;
    }
    const char *file = strrchr(v->path, '/');
    inference__model_config_response__init(&c->response);
    inference__model_config__init(&c->config);
    inference__model_instance_group__init(&c->group);
    inference__model_version_policy__init(&c->policy);
    inference__model_version_policy__latest__init(&c->latest);
    c->latest.num_versions = 1;
    c->policy.latest = &c->latest;
    c->group.name = v->name;
    c->group.count = v->options.workers > 0 ? v->options.workers : 1;
    c->group.kind = INFERENCE__MODEL_INSTANCE_GROUP__KIND__KIND_CPU;
    c->groups[0] = &c->group;
    c->config.name = v->name;
    c->config.backend = text_of("libinfer");
    c->config.version_policy = &c->policy;
    c->config.max_batch_size = v2_max_batch(v);
    c->config.n_instance_group = 1;
    c->config.instance_group = c->groups;
    c->config.default_model_filename = text_of(file ? file + 1 : v->path);
    config_tensors(v, c);
    config_batching(v, c);
    c->response.config = &c->config;
    kserve_grpc_reply(r, &c->response);
    free(c);
    version_unref(v);
}
