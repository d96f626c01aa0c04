/* What a model tells of itself: names of dimensions, who made it, pairs of strings. None of it
 * changes what is computed, so what can't be kept is passed over with a warning. */
#include <string.h>

#include "file/load.h"
#include "tools/onnx/onnx_internal.h"

static infer_status no_memory(struct onnx_importer *im)
{
    return infer__no_memory(im->err, 1);
}

/* Whether a file can hold the string, `lines`: of several lines. */
static int is_text(const char *s, int lines)
{
    const unsigned char *at = (const unsigned char *)s;
    size_t left = strlen(s);
    for (;;) {
        const size_t n = infer__text_length(at, left);
        at += n;
        left -= n;
        if (!left || !lines || !strchr("\t\n\r", *at))
            return !left;
        at++;
        left--;
    }
}

static infer_status copy(struct onnx_importer *im, const char *s, const char **to)
{
    *to = infer__region_string(im->g->region, s);
    return *to ? INFER_OK : no_memory(im);
}

/* A string of the model's frame, empty where it is not there. */
static infer_status frame_string(struct onnx_importer *im, const char *what, const char *s,
                                 const char **to)
{
    const int fits = !s || is_text(s, 0);
    if (!fits)
        TRY(onnx_report_model(im, 1, "", "", "the %s is passed over: it is not a line of text",
                              what));
    return copy(im, s && fits ? s : "", to);
}

static infer_status add_pairs(struct onnx_importer *im, struct infer__about *a)
{
    const size_t n = im->model->n_metadata_props;
    infer_error *err = im->err;
    FAIL_IF(n > UINT32_MAX, INFER_ERROR_LIMIT, "%zu pairs of metadata", n);
    a->pairs = infer__region_calloc(im->g->region, n, sizeof *a->pairs);
    if (!a->pairs)
        return no_memory(im);
    for (size_t i = 0; i < n; i++) {
        const Onnx__StringStringEntryProto *p = im->model->metadata_props[i];
        const char *key = p->key ? p->key : "", *value = p->value ? p->value : "";
        if (!*key || !is_text(key, 0) || !is_text(value, 1)) {
            TRY(onnx_report_model(im, 1, "", "",
                                  "pair %zu of the metadata is passed over: it is not text", i));
            continue;
        }
        TRY(copy(im, key, &a->pairs[a->npairs].key));
        TRY(copy(im, value, &a->pairs[a->npairs].value));
        a->npairs++;
    }
    return INFER_OK;
}

/* ---- dimensions ----------------------------------------------------------------------------- */

static const Onnx__TensorShapeProto *shape_of(const Onnx__ValueInfoProto *info)
{
    if (!info->type || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        !info->type->tensor_type)
        return NULL;
    return info->type->tensor_type->shape;
}

/* Those of one input or output of the graph; there is room. */
static infer_status add_dims(struct onnx_importer *im, struct infer__about *a,
                             const Onnx__ValueInfoProto *info, int output, uint32_t index)
{
    const Onnx__TensorShapeProto *shape = shape_of(info);
    for (size_t i = 0; shape && i < shape->n_dim && i < INFER_MAX_RANK; i++) {
        const Onnx__TensorShapeProto__Dimension *d = shape->dim[i];
        if (d->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM ||
            !d->dim_param || !*d->dim_param || !is_text(d->dim_param, 0))
            continue;
        struct infer__dim_name *to = &a->dims[a->ndims++];
        *to =
            (struct infer__dim_name){.index = index, .output = (uint8_t)output, .dim = (uint8_t)i};
        TRY(copy(im, d->dim_param, &to->name));
    }
    return INFER_OK;
}

/* Inputs of the graph are those of the model that are no constants, in the same order. */
static infer_status add_all_dims(struct onnx_importer *im, struct infer__about *a)
{
    const struct infer__graph *g = im->g;
    const Onnx__GraphProto *graph = im->graph;
    size_t room;
    if (!infer__size_mul((size_t)g->ninputs + g->noutputs, INFER_MAX_RANK, &room))
        return no_memory(im);
    a->dims = infer__region_calloc(g->region, room, sizeof *a->dims);
    if (!a->dims)
        return no_memory(im);
    uint32_t at = 0;
    for (size_t i = 0; i < graph->n_input && at < g->ninputs; i++) {
        const Onnx__ValueInfoProto *info = graph->input[i];
        if (!info->name || strcmp(info->name, g->values[g->inputs[at]].name) != 0)
            continue;
        TRY(add_dims(im, a, info, 0, at++));
    }
    for (uint32_t i = 0; i < g->noutputs && g->noutputs == graph->n_output; i++)
        TRY(add_dims(im, a, graph->output[i], 1, i));
    return INFER_OK;
}

infer_status onnx_about(struct onnx_importer *im)
{
    struct infer__about *a = im->options->about;
    if (!a)
        return INFER_OK;
    memset(a, 0, sizeof *a);
    a->opset = im->opset > 0 && im->opset < UINT32_MAX ? (uint32_t)im->opset : 0;
    TRY(frame_string(im, "producer's name", im->model->producer_name, &a->producer));
    TRY(frame_string(im, "producer's version", im->model->producer_version, &a->version));
    TRY(add_pairs(im, a));
    return add_all_dims(im, a);
}
