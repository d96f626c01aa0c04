/* From lines of text in a picture to what they say. */
#include <string.h>

#include "answer/ctc.h"
#include "answer/decoding.h"
#include "answer/look.h"
#include "base/caller.h"
#include "base/size.h"
#include "base/status.h"
#include "infer_text.h"
#include "vision/quad.h"

void infer_read_text_options_init(infer_read_text_options *options, size_t size)
{
    infer__sized_init(options, size);
}

/* What a call is for. */
struct call {
    infer_read_text_options options;
    infer_decoding decoding;
    const infer_model *model;
    const infer_quad *quads; /* NULL: the picture is a line */
    infer_text *texts;
};

static const char *label_of(const void *ctx, int64_t class)
{
    const struct call *c = ctx;
    const int64_t at = class + c->decoding.label_first;
    return at >= 0 ? infer_model_label(c->model, (size_t)at) : NULL;
}

/* All dimensions but that of the steps and the last, which has the classes, are 1. */
static infer_status read_steps(const struct infer__look *l, const infer_decoding *d,
                               struct infer__steps *s, infer_error *err)
{
    FAIL_IF((size_t)d->scores >= l->noutputs, INFER_ERROR_SHAPE,
            "decoding: the text is output %d of %zu", d->scores, l->noutputs);
    const infer_tensor *t = &l->outputs[d->scores];
    int more = 0;
    for (int i = 0; i + 1 < t->rank; i++)
        more += t->dims[i] != 1;
    FAIL_IF(t->type != INFER_F32 || t->rank < 2 || more > 1 || t->dims[t->rank - 1] != d->classes,
            INFER_ERROR_SHAPE, "decoding: output %d has no steps of %d classes, of f32", d->scores,
            d->classes);
    *s = (struct infer__steps){t->data, 1, d->classes, d->background};
    for (int i = 0; i + 1 < t->rank; i++)
        s->steps *= t->dims[i];
    return INFER_OK;
}

static infer_status answer(const struct infer__look *l, void *ctx, size_t index, size_t image,
                           infer_error *err)
{
    const struct call *c = ctx;
    struct infer__steps s;
    (void)image;
    TRY(read_steps(l, &c->decoding, &s, err));
    infer__ctc_read(&s, label_of, c, &c->texts[index]);
    return INFER_OK;
}

static infer_status cut(const struct infer__picture *picture, void *ctx, size_t index,
                        const infer_allocator *a, infer_image *part, infer_error *err)
{
    const struct call *c = ctx;
    return infer__quad_cut(picture, &c->quads[index], a, part, err);
}

static void clear(infer_text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (texts[i].room)
            texts[i].text[0] = 0;
        texts[i].length = 0;
        texts[i].count = 0;
        texts[i].score = 0;
    }
}

static infer_status check(const infer_session *session, const infer_picture *picture,
                          const infer_quad *quads, size_t count, const infer_text *texts,
                          infer_error *err)
{
    FAIL_IF(!session || !picture || (count && !texts), INFER_ERROR_ARGUMENT,
            "infer_read_text: session, picture or texts is NULL");
    FAIL_IF(!quads && count > 1, INFER_ERROR_ARGUMENT,
            "infer_read_text: %zu lines, but no quads: a picture is one", count);
    for (size_t i = 0; i < count; i++) {
        FAIL_IF(texts[i].room && !texts[i].text, INFER_ERROR_ARGUMENT,
                "infer_read_text: texts[%zu] has room for %zu bytes, but no memory", i,
                texts[i].room);
        FAIL_IF(texts[i].more, INFER_ERROR_ARGUMENT,
                "infer_read_text: a reserved field of texts[%zu] is not 0", i);
    }
    return INFER_OK;
}

infer_status infer_read_text(infer_session *session, const infer_picture *picture,
                             const infer_quad *quads, size_t count,
                             const infer_read_text_options *options, infer_text *texts,
                             infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    struct call c = {.quads = quads, .texts = texts};
    err = err ? err : &local;
    infer__error_clear(err);
    TRY(check(session, picture, quads, count, texts, err));
    clear(texts, count);
    c.model = session->model;
    TRY(infer__sized_read(INFER__SIZED(infer_read_text_options, decoding), options, &c.options,
                          err));
    TRY(infer__decoding_for(session->model, c.options.decoding, INFER_TASK_TEXT, "text",
                            &c.decoding, err));
    FAIL_IF(!infer_model_labels(c.model), INFER_ERROR_UNSUPPORTED,
            "the model has no labels, so its classes can't be told as characters");
    const struct infer__question q = {picture, count, c.options.image,
                                      answer,  &c,    quads ? cut : NULL};
    infer_status status = infer__look_each(session, &q, err);
    if (status != INFER_OK)
        clear(texts, count);
    return status;
}
