/* From picture bytes to classes, with the preprocessing that is stored in the model. Only the
 * library's public functions are used here, but for the section's bytes. */
#include <string.h>

#include "base/caller.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "file/model.h"
#include "vision/options.h"
#include "vision/preprocess_file.h"

infer_status infer_model_preprocess(const infer_model *model, infer_preprocess *preprocess,
                                    infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!model || !preprocess, INFER_ERROR_ARGUMENT,
            "infer_model_preprocess: model or preprocess is NULL");
    infer_preprocess_init(preprocess);
    size_t size = 0;
    const uint8_t *bytes = infer__model_section(model, INFER__SECTION_PREPROCESS, &size);
    FAIL_IF(!bytes, INFER_ERROR_UNSUPPORTED, "the model has no preprocessing stored");
    return infer__preprocess_decode(bytes, size, preprocess, err);
}

void infer_classify_options_init(infer_classify_options *options)
{
    if (!options)
        return;
    memset(options, 0, sizeof *options);
    options->size = sizeof *options;
    infer_image_options_init(&options->image);
}

/* The one input, with memory of its own that the caller frees. */
static infer_status make_input(const infer_session *session, const infer_allocator *a,
                               infer_tensor *input, infer_error *err)
{
    infer_value_info info;
    FAIL_IF(infer_session_inputs(session) != 1, INFER_ERROR_SHAPE,
            "the model has %zu inputs; a picture fills one", infer_session_inputs(session));
    TRY(infer_session_input(session, 0, &info));
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
    const infer_allocator *a = &o->image.allocator;
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
    TRY_GOTO(infer_image_decode(bytes, size, &o->image, &image, err));
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
    infer_preprocess preprocess;
    infer_classify_options o;
    err = err ? err : &local;
    infer__error_clear(err);
    if (found)
        *found = 0;
    FAIL_IF(!session || !model || !bytes || (k && !classes), INFER_ERROR_ARGUMENT,
            "infer_classify: session, model, bytes or classes is NULL");
    infer_classify_options_init(&o);
    if (options) {
        FAIL_IF(options->size != sizeof *options, INFER_ERROR_ARGUMENT,
                "infer_classify_options.size is %zu and should be %zu", options->size,
                sizeof *options);
        o = *options;
    }
    infer_image_options image = o.image;
    TRY(infer__image_options(&image, &o.image, err));
    TRY(infer_model_preprocess(model, &preprocess, err));
    return classify(session, &preprocess, bytes, size, &o, classes, k, found, err);
}
