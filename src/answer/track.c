/* Boxes that are followed from frame to frame: Zhang et al., "ByteTrack: Multi-Object Tracking by
 * Associating Every Detection Box" (2022). */
#include "answer/track.h"

#include <math.h>
#include <string.h>

#include "answer/nms.h"
#include "base/caller.h"
#include "base/memory.h"
#include "base/sized.h"
#include "base/status.h"

#define TRACKER_OPTIONS INFER__SIZED(infer_tracker_options, agnostic)

void infer_tracker_options_init(infer_tracker_options *options, size_t size)
{
    infer__sized_init(options, size);
}

/* ---- a tracker ------------------------------------------------------------------------------ */

static infer_status set_default(float *v, float usual, const char *name, infer_error *err)
{
    FAIL_IF(!(*v >= 0 && *v <= 1), INFER_ERROR_ARGUMENT,
            "infer_tracker_create: %s is %g, not 0 to 1", name, (double)*v);
    *v = *v > 0 ? *v : usual;
    return INFER_OK;
}

static infer_status read_options(const infer_tracker_options *given, infer_tracker_options *o,
                                 infer_error *err)
{
    TRY(infer__sized_read(TRACKER_OPTIONS, given, o, err));
    TRY(set_default(&o->score_high, 0.5F, "score_high", err));
    TRY(set_default(&o->score_low, 0.1F, "score_low", err));
    TRY(set_default(&o->score_new, o->score_high < 0.9F ? o->score_high + 0.1F : 1, "score_new",
                    err));
    TRY(set_default(&o->iou_high, 0.2F, "iou_high", err));
    TRY(set_default(&o->iou_low, 0.5F, "iou_low", err));
    TRY(set_default(&o->iou_new, 0.3F, "iou_new", err));
    o->patience = o->patience ? o->patience : 30;
    FAIL_IF(o->agnostic > 1, INFER_ERROR_ARGUMENT, "infer_tracker_create: agnostic is %u",
            o->agnostic);
    FAIL_IF(!o->allocator.alloc != !o->allocator.free, INFER_ERROR_ARGUMENT,
            "an allocator needs both alloc and free");
    o->allocator = infer__allocator(&o->allocator);
    return INFER_OK;
}

infer_status infer_tracker_create(const infer_tracker_options *options, infer_tracker **tracker,
                                  infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_tracker_options o;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!tracker, INFER_ERROR_ARGUMENT, "infer_tracker_create: tracker is NULL");
    *tracker = NULL;
    TRY(read_options(options, &o, err));
    infer_tracker *t = infer__calloc(&o.allocator, 1, sizeof *t);
    if (!t)
        return infer__no_memory(err, sizeof *t);
    t->allocator = o.allocator;
    t->options = o;
    t->next_id = 1;
    *tracker = t;
    return INFER_OK;
}

void infer_tracker_free(infer_tracker **tracker)
{
    INFER__KEEP_CALLER;
    if (!tracker || !*tracker)
        return;
    const infer_allocator a = (*tracker)->allocator;
    infer__track_release(*tracker);
    infer__free(&a, *tracker);
    *tracker = NULL;
}

/* ---- one frame ------------------------------------------------------------------------------ */

static void predict(infer_tracker *t)
{
    for (uint32_t i = 0; i < t->ntracks; i++) {
        struct infer__track *k = &t->tracks[i];
        infer__motion_predict(&k->motion, k->state == INFER__TRACK_HIDDEN);
        infer__motion_box(&k->motion, &k->box);
        k->match = -1;
    }
}

/* Boxes with high scores, then those with low ones for what was seen a frame ago: what is half
 * hidden has a low score, but is not new. */
static void match(infer_tracker *t, const infer_box *boxes, size_t count)
{
    const infer_tracker_options *o = &t->options;
    const struct infer__track_stage stages[] = {
        {INFER__TRACK_SEEN | INFER__TRACK_HIDDEN, o->score_high, INFINITY, o->iou_high, 1},
        {INFER__TRACK_SEEN, o->score_low, o->score_high, o->iou_low, 0},
        {INFER__TRACK_NEW, o->score_high, INFINITY, o->iou_new, 1},
    };
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        infer__track_match(t, boxes, count, &stages[i]);
}

static void keep_found(infer_tracker *t, struct infer__track *k, const infer_box *boxes,
                       uint64_t *ids)
{
    infer__motion_correct(&k->motion, &boxes[k->match]);
    k->box = boxes[k->match];
    infer__motion_box(&k->motion, &k->box);
    k->state = INFER__TRACK_SEEN;
    k->id = k->id ? k->id : t->next_id++;
    k->missed = 0;
    k->seen++;
    ids[k->match] = k->id;
}

/* Tracks with a box are corrected; those without one are hidden, for as long as patience lasts. */
static void settle(infer_tracker *t, const infer_box *boxes, uint64_t *ids)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->ntracks; i++) {
        struct infer__track *k = &t->tracks[i];
        if (k->match >= 0) {
            keep_found(t, k, boxes, ids);
        } else {
            if (k->state == INFER__TRACK_NEW || k->missed >= t->options.patience)
                continue;
            k->state = INFER__TRACK_HIDDEN;
            k->missed++;
        }
        t->tracks[kept++] = *k;
    }
    t->ntracks = kept;
}

static int are_twins(const struct infer__track *a, const struct infer__track *b)
{
    if (a->state + b->state != INFER__TRACK_SEEN + INFER__TRACK_HIDDEN ||
        a->box.index != b->box.index)
        return 0;
    const struct infer__extent x = infer__extent_of(&a->box, 0), y = infer__extent_of(&b->box, 0);
    return infer__iou(&x, &y) > 0.85;
}

/* Of one that is seen and one that is hidden in the same place, that which was seen for longer
 * stays. */
static void drop_twins(infer_tracker *t)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->ntracks; i++)
        for (uint32_t k = 0; k < i; k++) {
            struct infer__track *a = &t->tracks[i], *b = &t->tracks[k];
            if (a->seen && b->seen && are_twins(a, b))
                *(a->seen > b->seen ? &b->seen : &a->seen) = 0; /* goes */
        }
    for (uint32_t i = 0; i < t->ntracks; i++)
        if (t->tracks[i].seen)
            t->tracks[kept++] = t->tracks[i];
    t->ntracks = kept;
}

/* Boxes that are left, with a score that is high enough. In the first frame nothing can have been
 * seen before, so they count at once. */
static void begin_new(infer_tracker *t, const infer_box *boxes, size_t count, uint64_t *ids)
{
    const struct infer__track_stage rest = {.low = t->options.score_new, .high = INFINITY};
    const uint32_t n = infer__track_list(t, boxes, count, &rest);
    for (uint32_t i = 0; i < n; i++) {
        struct infer__track *k = &t->tracks[t->ntracks++];
        *k = (struct infer__track){.box = boxes[t->columns[i]], .seen = 1, .match = -1};
        infer__motion_begin(&k->motion, &k->box);
        k->state = t->begun ? INFER__TRACK_NEW : INFER__TRACK_SEEN;
        if (!t->begun)
            ids[t->columns[i]] = k->id = t->next_id++;
    }
}

infer_status infer_tracker_update(infer_tracker *t, const infer_box *boxes, size_t count,
                                  uint64_t *ids, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!t || (count && (!boxes || !ids)), INFER_ERROR_ARGUMENT,
            "infer_tracker_update: tracker, boxes or ids is NULL");
    TRY(infer__track_room(t, count, err));
    if (count) {
        memset(ids, 0, count * sizeof *ids);
        memset(t->taken, 0, count);
    }
    predict(t);
    match(t, boxes, count);
    settle(t, boxes, ids);
    drop_twins(t);
    begin_new(t, boxes, count, ids);
    t->begun = 1;
    return INFER_OK;
}

infer_status infer_tracker_tracks(const infer_tracker *t, infer_track *tracks, size_t most,
                                  size_t *found, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    size_t n = 0;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!t || !found || (most && !tracks), INFER_ERROR_ARGUMENT,
            "infer_tracker_tracks: tracker, tracks or found is NULL");
    for (uint32_t i = 0; i < t->ntracks && n < most; i++) {
        const struct infer__track *k = &t->tracks[i];
        if (k->id)
            tracks[n++] = (infer_track){k->box, k->id, k->seen, k->missed};
    }
    *found = n;
    return INFER_OK;
}
