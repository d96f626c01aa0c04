#include "tools/monitor/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "tools/monitor/tails.h"

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorted, without NaN; *n becomes how many are left. */
static double *sorted_copy(const double *values, size_t n, size_t *left)
{
    double *copy = malloc((n + 1) * sizeof *copy);
    *left = 0;
    for (size_t i = 0; copy && i < n; i++)
        if (!isnan(values[i]))
            copy[(*left)++] = values[i];
    if (copy)
        qsort(copy, *left, sizeof *copy, ascending);
    return copy;
}

infer_status compare_begin(struct compare_samples *s, const double *reference, size_t n,
                           const double *current, size_t m, infer_error *err)
{
    *s = (struct compare_samples){0};
    s->reference = sorted_copy(reference, n, &s->n);
    s->current = sorted_copy(current, m, &s->m);
    return s->reference && s->current ? INFER_OK : infer__no_memory(err, (n + m) * sizeof(double));
}

void compare_end(struct compare_samples *s)
{
    free(s->reference);
    free(s->current);
    *s = (struct compare_samples){0};
}

static int is_empty(const struct compare_samples *s)
{
    return !s->n || !s->m;
}

/* ---- Kolmogorov and Smirnov ----------------------------------------------------------------- */

/* Both sorted samples are walked through together, value after value. */
struct walk {
    const struct compare_samples *s;
    size_t i, j; /* values that are not above `value` */
    double value;
};

static int step(struct walk *w)
{
    const struct compare_samples *s = w->s;
    if (w->i == s->n && w->j == s->m)
        return 0;
    w->value = w->j == s->m || (w->i < s->n && s->reference[w->i] <= s->current[w->j])
                   ? s->reference[w->i]
                   : s->current[w->j];
    while (w->i < s->n && s->reference[w->i] <= w->value)
        w->i++;
    while (w->j < s->m && s->current[w->j] <= w->value)
        w->j++;
    return 1;
}

/* How much more of the reference is not above the value. */
static double difference(const struct walk *w)
{
    return (double)w->i / (double)w->s->n - (double)w->j / (double)w->s->m;
}

struct compare_ks compare_ks(const struct compare_samples *s)
{
    struct compare_ks high = {NAN, NAN, 1}, low = {NAN, NAN, -1};
    struct walk w = {.s = s};
    if (is_empty(s))
        return high;
    while (step(&w)) {
        const double d = difference(&w);
        if (!(d <= high.d))
            high.d = d, high.location = w.value;
        if (!(-d <= low.d))
            low.d = -d, low.location = w.value;
    }
    return low.d > high.d ? low : high;
}

double compare_ks_p(double d, double n, double m)
{
    return tail_ks(d, rint(n * m / (n + m)));
}

/* ---- bins ----------------------------------------------------------------------------------- */

double compare_quantile(const double *sorted, size_t n, double q)
{
    if (!n)
        return NAN;
    const double at = q * (double)(n - 1), below = floor(at), t = at - below;
    const size_t i = (size_t)below, j = i + 1 < n ? i + 1 : i;
    const double step = sorted[j] - sorted[i];
    /* from the nearer end, so that equal neighbours give their own value */
    return t < 0.5 ? sorted[i] + step * t : sorted[j] - step * (1 - t);
}

size_t compare_psi_edges(const struct compare_samples *s, double edges[PSI_BINS - 1])
{
    size_t n = 0;
    for (int i = 1; i < PSI_BINS && s->n; i++) {
        const double edge = compare_quantile(s->reference, s->n, i / (double)PSI_BINS);
        if (!n || edge > edges[n - 1])
            edges[n++] = edge;
    }
    return n;
}

void compare_psi_counts(const double *sorted, size_t n, const double *edges, size_t nedges,
                        double counts[PSI_BINS])
{
    size_t bin = 0;
    memset(counts, 0, PSI_BINS * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        while (bin < nedges && sorted[i] > edges[bin])
            bin++;
        counts[bin]++;
    }
}

static double js_edge(double low, double high, size_t i)
{
    return i == JS_BINS ? high : low + (double)i * ((high - low) / JS_BINS);
}

static void js_counts(const double *sorted, size_t n, double low, double high,
                      double counts[JS_BINS])
{
    size_t bin = 0;
    memset(counts, 0, JS_BINS * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        while (bin + 1 < JS_BINS && sorted[i] >= js_edge(low, high, bin + 1))
            bin++;
        counts[bin]++;
    }
}

void compare_js_counts(const struct compare_samples *s, double reference[JS_BINS],
                       double current[JS_BINS])
{
    double low = 0, high = 1;
    if (!is_empty(s)) {
        low = fmin(s->reference[0], s->current[0]);
        high = fmax(s->reference[s->n - 1], s->current[s->m - 1]);
    }
    high = high > low ? high : low + 1;
    js_counts(s->reference, s->n, low, high, reference);
    js_counts(s->current, s->m, low, high, current);
}

/* ---- distances ------------------------------------------------------------------------------ */

/* The integral of |difference|^power. */
static double area(const struct compare_samples *s, int power)
{
    struct walk w = {.s = s};
    double sum = 0, before = 0, last = 0;
    if (is_empty(s))
        return NAN;
    for (int first = 1; step(&w); first = 0) {
        const double d = fabs(before);
        sum += first ? 0 : (w.value - last) * (power == 1 ? d : d * d);
        before = difference(&w);
        last = w.value;
    }
    return sum;
}

double compare_wasserstein(const struct compare_samples *s)
{
    return area(s, 1);
}

double compare_energy(const struct compare_samples *s)
{
    return sqrt(2 * area(s, 2));
}

struct compare_test compare_mann_whitney(const struct compare_samples *s)
{
    struct walk w = {.s = s};
    const double n = (double)s->n, m = (double)s->m, all = n + m;
    double ranks = 0, ties = 0;
    if (is_empty(s))
        return (struct compare_test){NAN, NAN, 0};
    for (size_t i = 0, j = 0; step(&w); i = w.i, j = w.j) {
        const double equal = (double)(w.i - i + w.j - j);
        ranks += (double)(w.i - i) * ((double)(i + j) + (equal + 1) / 2);
        ties += equal * (equal * equal - 1);
    }
    const double u = ranks - n * (n + 1) / 2, greater = fmax(u, n * m - u);
    const double variance = n * m / 12 * (all + 1 - ties / (all * (all - 1)));
    const double over = greater - n * m / 2 - 0.5;
    const double p = variance > 0 ? 2 * tail_normal(over / sqrt(variance)) : 1;
    return (struct compare_test){u, p < 1 ? p : 1, 0};
}
