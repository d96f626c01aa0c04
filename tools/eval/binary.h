/* One class against the rest, by falling score: the curves and what is read off them. */
#ifndef INFER_TOOLS_EVAL_BINARY_H
#define INFER_TOOLS_EVAL_BINARY_H

#include "base/memory.h"

/* Precision tp / (tp + fp), recall tp / (tp + fn) and their harmonic mean; each 0 where it would be
 * 0 / 0. */
struct prf {
    double precision, recall, f1;
};
struct prf binary_prf(double tp, double fp, double fn);
/* Adds `weight` times the other's numbers, for means. */
void binary_prf_add(struct prf *to, struct prf from, double weight);

/* What is counted when scores of `threshold` and more are taken for positive. */
struct binary_point {
    double threshold, tp, fp;
};

/* A point a different score, falling. */
struct binary_curve {
    struct binary_point *points;
    size_t n;
    double positives, negatives;
};

/* A score and whether it is one of the class. */
struct binary_sample {
    double score;
    uint8_t positive;
};

/* Sorts the samples. */
infer_status binary_curve(struct infer__region *r, struct binary_sample *samples, size_t n,
                          struct binary_curve *c, infer_error *err);

/* The area under the curve of true over false positive rates; NaN where there are no positives or
 * no negatives. */
double binary_roc_auc(const struct binary_curve *c);
/* Average precision: the sum of (R_n - R_n-1) P_n, not interpolated; 0 without positives. */
double binary_average_precision(const struct binary_curve *c);
/* The lowest threshold that has the greatest F1; NaN without positives. */
double binary_best_f1(const struct binary_curve *c, double *f1);

#endif
