/* Which class is taken for which, by boxes. */
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/eval/detect.h"

struct pair {
    double iou;
    uint32_t truth, answer; /* of the picture's */
};

/* Objects of one picture after another. */
struct by_picture {
    const struct detect_object **objects;
    uint32_t *start; /* pictures + 1 */
};

struct confusion {
    const struct detect_set *set;
    struct by_picture truths, answers;
    struct pair *pairs; /* of a picture */
    uint8_t *taken;     /* its truths, then its answers */
    uint32_t pair_room, taken_room;
    double *matrix;
};

/* Those of a score of `least` and more, in the list's order. */
static infer_status sort(struct infer__region *r, const struct detect_set *set,
                         const struct detect_list *l, double least, struct by_picture *to,
                         infer_error *err)
{
    const uint32_t n = set->pictures.count;
    to->start = infer__region_calloc(r, (size_t)n + 2, sizeof *to->start);
    to->objects = infer__region_calloc(r, (size_t)l->count + 1, sizeof *to->objects);
    if (!to->start || !to->objects)
        return infer__no_memory(err, infer__array_bytes(l->count, sizeof *to->objects));
    uint32_t *next = to->start + 1; /* counted one further on, so that it ends as the starts */
    for (uint32_t i = 0; i < l->count; i++)
        if (l->items[i].score >= least)
            next[l->items[i].picture + 1]++;
    for (uint32_t i = 0; i < n; i++)
        next[i + 1] += next[i];
    for (uint32_t i = 0; i < l->count; i++)
        if (l->items[i].score >= least)
            to->objects[next[l->items[i].picture]++] = &l->items[i];
    return INFER_OK;
}

static int by_falling_iou(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->iou < y->iou || x->iou > y->iou)
        return x->iou < y->iou ? 1 : -1;
    if (x->truth != y->truth)
        return x->truth < y->truth ? -1 : 1;
    return (x->answer > y->answer) - (x->answer < y->answer);
}

static infer_status find_pairs(struct confusion *c, const struct detect_object **truths,
                               uint32_t nt, const struct detect_object **answers, uint32_t na,
                               uint32_t *npairs, infer_error *err)
{
    for (uint32_t t = 0; t < nt; t++)
        for (uint32_t a = 0; a < na; a++) {
            const double iou = detect_box_iou(answers[a]->box, truths[t]->box, truths[t]->crowd);
            if (iou < 0.5)
                continue;
            if (*npairs == c->pair_room &&
                !infer__region_grow(c->set->region, (void **)&c->pairs, &c->pair_room,
                                    infer__length_add(*npairs, 1), sizeof *c->pairs))
                return infer__no_memory(err, sizeof *c->pairs);
            c->pairs[(*npairs)++] = (struct pair){iou, t, a};
        }
    if (*npairs)
        qsort(c->pairs, *npairs, sizeof *c->pairs, by_falling_iou);
    return INFER_OK;
}

/* Those that overlap most find each other first. Who finds what is ignored is not counted. */
static infer_status count_picture(struct confusion *c, uint32_t picture, infer_error *err)
{
    const uint32_t n = c->set->classes.count;
    const uint32_t *ts = c->truths.start + picture, *as = c->answers.start + picture;
    const uint32_t nt = ts[1] - ts[0], na = as[1] - as[0];
    const struct detect_object **truths = c->truths.objects + ts[0];
    const struct detect_object **answers = c->answers.objects + as[0];
    uint32_t npairs = 0;
    if (nt + na == 0)
        return INFER_OK;
    TRY(find_pairs(c, truths, nt, answers, na, &npairs, err));
    if (nt + na > c->taken_room &&
        !infer__region_grow(c->set->region, (void **)&c->taken, &c->taken_room, nt + na, 1))
        return infer__no_memory(err, nt + na);
    uint8_t *found = c->taken, *used = found + nt;
    memset(found, 0, nt + na);
    for (int ignored = 0; ignored < 2; ignored++)
        for (uint32_t i = 0; i < npairs; i++) {
            const struct pair *p = &c->pairs[i];
            if (truths[p->truth]->ignore != ignored || used[p->answer] ||
                (found[p->truth] && !truths[p->truth]->crowd))
                continue;
            found[p->truth] = used[p->answer] = 1;
            if (!ignored)
                c->matrix[(size_t)truths[p->truth]->class * (n + 1) + answers[p->answer]->class]++;
        }
    for (uint32_t t = 0; t < nt; t++)
        if (!found[t] && !truths[t]->ignore)
            c->matrix[(size_t)truths[t]->class * (n + 1) + n]++;
    for (uint32_t a = 0; a < na; a++)
        if (!used[a])
            c->matrix[(size_t)n * (n + 1) + answers[a]->class]++;
    return INFER_OK;
}

infer_status detect_confusion(const struct detect_set *set, double confidence, double **matrix,
                              infer_error *err)
{
    const size_t side = (size_t)set->classes.count + 1;
    struct confusion c = {.set = set};
    c.matrix = *matrix =
        infer__region_calloc(set->region, side, infer__array_bytes(side, sizeof **matrix));
    if (!c.matrix)
        return infer__no_memory(err, infer__array_bytes(side * side, sizeof **matrix));
    TRY(sort(set->region, set, &set->truths, 0, &c.truths, err));
    TRY(sort(set->region, set, &set->answers, confidence, &c.answers, err));
    for (uint32_t i = 0; i < set->pictures.count; i++)
        TRY(count_picture(&c, i, err));
    return INFER_OK;
}
