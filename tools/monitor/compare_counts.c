#include <math.h>

#include "tools/monitor/compare.h"
#include "tools/monitor/tails.h"

static double sum_of(const double *counts, size_t bins)
{
    double sum = 0;
    for (size_t i = 0; i < bins; i++)
        sum += counts[i];
    return sum;
}

double compare_psi(const double *reference, const double *current, size_t bins)
{
    const double n = sum_of(reference, bins), m = sum_of(current, bins);
    double psi = 0;
    for (size_t i = 0; i < bins; i++) {
        const double p = fmax(reference[i] / n, PSI_LEAST), q = fmax(current[i] / m, PSI_LEAST);
        psi += (q - p) * log(q / p);
    }
    return n > 0 && m > 0 ? psi : NAN;
}

/* A term of the Kullback-Leibler divergence. */
static double divergence(double p, double middle)
{
    return p > 0 ? p * log(p / middle) : 0;
}

double compare_js(const double *reference, const double *current, size_t bins)
{
    const double n = sum_of(reference, bins), m = sum_of(current, bins);
    double sum = 0;
    for (size_t i = 0; i < bins; i++) {
        const double p = reference[i] / n, q = current[i] / m, middle = (p + q) / 2;
        sum += divergence(p, middle) + divergence(q, middle);
    }
    return n > 0 && m > 0 ? sqrt(fmax(sum / 2, 0)) : NAN;
}

double compare_total_variation(const double *reference, const double *current, size_t bins)
{
    const double n = sum_of(reference, bins), m = sum_of(current, bins);
    double sum = 0;
    for (size_t i = 0; i < bins; i++)
        sum += fabs(reference[i] / n - current[i] / m);
    return n > 0 && m > 0 ? sum / 2 : NAN;
}

static struct compare_test no_test(void)
{
    return (struct compare_test){NAN, NAN, 0};
}

struct compare_test compare_chi2(const double *reference, const double *current, size_t bins)
{
    const double n = sum_of(reference, bins), m = sum_of(current, bins);
    struct compare_test t = {0, NAN, -1};
    for (size_t i = 0; i < bins; i++) {
        const double column = reference[i] + current[i];
        if (column <= 0)
            continue;
        const double a = column * n / (n + m), b = column * m / (n + m);
        t.statistic += (reference[i] - a) * (reference[i] - a) / a;
        t.statistic += (current[i] - b) * (current[i] - b) / b;
        t.dof++;
    }
    if (!(n > 0 && m > 0 && t.dof > 0))
        return no_test();
    t.p = tail_chi2(t.statistic, t.dof);
    return t;
}

struct compare_test compare_chi2_fit(const double *reference, const double *current, size_t bins)
{
    const double n = sum_of(reference, bins), m = sum_of(current, bins);
    struct compare_test t = {0, NAN, -1};
    for (size_t i = 0; i < bins; i++) {
        const double expected = reference[i] / n * m;
        if (!(expected > 0))
            return no_test();
        t.statistic += (current[i] - expected) * (current[i] - expected) / expected;
        t.dof++;
    }
    if (!(t.dof > 0))
        return no_test();
    t.p = tail_chi2(t.statistic, t.dof);
    return t;
}

double compare_cramers_v(const struct compare_test *chi2, double total)
{
    return chi2->dof > 0 ? sqrt(chi2->statistic / total) : NAN;
}
