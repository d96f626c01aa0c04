/* From pictures to boxes. */
#include <string.h>

#include "answer/candidates.h"
#include "answer/look.h"
#include "answer/mask.h"
#include "answer/nms.h"
#include "base/caller.h"
#include "base/memory.h"
#include "base/status.h"

#define DETECT_OPTIONS INFER__SIZED(infer_detect_options, iou_threshold)
#define DETECTIONS INFER__SIZED(infer_detections, masks)

void infer_detect_options_init(infer_detect_options *options, size_t size)
{
    infer__sized_init(options, size);
}

void infer_detections_init(infer_detections *detections, size_t size)
{
    infer__sized_init(detections, size);
}

/* What a call is for. */
struct call {
    infer_detect_options options;
    infer_decoding decoding;
    infer_detections to;
};

/* ---- back to the picture -------------------------------------------------------------------- */

/* One axis: `ratio` of the input to the picture instead of the transform's own. */
static void set_ratio(double ratio, int32_t origin, double *scale, double *offset)
{
    const double at = (origin - *offset) / *scale; /* in the input */
    *scale = 1 / ratio;
    *offset = origin - at / ratio;
}

static infer_transform way_back(const struct infer__look *l, size_t image, int32_t map_back)
{
    const struct infer__looked *k = &l->looked[image];
    infer_transform t = k->transform;
    if (map_back == INFER_MAP_BACK_SIDES || l->preprocess.fit != INFER_FIT_LETTERBOX)
        return t;
    const double across = (double)l->width / k->width, down = (double)l->height / k->height;
    const double ratio = map_back == INFER_MAP_BACK_HEIGHTS ? 1 / t.scale_y
                         : across < down                    ? across
                                                            : down;
    set_ratio(ratio, k->x, &t.scale_x, &t.offset_x);
    set_ratio(ratio, k->y, &t.scale_y, &t.offset_y);
    return t;
}

/* ---- one picture ---------------------------------------------------------------------------- */

static float clamped(float x, int32_t most)
{
    return x < 0 ? 0 : x > (float)most ? (float)most : x;
}

static void clip(infer_box *b, const infer_transform *t)
{
    b->x0 = clamped(b->x0, t->picture_width);
    b->x1 = clamped(b->x1, t->picture_width);
    b->y0 = clamped(b->y0, t->picture_height);
    b->y1 = clamped(b->y1, t->picture_height);
}

static infer_status suppress(const struct call *c, const infer_box *boxes, size_t count,
                             const infer_allocator *a, infer_box *kept, size_t *found,
                             infer_error *err)
{
    const infer_decoding *d = &c->decoding;
    const infer_nms_options o = {.size = sizeof o,
                                 .allocator = *a,
                                 .suppress = d->suppress,
                                 .agnostic = d->agnostic,
                                 .inclusive = d->inclusive,
                                 .most_candidates = d->most_candidates,
                                 .score_threshold = d->score_threshold,
                                 .iou_threshold = d->iou_threshold};
    const size_t most = d->most && (size_t)d->most < c->to.most ? (size_t)d->most : c->to.most;
    return most ? infer__nms(boxes, count, &o, kept, most, found, err) : INFER_OK;
}

/* Masks of the boxes that were found in picture `index` of the call. */
static infer_status add_masks(const struct infer__look *l, const struct call *c, size_t index,
                              size_t image, const infer_transform *t, infer_error *err)
{
    const infer_allocator *keep = &l->session->model->allocator;
    const size_t first = index * c->to.most;
    struct infer__masks m;
    TRY(infer__masks_of(l, &c->decoding, image, t, &m, err));
    for (size_t i = 0; i < c->to.found[index]; i++)
        TRY(infer__mask_of(&m, &c->to.boxes[first + i], &l->allocator, keep,
                           &c->to.masks[first + i], err));
    return INFER_OK;
}

/* The answers about picture `index` of the call, `image` of the batch. */
static infer_status answer(const struct infer__look *l, void *ctx, size_t index, size_t image,
                           infer_error *err)
{
    const struct call *c = ctx;
    const infer_transform t = way_back(l, image, c->decoding.map_back);
    infer_box *kept = c->to.boxes + index * c->to.most, *boxes = NULL;
    size_t count = 0, *found = &c->to.found[index];
    struct infer__reading r;
    TRY(infer__reading_of(&c->decoding, l->outputs, l->noutputs, (int64_t)image, l->width,
                          l->height, &r, err));
    TRY(infer__find_candidates(&r, c->decoding.score_threshold, &t, &l->allocator, &boxes, &count,
                               err));
    infer_status status = suppress(c, boxes, count, &l->allocator, kept, found, err);
    infer__free(&l->allocator, boxes);
    for (size_t i = 0; i < *found; i++) {
        if (c->decoding.clip && kept[i].angle == 0)
            clip(&kept[i], &t);
        if (c->to.points && r.points.data)
            infer__points_of(&r, kept[i].candidate, &t,
                             c->to.points +
                                 (index * c->to.most + i) * (size_t)c->decoding.points_count);
    }
    if (status == INFER_OK && c->to.masks && c->decoding.masks >= 0)
        status = add_masks(l, c, index, image, &t, err);
    return status;
}

/* ---- the call -------------------------------------------------------------------------------- */

static void set_threshold(float given, float *threshold)
{
    if (given != 0)
        *threshold = given < 0 ? 0 : given;
}

static infer_status read_call(const infer_session *session, const infer_detect_options *options,
                              const infer_detections *to, struct call *c, infer_error *err)
{
    TRY(infer__sized_read(DETECT_OPTIONS, options, &c->options, err));
    TRY(infer__sized_read(DETECTIONS, to, &c->to, err));
    FAIL_IF(!c->to.found || (c->to.most && !c->to.boxes), INFER_ERROR_ARGUMENT,
            "infer_detect: found or boxes is NULL");
    TRY(infer__decoding_for(session->model, c->options.decoding, INFER_TASK_DETECT, "boxes",
                            &c->decoding, err));
    set_threshold(c->options.score_threshold, &c->decoding.score_threshold);
    set_threshold(c->options.iou_threshold, &c->decoding.iou_threshold);
    return INFER_OK;
}

infer_status infer_detect(infer_session *session, const infer_picture *pictures, size_t count,
                          const infer_detect_options *options, infer_detections *detections,
                          infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    struct call c = {0};
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!session || !detections || (count && !pictures), INFER_ERROR_ARGUMENT,
            "infer_detect: session, pictures or detections is NULL");
    TRY(read_call(session, options, detections, &c, err));
    memset(c.to.found, 0, count * sizeof *c.to.found);
    const struct infer__question q = {pictures, count, c.options.image, answer, &c, NULL};
    infer_status status = infer__look_ask(session, &q, err);
    if (status != INFER_OK)
        memset(c.to.found, 0, count * sizeof *c.to.found);
    return status;
}
