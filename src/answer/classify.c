/* From picture bytes to classes, with the preprocessing that is stored in the model. */
#include "answer/look.h"
#include "base/caller.h"
#include "base/sized.h"
#include "base/status.h"

void infer_classify_options_init(infer_classify_options *options, size_t size)
{
    infer__sized_init(options, size);
}

/* What a call is for. */
struct call {
    infer_picture picture;
    infer_classify_options options;
    infer_class *classes;
    size_t k, *found;
};

static infer_status look(struct infer__look *l, const struct call *c, infer_error *err)
{
    FAIL_IF(c->options.output >= l->noutputs, INFER_ERROR_ARGUMENT, "output %u of %zu",
            c->options.output, l->noutputs);
    FAIL_IF(l->batch != 1, INFER_ERROR_SHAPE, "the session takes %zu pictures at a time", l->batch);
    TRY(infer__look_at(l, &c->picture, err));
    if (infer__session_stopped(l->session)) /* which is told when the session is left */
        return INFER_OK;
    return infer_topk(&l->outputs[c->options.output], c->k, c->options.softmax != 0, c->classes,
                      c->found, err);
}

static infer_status classify(infer_session *session, const infer_allocator *a, void *ctx,
                             infer_error *err)
{
    struct call *c = ctx;
    struct infer__look l;
    infer_status status = infer__look_begin(&l, session, c->options.image, a, err);
    if (status == INFER_OK)
        status = look(&l, c, err);
    infer__look_end(&l);
    return status;
}

infer_status infer_classify(infer_session *session, const void *bytes, size_t size,
                            const infer_classify_options *options, infer_class *classes, size_t k,
                            size_t *found, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    struct call call = {
        .picture = {.data = bytes, .bytes = size}, .classes = classes, .k = k, .found = found};
    err = err ? err : &local;
    infer__error_clear(err);
    if (found)
        *found = 0;
    FAIL_IF(!session || !bytes || (k && !classes), INFER_ERROR_ARGUMENT,
            "infer_classify: session, bytes or classes is NULL");
    TRY(infer__sized_read(INFER__SIZED(infer_classify_options, softmax), options, &call.options,
                          err));
    infer_status status = infer__look_with(session, classify, &call, err);
    if (status != INFER_OK && found)
        *found = 0;
    return status;
}
