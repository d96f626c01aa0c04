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
    return infer_model_preprocess(session->model, &l->preprocess, err);
}

/* Memory for the session's input as it is now. Freed in either case, the last taken first. */
static infer_status begin_input(struct infer__look *l, infer_error *err)
{
    TRY(make_input(l, err));
    const int last = l->preprocess.layout == INFER_LAYOUT_NHWC;
    l->height = (int32_t)l->input.dims[last ? 1 : 2];
    l->width = (int32_t)l->input.dims[last ? 2 : 3];
    l->noutputs = infer_session_outputs(l->session);
    l->outputs = infer__calloc(&l->allocator, l->noutputs, sizeof *l->outputs);
    l->looked = infer__calloc(&l->allocator, l->batch, sizeof *l->looked);
    return l->outputs && l->looked ? INFER_OK : infer__no_memory(err, l->batch * sizeof *l->looked);
}

static void end_input(struct infer__look *l)
{
    infer__free(&l->allocator, l->looked);
    infer__free(&l->allocator, l->outputs);
    infer__free(&l->allocator, l->input.data);
    l->looked = NULL;
    l->outputs = NULL;
    l->input.data = NULL;
}

static infer_status fill(struct infer__look *l, const struct infer__picture *p, size_t index,
                         infer_error *err)
{
    struct infer__looked *to = &l->looked[index];
    infer_transform_init(&to->transform, sizeof to->transform);
    to->x = p->x;
    to->y = p->y;
    to->width = p->region_width;
    to->height = p->region_height;
    return infer__picture_fill(p, &l->preprocess, (int64_t)index, &l->input, &l->allocator,
                               &to->transform, err);
}

static infer_status open_and_fill(struct infer__look *l, const infer_picture *given, size_t index,
                                  infer_error *err)
{
    struct infer__picture p;
    TRY(infer__picture_open(given, &l->image, &l->preprocess, &p, err));
    infer_status status = fill(l, &p, index, err);
    infer__picture_free(&p);
    return status;
}

static infer_status run(struct infer__look *l, infer_error *err)
{
    memset(l->outputs, 0, l->noutputs * sizeof *l->outputs);
    TRY(infer__session_tensors(l->session, &l->given, 1, l->outputs, l->noutputs, err));
    TRY(infer__session_run(l->session, 0, &l->given, l->outputs, 0, err));
    infer__session_shapes(l->session, l->outputs, l->noutputs);
    return INFER_OK;
}

/* ---- a batch at a time ---------------------------------------------------------------------- */

static infer_status ask_batch(struct infer__look *l, const struct infer__question *q, size_t first,
                              infer_error *err)
{
    for (size_t i = 0; i < l->batch; i++)
        TRY(open_and_fill(l, &q->pictures[first + i], i, err));
    TRY(run(l, err));
    if (infer__session_stopped(l->session)) /* which is told when the session is left */
        return INFER_OK;
    for (size_t k = 0; k < l->batch; k++)
        TRY(q->read(l, q->ctx, first + k, k, err));
    return INFER_OK;
}

static infer_status ask_all(struct infer__look *l, const struct infer__question *q,
                            infer_error *err)
{
    FAIL_IF(l->batch != 1 && l->batch != q->count, INFER_ERROR_SHAPE,
            "the session takes %zu pictures at a time, not %zu", l->batch, q->count);
    for (size_t i = 0; i < q->count && !infer__session_stopped(l->session); i += l->batch)
        TRY(ask_batch(l, q, i, err));
    return INFER_OK;
}

static infer_status ask(struct infer__look *l, const struct infer__question *q, infer_error *err)
{
    infer_status status = begin_input(l, err);
    if (status == INFER_OK)
        status = ask_all(l, q, err);
    end_input(l);
    return status;
}

/* ---- one by one, of any size ---------------------------------------------------------------- */

/* The width of an input for a line, of no more than the preprocessing's. */
static int32_t line_width(const infer_preprocess *p, int32_t width, int32_t height)
{
    const int64_t step = 4 * (int64_t)p->height;
    const int64_t natural = ((int64_t)width * p->height + height - 1) / height;
    const int64_t wide = (natural + step - 1) / step * step;
    return wide < p->width ? (int32_t)wide : p->width;
}

/* Gives the session the input that a picture of this size needs; `most`: the preprocessing as it is
 * stored. */
static infer_status suit(struct infer__look *l, const infer_preprocess *most, int32_t width,
                         int32_t height, infer_error *err)
{
    infer_value_info free = INFER_VALUE_INFO_INIT, now = INFER_VALUE_INFO_INIT;
    infer_input_spec spec = {0};
    struct infer__placement place;
    const int down = most->layout == INFER_LAYOUT_NHWC ? 1 : 2, across = down + 1;
    l->preprocess = *most;
    TRY(infer_model_input(l->session->model, 0, &free, err));
    TRY(infer_session_input(l->session, 0, &now, err));
    if (now.rank != 4 || infer_session_inputs(l->session) != 1)
        return INFER_OK; /* which is refused later on */
    if (most->fit == INFER_FIT_LINE && free.free_dims >> across & 1)
        l->preprocess.width = line_width(most, width, height);
    TRY(infer__preprocess_place(&l->preprocess, width, height, &place, err));
    spec.name = free.name;
    spec.rank = now.rank;
    memcpy(spec.dims, now.dims, sizeof spec.dims);
    if (free.free_dims >> down & 1)
        spec.dims[down] = place.height;
    if (free.free_dims >> across & 1)
        spec.dims[across] = place.width;
    if (memcmp(spec.dims, now.dims, sizeof spec.dims) == 0)
        return INFER_OK;
    return infer__session_reshape(l->session, &spec, 1, err);
}

static infer_status show(struct infer__look *l, const struct infer__question *q,
                         const infer_preprocess *most, const struct infer__picture *p, size_t index,
                         infer_error *err)
{
    TRY(suit(l, most, p->region_width, p->region_height, err));
    infer_status status = begin_input(l, err);
    if (status == INFER_OK && l->batch != 1)
        status = infer__fail(err, INFER_ERROR_SHAPE,
                             "the session takes %zu pictures at a time, not 1", l->batch);
    if (status == INFER_OK)
        status = fill(l, p, 0, err);
    if (status == INFER_OK)
        status = run(l, err);
    if (status == INFER_OK && !infer__session_stopped(l->session))
        status = q->read(l, q->ctx, index, 0, err);
    end_input(l);
    return status;
}

static infer_status show_part(struct infer__look *l, const struct infer__question *q,
                              const infer_preprocess *most, const struct infer__picture *whole,
                              size_t index, infer_error *err)
{
    struct infer__picture part = {0};
    TRY(q->cut(whole, q->ctx, index, &l->allocator, &part.made, err));
    part.image = part.made;
    part.width = part.region_width = part.image.width;
    part.height = part.region_height = part.image.height;
    part.reduced = 1;
    infer_status status = show(l, q, most, &part, index, err);
    infer__picture_free(&part);
    return status;
}

static infer_status ask_each(struct infer__look *l, const struct infer__question *q,
                             infer_error *err)
{
    const infer_preprocess most = l->preprocess;
    struct infer__picture p;
    infer_status status = INFER_OK;
    for (size_t i = 0; i < (q->cut ? q->count > 0 : q->count) && status == INFER_OK; i++) {
        TRY(infer__picture_open(&q->pictures[i], &l->image, q->cut ? NULL : &most, &p, err));
        if (!q->cut)
            status = show(l, q, &most, &p, i, err);
        for (size_t k = 0; q->cut && k < q->count && status == INFER_OK; k++) {
            status = show_part(l, q, &most, &p, k, err);
            if (infer__session_stopped(l->session))
                break;
        }
        infer__picture_free(&p);
        if (infer__session_stopped(l->session))
            break;
    }
    return status;
}

/* ---- entering ------------------------------------------------------------------------------- */

static infer_status enter(infer_session *session, const struct infer__question *q,
                          infer_status (*how)(struct infer__look *l,
                                              const struct infer__question *q, infer_error *err),
                          infer_error *err)
{
    struct infer__look l;
    TRY(infer__session_enter(session, err));
    const infer_allocator a = infer__scratch_begin(&session->scratch, &session->allocator);
    session->meter.refused = 0;
    infer_status status = begin(&l, session, q->image, &a, err);
    if (status == INFER_OK)
        status = how(&l, q, err);
    if (status == INFER_ERROR_NO_MEMORY && session->meter.refused)
        status = infer__fail(err, INFER_ERROR_LIMIT,
                             "the picture needs more than the %llu bytes that max_memory_bytes "
                             "allows",
                             (unsigned long long)session->meter.limit);
    infer__scratch_end(&session->scratch);
    return infer__session_leave(session, status, err);
}

infer_status infer__look_ask(infer_session *session, const struct infer__question *q,
                             infer_error *err)
{
    return enter(session, q, ask, err);
}

infer_status infer__look_each(infer_session *session, const struct infer__question *q,
                              infer_error *err)
{
    return enter(session, q, ask_each, err);
}
