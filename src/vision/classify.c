/* From picture bytes to classes, with the preprocessing that is stored in the model. The steps are
 * the library's public functions. */
#include <string.h>

#include "base/caller.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/sized.h"
#include "base/status.h"
#include "file/model.h"
#include "run/session.h"
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

/* The one input, with memory of its own. */
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

/* From the picture's bytes to the input. */
static infer_status fill_input(const infer_session *session, const void *bytes, size_t size,
                               const infer_image_options *o, const infer_tensor *input,
                               infer_error *err)
{
    infer_preprocess preprocess = INFER_PREPROCESS_INIT;
    infer_image image;
    TRY(infer_model_preprocess(session->model, &preprocess, err));
    TRY(infer_image_decode(bytes, size, o, &image, err));
    infer_status status =
        infer_preprocess_run(&preprocess, &image, 0, input, &o->allocator, NULL, err);
    infer_image_free(&image);
    return status;
}

/* What a call is for. */
struct call {
    const void *bytes;
    size_t size;
    infer_classify_options options; /* image has the allocator that serves all */
    infer_class *classes;
    size_t k, *found;
};

static infer_status classify(infer_session *session, const struct call *c, infer_error *err)
{
    const infer_allocator *a = &c->options.image->allocator;
    const size_t n = infer_session_outputs(session);
    infer_tensor input = {.type = INFER_TYPE_NONE}, *outputs = NULL;
    infer_status status;
    FAIL_IF(c->options.output >= n, INFER_ERROR_ARGUMENT, "output %u of %zu", c->options.output, n);
    TRY(make_input(session, a, &input, err));
    TRY_GOTO(fill_input(session, c->bytes, c->size, c->options.image, &input, err));
    outputs = infer__calloc(a, n, sizeof *outputs);
    if (!outputs) {
        status = infer__no_memory(err, n * sizeof *outputs);
        goto fail;
    }
    TRY_GOTO(infer__session_tensors(session, &input, 1, outputs, n, err));
    TRY_GOTO(infer__session_run(session, 0, &input, outputs, 0, err));
    if (infer__session_stopped(session)) /* which is told when the session is left */
        goto fail;
    status = infer_topk(&outputs[c->options.output], c->k, c->options.softmax != 0, c->classes,
                        c->found, err);
fail:
    infer__free(a, outputs);
    infer__free(a, input.data);
    return status;
}

/* With memory that the session keeps for the next picture, by who has entered it. */
static infer_status classify_in_scratch(infer_session *session, const struct call *c,
                                        infer_error *err)
{
    infer_image_options image;
    struct call call = *c;
    const infer_allocator a = infer__scratch_begin(&session->scratch, &session->allocator);
    session->meter.refused = 0;
    infer_status status = infer__image_options(c->options.image, &image, err);
    image.allocator = a;
    call.options.image = &image;
    if (status == INFER_OK)
        status = classify(session, &call, err);
    if (status == INFER_ERROR_NO_MEMORY && session->meter.refused)
        status = infer__fail(err, INFER_ERROR_LIMIT,
                             "the picture needs more than the %llu bytes that max_memory_bytes "
                             "allows",
                             (unsigned long long)session->meter.limit);
    infer__scratch_end(&session->scratch);
    return status;
}

infer_status infer_classify(infer_session *session, const void *bytes, size_t size,
                            const infer_classify_options *options, infer_class *classes, size_t k,
                            size_t *found, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    struct call call = {bytes, size, {0}, classes, k, found};
    err = err ? err : &local;
    infer__error_clear(err);
    if (found)
        *found = 0;
    FAIL_IF(!session || !bytes || (k && !classes), INFER_ERROR_ARGUMENT,
            "infer_classify: session, bytes or classes is NULL");
    TRY(infer__sized_read(INFER__SIZED(infer_classify_options, softmax), options, &call.options,
                          err));
    TRY(infer__session_enter(session, err));
    infer_status status = classify_in_scratch(session, &call, err);
    status = infer__session_leave(session, status, err);
    if (status != INFER_OK && found)
        *found = 0;
    return status;
}
