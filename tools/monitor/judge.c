#include "tools/monitor/judge.h"

#include <math.h>
#include <stdlib.h>

#include "tools/monitor/compare.h"
#include "tools/monitor/tails.h"

/* Both sides of a comparison. */
struct sides {
    const struct sketch_view *reference;
    struct sketch_view window;
};

/* ---- numbers -------------------------------------------------------------------------------- */

/* The greatest difference of the two cumulative distributions. */
static double ks_of(const struct sides *s)
{
    const struct sketch_view *a = s->reference, *b = &s->window;
    size_t i = 0, j = 0;
    double most = 0;
    while (i < a->count || j < b->count) {
        const float x = j == b->count || (i < a->count && a->values[i] <= b->values[j])
                            ? a->values[i]
                            : b->values[j];
        while (i < a->count && a->values[i] <= x)
            i++;
        while (j < b->count && b->values[j] <= x)
            j++;
        const double f = i ? a->upto[i - 1] / a->n : 0, g = j ? b->upto[j - 1] / b->n : 0;
        most = fmax(most, fabs(f - g));
    }
    return most;
}

/* Counts of the bins that end with `edges`; the last one has the rest. An edge belongs to the bin
 * before it (PSI) or behind it (Jensen and Shannon), as in compare.h. */
static void count(const struct sketch_view *v, const double *edges, size_t nedges, int behind,
                  double *counts)
{
    double before = 0;
    for (size_t i = 0; i < nedges; i++) {
        const double upto = behind ? sketch_below(v, edges[i]) : sketch_rank(v, edges[i]);
        counts[i] = upto - before;
        before = upto;
    }
    counts[nedges] = v->n - before;
}

static size_t psi_edges(const struct sketch_view *v, double edges[PSI_BINS - 1])
{
    size_t n = 0;
    for (int i = 1; i < PSI_BINS; i++) {
        const double edge = sketch_between(v, i / (double)PSI_BINS);
        if (!n || edge > edges[n - 1])
            edges[n++] = edge;
    }
    return n;
}

static void equal_edges(double low, double high, int bins, double *edges)
{
    for (int i = 1; i < bins; i++)
        edges[i - 1] = low + i * ((high - low) / bins);
}

/* Bins that have anything in them. */
static size_t occupied(const double *a, const double *b, size_t bins)
{
    size_t n = 0;
    for (size_t i = 0; i < bins; i++)
        n += a[i] + b[i] > 0;
    return n;
}

/* What PSI, or eight times the squared distance of Jensen and Shannon, passes by chance: both are
 * chi-square times 1/n + 1/m where samples are large. */
static double by_chance(double alarm, size_t bins, double n, double m)
{
    return bins > 1 ? tail_chi2_limit(alarm, (double)bins - 1) * (1 / n + 1 / m) : 0;
}

static void compare_bins(const double *a, const double *b, size_t bins, double alarm,
                         double *distance, double *limit, int js)
{
    double n = 0, m = 0;
    for (size_t i = 0; i < bins; i++) {
        n += a[i];
        m += b[i];
    }
    const double chance = by_chance(alarm, occupied(a, b, bins), n, m);
    *distance = js ? compare_js(a, b, bins) : compare_psi(a, b, bins);
    *limit = js ? sqrt(chance / 8) : chance;
}

/* Kolmogorov and Smirnov's D that chance passes (Stephens, 1970, for finite samples). */
static double ks_limit(double alarm, double n, double m)
{
    const double root = sqrt(n * m / (n + m));
    double low = 0, high = 8;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        if (tail_kolmogorov(middle) > alarm)
            low = middle;
        else
            high = middle;
    }
    return fmin(high / (root + 0.12 + 0.11 / root), 1);
}

/* 1 where there are too few numbers to say anything. */
static double ks_p(double d, double n, double m, int exact)
{
    if (exact) { /* so n and m are SKETCH_K at most */
        const double p = tail_ks_exact(d, (unsigned)n, (unsigned)m);
        if (p >= 0)
            return p;
    }
    const double p = compare_ks_p(d, n, m);
    return isnan(p) ? 1 : p;
}

static void compare_numbers(const struct sides *s, double alarm, int exact, struct verdict *v)
{
    const struct sketch_view *a = s->reference, *b = &s->window;
    double edges[JS_BINS], x[JS_BINS], y[JS_BINS];
    const double error = a->error + b->error;
    size_t n = psi_edges(a, edges);
    count(a, edges, n, 0, x);
    count(b, edges, n, 0, y);
    compare_bins(x, y, n + 1, alarm, &v->psi, &v->psi_limit, 0);
    const double low = fmin((double)a->values[0], (double)b->values[0]);
    const double high = fmax((double)a->values[a->count - 1], (double)b->values[b->count - 1]);
    equal_edges(low, high > low ? high : low + 1, JS_BINS, edges);
    count(a, edges, JS_BINS - 1, 1, x);
    count(b, edges, JS_BINS - 1, 1, y);
    compare_bins(x, y, JS_BINS, alarm, &v->js, &v->js_limit, 1);
    v->ks = ks_of(s);
    v->ks_limit = ks_limit(alarm, a->n, b->n) + error;
    v->p = ks_p(fmax(v->ks - error, 0), a->n, b->n, exact && !(error > 0));
}

/* Numbers that are not finite are compared as a share. */
static void compare_bad(uint64_t reference, uint64_t window, double least, struct verdict *v)
{
    const double a[] = {(double)v->n, (double)reference}, b[] = {(double)v->m, (double)window};
    if (!reference && !window)
        return;
    const double p = compare_chi2(a, b, 2).p;
    if (compare_total_variation(a, b, 2) >= least && p < (isnan(v->p) ? 1 : v->p)) {
        v->ks = fmax(isnan(v->ks) ? 0 : v->ks, compare_total_variation(a, b, 2));
        v->p = p;
    }
    v->p = fmin(2 * v->p, 1);
}

/* ---- classes -------------------------------------------------------------------------------- */

/* Two rows of counts, of the classes that either has. Chi-square wants five to be expected of each,
 * so a rare class is one column with those that follow it. What is put together depends on the sum
 * of both rows alone: were it one row's rare classes, chance would look like drift. */
struct rows {
    double *a, *b;
    size_t n;
    double share; /* that the shorter row has of all */
    double rare_a, rare_b;
};

static void end_column(struct rows *r, double a, double b)
{
    r->a[r->n] = a;
    r->b[r->n++] = b;
}

static void put(struct rows *r, double a, double b)
{
    if ((a + b) * r->share >= 5) {
        end_column(r, a, b);
        return;
    }
    r->rare_a += a;
    r->rare_b += b;
    if ((r->rare_a + r->rare_b) * r->share >= 5) {
        end_column(r, r->rare_a, r->rare_b);
        r->rare_a = r->rare_b = 0;
    }
}

/* What is left is too little for a column: it goes to the last one. */
static void end_rows(struct rows *r)
{
    if (!r->n) {
        end_column(r, r->rare_a, r->rare_b);
    } else {
        r->a[r->n - 1] += r->rare_a;
        r->b[r->n - 1] += r->rare_b;
    }
}

static int rows_begin(struct rows *r, const struct counter *x, const struct counter *y)
{
    const size_t room = (size_t)x->count + y->count + 2;
    const double n = (double)x->n, m = (double)y->n;
    uint32_t i = 0, j = 0;
    *r = (struct rows){.a = calloc(room, sizeof *r->a),
                       .b = calloc(room, sizeof *r->b),
                       .share = (n < m ? n : m) / (n + m)};
    if (!r->a || !r->b)
        return 0;
    while (i < x->count || j < y->count) { /* keys of both ascend */
        const int64_t k = j == y->count || (i < x->count && x->rows[i].key <= y->rows[j].key)
                              ? x->rows[i].key
                              : y->rows[j].key;
        const double a = i < x->count && x->rows[i].key == k ? (double)x->rows[i++].times : 0;
        const double b = j < y->count && y->rows[j].key == k ? (double)y->rows[j++].times : 0;
        put(r, a, b);
    }
    put(r, (double)x->other, (double)y->other);
    end_rows(r);
    return 1;
}

static int compare_classes(const struct counter *x, const struct counter *y, double alarm,
                           struct verdict *v)
{
    struct rows r;
    const int ok = rows_begin(&r, x, y);
    if (ok) {
        compare_bins(r.a, r.b, r.n, alarm, &v->psi, &v->psi_limit, 0);
        compare_bins(r.a, r.b, r.n, alarm, &v->js, &v->js_limit, 1);
        v->ks = compare_total_variation(r.a, r.b, r.n);
        v->p = compare_chi2(r.a, r.b, r.n).p;
        v->p = isnan(v->p) ? 1 : v->p; /* one class, in both */
    }
    free(r.a);
    free(r.b);
    return ok;
}

/* ---- all features --------------------------------------------------------------------------- */

static void sum_up(const struct reference *r, const struct profile *w, int i, struct verdict *v)
{
    *v = (struct verdict){.reference_mean = NAN,
                          .mean = NAN,
                          .psi = NAN,
                          .psi_limit = NAN,
                          .js = NAN,
                          .js_limit = NAN,
                          .ks = NAN,
                          .ks_limit = NAN,
                          .p = NAN};
    if (i == FEATURE_CLASS) {
        v->n = r ? r->classes.n : 0;
        v->m = w->classes.n;
        v->judged = v->n && v->m;
        return;
    }
    v->n = r ? (uint64_t)r->numbers[i].n : 0;
    v->m = w->numbers[i].n;
    v->reference_mean = r ? r->mean[i] : NAN;
    v->mean = sketch_mean(&w->numbers[i]);
    v->judged = v->n && v->m + w->numbers[i].bad;
}

/* `o` has no zeros left; its alarm is that of one feature. */
static int compare_feature(const struct reference *r, const struct profile *w, int i,
                           const struct judge_options *o, struct verdict *v)
{
    struct sides s = {.reference = &r->numbers[i]};
    if (i == FEATURE_CLASS)
        return compare_classes(&r->classes, &w->classes, o->alarm, v);
    if (!sketch_view(&w->numbers[i], &s.window))
        return 0;
    if (v->m)
        compare_numbers(&s, o->alarm, o->exact, v);
    compare_bad(r->bad[i], w->numbers[i].bad, o->least, v);
    sketch_view_free(&s.window);
    return 1;
}

int judge(const struct reference *r, const struct profile *window, const struct judge_options *o,
          struct judgement *j)
{
    struct judge_options of = o ? *o : (struct judge_options){0};
    of.least = of.least > 0 ? of.least : 0.1;
    *j = (struct judgement){.pictures = window->pictures};
    j->enough = window->pictures >= (of.fewest ? of.fewest : 30);
    for (int i = 0; i < FEATURE_COUNT; i++) {
        sum_up(r, window, i, &j->of[i]);
        j->features += j->of[i].judged;
    }
    of.alarm = (of.alarm > 0 ? of.alarm : 0.002) / (j->features ? j->features : 1);
    for (int i = 0; i < FEATURE_COUNT; i++) {
        struct verdict *v = &j->of[i];
        if (!v->judged)
            continue;
        if (!compare_feature(r, window, i, &of, v))
            return 0;
        v->drifted = j->enough && v->p < of.alarm && v->ks >= of.least;
        j->drifted += v->drifted;
    }
    return 1;
}

/* ---- histograms ----------------------------------------------------------------------------- */

int judge_histogram(const struct reference *r, const struct profile *window, enum feature f,
                    double reference[HISTOGRAM_BINS], double current[HISTOGRAM_BINS], double *low,
                    double *high)
{
    const struct sketch_view *a = &r->numbers[f];
    struct sketch_view b;
    double edges[HISTOGRAM_BINS];
    if (!a->count || !sketch_view(&window->numbers[f], &b))
        return 0;
    if (!b.count) {
        sketch_view_free(&b);
        return 0;
    }
    *low = fmin(sketch_quantile(a, 0.01), sketch_quantile(&b, 0.01));
    *high = fmax(sketch_quantile(a, 0.99), sketch_quantile(&b, 0.99));
    *high = *high > *low ? *high : *low + 1;
    equal_edges(*low, *high, HISTOGRAM_BINS, edges);
    count(a, edges, HISTOGRAM_BINS - 1, 1, reference);
    count(&b, edges, HISTOGRAM_BINS - 1, 1, current);
    for (int i = 0; i < HISTOGRAM_BINS; i++) {
        reference[i] /= a->n;
        current[i] /= b.n;
    }
    sketch_view_free(&b);
    return 1;
}
