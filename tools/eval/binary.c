/* One class against the rest. */
#include "tools/eval/binary.h"

#include <math.h>
#include <stdlib.h>

#include "base/size.h"
#include "base/status.h"

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

struct prf binary_prf(double tp, double fp, double fn)
{
    return (struct prf){ratio(tp, tp + fp), ratio(tp, tp + fn), ratio(2 * tp, 2 * tp + fp + fn)};
}

void binary_prf_add(struct prf *to, struct prf from, double weight)
{
    to->precision += weight * from.precision;
    to->recall += weight * from.recall;
    to->f1 += weight * from.f1;
}

static int by_falling_score(const void *a, const void *b)
{
    const double x = ((const struct binary_sample *)a)->score;
    const double y = ((const struct binary_sample *)b)->score;
    return (x < y) - (x > y);
}

infer_status binary_curve(struct infer__region *r, struct binary_sample *samples, size_t n,
                          struct binary_curve *c, infer_error *err)
{
    *c = (struct binary_curve){0};
    const size_t bytes = infer__array_bytes(n, sizeof *c->points);
    c->points = infer__region_take(r, bytes);
    if (!c->points)
        return infer__no_memory(err, bytes);
    if (n)
        qsort(samples, n, sizeof *samples, by_falling_score);
    for (size_t i = 0; i < n; i++) {
        if (samples[i].positive)
            c->positives++;
        else
            c->negatives++;
        if (i + 1 == n || samples[i + 1].score != samples[i].score)
            c->points[c->n++] = (struct binary_point){samples[i].score, c->positives, c->negatives};
    }
    return INFER_OK;
}

double binary_roc_auc(const struct binary_curve *c)
{
    double area = 0, tp = 0, fp = 0;
    for (size_t i = 0; i < c->n; i++) {
        area += (c->points[i].fp - fp) * (c->points[i].tp + tp) / 2;
        tp = c->points[i].tp;
        fp = c->points[i].fp;
    }
    return c->positives > 0 && c->negatives > 0 ? area / (c->positives * c->negatives) : NAN;
}

double binary_average_precision(const struct binary_curve *c)
{
    double sum = 0, tp = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct binary_point *p = &c->points[i];
        sum += (p->tp - tp) * p->tp / (p->tp + p->fp);
        tp = p->tp;
    }
    return ratio(sum, c->positives);
}

double binary_best_f1(const struct binary_curve *c, double *f1)
{
    double best = NAN;
    *f1 = NAN;
    for (size_t i = 0; i < c->n && c->positives > 0; i++) {
        const struct binary_point *p = &c->points[i];
        const double now = binary_prf(p->tp, p->fp, c->positives - p->tp).f1;
        if (i == 0 || now >= *f1) {
            *f1 = now;
            best = p->threshold;
        }
    }
    return best;
}
