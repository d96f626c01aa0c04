/* Measures of classifiers against the reference's numbers. */
#include "tests/eval_vectors.h"

#include "tools/cli.h"
#include "tools/eval/read_scores.h"

static void read_case(const char *folder, const char *name, struct scores *s)
{
    char path[700];
    memset(s, 0, sizeof *s);
    s->region = s->classes.region = &case_region;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(read_scores(path, NULL, s), CLI_OK);
}

static void near_prf(struct prf got, yyjson_val *object, const char *key)
{
    yyjson_val *want = yyjson_obj_get(object, key);
    near_key(got.precision, want, "precision");
    near_key(got.recall, want, "recall");
    near_key(got.f1, want, "f1");
}

/* One number of each class: the list is behind a key. */
static void near_each(const void *first, size_t step, uint32_t n, yyjson_val *object,
                      const char *key)
{
    double got[64];
    assert_true(n <= 64);
    for (uint32_t i = 0; i < n; i++)
        memcpy(&got[i], (const char *)first + i * step, sizeof *got);
    near_list(got, n, yyjson_obj_get(object, key), key);
}

/* ---- one class to a picture ----------------------------------------------------------------- */

static void check_confusion(const struct classify_row *rows, uint32_t n, uint32_t nclasses,
                            yyjson_val *want)
{
    double *matrix = calloc((size_t)nclasses * nclasses, sizeof *matrix);
    assert_non_null(matrix);
    for (uint32_t i = 0; i < n; i++)
        matrix[rows[i].label * nclasses + rows[i].predicted]++;
    for (uint32_t i = 0; i < nclasses; i++)
        near_list(matrix + i * nclasses, nclasses, yyjson_arr_get(want, i), "confusion");
    free(matrix);
}

static void check_bins(const struct classify_result *r, yyjson_val *list)
{
    assert_int_equal(yyjson_arr_size(list), CALIBRATION_BINS);
    for (size_t i = 0; i < CALIBRATION_BINS; i++) {
        near_key(r->bins[i].count, yyjson_arr_get(list, i), "count");
        near_key(r->bins[i].accuracy, yyjson_arr_get(list, i), "accuracy");
        near_key(r->bins[i].confidence, yyjson_arr_get(list, i), "confidence");
    }
}

/* Areas under curves: of each class that occurs, their means, and of all together. */
static void check_areas(const struct scores *s, const struct classify_result *r, yyjson_val *want)
{
    yyjson_val *aucs = yyjson_obj_get(want, "roc_auc_ovr_per_class");
    yyjson_val *aps = yyjson_obj_get(want, "average_precision_per_class");
    struct binary_curve c;
    infer_error err;
    double auc = 0, ap = 0, weighted = 0, present = 0;
    for (uint32_t k = 0; k < s->nclasses; k++) {
        char key[16];
        snprintf(key, sizeof key, "%u", k);
        assert_int_equal(scores_curve(&case_region, s, k, &c, &err), INFER_OK);
        if (!(c.positives > 0)) {
            assert_null(yyjson_obj_get(aucs, key));
            continue;
        }
        near_key(binary_roc_auc(&c), aucs, key);
        near_key(binary_average_precision(&c), aps, key);
        present++;
        auc += binary_roc_auc(&c);
        ap += binary_average_precision(&c);
        weighted += binary_roc_auc(&c) * c.positives / r->rows;
    }
    near_key(auc / present, want, "roc_auc_ovr_macro_present");
    near_key(weighted, want, "roc_auc_ovr_weighted_present");
    near_key(ap / present, want, "average_precision_macro_present");
    assert_int_equal(scores_curve(&case_region, s, s->nclasses, &c, &err), INFER_OK);
    near_key(binary_average_precision(&c), want, "average_precision_micro");
}

static void check_multiclass(const char *folder)
{
    struct scores s;
    struct classify_row *rows;
    struct classify_result r = {0};
    infer_error err;
    yyjson_doc *doc = load_vectors(folder, "expected.json");
    yyjson_val *want = yyjson_doc_get_root(doc), *per_class = yyjson_obj_get(want, "per_class");
    read_case(folder, "scores.csv", &s);
    assert_int_equal(classify_rows(&s, &rows, &err), INFER_OK);
    r.classes = calloc(s.nclasses, sizeof *r.classes);
    assert_non_null(r.classes);
    classify_measure(rows, s.nrows, s.nclasses, NULL, &r);
    near_key(r.rows, want, "rows");
    near_key(s.nclasses, want, "classes");
    near_key(r.top1, want, "accuracy_top1");
    near_key(r.top5, want, "top5_lowest_index_rule");
    near_key(r.balanced_accuracy, want, "balanced_accuracy");
    near_prf(r.macro, want, "macro");
    near_prf(r.micro, want, "micro");
    near_prf(r.weighted, want, "weighted");
    if (yyjson_obj_get(want, "macro_f1_present_labels_only"))
        near_key(r.f1_present, want, "macro_f1_present_labels_only");
    const struct classify_class *c = r.classes;
    near_each(&c->prf.precision, sizeof *c, s.nclasses, per_class, "precision");
    near_each(&c->prf.recall, sizeof *c, s.nclasses, per_class, "recall");
    near_each(&c->prf.f1, sizeof *c, s.nclasses, per_class, "f1");
    near_each(&c->support, sizeof *c, s.nclasses, per_class, "support");
    near_each(&c->predicted, sizeof *c, s.nclasses, per_class, "predicted");
    check_confusion(rows, s.nrows, s.nclasses, yyjson_obj_get(want, "confusion_matrix_rows_true"));
    near_key(r.kappa, want, "cohen_kappa");
    near_key(r.matthews, want, "matthews");
    near_key(r.ece, want, "ece_15");
    near_key(r.mce, want, "mce_15");
    check_bins(&r, yyjson_obj_get(want, "reliability_15"));
    check_areas(&s, &r, want);
    near_key(classify_log_loss(&s), want, "log_loss");
    near_key(classify_brier(&s), want, "brier_multiclass");
    free(r.classes);
    yyjson_doc_free(doc);
}

/* ---- curves --------------------------------------------------------------------------------- */

static void check_roc(const struct binary_curve *c, yyjson_val *want)
{
    yyjson_val *fpr = yyjson_obj_get(want, "fpr"), *tpr = yyjson_obj_get(want, "tpr");
    yyjson_val *thresholds = yyjson_obj_get(want, "thresholds");
    assert_int_equal(yyjson_arr_size(fpr), c->n + 1); /* with a point at 0, 0 in front */
    for (size_t i = 0; i < c->n; i++) {
        near_value(c->points[i].fp / c->negatives, yyjson_arr_get(fpr, i + 1), "fpr");
        near_value(c->points[i].tp / c->positives, yyjson_arr_get(tpr, i + 1), "tpr");
        near_value(c->points[i].threshold, yyjson_arr_get(thresholds, i + 1), "threshold");
    }
    near_key(binary_roc_auc(c), want, "auc");
}

static void check_precision(const struct binary_curve *c, yyjson_val *want)
{
    yyjson_val *precision = yyjson_obj_get(want, "precision");
    yyjson_val *recall = yyjson_obj_get(want, "recall");
    assert_int_equal(yyjson_arr_size(precision), c->n + 1); /* and one at recall 0 behind */
    for (size_t i = 0; i < c->n; i++) {
        const struct binary_point *p = &c->points[c->n - 1 - i];
        near_value(p->tp / (p->tp + p->fp), yyjson_arr_get(precision, i), "precision");
        near_value(p->tp / c->positives, yyjson_arr_get(recall, i), "recall");
    }
    near_key(binary_average_precision(c), want, "average_precision");
}

static void check_curves(const char *folder)
{
    struct scores s;
    struct binary_curve c;
    infer_error err;
    yyjson_doc *doc = load_vectors(folder, "curves_class1.json");
    yyjson_val *want = yyjson_doc_get_root(doc);
    read_case(folder, "scores.csv", &s);
    assert_int_equal(scores_curve(&case_region, &s, 1, &c, &err), INFER_OK);
    check_roc(&c, yyjson_obj_get(want, "roc"));
    check_precision(&c, yyjson_obj_get(want, "pr"));
    yyjson_doc *all = load_vectors(folder, "expected.json");
    yyjson_val *best = yyjson_obj_get(yyjson_doc_get_root(all), "best_f1_class1");
    if (best) {
        double f1;
        near_key(binary_best_f1(&c, &f1), best, "threshold");
        near_key(f1, best, "f1");
    }
    yyjson_doc_free(all);
    yyjson_doc_free(doc);
}

/* ---- several classes ------------------------------------------------------------------------ */

static void check_label_curves(const struct scores *s, yyjson_val *want)
{
    yyjson_val *aps = yyjson_obj_get(want, "average_precision_per_class");
    yyjson_val *aucs = yyjson_obj_get(want, "roc_auc_per_class");
    yyjson_val *best = yyjson_obj_get(want, "best_f1_threshold_per_class");
    struct binary_curve c;
    infer_error err;
    double sum = 0, present = 0, f1;
    for (uint32_t k = 0; k < s->nclasses; k++) {
        assert_int_equal(scores_curve(&case_region, s, k, &c, &err), INFER_OK);
        const double ap = c.positives > 0 ? binary_average_precision(&c) : NAN;
        near_value(ap, yyjson_arr_get(aps, k), "AP");
        near_value(binary_roc_auc(&c), yyjson_arr_get(aucs, k), "AUC");
        const double threshold = binary_best_f1(&c, &f1);
        if (yyjson_is_null(yyjson_arr_get(best, k))) {
            assert_true(isnan(threshold) && isnan(f1));
            continue;
        }
        near_key(threshold, yyjson_arr_get(best, k), "threshold");
        near_key(f1, yyjson_arr_get(best, k), "f1");
        sum += ap;
        present++;
    }
    near_key(sum / present, want, "mAP_present");
    assert_int_equal(scores_curve(&case_region, s, s->nclasses, &c, &err), INFER_OK);
    near_key(binary_average_precision(&c), want, "mAP_micro");
}

static void check_multilabel(const char *folder)
{
    struct scores s;
    struct multilabel_result r = {0};
    yyjson_doc *doc = load_vectors(folder, "multilabel.expected.json");
    yyjson_val *want = yyjson_doc_get_root(doc), *per_class = yyjson_obj_get(want, "per_class");
    yyjson_val *counts = yyjson_obj_get(want, "confusion_per_class_tn_fp_fn_tp");
    read_case(folder, "multilabel.csv", &s);
    r.classes = calloc(s.nclasses, sizeof *r.classes);
    assert_non_null(r.classes);
    multilabel_measure(&s, yyjson_get_num(yyjson_obj_get(want, "threshold")), NULL, &r);
    near_key(r.rows, want, "rows");
    near_key(s.nclasses, want, "classes");
    near_prf(r.micro, want, "micro");
    near_prf(r.macro, want, "macro");
    near_prf(r.weighted, want, "weighted");
    near_prf(r.samples, want, "samples");
    near_key(r.subset_accuracy, want, "subset_accuracy");
    near_key(r.hamming_loss, want, "hamming_loss");
    near_key(r.jaccard_samples, want, "jaccard_samples");
    const struct multilabel_class *c = r.classes;
    near_each(&c->prf.precision, sizeof *c, s.nclasses, per_class, "precision");
    near_each(&c->prf.recall, sizeof *c, s.nclasses, per_class, "recall");
    near_each(&c->prf.f1, sizeof *c, s.nclasses, per_class, "f1");
    for (uint32_t k = 0; k < s.nclasses; k++) {
        const double four[4] = {c[k].tn, c[k].fp, c[k].fn, c[k].tp};
        near_list(four, 4, yyjson_arr_get(counts, k), "counts");
        near_value(c[k].tp + c[k].fn, yyjson_arr_get(yyjson_obj_get(per_class, "support"), k),
                   "support");
    }
    check_label_curves(&s, want);
    near_key(multilabel_log_loss(&s), want, "log_loss_mean_over_classes");
    free(r.classes);
    yyjson_doc_free(doc);
}

/* ---- small cases ---------------------------------------------------------------------------- */

static void check_binary(yyjson_val *want)
{
    yyjson_val *y = yyjson_obj_get(want, "y"), *v = yyjson_obj_get(want, "s");
    struct scores s = {.region = &case_region, .nclasses = 1};
    struct multilabel_class class;
    struct multilabel_result r = {.classes = &class};
    struct binary_curve c;
    infer_error err;
    for (size_t i = 0; i < yyjson_arr_size(y); i++) {
        const uint8_t positive = yyjson_get_uint(yyjson_arr_get(y, i)) == 1;
        const double score = yyjson_get_num(yyjson_arr_get(v, i));
        assert_int_equal(scores_add(&s, &score, 0, &positive, &err), INFER_OK);
    }
    multilabel_measure(&s, 0.5, NULL, &r);
    const double four[4] = {class.tn, class.fp, class.fn, class.tp};
    near_list(four, 4, yyjson_obj_get(want, "confusion_tn_fp_fn_tp"), "counts");
    near_key(class.prf.precision, want, "precision");
    near_key(class.prf.recall, want, "recall");
    near_key(class.prf.f1, want, "f1");
    near_key(r.subset_accuracy, want, "accuracy");
    assert_int_equal(scores_curve(&case_region, &s, 0, &c, &err), INFER_OK);
    near_key(binary_roc_auc(&c), want, "roc_auc");
    near_key(binary_average_precision(&c), want, "average_precision");
}

static void check_all_binary(const char *folder)
{
    yyjson_arr_iter it;
    yyjson_doc *doc = load_vectors(folder, "binary_cases.json");
    yyjson_arr_iter_init(yyjson_doc_get_root(doc), &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL;) {
        check_binary(v);
    }
    yyjson_doc_free(doc);
}

static void check_folder(const char *folder)
{
    const int n = each_case(folder, "scores.csv", check_multiclass);
    assert_true(n > 0);
    assert_true(each_case(folder, "curves_class1.json", check_curves) > 0);
    check_multilabel(folder);
    check_all_binary(folder);
}

static void own_cases(void **state)
{
    (void)state;
    check_folder(OWN_VECTORS "classification");
    say_compared("classification, own", 1);
}

static void shared_cases(void **state)
{
    (void)state;
    const char *folder = shared_vectors("classification");
    if (!folder)
        return;
    check_folder(folder);
    say_compared("classification, shared", 1);
}

/* A row that counts twice is two rows. */
static void weights_count(void **state)
{
    (void)state;
    struct scores s, doubled = {.region = &case_region};
    struct classify_row *rows, *more;
    struct classify_class classes[2][8];
    struct classify_result a = {.classes = classes[0]}, b = {.classes = classes[1]};
    uint32_t weights[100];
    infer_error err;
    read_case(OWN_VECTORS "classification/multiclass", "scores.csv", &s);
    assert_true(s.nclasses <= 8 && s.nrows <= 100);
    doubled.nclasses = s.nclasses;
    for (uint32_t i = 0; i < s.nrows; i++) {
        weights[i] = i % 3;
        for (uint32_t k = 0; k < i % 3; k++)
            assert_int_equal(
                scores_add(&doubled, s.values + (size_t)i * s.nclasses, s.labels[i], NULL, &err),
                INFER_OK);
    }
    assert_int_equal(classify_rows(&s, &rows, &err), INFER_OK);
    assert_int_equal(classify_rows(&doubled, &more, &err), INFER_OK);
    classify_measure(rows, s.nrows, s.nclasses, weights, &a);
    classify_measure(more, doubled.nrows, s.nclasses, NULL, &b);
    near_at(a.rows, b.rows, 0, "rows");
    near_at(a.top1, b.top1, 1e-12, "top1");
    near_at(a.macro.f1, b.macro.f1, 1e-12, "f1");
    near_at(a.ece, b.ece, 1e-12, "ece");
    near_at(a.matthews, b.matthews, 1e-12, "matthews");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_cases),
        cmocka_unit_test(shared_cases),
        cmocka_unit_test(weights_count),
    };
    return cmocka_run_group_tests(tests, region_begin, region_end);
}
