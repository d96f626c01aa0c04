/* From pictures to classes, with the preprocessing that is stored in the model. */
#include <math.h>
#include <string.h>

#include "answer/look.h"
#include "base/caller.h"
#include "base/sized.h"
#include "base/status.h"

#define CLASSIFY_OPTIONS INFER__SIZED(infer_classify_options, softmax)

void infer_classify_options_init(infer_classify_options *options, size_t size)
{
    infer__sized_init(options, size);
}

/* What a call is for. */
struct call {
    const infer_picture *pictures;
    size_t count;
    infer_classify_options options;
    infer_class *classes;
    size_t k, *found; /* of each picture */
};

/* ---- one picture ---------------------------------------------------------------------------- */

/* Takes what is not above its threshold out; the others keep their order. */
static size_t keep_above(const infer_classify_options *o, infer_class *classes, size_t n)
{
    size_t kept = 0;
    if (!o->thresholds && o->threshold == 0)
        return n;
    for (size_t i = 0; i < n; i++) {
        const float least = o->thresholds ? o->thresholds[classes[i].index] : o->threshold;
        if (classes[i].score > least)
            classes[kept++] = classes[i];
    }
    return kept;
}

/* The scores of picture `image` of a batch. */
static infer_status scores_of(const infer_tensor *output, size_t image, size_t batch,
                              infer_tensor *scores, infer_error *err)
{
    *scores = *output;
    if (batch == 1)
        return INFER_OK;
    FAIL_IF(output->rank < 1 || output->dims[0] != (int64_t)batch, INFER_ERROR_SHAPE,
            "the output has no scores of each of %zu pictures", batch);
    scores->dims[0] = 1;
    scores->bytes = output->bytes / batch;
    scores->data = (char *)output->data + image * scores->bytes;
    return INFER_OK;
}

static infer_status answer(const struct infer__look *l, void *ctx, size_t index, size_t image,
                           infer_error *err)
{
    const struct call *c = ctx;
    infer_class *classes = c->classes + index * c->k;
    const infer_classify_options *o = &c->options;
    size_t found;
    infer_tensor scores;
    FAIL_IF(o->output >= l->noutputs, INFER_ERROR_ARGUMENT, "output %u of %zu", o->output,
            l->noutputs);
    TRY(scores_of(&l->outputs[o->output], image, l->batch, &scores, err));
    TRY(infer_topk(&scores, c->k, o->softmax != 0, classes, &found, err));
    for (size_t i = 0; i < found && o->sigmoid; i++) /* it keeps the order */
        classes[i].score = 1 / (1 + expf(-classes[i].score));
    c->found[index] = keep_above(o, classes, found);
    return INFER_OK;
}

/* ---- the calls ------------------------------------------------------------------------------- */

static infer_status run(infer_session *session, struct call *c,
                        const infer_classify_options *options, infer_error *err)
{
    memset(c->found, 0, c->count * sizeof *c->found);
    TRY(infer__sized_read(CLASSIFY_OPTIONS, options, &c->options, err));
    FAIL_IF(c->options.softmax && c->options.sigmoid, INFER_ERROR_ARGUMENT,
            "infer_classify: softmax and sigmoid exclude each other");
    const struct infer__question q = {c->pictures, c->count, c->options.image, answer, c, NULL};
    infer_status status = infer__look_ask(session, &q, err);
    if (status != INFER_OK)
        memset(c->found, 0, c->count * sizeof *c->found);
    return status;
}

infer_status infer_classify(infer_session *session, const void *bytes, size_t size,
                            const infer_classify_options *options, infer_class *classes, size_t k,
                            size_t *found, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    size_t ignored;
    const infer_picture picture = {.data = bytes, .bytes = size};
    struct call call = {&picture, 1, {0}, classes, k, found ? found : &ignored};
    err = err ? err : &local;
    infer__error_clear(err);
    *call.found = 0;
    FAIL_IF(!session || !bytes || (k && !classes), INFER_ERROR_ARGUMENT,
            "infer_classify: session, bytes or classes is NULL");
    return run(session, &call, options, err);
}

infer_status infer_classify_pictures(infer_session *session, const infer_picture *pictures,
                                     size_t count, const infer_classify_options *options,
                                     infer_class *classes, size_t k, size_t *found,
                                     infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    struct call call = {pictures, count, {0}, classes, k, found};
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!session || (count && (!pictures || !found || (k && !classes))), INFER_ERROR_ARGUMENT,
            "infer_classify_pictures: session, pictures, classes or found is NULL");
    return run(session, &call, options, err);
}
