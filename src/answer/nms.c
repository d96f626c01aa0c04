/* Which boxes stay: sorting, and the greedy rule. */
#include "answer/nms.h"

#include <math.h>
#include <string.h>

#include "base/caller.h"
#include "base/memory.h"
#include "base/sized.h"
#include "base/status.h"

#define NMS_OPTIONS INFER__SIZED(infer_nms_options, reserved)

void infer_nms_options_init(infer_nms_options *options, size_t size)
{
    infer__sized_init(options, size);
}

struct infer__extent infer__extent_of(const infer_box *b, int inclusive)
{
    struct infer__extent e = {
        (double)b->x0,    (double)b->y0,    (double)b->x1, (double)b->y1, 0,
        (double)b->score, (double)b->angle,
    };
    e.x1 += inclusive;
    e.y1 += inclusive;
    e.area = (e.x1 - e.x0) * (e.y1 - e.y0);
    return e;
}

double infer__iou(const struct infer__extent *a, const struct infer__extent *b)
{
    if (a->angle != 0 || b->angle != 0)
        return infer__iou_turned(a, b);
    const double w = (a->x1 < b->x1 ? a->x1 : b->x1) - (a->x0 > b->x0 ? a->x0 : b->x0);
    const double h = (a->y1 < b->y1 ? a->y1 : b->y1) - (a->y0 > b->y0 ? a->y0 : b->y0);
    if (!(w > 0 && h > 0))
        return 0;
    const double common = w * h, both = a->area + b->area - common;
    return both > 0 && isfinite(both) ? common / both : 0;
}

/* ---- sorting -------------------------------------------------------------------------------- */

/* A candidate: its score as a number that is the lower the better it is, and its place. */
struct key {
    uint32_t rank, at;
};

/* Floats ascend as their bits do, once those of negative ones are turned round. */
static uint32_t rank_of(float score)
{
    uint32_t bits;
    score += 0.0F; /* -0 is 0 */
    memcpy(&bits, &score, sizeof bits);
    return bits >> 31 ? bits : ~(bits | 0x80000000);
}

static int is_candidate(const infer_box *b, float threshold)
{
    return b->score > threshold && !isnan(b->x0) && !isnan(b->y0) && !isnan(b->x1) &&
           !isnan(b->y1) && isfinite(b->angle);
}

/* The best first; equals stay in their order. By digits of 11 bits, from the lowest on. */
static void sort_keys(struct key *keys, struct key *other, uint32_t n)
{
    enum { BITS = 11, DIGITS = 1 << BITS };
    for (int shift = 0; shift < 33; shift += BITS) {
        uint32_t begin[DIGITS + 1] = {0};
        for (uint32_t i = 0; i < n; i++)
            begin[(keys[i].rank >> shift & (DIGITS - 1)) + 1]++;
        for (int d = 0; d < DIGITS; d++)
            begin[d + 1] += begin[d];
        for (uint32_t i = 0; i < n; i++)
            other[begin[keys[i].rank >> shift & (DIGITS - 1)]++] = keys[i];
        struct key *swap = keys;
        keys = other;
        other = swap;
    }
}

/* ---- keeping -------------------------------------------------------------------------------- */

struct nms {
    const infer_box *boxes;
    const infer_nms_options *o;
    const struct key *keys;
    uint32_t n;
    infer_box *kept;
    size_t most, found;
};

/* Boxes lie in another order than their scores: memory is asked for some before they are needed. */
enum { AHEAD = 16 };

static infer_status keep_greedy(struct nms *k, infer_error *err)
{
    const infer_allocator *a = &k->o->allocator;
    struct infer__nms_grid grid;
    const uint32_t room = k->most < k->n ? (uint32_t)k->most : k->n;
    TRY(infer__nms_init(&grid, room, k->o, err));
    for (uint32_t i = 0; i < k->n && k->found < k->most; i++) {
        const infer_box *b = &k->boxes[k->keys[i].at];
        const struct infer__extent e = infer__extent_of(b, k->o->inclusive);
        if (i + AHEAD < k->n)
            __builtin_prefetch(&k->boxes[k->keys[i + AHEAD].at]);
        if (infer__nms_overlaps(&grid, &e, b->index))
            continue;
        infer__nms_add(&grid, &e, b);
        k->kept[k->found++] = *b;
    }
    infer__nms_free(&grid, a);
    return INFER_OK;
}

static infer_status keep_turned(struct nms *k, infer_error *err)
{
    struct infer__nms_list list;
    TRY(infer__nms_turned_init(&list, k->most < k->n ? (uint32_t)k->most : k->n, k->o, err));
    for (uint32_t i = 0; i < k->n && k->found < k->most; i++)
        if (infer__nms_turned_keeps(&list, &k->boxes[k->keys[i].at]))
            k->kept[k->found++] = k->boxes[k->keys[i].at];
    infer__nms_turned_free(&list);
    return INFER_OK;
}

static infer_status keep_soft(struct nms *k, infer_error *err)
{
    const infer_allocator *a = &k->o->allocator;
    infer_box *boxes = infer__calloc(a, k->n, sizeof *boxes);
    struct infer__extent *extents = infer__calloc(a, k->n, sizeof *extents);
    infer_status status = INFER_OK;
    if (boxes && extents) {
        for (uint32_t i = 0; i < k->n; i++) {
            boxes[i] = k->boxes[k->keys[i].at];
            extents[i] = infer__extent_of(&boxes[i], k->o->inclusive);
        }
        k->found = infer__nms_soft(boxes, extents, k->n, k->o, k->kept, k->most);
    } else {
        status = infer__no_memory(err, k->n * sizeof *extents);
    }
    infer__free(a, extents);
    infer__free(a, boxes);
    return status;
}

static infer_status keep(struct nms *k, infer_error *err)
{
    int turned = 0;
    for (uint32_t i = 0; i < k->n && !turned; i++)
        turned = k->boxes[k->keys[i].at].angle != 0;
    if (k->o->suppress == INFER_SUPPRESS_GREEDY)
        return turned ? keep_turned(k, err) : keep_greedy(k, err);
    if (k->o->suppress != INFER_SUPPRESS_NONE)
        return keep_soft(k, err);
    for (uint32_t i = 0; i < k->n && k->found < k->most; i++)
        k->kept[k->found++] = k->boxes[k->keys[i].at];
    return INFER_OK;
}

infer_status infer__nms(const infer_box *boxes, size_t count, const infer_nms_options *options,
                        infer_box *kept, size_t most, size_t *found, infer_error *err)
{
    const infer_allocator *a = &options->allocator;
    uint32_t n = 0;
    *found = 0;
    FAIL_IF(count > INT32_MAX, INFER_ERROR_LIMIT, "%zu boxes", count);
    for (size_t i = 0; i < count; i++)
        n += (uint32_t)is_candidate(&boxes[i], options->score_threshold);
    if (!n)
        return INFER_OK;
    struct key *keys = infer__calloc(a, n, sizeof(struct key[2])); /* two halves */
    if (!keys)
        return infer__no_memory(err, n * sizeof(struct key[2]));
    n = 0;
    for (size_t i = 0; i < count; i++)
        if (is_candidate(&boxes[i], options->score_threshold))
            keys[n++] = (struct key){rank_of(boxes[i].score), (uint32_t)i};
    sort_keys(keys, keys + n, n); /* three passes: the result is in the other half */
    struct nms k = {boxes, options, keys + n, n, kept, most, 0};
    if (options->most_candidates && (uint32_t)options->most_candidates < n)
        k.n = (uint32_t)options->most_candidates;
    infer_status status = keep(&k, err);
    infer__free(a, keys);
    *found = status == INFER_OK ? k.found : 0;
    return status;
}

infer_status infer_nms(const infer_box *boxes, size_t count, const infer_nms_options *options,
                       infer_box *kept, size_t most, size_t *found, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_nms_options o;
    size_t none;
    err = err ? err : &local;
    found = found ? found : &none;
    infer__error_clear(err);
    *found = 0;
    FAIL_IF((count && !boxes) || (most && !kept), INFER_ERROR_ARGUMENT,
            "infer_nms: boxes or kept is NULL");
    TRY(infer__sized_read(NMS_OPTIONS, options, &o, err));
    FAIL_IF(o.suppress < INFER_SUPPRESS_GREEDY || o.suppress > INFER_SUPPRESS_NONE ||
                o.most_candidates < 0,
            INFER_ERROR_ARGUMENT, "infer_nms: suppress is %d, most_candidates %d", o.suppress,
            o.most_candidates);
    FAIL_IF(!isfinite(o.score_threshold) || !(o.iou_threshold >= 0 && o.iou_threshold <= 1) ||
                !(o.sigma >= 0),
            INFER_ERROR_ARGUMENT, "infer_nms: a threshold or sigma is not a number in range");
    o.allocator = infer__allocator(&o.allocator);
    return most ? infer__nms(boxes, count, &o, kept, most, found, err) : INFER_OK;
}
