#include "answer/look.h"

#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "vision/options.h"
#include "vision/picture.h"
#include "vision/preprocess.h"

/* The one input, with memory of its own. */
static infer_status make_input(struct infer__look *l, infer_error *err)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    const size_t inputs = infer_session_inputs(l->session);
    FAIL_IF(inputs != 1, INFER_ERROR_SHAPE, "the model has %zu inputs; pictures fill one", inputs);
    TRY(infer_session_input(l->session, 0, &info, err));
    int64_t elements;
    size_t bytes;
    FAIL_IF(info.rank != 3 && info.rank != 4, INFER_ERROR_SHAPE,
            "the input %.60s is not pictures, of rank 4, or one of rank 3", info.name);
    if (!infer__dims_product(info.dims, info.rank, &elements) ||
        !infer__size_mul((size_t)elements, infer_type_size(info.type), &bytes))
        return infer__no_memory(err, SIZE_MAX);
    l->input.type = info.type;
    l->input.rank = 4;
    l->input.dims[0] = 1; /* of one picture */
    memcpy(l->input.dims + 4 - info.rank, info.dims, (size_t)info.rank * sizeof *info.dims);
    l->input.bytes = bytes;
    l->given = l->input;
    l->given.rank = info.rank;
    memcpy(l->given.dims, info.dims, sizeof l->given.dims);
    l->batch = (size_t)l->input.dims[0];
    l->input.data = l->given.data = infer__alloc(&l->allocator, bytes, 64);
    return l->input.data ? INFER_OK : infer__no_memory(err, bytes);
}

static infer_status begin(struct infer__look *l, infer_session *session,
                          const infer_image_options *image, const infer_allocator *a,
                          infer_error *err)
{
    *l = (struct infer__look){.session = session, .allocator = *a};
    infer_preprocess_init(&l->preprocess, sizeof l->preprocess);
    TRY(infer__image_options(image, &l->image, err));
    l->image.allocator = *a;
    TRY(infer_model_preprocess(session->model, &l->preprocess, err));
    TRY(make_input(l, err));
    const int last = l->preprocess.layout == INFER_LAYOUT_NHWC;
    l->height = (int32_t)l->input.dims[last ? 1 : 2];
    l->width = (int32_t)l->input.dims[last ? 2 : 3];
    l->noutputs = infer_session_outputs(session);
    l->outputs = infer__calloc(a, l->noutputs, sizeof *l->outputs);
    l->looked = infer__calloc(a, l->batch, sizeof *l->looked);
    return l->outputs && l->looked ? INFER_OK : infer__no_memory(err, l->batch * sizeof *l->looked);
}

static infer_status fill(struct infer__look *l, const infer_picture *given, size_t index,
                         infer_error *err)
{
    struct infer__picture p;
    struct infer__looked *to = &l->looked[index];
    infer_transform_init(&to->transform, sizeof to->transform);
    TRY(infer__picture_open(given, &l->image, &p, err));
    to->x = p.x;
    to->y = p.y;
    to->width = p.image.width;
    to->height = p.image.height;
    infer_status status = infer__picture_fill(&p, &l->preprocess, (int64_t)index, &l->input,
                                              &l->allocator, &to->transform, err);
    infer__picture_free(&p);
    return status;
}

static infer_status look_at(struct infer__look *l, const infer_picture *pictures, infer_error *err)
{
    for (size_t i = 0; i < l->batch; i++)
        TRY(fill(l, &pictures[i], i, err));
    memset(l->outputs, 0, l->noutputs * sizeof *l->outputs);
    TRY(infer__session_tensors(l->session, &l->given, 1, l->outputs, l->noutputs, err));
    TRY(infer__session_run(l->session, 0, &l->given, l->outputs, 0, err));
    infer__session_shapes(l->session, l->outputs, l->noutputs);
    return INFER_OK;
}

static void end(struct infer__look *l)
{
    infer__free(&l->allocator, l->looked);
    infer__free(&l->allocator, l->outputs);
    infer__free(&l->allocator, l->input.data);
}

static infer_status ask_all(struct infer__look *l, const struct infer__question *q,
                            infer_error *err)
{
    FAIL_IF(l->batch != 1 && l->batch != q->count, INFER_ERROR_SHAPE,
            "the session takes %zu pictures at a time, not %zu", l->batch, q->count);
    for (size_t i = 0; i < q->count; i += l->batch) {
        TRY(look_at(l, q->pictures + i, err));
        if (infer__session_stopped(l->session)) /* which is told when the session is left */
            return INFER_OK;
        for (size_t k = 0; k < l->batch; k++)
            TRY(q->read(l, q->ctx, i + k, k, err));
    }
    return INFER_OK;
}

infer_status infer__look_ask(infer_session *session, const struct infer__question *q,
                             infer_error *err)
{
    struct infer__look l;
    TRY(infer__session_enter(session, err));
    const infer_allocator a = infer__scratch_begin(&session->scratch, &session->allocator);
    session->meter.refused = 0;
    infer_status status = begin(&l, session, q->image, &a, err);
    if (status == INFER_OK)
        status = ask_all(&l, q, err);
    end(&l);
    if (status == INFER_ERROR_NO_MEMORY && session->meter.refused)
        status = infer__fail(err, INFER_ERROR_LIMIT,
                             "the picture needs more than the %llu bytes that max_memory_bytes "
                             "allows",
                             (unsigned long long)session->meter.limit);
    infer__scratch_end(&session->scratch);
    return infer__session_leave(session, status, err);
}
