/* The quantised model's file: its graph, and labels and preprocessing of the float one. */
#include <stdlib.h>
#include <string.h>

#include "tools/onnx/optimise.h"
#include "tools/quantize/quantize.h"
#include "vision/preprocess_file.h"

/* The sections that go over: everything but preprocessing, if that is given anew, tuned plans
 * and packed weights, which are of other steps, reference statistics, which are of other answers,
 * and what is told about the model, which is written anew. */
static uint32_t list_sections(const infer_model *model, const struct infer__section *preprocess,
                              struct infer__section *list)
{
    uint32_t n = 0;
    if (preprocess)
        list[n++] = *preprocess;
    for (uint32_t i = 0; i < model->nsections; i++) {
        const struct infer__section *s = &model->sections[i];
        if (s->kind > INFER__SECTION_PREPROCESS
                ? s->kind != INFER__SECTION_TUNED && s->kind != INFER__SECTION_ABOUT &&
                      s->kind != INFER__SECTION_PACKED && s->kind != INFER__SECTION_STATISTICS
                : s->kind == INFER__SECTION_PREPROCESS && !preprocess)
            list[n++] = *s;
    }
    return n;
}

infer_status quant_file(struct quantiser *q, const infer_model *model,
                        const infer_preprocess *preprocess, void **bytes, size_t *size,
                        infer_error *err)
{
    struct quant_emitted e;
    uint8_t encoded[INFER__PREPROCESS_BYTES];
    struct infer__section first = {INFER__SECTION_PREPROCESS, encoded, sizeof encoded};
    *bytes = NULL;
    TRY(quant_emit(q, QUANT_FINAL, &q->region, &e, err));
    TRY(opt_share_constants(&e.graph, err));
    if (preprocess)
        TRY(infer__preprocess_encode(preprocess, encoded, err));
    struct infer__section *list =
        infer__region_calloc(&q->region, (size_t)model->nsections + 1, sizeof *list);
    if (!list)
        return infer__no_memory(err, model->nsections * sizeof *list);
    struct infer__file_content content = {
        .graph = &e.graph,
        .labels = model->labels,
        .nlabels = model->nlabels,
        .extra = list,
        .nextra = list_sections(model, preprocess ? &first : NULL, list),
        .about = &model->about};
    return infer__file_write(&content, NULL, bytes, size, err);
}
