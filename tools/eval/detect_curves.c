/* F1 at a confidence, and Pascal VOC's average precision. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/eval/detect.h"

/* ---- F1 ------------------------------------------------------------------------------------- */

static int by_falling_score(const void *x, const void *y)
{
    const double a = (*(const struct detect_answer *const *)x)->object->score;
    const double b = (*(const struct detect_answer *const *)y)->object->score;
    return (a < b) - (a > b);
}

/* Adds an answer to the counts. */
static void count(struct detect_point *p, const struct detect_answer *a, double weight)
{
    const int fate = a->fate[0][0];
    p->right += fate == FATE_RIGHT ? weight : 0;
    p->wrong += fate == FATE_WRONG ? weight : 0;
}

struct detect_point detect_at(const struct detect_matches *m, double score, const uint32_t *weights)
{
    struct detect_point p = {.score = score};
    double positives = 0;
    for (uint32_t i = 0; i < m->ntruths; i++)
        if (!m->truths[i].ignored[0])
            positives += weights ? weights[m->truths[i].picture] : 1;
    for (uint32_t i = 0; i < m->nanswers; i++)
        if (m->answers[i].object->score >= score)
            count(&p, &m->answers[i], weights ? weights[m->answers[i].picture] : 1);
    p.missed = positives - p.right;
    return p;
}

infer_status detect_confidence_curve(struct infer__region *r, const struct detect_matches *m,
                                     struct detect_curve *c, infer_error *err)
{
    const size_t bytes = infer__array_bytes(m->nanswers, sizeof(struct detect_answer *));
    const struct detect_answer **sorted = infer__region_take(r, bytes);
    struct detect_point now = detect_at(m, INFINITY, NULL); /* all are missed */
    *c = (struct detect_curve){infer__region_calloc(r, m->nanswers, sizeof *c->points), 0};
    if (!sorted || !c->points)
        return infer__no_memory(err, bytes);
    for (uint32_t i = 0; i < m->nanswers; i++)
        sorted[i] = &m->answers[i];
    if (m->nanswers)
        qsort(sorted, m->nanswers, sizeof *sorted, by_falling_score);
    const double positives = now.missed;
    for (uint32_t i = 0; i < m->nanswers; i++) {
        count(&now, sorted[i], 1);
        now.score = sorted[i]->object->score;
        now.missed = positives - now.right;
        if (i + 1 == m->nanswers || sorted[i + 1]->object->score != now.score)
            c->points[c->n++] = now;
    }
    infer__region_drop(r, sorted, bytes);
    return INFER_OK;
}

/* ---- Pascal VOC ----------------------------------------------------------------------------- */

/* Answers of a class with the greatest score first, each with the truth of its picture and class
 * that it overlaps most: right if that is 0.5 or more and nobody had it, wrong else, and not
 * counted if the truth is a difficult one (Everingham and others: The PASCAL Visual Object Classes
 * Challenge: A Retrospective, 2015, and its development kit). */
struct voc {
    const struct detect_matches *m;
    uint8_t *taken; /* of each truth */
};

/* The first truth of a picture and class in the sorted list. */
static uint32_t first_truth(const struct detect_matches *m, uint32_t class, uint32_t picture)
{
    uint32_t low = m->truth_start[class], high = m->truth_start[class + 1];
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (m->truths[middle].picture < picture)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum detect_fate fate_of(const struct voc *v, const struct detect_answer *a)
{
    const struct detect_matches *m = v->m;
    const uint32_t end = m->truth_start[a->class + 1];
    double most = -1;
    uint32_t best = 0;
    for (uint32_t t = first_truth(m, a->class, a->picture);
         t < end && m->truths[t].picture == a->picture; t++) {
        const double iou = detect_box_iou(a->object->box, m->truths[t].object->box, 0);
        if (iou > most) {
            most = iou;
            best = t;
        }
    }
    if (most < 0.5)
        return FATE_WRONG;
    if (m->truths[best].object->ignore)
        return FATE_IGNORED;
    const int taken = v->taken[best];
    v->taken[best] = 1;
    return taken ? FATE_WRONG : FATE_RIGHT;
}

/* A point of the curve of precision over recall. */
struct voc_point {
    double recall, precision;
};

static struct detect_voc sum_up(struct voc_point *p, uint32_t n)
{
    struct detect_voc result = {0, 0};
    for (uint32_t i = n; i-- > 1;) /* the best precision from there on */
        p[i - 1].precision = fmax(p[i - 1].precision, p[i].precision);
    for (uint32_t i = 0; i < n; i++)
        result.ap += (p[i].recall - (i ? p[i - 1].recall : 0)) * p[i].precision;
    for (int step = 0; step <= 10; step++) {
        uint32_t i = 0;
        while (i < n && p[i].recall < step * 0.1)
            i++;
        result.ap11 += i < n ? p[i].precision / 11 : 0;
    }
    return result;
}

static struct detect_voc voc_class(const struct voc *v, uint32_t class, struct voc_point *points)
{
    const struct detect_matches *m = v->m;
    double positives = 0, right = 0, wrong = 0;
    uint32_t n = 0;
    for (uint32_t i = m->truth_start[class]; i < m->truth_start[class + 1]; i++)
        positives += !m->truths[i].object->ignore;
    if (!(positives > 0))
        return (struct detect_voc){-1, -1};
    for (uint32_t i = m->answer_start[class]; i < m->answer_start[class + 1]; i++) {
        const enum detect_fate fate = fate_of(v, &m->answers[i]);
        right += fate == FATE_RIGHT;
        wrong += fate == FATE_WRONG;
        if (fate != FATE_IGNORED)
            points[n++] = (struct voc_point){right / positives, right / (right + wrong)};
    }
    return sum_up(points, n);
}

infer_status detect_voc(struct infer__region *r, const struct detect_matches *m,
                        struct detect_voc *classes, infer_error *err)
{
    const size_t bytes = infer__array_bytes(m->nanswers, sizeof(struct voc_point));
    struct voc_point *points = infer__region_take(r, bytes);
    struct voc v = {m, infer__region_calloc(r, m->ntruths, 1)};
    if (!points || !v.taken)
        return infer__no_memory(err, bytes);
    for (uint32_t k = 0; k < m->nclasses; k++)
        classes[k] = voc_class(&v, k, points);
    return INFER_OK;
}
