/* Pairs of answers and truth, by the rules of COCO's evaluation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/eval/detect.h"

infer_status detect_add(struct detect_set *set, struct detect_list *list,
                        const struct detect_object *object, infer_error *err)
{
    if (list->count == list->capacity &&
        !infer__region_grow(set->region, (void **)&list->items, &list->capacity,
                            infer__length_add(list->count, 1), sizeof *list->items))
        return infer__no_memory(err, sizeof *list->items);
    list->items[list->count++] = *object;
    return INFER_OK;
}

/* ---- parameters ----------------------------------------------------------------------------- */

static void set_parameters(enum detect_kind kind, struct detect_matches *m)
{
    static const double ranges[DETECT_RANGES][2] = {
        {0, 1e10}, {0, 1024}, {1024, 9216}, {9216, 1e10}};
    static const char *const names[DETECT_RANGES] = {"all", "small", "medium", "large"};
    const int points = kind == DETECT_KEYPOINTS;
    const double step = (0.95 - 0.5) / (DETECT_IOUS - 1); /* as linspace works it out */
    for (int i = 0; i < DETECT_IOUS; i++)
        m->ious[i] = i == DETECT_IOUS - 1 ? 0.95 : 0.5 + i * step;
    m->nranges = 0;
    for (int i = 0; i < DETECT_RANGES; i++) {
        if (points && i == 1) /* keypoints of small people are not judged apart */
            continue;
        memcpy(m->ranges[m->nranges], ranges[i], sizeof ranges[i]);
        m->range_names[m->nranges++] = names[i];
    }
    m->ncuts = points ? 1 : 3;
    m->cuts[0] = points ? 20 : 1;
    m->cuts[1] = 10;
    m->cuts[2] = 100;
}

/* ---- order ---------------------------------------------------------------------------------- */

/* One class's objects of one picture stand together. */
static int compare_group(uint32_t class_a, const struct detect_object *a, uint32_t class_b,
                         const struct detect_object *b)
{
    if (class_a != class_b)
        return class_a < class_b ? -1 : 1;
    return (a->picture > b->picture) - (a->picture < b->picture);
}

/* As they came, class by class where all classes are one. */
static int compare_order(const struct detect_object *a, const struct detect_object *b)
{
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    return (a > b) - (a < b);
}

static int by_picture(const void *x, const void *y)
{
    const struct detect_truth *a = x, *b = y;
    const int group = compare_group(a->class, a->object, b->class, b->object);
    return group ? group : compare_order(a->object, b->object);
}

static int by_picture_and_score(const void *x, const void *y)
{
    const struct detect_answer *a = x, *b = y;
    const int group = compare_group(a->class, a->object, b->class, b->object);
    if (group)
        return group;
    if (a->object->score != b->object->score)
        return a->object->score > b->object->score ? -1 : 1;
    return compare_order(a->object, b->object);
}

static int by_score(const void *x, const void *y)
{
    const struct detect_answer *a = x, *b = y;
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    if (a->object->score != b->object->score)
        return a->object->score > b->object->score ? -1 : 1;
    if (a->picture != b->picture)
        return a->picture < b->picture ? -1 : 1;
    return (a->rank > b->rank) - (a->rank < b->rank);
}

/* ---- one picture and class ------------------------------------------------------------------ */

struct group {
    const struct detect_set *set;
    const double *sigmas;
    struct detect_matches *m;
    struct detect_answer *answers;
    struct detect_truth *truths;
    uint32_t nanswers, ntruths;
    double *overlap; /* nanswers rows of ntruths */
    uint32_t *order; /* truths with those to be ignored last */
    uint8_t *taken;  /* by an earlier answer */
    uint32_t overlap_room, order_room, taken_room;
};

static double overlap(const struct group *g, const struct detect_object *answer,
                      const struct detect_object *truth)
{
    switch (g->set->kind) {
    case DETECT_MASK:
        return mask_iou(&answer->mask, &truth->mask, truth->crowd);
    case DETECT_KEYPOINTS:
        return detect_oks(answer, truth, g->sigmas, g->set->npoints);
    default:
        return detect_box_iou(answer->box, truth->box, truth->crowd);
    }
}

/* The truth that an answer gets: of those that are free and overlap enough the one that overlaps
 * most, the last of equals; one to be ignored only where there is no other. */
static int64_t best_truth(const struct group *g, const double *row, int range, double least)
{
    int64_t best = -1;
    least = fmin(least, 1 - 1e-10);
    for (uint32_t i = 0; i < g->ntruths; i++) {
        const uint32_t t = g->order[i];
        if (g->taken[t] && !g->truths[t].object->crowd)
            continue;
        if (best >= 0 && !g->truths[best].ignored[range] && g->truths[t].ignored[range])
            break;
        if (row[t] < least)
            continue;
        least = row[t];
        best = t;
    }
    return best;
}

static void match_at(struct group *g, int range, int iou)
{
    const double *limits = g->m->ranges[range];
    if (g->ntruths)
        memset(g->taken, 0, g->ntruths);
    for (uint32_t i = 0; i < g->nanswers; i++) {
        struct detect_answer *a = &g->answers[i];
        const int64_t t =
            best_truth(g, g->overlap + (size_t)i * g->ntruths, range, g->m->ious[iou]);
        const int outside = a->object->area < limits[0] || a->object->area > limits[1];
        if (t >= 0)
            g->taken[t] = 1;
        a->fate[range][iou] =
            (uint8_t)(t < 0 ? (outside ? FATE_IGNORED : FATE_WRONG)
                            : (g->truths[t].ignored[range] ? FATE_IGNORED : FATE_RIGHT));
        if (range == 0 && iou == 0)
            a->partner = t >= 0 ? g->truths[t].object : NULL;
    }
}

static void match_range(struct group *g, int range)
{
    const double *limits = g->m->ranges[range];
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->ntruths; i++) {
        const struct detect_object *o = g->truths[i].object;
        g->truths[i].ignored[range] = o->ignore || o->area < limits[0] || o->area > limits[1];
        if (!g->truths[i].ignored[range])
            g->order[n++] = i;
    }
    for (uint32_t i = 0; i < g->ntruths; i++)
        if (g->truths[i].ignored[range])
            g->order[n++] = i;
    for (int iou = 0; iou < DETECT_IOUS; iou++)
        match_at(g, range, iou);
}

static infer_status match_group(struct group *g, infer_error *err)
{
    struct infer__region *r = g->set->region;
    const uint64_t cells = (uint64_t)g->nanswers * g->ntruths; /* each below 2^32 */
    FAIL_IF(cells > UINT32_MAX / 2, INFER_ERROR_LIMIT, "%u objects in one picture", g->ntruths);
    if (!infer__region_grow(r, (void **)&g->overlap, &g->overlap_room, (uint32_t)cells + 1,
                            sizeof *g->overlap) ||
        !infer__region_grow(r, (void **)&g->taken, &g->taken_room, g->ntruths + 1, 1) ||
        !infer__region_grow(r, (void **)&g->order, &g->order_room, g->ntruths + 1,
                            sizeof *g->order))
        return infer__no_memory(err, cells * sizeof *g->overlap);
    for (uint32_t i = 0; i < g->nanswers; i++)
        for (uint32_t k = 0; k < g->ntruths; k++)
            g->overlap[(size_t)i * g->ntruths + k] =
                overlap(g, g->answers[i].object, g->truths[k].object);
    for (int range = 0; range < g->m->nranges; range++)
        match_range(g, range);
    return INFER_OK;
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* Fills and sorts the lists; a picture and class keeps as many answers as the last cut has. */
static infer_status list_objects(struct detect_set *set, int agnostic, struct detect_matches *m,
                                 infer_error *err)
{
    m->nclasses = agnostic ? 1 : set->classes.count;
    m->npictures = set->pictures.count;
    m->nanswers = set->answers.count;
    m->ntruths = set->truths.count;
    m->answers = infer__region_calloc(set->region, m->nanswers, sizeof *m->answers);
    m->truths = infer__region_calloc(set->region, m->ntruths, sizeof *m->truths);
    if (!m->answers || !m->truths)
        return infer__no_memory(err, infer__array_bytes(m->nanswers, sizeof *m->answers));
    for (uint32_t i = 0; i < m->ntruths; i++) {
        const struct detect_object *o = &set->truths.items[i];
        m->truths[i].object = o;
        m->truths[i].class = agnostic ? 0 : o->class;
        m->truths[i].picture = o->picture;
    }
    for (uint32_t i = 0; i < m->nanswers; i++) {
        const struct detect_object *o = &set->answers.items[i];
        m->answers[i].object = o;
        m->answers[i].class = agnostic ? 0 : o->class;
        m->answers[i].picture = o->picture;
    }
    if (m->ntruths)
        qsort(m->truths, m->ntruths, sizeof *m->truths, by_picture);
    if (m->nanswers)
        qsort(m->answers, m->nanswers, sizeof *m->answers, by_picture_and_score);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->nanswers; i++) {
        const int same = kept && m->answers[kept - 1].class == m->answers[i].class &&
                         m->answers[kept - 1].picture == m->answers[i].picture;
        const uint32_t rank = same ? m->answers[kept - 1].rank + 1 : 0;
        if (rank == m->cuts[m->ncuts - 1])
            continue;
        m->answers[kept] = m->answers[i];
        m->answers[kept++].rank = rank;
    }
    m->nanswers = kept;
    return INFER_OK;
}

/* Matches pictures that have answers; truths of the others are only sorted into ranges. */
static infer_status match_all(struct group *g, infer_error *err)
{
    struct detect_matches *m = g->m;
    for (uint32_t a = 0, t = 0; a < m->nanswers || t < m->ntruths;) {
        int order = a == m->nanswers ? 1 : t == m->ntruths ? -1 : 0;
        if (!order)
            order = compare_group(m->answers[a].class, m->answers[a].object, m->truths[t].class,
                                  m->truths[t].object);
        const uint32_t class = order <= 0 ? m->answers[a].class : m->truths[t].class;
        const uint32_t picture = order <= 0 ? m->answers[a].picture : m->truths[t].picture;
        g->answers = m->answers + a;
        g->truths = m->truths + t;
        while (a < m->nanswers && m->answers[a].class == class && m->answers[a].picture == picture)
            a++;
        while (t < m->ntruths && m->truths[t].class == class && m->truths[t].picture == picture)
            t++;
        g->nanswers = (uint32_t)(m->answers + a - g->answers);
        g->ntruths = (uint32_t)(m->truths + t - g->truths);
        TRY(match_group(g, err));
    }
    return INFER_OK;
}

/* Where each class begins in the lists. */
static infer_status find_classes(struct infer__region *r, struct detect_matches *m,
                                 infer_error *err)
{
    m->answer_start = infer__region_calloc(r, (size_t)m->nclasses + 1, sizeof(uint32_t));
    m->truth_start = infer__region_calloc(r, (size_t)m->nclasses + 1, sizeof(uint32_t));
    if (!m->answer_start || !m->truth_start)
        return infer__no_memory(err, infer__array_bytes(m->nclasses, sizeof(uint32_t)));
    for (uint32_t i = 0; i < m->nanswers; i++)
        m->answer_start[m->answers[i].class + 1]++;
    for (uint32_t i = 0; i < m->ntruths; i++)
        m->truth_start[m->truths[i].class + 1]++;
    for (uint32_t k = 0; k < m->nclasses; k++) {
        m->answer_start[k + 1] += m->answer_start[k];
        m->truth_start[k + 1] += m->truth_start[k];
    }
    return INFER_OK;
}

infer_status detect_match(struct detect_set *set, const struct detect_options *options,
                          struct detect_matches *m, infer_error *err)
{
    struct group g = {.set = set, .m = m, .sigmas = options->sigmas};
    const uint32_t nsigmas = options->nsigmas ? options->nsigmas : 17;
    memset(m, 0, sizeof *m);
    set_parameters(set->kind, m);
    if (!options->nsigmas)
        g.sigmas = detect_person_sigmas;
    FAIL_IF(set->kind == DETECT_KEYPOINTS && set->truths.count && set->npoints != nsigmas,
            INFER_ERROR_ARGUMENT, "%u sigmas, but objects have %u keypoints: give as many --sigmas",
            nsigmas, set->npoints);
    TRY(list_objects(set, options->class_agnostic, m, err));
    TRY(match_all(&g, err));
    if (m->nanswers)
        qsort(m->answers, m->nanswers, sizeof *m->answers, by_score);
    return find_classes(set->region, m, err);
}
