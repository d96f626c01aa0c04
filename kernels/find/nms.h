/* NonMaxSuppression: of each class of each image, the boxes of the highest scores that do not
 * overlap one of a higher score too much. Of equal scores the box that stands first counts as the
 * higher one; one that is no number is no box's.
 *
 * A pair is a class of an image. Units find the boxes of pairs and leave them to the last unit,
 * which writes those of all pairs one behind the other. */
#ifndef INFER_KERNELS_FIND_NMS_H
#define INFER_KERNELS_FIND_NMS_H

#include "kernels/find/order.h"
#include "kernels/integers.h"
#include "kernels/nd.h"

struct problem {
    int64_t pairs, classes, boxes, most;
    uint32_t units; /* that find */
};

/* A box by its corners; those that were selected so far, corner by corner. */
enum { X0, Y0, X1, Y1, AREA, SIDES };
enum { NMS_BEHIND = 16 }; /* floats behind the last side that may be read */
struct box {
    float side[SIDES];
};

static inline struct problem problem_of(const struct infer__task *t)
{
    const struct infer__operand *scores = &t->in[1];
    struct problem p = {.classes = scores->dims[1], .boxes = scores->dims[2]};
    p.pairs = scores->dims[0] * p.classes;
    p.most = t->p.nms.most;
    p.units = infer__task_units(t, p.pairs, 4096 / (p.boxes + 1) + 1);
    return p;
}

static inline double nms_ns(const struct infer__task *t, double each_ns)
{
    if (t->op != INFER__OP_NON_MAX_SUPPRESSION || !infer__no_epilogue(t))
        return -1;
    return infer__bytes_ns(t) + each_ns * (double)infer__operand_elements(&t->in[1]);
}

/* Bytes that units leave: of each pair how many boxes, and which. */
static inline int64_t left_bytes(const struct problem *p)
{
    return infer__count_align(INFER__PRODUCT(p->pairs, INFER__SUM(p->most, 1), sizeof(int32_t)),
                              64);
}

static inline infer_status nms_prepare(const struct infer__task *t, struct infer__need *need,
                                       infer_error *err)
{
    const struct problem p = problem_of(t);
    (void)err;
    need->barrier = p.units;
    need->units = p.units + 1;
    need->scratch_bytes = infer__bytes_of(
        INFER__SUM(
            left_bytes(&p), INFER__PRODUCT(p.boxes, sizeof(struct infer__found)),
            INFER__PRODUCT(INFER__SUM(INFER__PRODUCT(p.most, SIDES), NMS_BEHIND), sizeof(float))),
        1);
    return INFER_OK;
}

static inline int has(const struct infer__task *t, const struct infer__buffers *b, uint32_t i)
{
    return i < t->nin && t->in[i].type && b->in[i];
}

static inline struct box box_at(const float *v, int center)
{
    struct box b;
    if (center) {
        b.side[X0] = v[0] - v[2] / 2;
        b.side[X1] = v[0] + v[2] / 2;
        b.side[Y0] = v[1] - v[3] / 2;
        b.side[Y1] = v[1] + v[3] / 2;
    } else {
        b.side[Y0] = v[0] < v[2] ? v[0] : v[2];
        b.side[Y1] = v[0] < v[2] ? v[2] : v[0];
        b.side[X0] = v[1] < v[3] ? v[1] : v[3];
        b.side[X1] = v[1] < v[3] ? v[3] : v[1];
    }
    b.side[AREA] = (b.side[X1] - b.side[X0]) * (b.side[Y1] - b.side[Y0]);
    return b;
}

/* What a run is given beside boxes and scores. */
struct wanted {
    int64_t most;
    float overlap, score;
    int scored; /* whether there is a least score */
};

/* What levels differ in. Overlaps: whether a box overlaps one of `n` selected ones by more than the
 * threshold; their sides stand `most` apart. Collect: the boxes whose score counts, into `found`;
 * returns how many. */
struct nms_ways {
    int (*overlaps)(const struct box *b, const float *selected, int64_t most, int64_t n,
                    float threshold);
    int64_t (*collect)(const float *scores, int64_t boxes, const struct wanted *w,
                       struct infer__found *found);
};

static inline struct wanted wanted_of(const struct infer__task *t, const struct infer__buffers *b,
                                      const struct problem *p)
{
    struct wanted w = {.most = 0};
    if (has(t, b, 2))
        w.most = min64(*(const int64_t *)b->in[2], p->most);
    if (has(t, b, 3))
        w.overlap = *(const float *)b->in[3];
    w.scored = has(t, b, 4);
    if (w.scored)
        w.score = *(const float *)b->in[4];
    return w;
}

/* Selects the boxes of a pair into `chosen`; returns how many. */
static inline int32_t select_boxes(const struct nms_ways *ways, const struct infer__task *t,
                                   const struct problem *p, const struct wanted *w,
                                   const float *boxes, const float *scores,
                                   struct infer__found *found, float *selected, int32_t *chosen)
{
    int64_t n = w->most > 0 ? ways->collect(scores, p->boxes, w, found) : 0;
    int32_t count = 0;
    infer__found_heap(found, n, 1);
    while (n > 0 && count < w->most) {
        const int64_t place = found[0].place;
        const struct box b = box_at(boxes + 4 * place, t->p.nms.center);
        found[0] = found[--n];
        infer__found_sink(found, n, 0, 1);
        if (ways->overlaps(&b, selected, p->most, count, w->overlap))
            continue;
        for (int k = 0; k < SIDES; k++)
            selected[k * p->most + count] = b.side[k];
        chosen[count++] = (int32_t)place;
    }
    return count;
}

static inline void find_pairs(const struct nms_ways *ways, const struct infer__task *t,
                              const struct infer__buffers *b, const struct problem *p,
                              int64_t first, int64_t last)
{
    const struct wanted w = wanted_of(t, b, p);
    struct infer__found *found = (void *)((char *)b->scratch + left_bytes(p));
    float *selected = (float *)(found + p->boxes);
    int32_t *counts = b->shared, *chosen = counts + p->pairs;
    for (int64_t i = first; i < last; i++)
        counts[i] = select_boxes(
            ways, t, p, &w, (const float *)b->in[0] + i / p->classes * p->boxes * 4,
            (const float *)b->in[1] + i * p->boxes, found, selected, chosen + i * p->most);
}

static inline void write_all(const struct infer__task *t, const struct infer__buffers *b,
                             const struct problem *p)
{
    const int32_t *counts = b->shared, *chosen = counts + p->pairs;
    int64_t *y = b->out[0], all = 0;
    for (int64_t i = 0; i < p->pairs; i++)
        all += counts[i];
    *b->extent = all;
    for (int64_t i = 0; i < p->pairs && all <= t->out[0].dims[0]; i++)
        for (int32_t k = 0; k < counts[i]; k++, y += 3) {
            y[0] = i / p->classes;
            y[1] = i % p->classes;
            y[2] = chosen[i * p->most + k];
        }
}

static inline void nms_run(const struct nms_ways *ways, const struct infer__task *t,
                           const struct infer__buffers *b, uint32_t begin, uint32_t end)
{
    const struct problem p = problem_of(t);
    const uint32_t last = end < p.units ? end : p.units;
    if (begin < last)
        find_pairs(ways, t, b, &p, infer__unit_begin(p.pairs, p.units, begin),
                   infer__unit_begin(p.pairs, p.units, last));
    if (end > p.units)
        write_all(t, b, &p);
}

#endif
