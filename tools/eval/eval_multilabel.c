/* infer eval for classifiers that give a picture any number of classes. */
#include <math.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/eval/eval_scores.h"
#include "tools/eval/files.h"

struct several {
    struct classification *c; /* first, for what both kinds share */
    struct multilabel_result result;
};

static void put_classes(const struct several *all)
{
    struct report *r = all->c->report;
    yyjson_mut_val *list = report_list(r, r->root, "per_class");
    for (uint32_t k = 0; k < all->c->scores.nclasses; k++) {
        const struct multilabel_class *class = &all->result.classes[k];
        yyjson_mut_val *row = report_object(r, list, NULL);
        report_string(r, row, "name", all->c->scores.classes.items[k].text);
        report_count(r, row, "right", class->tp);
        report_count(r, row, "wrong", class->fp);
        report_count(r, row, "missed", class->fn);
        eval_put_prf(r, row, class->prf, "");
        eval_put_curve(r, row, &all->c->curves[k]);
    }
}

static const char *const resampled[] = {"precision",       "recall",      "f1",
                                        "f1_micro",        "f1_weighted", "f1_samples",
                                        "subset_accuracy", "hamming_loss"};

/* The report has been made: what the classes count is not needed any more. */
static void measure_again(void *ctx, const uint32_t *weights, double *values)
{
    struct several *all = ctx;
    struct multilabel_result *v = &all->result;
    multilabel_measure(&all->c->scores, all->c->o->confidence, weights, v);
    const double numbers[] = {v->macro.precision, v->macro.recall, v->macro.f1,
                              v->micro.f1,        v->weighted.f1,  v->samples.f1,
                              v->subset_accuracy, v->hamming_loss};
    memcpy(values, numbers, sizeof numbers);
}

/* The quality of a picture is the Jaccard index of its yes and its classes: 1 where there are none.
 */
static void set_view(struct several *all, struct eval_view *v)
{
    const struct scores *s = &all->c->scores;
    v->quality_name = "jaccard";
    v->nvalues = sizeof resampled / sizeof *resampled;
    v->names = resampled;
    v->measure = measure_again;
    v->ctx = all;
    for (uint32_t i = 0; i < v->npictures; i++) {
        double both = 0, either = 0;
        for (size_t k = (size_t)i * s->nclasses; k < ((size_t)i + 1) * s->nclasses; k++) {
            const int yes = s->values[k] >= all->c->o->confidence;
            both += yes && s->positive[k];
            either += yes || s->positive[k];
        }
        v->quality[i] = either > 0 ? both / either : 1;
    }
}

int eval_several_classes(struct classification *c, struct eval_view *view)
{
    struct several *all = infer__region_calloc(c->region, 1, sizeof *all);
    if (!all)
        return files_no_memory(c->o->predictions);
    all->c = c;
    struct multilabel_result *v = &all->result;
    struct report *r = c->report;
    v->classes = infer__region_calloc(c->region, c->scores.nclasses, sizeof *v->classes);
    if (!v->classes)
        return files_no_memory(c->o->predictions);
    multilabel_measure(&c->scores, c->o->confidence, NULL, v);
    eval_put_prf(r, r->stats, v->macro, "");
    eval_put_prf(r, r->stats, v->micro, "_micro");
    eval_put_prf(r, r->stats, v->weighted, "_weighted");
    eval_put_prf(r, r->stats, v->samples, "_samples");
    report_number(r, r->stats, "subset_accuracy", v->subset_accuracy);
    report_number(r, r->stats, "hamming_loss", v->hamming_loss);
    report_number(r, r->stats, "jaccard_samples", v->jaccard_samples);
    eval_put_curve_means(c);
    report_number(r, r->stats, "average_precision_micro", c->all.ap);
    report_number(r, r->stats, "log_loss", c->probable ? multilabel_log_loss(&c->scores) : NAN);
    report_number(r, r->root, "threshold", c->o->confidence);
    put_classes(all);
    set_view(all, view);
    return CLI_OK;
}
