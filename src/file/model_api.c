/* What a caller may ask of a model. */
#include <string.h>

#include "base/caller.h"
#include "base/sized.h"
#include "base/status.h"
#include "file/model.h"

size_t infer_model_inputs(const infer_model *model)
{
    return model ? model->graph.ninputs : 0;
}

size_t infer_model_outputs(const infer_model *model)
{
    return model ? model->graph.noutputs : 0;
}

static infer_status describe(const infer_model *model, const char *what, size_t index,
                             infer_value_info *info, infer_error *err)
{
    const struct infer__sized *kind = INFER__SIZED(infer_value_info, reserved);
    const int output = *what == 'o';
    FAIL_IF(!model, INFER_ERROR_ARGUMENT, "the model is NULL");
    TRY(infer__sized_check(kind, info, err));
    const struct infer__graph *g = &model->graph;
    const size_t n = output ? g->noutputs : g->ninputs;
    FAIL_IF(index >= n, INFER_ERROR_ARGUMENT, "%s %zu of a model with %zu", what, index, n);
    const struct infer__value *v = &g->values[output ? g->outputs[index] : g->inputs[index]];
    infer_value_info told = {
        .name = v->name, .type = (infer_type)v->type, .rank = v->rank, .free_dims = v->free_dims};
    memcpy(told.dims, v->dims, sizeof told.dims);
    infer__about_dims(&model->about, output, (uint32_t)index, told.dim_names);
    infer__sized_write(kind, &told, info);
    return INFER_OK;
}

void infer_value_info_init(infer_value_info *info, size_t size)
{
    infer__sized_init(info, size);
}

infer_status infer_model_input(const infer_model *model, size_t index, infer_value_info *info,
                               infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    return describe(model, "input", index, info, err);
}

infer_status infer_model_output(const infer_model *model, size_t index, infer_value_info *info,
                                infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    return describe(model, "output", index, info, err);
}

size_t infer_model_labels(const infer_model *model)
{
    return model ? model->nlabels : 0;
}

const char *infer_model_label(const infer_model *model, size_t index)
{
    return model && index < model->nlabels ? model->labels[index] : NULL;
}

void infer_model_info_init(infer_model_info *info, size_t size)
{
    infer__sized_init(info, size);
}

infer_status infer_model_describe(const infer_model *model, infer_model_info *info,
                                  infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    const struct infer__sized *kind = INFER__SIZED(infer_model_info, metadata);
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!model, INFER_ERROR_ARGUMENT, "the model is NULL");
    TRY(infer__sized_check(kind, info, err));
    const struct infer__about *a = &model->about;
    const infer_model_info told = {.producer = a->producer,
                                   .producer_version = a->version,
                                   .opset = a->opset,
                                   .metadata = a->npairs};
    infer__sized_write(kind, &told, info);
    return INFER_OK;
}

infer_status infer_model_metadata(const infer_model *model, size_t index, const char **key,
                                  const char **value, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    if (key)
        *key = NULL;
    if (value)
        *value = NULL;
    FAIL_IF(!model || !key || !value, INFER_ERROR_ARGUMENT,
            "infer_model_metadata: model, key or value is NULL");
    FAIL_IF(index >= model->about.npairs, INFER_ERROR_ARGUMENT, "pair %zu of a model with %u",
            index, model->about.npairs);
    *key = model->about.pairs[index].key;
    *value = model->about.pairs[index].value;
    return INFER_OK;
}

const void *infer__model_section(const infer_model *model, uint32_t kind, size_t *size)
{
    for (uint32_t i = 0; i < model->nsections; i++) {
        if (model->sections[i].kind == kind) {
            *size = model->sections[i].size;
            return model->sections[i].data;
        }
    }
    *size = 0;
    return NULL;
}
