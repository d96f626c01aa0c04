/* From pictures to vectors, and to points, which are vectors of coordinates. */
#include <math.h>
#include <string.h>

#include "answer/candidates.h"
#include "answer/look.h"
#include "base/caller.h"
#include "base/sized.h"
#include "base/status.h"

void infer_embed_options_init(infer_embed_options *options, size_t size)
{
    infer__sized_init(options, size);
}

void infer_keypoints_options_init(infer_keypoints_options *options, size_t size)
{
    infer__sized_init(options, size);
}

/* What a call is for. */
struct call {
    uint32_t output, normalise;
    float *vectors;
    size_t length;
    infer_decoding decoding;
    infer_point *points;
};

/* ---- one picture ---------------------------------------------------------------------------- */

static void normalise(float *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i] * (double)v[i];
    const double length = sqrt(sum);
    for (size_t i = 0; i < n && length > 0; i++)
        v[i] = (float)((double)v[i] / length);
}

static infer_status read_vector(const struct infer__look *l, void *ctx, size_t index, size_t image,
                                infer_error *err)
{
    const struct call *c = ctx;
    FAIL_IF(c->output >= l->noutputs, INFER_ERROR_ARGUMENT, "output %u of %zu", c->output,
            l->noutputs);
    const infer_tensor *t = &l->outputs[c->output];
    float *to = c->vectors + index * c->length;
    const size_t all = infer_tensor_elements(t);
    FAIL_IF(t->type != INFER_F32 || all / l->batch != c->length || all % l->batch,
            INFER_ERROR_SHAPE, "output %u has %zu numbers for a batch of %zu, not %zu of f32 each",
            c->output, all, l->batch, c->length);
    memcpy(to, (const float *)t->data + image * c->length, c->length * sizeof *to);
    if (c->normalise)
        normalise(to, c->length);
    return INFER_OK;
}

/* Points are fields of one candidate. */
static infer_status read_points(const struct infer__look *l, void *ctx, size_t index, size_t image,
                                infer_error *err)
{
    const struct call *c = ctx;
    const infer_decoding *d = &c->decoding;
    struct infer__reading r = {.d = d, .width = l->width, .height = l->height};
    FAIL_IF((size_t)d->points >= l->noutputs, INFER_ERROR_SHAPE,
            "decoding: points are output %d of %zu", d->points, l->noutputs);
    const infer_tensor *t = &l->outputs[d->points];
    const size_t each = infer_tensor_elements(t) / l->batch;
    const int64_t most = (int64_t)each - (int64_t)d->points_count * d->point_fields;
    FAIL_IF(t->type != INFER_F32 || infer_tensor_elements(t) % l->batch || d->points_first > most,
            INFER_ERROR_SHAPE, "decoding: output %d has %zu numbers of a picture, no %d points",
            d->points, each, d->points_count);
    r.points = (struct infer__fields){
        .data = (const float *)t->data + image * each + (size_t)d->points_first, .field = 1};
    infer__points_of(&r, 0, &l->looked[image].transform,
                     c->points + index * (size_t)d->points_count);
    return INFER_OK;
}

/* ---- the calls ------------------------------------------------------------------------------- */

infer_status infer_embed(infer_session *session, const infer_picture *pictures, size_t count,
                         const infer_embed_options *options, float *vectors, size_t length,
                         infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_embed_options o;
    struct call c = {.vectors = vectors, .length = length};
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!session || (count && (!pictures || (length && !vectors))), INFER_ERROR_ARGUMENT,
            "infer_embed: session, pictures or vectors is NULL");
    TRY(infer__sized_read(INFER__SIZED(infer_embed_options, normalise), options, &o, err));
    const struct infer__question q = {pictures, count, o.image, read_vector, &c, NULL};
    c.output = o.output;
    c.normalise = o.normalise;
    return infer__look_ask(session, &q, err);
}

infer_status infer_keypoints(infer_session *session, const infer_picture *pictures, size_t count,
                             const infer_keypoints_options *options, infer_point *points,
                             infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_keypoints_options o;
    struct call c = {.points = points};
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!session || (count && (!pictures || !points)), INFER_ERROR_ARGUMENT,
            "infer_keypoints: session, pictures or points is NULL");
    TRY(infer__sized_read(INFER__SIZED(infer_keypoints_options, decoding), options, &o, err));
    TRY(infer__decoding_for(session->model, o.decoding, INFER_TASK_KEYPOINTS, "points of one thing",
                            &c.decoding, err));
    const struct infer__question q = {pictures, count, o.image, read_points, &c, NULL};
    return infer__look_ask(session, &q, err);
}
