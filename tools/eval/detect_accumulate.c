/* From pairs to precision and recall, and COCO's numbers. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/eval/detect.h"

infer_status detect_tables_new(struct infer__region *r, uint32_t nclasses, int with_curves,
                               struct detect_tables *t, infer_error *err)
{
    t->ap = infer__region_calloc(r, nclasses, sizeof *t->ap);
    t->recall = infer__region_calloc(r, nclasses, sizeof *t->recall);
    t->curve = with_curves ? infer__region_calloc(r, nclasses, sizeof *t->curve) : NULL;
    if (!t->ap || !t->recall || (with_curves && !t->curve))
        return infer__no_memory(err, infer__array_bytes(nclasses, sizeof *t->curve));
    return INFER_OK;
}

static uint32_t weight_of(const uint32_t *weights, uint32_t picture)
{
    return weights ? weights[picture] : 1;
}

/* One class, range, threshold and cut. */
struct walk {
    const struct detect_matches *m;
    const uint32_t *weights;
    uint32_t class, cut;
    int range, iou;
    double positives;
};

/* The points of the curve at recalls of 0, 0.01 ... 1: the first at or above it, with the best
 * precision from there on. Returns the last recall; where nothing is to be found all are -1. */
static double fill_curve(const struct walk *w, double curve[DETECT_RECALLS])
{
    const struct detect_matches *m = w->m;
    double right = 0, wrong = 0;
    int next = 0;
    for (int i = 0; i < DETECT_RECALLS; i++)
        curve[i] = w->positives > 0 ? 0 : -1;
    if (!(w->positives > 0))
        return -1;
    for (uint32_t i = m->answer_start[w->class]; i < m->answer_start[w->class + 1]; i++) {
        const struct detect_answer *a = &m->answers[i];
        const int fate = a->fate[w->range][w->iou];
        const uint32_t weight = weight_of(w->weights, a->picture);
        if (a->rank >= w->cut || !weight)
            continue;
        right += fate == FATE_RIGHT ? weight : 0;
        wrong += fate == FATE_WRONG ? weight : 0;
        const double recall = right / w->positives;
        const double precision = right / (wrong + right + 0x1p-52);
        while (next < DETECT_RECALLS && recall >= next * 0.01)
            next++;
        /* the last point that has been reached stands for all that come until the next one */
        if (next && precision > curve[next - 1])
            curve[next - 1] = precision;
    }
    for (int i = next - 1; i > 0; i--)
        curve[i - 1] = fmax(curve[i - 1], curve[i]);
    return right / w->positives;
}

/* Truths of a class to be found. */
static double count_positives(const struct detect_matches *m, const uint32_t *weights,
                              uint32_t class, int range)
{
    double n = 0;
    for (uint32_t i = m->truth_start[class]; i < m->truth_start[class + 1]; i++)
        if (!m->truths[i].ignored[range])
            n += weight_of(weights, m->truths[i].picture);
    return n;
}

static void accumulate_class(struct walk *w, struct detect_tables *t)
{
    const struct detect_matches *m = w->m;
    double curve[DETECT_RECALLS];
    for (int c = 0; c < m->ncuts; c++) {
        const int last = c == m->ncuts - 1;
        w->cut = m->cuts[c];
        for (w->iou = 0; w->iou < DETECT_IOUS; w->iou++) {
            double sum = 0;
            t->recall[w->class][w->range][c][w->iou] = fill_curve(w, curve);
            for (int i = 0; i < DETECT_RECALLS; i++)
                sum += curve[i];
            if (last)
                t->ap[w->class][w->range][w->iou] = sum / DETECT_RECALLS;
            if (last && t->curve && w->range == 0)
                memcpy(t->curve[w->class][w->iou], curve, sizeof curve);
        }
    }
}

void detect_accumulate(const struct detect_matches *m, const uint32_t *weights,
                       struct detect_tables *t)
{
    struct walk w = {.m = m, .weights = weights};
    for (uint32_t k = 0; k < m->nclasses; k++) {
        w.class = k;
        for (w.range = 0; w.range < m->nranges; w.range++) {
            w.positives = count_positives(m, weights, k, w.range);
            accumulate_class(&w, t);
        }
    }
}

/* ---- COCO's numbers ------------------------------------------------------------------------- */

/* The mean of what is not negative; -1 where nothing is. */
struct mean {
    double sum, n;
};

static void add(struct mean *mean, double v)
{
    if (v >= 0) {
        mean->sum += v;
        mean->n++;
    }
}

static double mean_of(struct mean mean)
{
    return mean.n > 0 ? mean.sum / mean.n : -1;
}

/* One of the numbers: over all classes, and over all thresholds where `iou` is -1. */
struct stat {
    const char *name;
    int recall; /* of recall, else of precision */
    int iou, range, cut;
};

static const struct stat box_stats[] = {
    {"AP", 0, -1, 0, 0},    {"AP50", 0, 0, 0, 0}, {"AP75", 0, 5, 0, 0}, {"APs", 0, -1, 1, 0},
    {"APm", 0, -1, 2, 0},   {"APl", 0, -1, 3, 0}, {"AR1", 1, -1, 0, 0}, {"AR10", 1, -1, 0, 1},
    {"AR100", 1, -1, 0, 2}, {"ARs", 1, -1, 1, 2}, {"ARm", 1, -1, 2, 2}, {"ARl", 1, -1, 3, 2}};

static const struct stat point_stats[] = {
    {"AP", 0, -1, 0, 0},  {"AP50", 0, 0, 0, 0}, {"AP75", 0, 5, 0, 0}, {"APm", 0, -1, 1, 0},
    {"APl", 0, -1, 2, 0}, {"AR", 1, -1, 0, 0},  {"AR50", 1, 0, 0, 0}, {"AR75", 1, 5, 0, 0},
    {"ARm", 1, -1, 1, 0}, {"ARl", 1, -1, 2, 0}};

int detect_stats(enum detect_kind kind, const struct detect_matches *m,
                 const struct detect_tables *t, const char *names[DETECT_MOST_STATS],
                 double values[DETECT_MOST_STATS])
{
    const int points = kind == DETECT_KEYPOINTS;
    const struct stat *stats = points ? point_stats : box_stats;
    const int n = points ? 10 : 12;
    for (int s = 0; s < n; s++) {
        const struct stat *st = &stats[s];
        struct mean mean = {0, 0};
        for (uint32_t k = 0; k < m->nclasses; k++)
            for (int i = 0; i < DETECT_IOUS; i++)
                if (st->iou < 0 || st->iou == i)
                    add(&mean,
                        st->recall ? t->recall[k][st->range][st->cut][i] : t->ap[k][st->range][i]);
        names[s] = st->name;
        values[s] = mean_of(mean);
    }
    return n;
}

double detect_class_ap(const struct detect_tables *t, uint32_t class, int range)
{
    struct mean mean = {0, 0};
    for (int i = 0; i < DETECT_IOUS; i++)
        add(&mean, t->ap[class][range][i]);
    return mean_of(mean);
}

double detect_class_ar(const struct detect_matches *m, const struct detect_tables *t,
                       uint32_t class, int range)
{
    struct mean mean = {0, 0};
    for (int i = 0; i < DETECT_IOUS; i++)
        add(&mean, t->recall[class][range][m->ncuts - 1][i]);
    return mean_of(mean);
}
