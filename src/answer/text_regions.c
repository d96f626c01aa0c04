/* From a picture to the rectangles around its text. */
#include <math.h>

#include "answer/decoding.h"
#include "answer/look.h"
#include "answer/regions.h"
#include "base/caller.h"
#include "base/memory.h"
#include "base/status.h"
#include "infer_text.h"
#include "vision/decode.h"

void infer_text_regions_options_init(infer_text_regions_options *options, size_t size)
{
    infer__sized_init(options, size);
}

/* What a call is for. */
struct call {
    infer_text_regions_options options;
    infer_decoding decoding;
    struct infer__regions_rule rule;
    infer_quad *quads;
    size_t most, *found;
};

/* The map: all dimensions but the last two are 1. */
static infer_status read_map(const struct infer__look *l, const infer_decoding *d,
                             struct infer__map *m, infer_error *err)
{
    FAIL_IF((size_t)d->scores >= l->noutputs, INFER_ERROR_SHAPE,
            "decoding: the map is output %d of %zu", d->scores, l->noutputs);
    const infer_tensor *t = &l->outputs[d->scores];
    int single = t->type == INFER_F32 && t->rank >= 2;
    for (int i = 0; i < t->rank; i++)
        single &=
            i < t->rank - 2 ? t->dims[i] == 1 : t->dims[i] >= 1 && t->dims[i] <= INFER__MAX_SIDE;
    FAIL_IF(!single, INFER_ERROR_SHAPE,
            "decoding: output %d is no map of text: f32, (1, 1, rows, columns)", d->scores);
    *m = (struct infer__map){t->data, (int32_t)t->dims[t->rank - 2], (int32_t)t->dims[t->rank - 1]};
    return INFER_OK;
}

/* A place of the map in the picture. Networks are trained with the numbers of pixels, so that is
 * what comes out: pixel 0 of the map is at 0. */
static infer_quad quad_of(const struct infer__look *l, const struct infer__map *m,
                          const struct infer__region_found *r)
{
    const infer_transform *t = &l->looked[0].transform;
    const double across = (double)l->width / m->columns, down = (double)l->height / m->rows;
    infer_quad q = {.score = (float)r->score};
    for (int k = 0; k < 4; k++) {
        q.x[k] = (float)(r->x[k] * across * t->scale_x + t->offset_x);
        q.y[k] = (float)(r->y[k] * down * t->scale_y + t->offset_y);
    }
    return q;
}

static infer_status answer(const struct infer__look *l, void *ctx, size_t index, size_t image,
                           infer_error *err)
{
    const struct call *c = ctx;
    struct infer__map m;
    struct infer__region_found *found = NULL;
    size_t count = 0;
    (void)index;
    (void)image;
    TRY(read_map(l, &c->decoding, &m, err));
    TRY(infer__regions_find(&m, &c->rule, &l->allocator, &found, &count, err));
    *c->found = infer__regions_order(found, count, c->most);
    for (size_t i = 0; i < *c->found; i++)
        c->quads[i] = quad_of(l, &m, &found[i]);
    infer__free(&l->allocator, found);
    return INFER_OK;
}

static int good(float v)
{
    return v >= 0 && isfinite(v);
}

static infer_status read_rule(struct call *c, infer_error *err)
{
    const infer_text_regions_options *o = &c->options;
    FAIL_IF(!good(o->map_threshold) || !good(o->score_threshold) || !good(o->unclip) ||
                !good(o->least_side),
            INFER_ERROR_ARGUMENT,
            "text regions: thresholds %g and %g, unclip %g or the least side %g: none may be "
            "negative",
            (double)o->map_threshold, (double)o->score_threshold, (double)o->unclip,
            (double)o->least_side);
    c->rule.map_threshold = o->map_threshold > 0 ? o->map_threshold : 0.3F;
    c->rule.score_threshold =
        o->score_threshold > 0 ? o->score_threshold : c->decoding.score_threshold;
    c->rule.unclip = o->unclip > 0 ? o->unclip : 1.5F;
    c->rule.least_side = o->least_side > 0 ? o->least_side : 3;
    return INFER_OK;
}

infer_status infer_text_regions(infer_session *session, const infer_picture *picture,
                                const infer_text_regions_options *options, infer_quad *quads,
                                size_t most, size_t *found, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    struct call c = {.quads = quads, .most = most, .found = found};
    err = err ? err : &local;
    infer__error_clear(err);
    if (found)
        *found = 0;
    FAIL_IF(!session || !picture || !found || (most && !quads), INFER_ERROR_ARGUMENT,
            "infer_text_regions: session, picture, quads or found is NULL");
    TRY(infer__sized_read(INFER__SIZED(infer_text_regions_options, least_side), options, &c.options,
                          err));
    TRY(infer__decoding_for(session->model, c.options.decoding, INFER_TASK_TEXT_REGIONS,
                            "regions of text", &c.decoding, err));
    TRY(read_rule(&c, err));
    if (c.decoding.most && (size_t)c.decoding.most < c.most)
        c.most = (size_t)c.decoding.most;
    const struct infer__question q = {picture, 1, c.options.image, answer, &c, NULL};
    infer_status status = infer__look_each(session, &q, err);
    if (status != INFER_OK)
        *found = 0;
    return status;
}
