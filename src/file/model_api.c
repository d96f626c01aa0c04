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
