/* Statistics of drift against the reference's numbers, and against what can be worked out by hand.
 */
#include "tests/eval_vectors.h"

#include "tools/monitor/compare.h"
#include "tools/monitor/judge.h"
#include "tools/monitor/tails.h"

enum { MOST_VALUES = 2000 };

static double greatest_p; /* relative */

/* A probability, which is small where it matters: relative. */
static void near_p(double got, yyjson_val *want, const char *what)
{
    if (!yyjson_is_num(want)) {
        if (!isnan(got))
            fail_msg("%s: %.17g, where there is none", what, got);
        return;
    }
    const double p = yyjson_get_num(want);
    const double off = fabs(got - p) / (p > 0 ? p : 1);
    if (!(off <= 1e-6))
        fail_msg("%s: %.17g, not %.17g", what, got, p);
    greatest_p = fmax(greatest_p, off);
    compared++;
}

static size_t numbers(yyjson_val *list, double *out)
{
    yyjson_arr_iter it;
    size_t n = 0;
    yyjson_arr_iter_init(list, &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL;) {
        assert_true(n < MOST_VALUES);
        out[n++] = yyjson_is_num(v) ? yyjson_get_num(v) : NAN;
    }
    return n;
}

/* ---- two samples of values ------------------------------------------------------------------ */

static void check_ks(const struct compare_samples *s, yyjson_val *c)
{
    const struct compare_ks ks = compare_ks(s);
    yyjson_val *exact = yyjson_obj_get(c, "ks_exact"), *asymp = yyjson_obj_get(c, "ks_asymp");
    near_key(ks.d, exact, "statistic");
    near_key(ks.location, exact, "statistic_location");
    near_key(ks.sign, exact, "statistic_sign");
    near_p(tail_ks_exact(ks.d, (unsigned)s->n, (unsigned)s->m), yyjson_obj_get(exact, "pvalue"),
           "ks_exact");
    near_p(compare_ks_p(ks.d, (double)s->n, (double)s->m), yyjson_obj_get(asymp, "pvalue"),
           "ks_asymp");
}

static void check_bins(const struct compare_samples *s, yyjson_val *c)
{
    yyjson_val *psi = yyjson_obj_get(c, "psi"), *js = yyjson_obj_get(c, "jensen_shannon");
    double edges[PSI_BINS - 1], a[JS_BINS], b[JS_BINS];
    const size_t n = compare_psi_edges(s, edges);
    near_list(edges, (uint32_t)n, yyjson_obj_get(psi, "edges"), "edges");
    compare_psi_counts(s->reference, s->n, edges, n, a);
    compare_psi_counts(s->current, s->m, edges, n, b);
    near_list(a, (uint32_t)n + 1, yyjson_obj_get(psi, "reference_counts"), "psi's reference");
    near_list(b, (uint32_t)n + 1, yyjson_obj_get(psi, "current_counts"), "psi's current");
    near_key(compare_psi(a, b, n + 1), psi, "value");
    compare_js_counts(s, a, b);
    near_list(a, JS_BINS, yyjson_obj_get(js, "reference_counts"), "js's reference");
    near_list(b, JS_BINS, yyjson_obj_get(js, "current_counts"), "js's current");
    near_key(compare_js(a, b, JS_BINS), js, "distance_nats");
    near_key(compare_js(a, b, JS_BINS) / sqrt(log(2)), js, "distance_base2");
}

static void check_scores(yyjson_val *c)
{
    double reference[MOST_VALUES], current[MOST_VALUES];
    struct compare_samples s;
    infer_error err;
    const size_t n = numbers(yyjson_obj_get(c, "reference"), reference);
    const size_t m = numbers(yyjson_obj_get(c, "current"), current);
    yyjson_val *u = yyjson_obj_get(c, "mannwhitneyu_asymptotic");
    assert_int_equal(compare_begin(&s, reference, n, current, m, &err), INFER_OK);
    assert_int_equal(n - s.n, yyjson_get_int(yyjson_obj_get(c, "nan_reference")));
    assert_int_equal(m - s.m, yyjson_get_int(yyjson_obj_get(c, "nan_current")));
    if (yyjson_obj_get(c, "error")) {
        assert_true(isnan(compare_ks(&s).d) && isnan(compare_wasserstein(&s)));
    } else {
        check_ks(&s, c);
        check_bins(&s, c);
        near_key(compare_wasserstein(&s), c, "wasserstein");
        near_key(compare_energy(&s), c, "energy_distance");
    }
    if (u) {
        near_key(compare_mann_whitney(&s).statistic, u, "u");
        near_p(compare_mann_whitney(&s).p, yyjson_obj_get(u, "pvalue"), "mann_whitney");
    }
    compare_end(&s);
}

/* What is judged from sketches says the same as long as these are exact: up to SKETCH_K values,
 * which are all of f32 here. */
static void check_judged(yyjson_val *c)
{
    double values[2][MOST_VALUES];
    struct profile p[2];
    struct reference r;
    struct judgement j;
    yyjson_val *ks = yyjson_obj_get(c, "ks_auto");
    const struct judge_options o = {.exact = 1};
    const size_t n = numbers(yyjson_obj_get(c, "reference"), values[0]);
    const size_t m = numbers(yyjson_obj_get(c, "current"), values[1]);
    for (int k = 0; k < 2; k++) {
        profile_begin(&p[k]);
        for (size_t i = 0; i < (k ? m : n); i++) {
            struct features f = {0};
            features_set(&f, FEATURE_SCORE, values[k][i]);
            assert_true(profile_add(&p[k], &f));
        }
    }
    assert_true(reference_begin(&r, &p[0]) && judge(&r, &p[1], &o, &j));
    const struct verdict *v = &j.of[FEATURE_SCORE];
    if (ks && n <= SKETCH_K) {
        near_key(v->psi, yyjson_obj_get(c, "psi"), "value");
        near_key(v->js, yyjson_obj_get(c, "jensen_shannon"), "distance_nats");
        if (!r.bad[FEATURE_SCORE]) { /* else they count, too */
            near_key(v->ks, ks, "statistic");
            near_p(v->p, yyjson_obj_get(ks, "pvalue"), "ks_auto");
        }
    }
    reference_free(&r);
    profile_free(&p[0]);
    profile_free(&p[1]);
}

/* ---- counts --------------------------------------------------------------------------------- */

static void check_test(struct compare_test got, yyjson_val *want, const char *what)
{
    if (!yyjson_is_obj(want))
        return;
    near_key(got.statistic, want, "statistic");
    near_key(got.dof, want, "dof");
    near_p(got.p, yyjson_obj_get(want, "pvalue"), what);
}

static void check_categories(yyjson_val *c)
{
    double a[MOST_VALUES], b[MOST_VALUES], total = 0;
    const size_t n = numbers(yyjson_obj_get(c, "reference_counts"), a);
    assert_int_equal(numbers(yyjson_obj_get(c, "current_counts"), b), n);
    for (size_t i = 0; i < n; i++)
        total += a[i] + b[i];
    const struct compare_test chi2 = compare_chi2(a, b, n);
    if (yyjson_is_null(yyjson_obj_get(c, "chi2_contingency")))
        assert_true(isnan(chi2.p) && chi2.dof == 0);
    check_test(chi2, yyjson_obj_get(c, "chi2_contingency"), "chi2");
    check_test(compare_chi2_fit(a, b, n), yyjson_obj_get(c, "chisquare_goodness_of_fit"), "fit");
    if (yyjson_obj_get(c, "cramers_v"))
        near_key(compare_cramers_v(&chi2, total), c, "cramers_v");
    near_key(compare_psi(a, b, n), c, "psi");
    near_key(compare_js(a, b, n), c, "jensen_shannon_nats");
    near_key(compare_js(a, b, n) / sqrt(log(2)), c, "jensen_shannon_base2");
    near_key(compare_total_variation(a, b, n), c, "total_variation");
}

static void check_file(const char *folder, const char *name, void (*check)(yyjson_val *))
{
    yyjson_doc *doc = load_vectors(folder, name);
    yyjson_arr_iter it;
    yyjson_arr_iter_init(yyjson_obj_get(yyjson_doc_get_root(doc), "cases"), &it);
    for (yyjson_val *c; (c = yyjson_arr_iter_next(&it)) != NULL;)
        check(c);
    yyjson_doc_free(doc);
}

static void check_functions(const char *folder)
{
    yyjson_doc *doc = load_vectors(folder, "functions.json");
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_arr_iter it;
    double row[MOST_VALUES];
    yyjson_arr_iter_init(yyjson_obj_get(root, "kolmogorov_sf"), &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL;) {
        assert_int_equal(numbers(v, row), 2);
        near_p(tail_kolmogorov(row[0]), yyjson_arr_get(v, 1), "kolmogorov_sf");
    }
    yyjson_arr_iter_init(yyjson_obj_get(root, "chi2_sf_x_dof"), &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL;) {
        assert_int_equal(numbers(v, row), 3);
        near_p(tail_chi2(row[0], row[1]), yyjson_arr_get(v, 2), "chi2_sf");
    }
    yyjson_doc_free(doc);
}

static void shared_numbers(void **state)
{
    const char *folder = shared_vectors("drift");
    (void)state;
    if (!folder)
        return;
    check_file(folder, "scores.json", check_scores);
    check_file(folder, "scores.json", check_judged);
    check_file(folder, "categories.json", check_categories);
    check_functions(folder);
    printf("drift: %lu numbers, greatest difference %.2g, of p-values %.2g relative\n", compared,
           greatest, greatest_p);
    assert_true(compared > 900);
}

/* ---- worked out ----------------------------------------------------------------------------- */

static void tails_by_hand(void **state)
{
    (void)state;
    for (double x = 0.25; x < 600; x *= 1.7) { /* chi-square of 2 and of 4 have closed forms */
        assert_true(fabs(tail_chi2(x, 2) / exp(-x / 2) - 1) < 1e-12);
        assert_true(fabs(tail_chi2(x, 4) / (exp(-x / 2) * (1 + x / 2)) - 1) < 1e-12);
        assert_true(fabs(tail_chi2_limit(tail_chi2(x, 4), 4) / x - 1) < 1e-6);
    }
    assert_true(fabs(tail_normal(0) - 0.5) < 1e-15);
    assert_true(tail_chi2(0, 3) == 1 && isnan(tail_chi2(1, 0)) && isnan(tail_chi2(NAN, 2)));
    assert_true(fabs(tail_kolmogorov(0.8 - 1e-12) - tail_kolmogorov(0.8)) < 1e-10);
    assert_true(tail_kolmogorov(0) == 1);
}

/* Of one value D is max(x, 1 - x): P(D > d) = 2 (1 - d). Of two, between 1/2 and 1: 2 (1 - d)^2,
 * and from 1/4 to 1/2: 1 - 2 (2 d - 1/2)^2. */
static void one_sample_by_hand(void **state)
{
    (void)state;
    for (double d = 0.51; d < 1; d += 0.05) {
        assert_true(fabs(tail_ks(d, 1) - 2 * (1 - d)) < 1e-12);
        assert_true(fabs(tail_ks(d, 2) - 2 * (1 - d) * (1 - d)) < 1e-12);
    }
    for (double d = 0.26; d < 0.5; d += 0.04)
        assert_true(fabs(tail_ks(d, 2) - (1 - 2 * (2 * d - 0.5) * (2 * d - 0.5))) < 1e-12);
    assert_true(isnan(tail_ks(0.5, 0)) && tail_ks(1, 9) == 0 && tail_ks(0, 9) == 1);
}

/* Where one method gives way to another both say the same, and for many values the limit does. */
static void methods_agree(void **state)
{
    (void)state;
    for (double z = 0.4; z < 1.48; z += 0.05) {
        const double a = tail_ks(z / sqrt(140), 140),
                     b = tail_ks(z / sqrt(141), 141); /* by matrix, by expansion */
        assert_true(fabs(a / b - 1) < 1e-3);          /* one value more changes about so much */
        const double c = tail_ks(z / sqrt(1e8), 1e8);
        assert_true(fabs(c / tail_kolmogorov(z) - 1) < 2e-4);
    }
    for (int n = 10; n <= 20000; n = n * 3 / 2) { /* falls steadily with d, across all methods */
        double before = 1;
        for (double z = 0.3; z < 3; z += 0.01) {
            const double p = tail_ks(z / sqrt(n), n);
            assert_true(p <= before + 1e-12 && p > 0);
            before = p;
        }
    }
    const double a = tail_ks(2 / sqrt(1e5), 1e5), b = tail_ks(2 / sqrt(1e5 + 1), 1e5 + 1);
    assert_true(fabs(a / b - 1) < 1e-4);
}

/* How far off the diagonal an order of n and m values comes, in parts of n * m. */
static int farthest(unsigned order, int n, int m)
{
    int i = 0, j = 0, most = 0;
    for (int k = 0; k < n + m; k++) {
        if (order >> k & 1)
            i++;
        else
            j++;
        const int off = abs(i * m - j * n);
        most = off > most ? off : most;
    }
    return most;
}

/* All orders of n and m values, counted one by one. */
static void two_samples_by_counting(void **state)
{
    (void)state;
    for (int n = 1; n <= 7; n++)
        for (int m = 1; m <= 7; m++) {
            unsigned count[50] = {0}, all = 0, above = 0;
            for (unsigned order = 0; order < 1U << (n + m); order++)
                if (__builtin_popcount(order) == n) {
                    count[farthest(order, n, m)]++;
                    all++;
                }
            for (int h = n * m; h > 0; h--) {
                above += count[h];
                if (count[h]) {
                    const double p = tail_ks_exact(h / (double)(n * m), (unsigned)n, (unsigned)m);
                    assert_true(fabs(p - (double)above / all) < 1e-14);
                }
            }
        }
}

static void counts_by_hand(void **state)
{
    const double a[] = {1, 1}, b[] = {3, 1}, none[] = {0, 0};
    (void)state;
    assert_true(fabs(compare_psi(a, b, 2) - 0.25 * log(3)) < 1e-15);
    assert_true(fabs(compare_total_variation(a, b, 2) - 0.25) < 1e-15);
    assert_true(isnan(compare_psi(a, none, 2)) && isnan(compare_js(none, b, 2)));
    assert_true(compare_chi2(a, none, 2).dof == 0 && compare_chi2_fit(none, b, 2).dof == 0);
    assert_true(compare_chi2_fit(a, b, 2).statistic == 1);
}

/* Infinite values are values like others. */
static void infinite(void **state)
{
    const double a[] = {1, -INFINITY, NAN, 2}, b[] = {INFINITY, 1};
    struct compare_samples s;
    infer_error err;
    (void)state;
    assert_int_equal(compare_begin(&s, a, 4, b, 2, &err), INFER_OK);
    assert_true(s.n == 3 && s.m == 2 && compare_ks(&s).d == 0.5);
    compare_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_numbers),
        cmocka_unit_test(tails_by_hand),
        cmocka_unit_test(one_sample_by_hand),
        cmocka_unit_test(methods_agree),
        cmocka_unit_test(two_samples_by_counting),
        cmocka_unit_test(counts_by_hand),
        cmocka_unit_test(infinite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
