/* infer eval for classifiers that give a picture one class. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "tools/cli.h"
#include "tools/eval/eval_scores.h"
#include "tools/eval/files.h"

/* A confusion matrix of more classes is reported where all curves are. */
enum { MOST_CONFUSED = 100 };

struct one_class {
    struct classification *c; /* first, for what both kinds share */
    struct classify_row *rows;
    struct classify_result result;
};

static void put_bins(const struct one_class *one)
{
    struct report *r = one->c->report;
    yyjson_mut_val *list = report_list(r, r->root, "reliability");
    for (int k = 0; k < CALIBRATION_BINS; k++) {
        const struct calibration_bin *b = &one->result.bins[k];
        yyjson_mut_val *row = report_object(r, list, NULL);
        report_number(r, row, "above", (double)k / CALIBRATION_BINS);
        report_number(r, row, "to", (double)(k + 1) / CALIBRATION_BINS);
        report_count(r, row, "count", b->count);
        report_number(r, row, "accuracy", b->accuracy);
        report_number(r, row, "confidence", b->confidence);
    }
}

/* Rows are the true classes. */
static int put_confusion(const struct one_class *one)
{
    struct report *r = one->c->report;
    const struct scores *s = &one->c->scores;
    const size_t n = s->nclasses;
    if (!n || (n > MOST_CONFUSED && !one->c->o->curves))
        return CLI_OK;
    double *matrix = calloc(n, infer__array_bytes(n, sizeof *matrix));
    if (!matrix)
        return files_no_memory(one->c->o->predictions);
    for (uint32_t i = 0; i < s->nrows; i++)
        matrix[one->rows[i].label * n + one->rows[i].predicted]++;
    yyjson_mut_val *list = report_list(r, r->root, "confusion");
    for (size_t t = 0; t < n; t++)
        report_numbers(r, list, NULL, matrix + t * n, n, 1);
    free(matrix);
    return CLI_OK;
}

static void put_classes(const struct one_class *one)
{
    struct report *r = one->c->report;
    yyjson_mut_val *list = report_list(r, r->root, "per_class");
    for (uint32_t k = 0; k < one->c->scores.nclasses; k++) {
        const struct classify_class *class = &one->result.classes[k];
        yyjson_mut_val *row = report_object(r, list, NULL);
        report_string(r, row, "name", one->c->scores.classes.items[k].text);
        report_count(r, row, "support", class->support);
        report_count(r, row, "predicted", class->predicted);
        eval_put_prf(r, row, class->prf, "");
        eval_put_curve(r, row, &one->c->curves[k]);
    }
}

static void put_stats(const struct one_class *one)
{
    const struct classify_result *v = &one->result;
    const struct scores *s = &one->c->scores;
    struct report *r = one->c->report;
    const int probable = one->c->probable;
    report_number(r, r->stats, "top1", v->top1);
    report_number(r, r->stats, "top5", v->top5);
    report_number(r, r->stats, "balanced_accuracy", v->balanced_accuracy);
    eval_put_prf(r, r->stats, v->macro, "");
    eval_put_prf(r, r->stats, v->micro, "_micro");
    eval_put_prf(r, r->stats, v->weighted, "_weighted");
    report_number(r, r->stats, "f1_present", v->f1_present);
    report_number(r, r->stats, "kappa", v->kappa);
    report_number(r, r->stats, "matthews", v->matthews);
    eval_put_curve_means(one->c);
    report_number(r, r->stats, "ece", probable ? v->ece : NAN);
    report_number(r, r->stats, "mce", probable ? v->mce : NAN);
    report_number(r, r->stats, "log_loss", probable ? classify_log_loss(s) : NAN);
    report_number(r, r->stats, "brier", probable ? classify_brier(s) : NAN);
}

static const char *const resampled[] = {"top1",        "top5",   "balanced_accuracy",
                                        "precision",   "recall", "f1",
                                        "f1_weighted", "kappa",  "matthews"};

/* The report has been made: what the classes count is not needed any more. */
static void measure_again(void *ctx, const uint32_t *weights, double *values)
{
    struct one_class *one = ctx;
    struct classify_result *v = &one->result;
    classify_measure(one->rows, one->c->scores.nrows, one->c->scores.nclasses, weights, v);
    const double all[] = {v->top1,         v->top5,     v->balanced_accuracy, v->macro.precision,
                          v->macro.recall, v->macro.f1, v->weighted.f1,       v->kappa,
                          v->matthews};
    memcpy(values, all, sizeof all);
}

static void describe(void *ctx, uint32_t picture, char *text, size_t size)
{
    const struct one_class *one = ctx;
    const struct name *classes = one->c->scores.classes.items;
    const struct classify_row *row = &one->rows[picture];
    snprintf(text, size, "is %.80s, answered %.80s with %.4g", classes[row->label].text,
             classes[row->predicted].text, row->confidence);
}

/* The quality of a picture is the reciprocal rank of its class. */
static void set_view(struct one_class *one, struct eval_view *v)
{
    v->quality_name = "reciprocal_rank";
    v->nvalues = sizeof resampled / sizeof *resampled;
    v->names = resampled;
    v->measure = measure_again;
    v->ctx = one;
    v->describe = describe;
    for (uint32_t i = 0; i < v->npictures; i++)
        v->quality[i] = 1.0 / (one->rows[i].rank + 1.0);
}

int eval_one_class(struct classification *c, struct eval_view *v)
{
    struct one_class *one = infer__region_calloc(c->region, 1, sizeof *one);
    infer_error err;
    if (!one)
        return files_no_memory(c->o->predictions);
    one->c = c;
    if (classify_rows(&c->scores, &one->rows, &err) != INFER_OK)
        return cli_fail(c->o->predictions, &err);
    one->result.classes =
        infer__region_calloc(c->region, c->scores.nclasses, sizeof *one->result.classes);
    if (!one->result.classes)
        return files_no_memory(c->o->predictions);
    classify_measure(one->rows, c->scores.nrows, c->scores.nclasses, NULL, &one->result);
    put_stats(one);
    put_classes(one);
    if (c->probable)
        put_bins(one);
    set_view(one, v);
    return put_confusion(one);
}
