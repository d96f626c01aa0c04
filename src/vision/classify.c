/* From picture bytes to classes, with the preprocessing that is stored in the model. Only the
 * library's public functions are used here, but for the section's bytes. */
#include <string.h>

#include "base/caller.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/sized.h"
#include "base/status.h"
#include "file/model.h"
#include "vision/options.h"
#include "vision/preprocess.h"
#include "vision/preprocess_file.h"

infer_status infer_model_preprocess(const infer_model *model, infer_preprocess *preprocess,
                                    infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_preprocess stored;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!model, INFER_ERROR_ARGUMENT, "infer_model_preprocess: model is NULL");
    TRY(infer__sized_check(INFER__PREPROCESS, preprocess, err));
    size_t size = 0;
    const uint8_t *bytes = infer__model_section(model, INFER__SECTION_PREPROCESS, &size);
    FAIL_IF(!bytes, INFER_ERROR_UNSUPPORTED, "the model has no preprocessing stored");
    TRY(infer__preprocess_decode(bytes, size, &stored, err));
    infer__sized_write(INFER__PREPROCESS, &stored, preprocess);
    return INFER_OK;
}

void infer_classify_options_init(infer_classify_options *options, size_t size)
{
    infer__sized_init(options, size);
}

/* The one input, with memory of its own that the caller frees. */
static infer_status make_input(const infer_session *session, const infer_allocator *a,
                               infer_tensor *input, infer_error *err)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    FAIL_IF(infer_session_inputs(session) != 1, INFER_ERROR_SHAPE,
            "the model has %zu inputs; a picture fills one", infer_session_inputs(session));
    TRY(infer_session_input(session, 0, &info, err));
    int64_t elements;
    size_t bytes;
    FAIL_IF(info.rank != 4 || info.dims[0] != 1, INFER_ERROR_SHAPE,
            "the input %.60s is not one picture of rank 4", info.name);
    if (!infer__dims_product(info.dims, info.rank, &elements) ||
        !infer__size_mul((size_t)elements, infer_type_size(info.type), &bytes))
        return infer__no_memory(err, SIZE_MAX);
    input->type = info.type;
    input->rank = info.rank;
    memcpy(input->dims, info.dims, sizeof input->dims);
    input->bytes = bytes;
    input->data = infer__alloc(a, bytes, 64);
    return input->data ? INFER_OK : infer__no_memory(err, bytes);
}

static infer_status run(infer_session *session, const infer_tensor *input, infer_tensor *outputs,
                        const infer_classify_options *o, infer_class *classes, size_t k,
                        size_t *found, infer_error *err)
{
    size_t n = infer_session_outputs(session);
    TRY(infer_run(session, input, 1, outputs, n, err));
    return infer_topk(&outputs[o->output], k, o->softmax != 0, classes, found, err);
}

static infer_status classify(infer_session *session, const infer_preprocess *preprocess,
                             const void *bytes, size_t size, const infer_classify_options *o,
                             infer_class *classes, size_t k, size_t *found, infer_error *err)
{
    const infer_allocator *a = &o->image->allocator;
    infer_image image = {0};
    infer_tensor input = {0}, *outputs = NULL;
    infer_status status;
    size_t n = infer_session_outputs(session);
    FAIL_IF(o->output >= n, INFER_ERROR_ARGUMENT, "output %u of %zu", o->output, n);
    TRY_GOTO(make_input(session, a, &input, err));
    outputs = infer__calloc(a, n, sizeof *outputs);
    if (!outputs) {
        status = infer__no_memory(err, n * sizeof *outputs);
        goto fail;
    }
    TRY_GOTO(infer_image_decode(bytes, size, o->image, &image, err));
    TRY_GOTO(infer_preprocess_run(preprocess, &image, 0, &input, NULL, err));
    infer_image_free(&image);
    TRY_GOTO(run(session, &input, outputs, o, classes, k, found, err));
fail:
    infer_image_free(&image);
    infer__free(a, input.data);
    infer__free(a, outputs);
    return status;
}

infer_status infer_classify(infer_session *session, const infer_model *model, const void *bytes,
                            size_t size, const infer_classify_options *options,
                            infer_class *classes, size_t k, size_t *found, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_preprocess preprocess = INFER_PREPROCESS_INIT;
    infer_classify_options o;
    infer_image_options image;
    err = err ? err : &local;
    infer__error_clear(err);
    if (found)
        *found = 0;
    FAIL_IF(!session || !model || !bytes || (k && !classes), INFER_ERROR_ARGUMENT,
            "infer_classify: session, model, bytes or classes is NULL");
    TRY(infer__sized_read(INFER__SIZED(infer_classify_options, softmax), options, &o, err));
    TRY(infer__image_options(o.image, &image, err));
    o.image = &image;
    TRY(infer_model_preprocess(model, &preprocess, err));
    return classify(session, &preprocess, bytes, size, &o, classes, k, found, err);
}
