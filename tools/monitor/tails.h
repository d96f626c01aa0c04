/* Probabilities that chance alone gives a statistic of this size or a greater one. */
#ifndef INFER_TOOLS_MONITOR_TAILS_H
#define INFER_TOOLS_MONITOR_TAILS_H

/* Chi-square with `dof` degrees of freedom, above 0: P(X > x). */
double tail_chi2(double x, double dof);
/* The x that chi-square passes with probability `p`, 0 < p < 1. */
double tail_chi2_limit(double p, double dof);
/* The standard normal distribution: P(X > x). */
double tail_normal(double x);
/* The limit of Kolmogorov's distribution: P(sqrt(n) D > x) for n without end. */
double tail_kolmogorov(double x);
/* Kolmogorov and Smirnov's statistic of one sample of n values: P(D > d). NaN where n is below 1.
 * Relative error below 1e-5. */
double tail_ks(double d, double n);
/* Of two samples of n and m values: P(D >= d), counted over all orders in which they may come, in
 * time of n * m. d is a difference of such samples, up to rounding. Negative without memory. */
double tail_ks_exact(double d, unsigned n, unsigned m);

/* The logarithm of the gamma function, for x above 0; lgamma writes to a global. */
double tail_log_gamma(double x);

#endif
