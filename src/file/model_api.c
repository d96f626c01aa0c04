/* What a caller may ask of a model. */
#include <string.h>

#include "file/model.h"

size_t infer_model_inputs(const infer_model *model)
{
    return model ? model->graph.ninputs : 0;
}

size_t infer_model_outputs(const infer_model *model)
{
    return model ? model->graph.noutputs : 0;
}

static infer_status describe(const infer_model *model, size_t index, int output,
                             infer_value_info *info)
{
    if (!info)
        return INFER_ERROR_ARGUMENT;
    memset(info, 0, sizeof *info);
    info->name = "";
    if (!model || index >= (output ? model->graph.noutputs : model->graph.ninputs))
        return INFER_ERROR_ARGUMENT;
    const struct infer__graph *g = &model->graph;
    const struct infer__value *v = &g->values[output ? g->outputs[index] : g->inputs[index]];
    info->name = v->name;
    info->type = (infer_type)v->type;
    info->rank = v->rank;
    memcpy(info->dims, v->dims, sizeof info->dims);
    info->free_dims = v->free_dims;
    return INFER_OK;
}

infer_status infer_model_input(const infer_model *model, size_t index, infer_value_info *info)
{
    return describe(model, index, 0, info);
}

infer_status infer_model_output(const infer_model *model, size_t index, infer_value_info *info)
{
    return describe(model, index, 1, info);
}

size_t infer_model_labels(const infer_model *model)
{
    return model ? model->nlabels : 0;
}

const char *infer_model_label(const infer_model *model, size_t index)
{
    return model && index < model->nlabels ? model->labels[index] : NULL;
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
