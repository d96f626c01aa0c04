/* How far two samples are from each other: the reference and what came later. */
#ifndef INFER_TOOLS_MONITOR_COMPARE_H
#define INFER_TOOLS_MONITOR_COMPARE_H

#include <stddef.h>
#include <stdint.h>

#include "infer.h"

enum { PSI_BINS = 10, JS_BINS = 20 };

/* No share that PSI divides by or takes the logarithm of is lower. */
#define PSI_LEAST 1e-4

/* ---- counts --------------------------------------------------------------------------------- */

/* Population stability index: the sum of (q - p) ln(q / p) over the shares of `bins` counts. NaN
 * where a side has none. */
double compare_psi(const double *reference, const double *current, size_t bins);
/* Jensen and Shannon's distance, the square root of their divergence in nats: 0 to sqrt(ln 2).
 * Times 1 / sqrt(ln 2) it is the one in bits. */
double compare_js(const double *reference, const double *current, size_t bins);
/* Half the sum of the differences of shares: 0 to 1. */
double compare_total_variation(const double *reference, const double *current, size_t bins);

struct compare_test {
    double statistic, p;
    double dof; /* chi-square; 0: there is no test, and statistic and p are NaN */
};

/* Whether two rows of counts are of one distribution (no correction for continuity). Columns that
 * are empty in both don't count. */
struct compare_test compare_chi2(const double *reference, const double *current, size_t bins);
/* Whether `current` is as the shares of the reference say. None where a column is empty in the
 * reference. */
struct compare_test compare_chi2_fit(const double *reference, const double *current, size_t bins);
/* Cramer's V of the two rows: 0 to 1. */
double compare_cramers_v(const struct compare_test *chi2, double total);

/* ---- values --------------------------------------------------------------------------------- */

/* Two samples, sorted, without NaN. */
struct compare_samples {
    double *reference, *current;
    size_t n, m;
};

/* Copies both without their NaN, and sorts them. Free it in either case. `err` is not NULL. */
infer_status compare_begin(struct compare_samples *s, const double *reference, size_t n,
                           const double *current, size_t m, infer_error *err);
void compare_end(struct compare_samples *s);

/* What follows gives NaN where a sample is empty. */

struct compare_ks {
    double d;        /* the greatest difference of the two shares of values up to some value, */
    double location; /* that value, */
    int sign;        /* and 1: it is the reference that has more of them, -1: it has fewer */
};
struct compare_ks compare_ks(const struct compare_samples *s);
/* P of such a D by the limit for n * m / (n + m) values, rounded to a whole number. */
double compare_ks_p(double d, double n, double m);

/* The quantile of n sorted values by linear interpolation, 0 <= q <= 1. */
double compare_quantile(const double *sorted, size_t n, double q);
/* Edges of PSI's bins, (a, b]: the reference's quantiles 0.1, 0.2 ... 0.9, each once. Returns how
 * many there are; there is one bin more. */
size_t compare_psi_edges(const struct compare_samples *s, double edges[PSI_BINS - 1]);
void compare_psi_counts(const double *sorted, size_t n, const double *edges, size_t nedges,
                        double counts[PSI_BINS]);
/* Counts of JS_BINS equal bins from the least to the greatest value of both; [a, b), the last one
 * [a, b]. Where all are equal the bins reach 1 further. */
void compare_js_counts(const struct compare_samples *s, double reference[JS_BINS],
                       double current[JS_BINS]);

/* The area between the two cumulative distributions, and the root of twice the integral of the
 * squared difference. */
double compare_wasserstein(const struct compare_samples *s);
double compare_energy(const struct compare_samples *s);

/* Mann and Whitney's U of the reference, and p by the normal limit with corrections for ties and
 * continuity. */
struct compare_test compare_mann_whitney(const struct compare_samples *s);

#endif
