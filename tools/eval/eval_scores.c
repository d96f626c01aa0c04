/* infer eval for classifiers: reading, and what does not hang on how many classes a picture has. */
#include "tools/eval/eval_scores.h"

#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/cli.h"
#include "tools/eval/files.h"
#include "tools/eval/model.h"

/* ---- curves --------------------------------------------------------------------------------- */

/* Each class's curve has memory of its own: together they would be several times the scores. */
static infer_status read_curve(const struct scores *s, uint32_t class, struct class_curve *out,
                               infer_error *err)
{
    struct infer__region region;
    struct binary_curve c;
    infer__region_init(&region, NULL);
    const infer_status status = scores_curve(&region, s, class, &c, err);
    if (status == INFER_OK) {
        out->auc = binary_roc_auc(&c);
        out->ap = c.positives > 0 ? binary_average_precision(&c) : NAN;
        out->best_threshold = binary_best_f1(&c, &out->best_f1);
    }
    infer__region_free(&region);
    return status;
}

static infer_status read_curves(struct classification *c, infer_error *err)
{
    const uint32_t n = c->scores.nclasses;
    c->curves = infer__region_calloc(c->region, n, sizeof *c->curves);
    if (!c->curves)
        return infer__no_memory(err, infer__array_bytes(n, sizeof *c->curves));
    for (uint32_t k = 0; k < n; k++) {
        TRY(read_curve(&c->scores, k, &c->curves[k], err));
        if (c->o->progress)
            c->o->progress(c->o->progress_ctx, "curves of classes", (double)(k + 1) / n);
    }
    return c->scores.positive ? read_curve(&c->scores, n, &c->all, err) : INFER_OK;
}

void eval_put_curve(struct report *r, yyjson_mut_val *row, const struct class_curve *curve)
{
    report_number(r, row, "roc_auc", curve->auc);
    report_number(r, row, "average_precision", curve->ap);
    report_number(r, row, "best_threshold", curve->best_threshold);
    report_number(r, row, "best_f1", curve->best_f1);
}

void eval_put_curve_means(struct classification *c)
{
    struct report *r = c->report;
    double aucs = 0, nauc = 0, aps = 0, nap = 0;
    for (uint32_t k = 0; k < c->scores.nclasses; k++) {
        const struct class_curve *curve = &c->curves[k];
        nauc += !isnan(curve->auc);
        aucs += isnan(curve->auc) ? 0 : curve->auc;
        nap += !isnan(curve->ap);
        aps += isnan(curve->ap) ? 0 : curve->ap;
    }
    report_number(r, r->stats, "roc_auc", aucs / nauc);
    report_number(r, r->stats, "average_precision", aps / nap);
}

/* Pictures whose row has the class. */
static void mark(void *ctx, uint32_t class, uint32_t *weights)
{
    struct classification *const *c = ctx; /* the first member of one_class and several */
    const struct scores *s = &(*c)->scores;
    for (uint32_t i = 0; i < s->nrows; i++)
        if (s->positive ? s->positive[(size_t)i * s->nclasses + class] : s->labels[i] == class)
            weights[i] = 1;
}

static int make_view(struct classification *c, struct eval_view *v)
{
    v->npictures = c->scores.nrows;
    v->pictures = c->files.count ? &c->files : NULL;
    v->paths = c->o->model ? c->o->model->paths : NULL;
    v->classes = &c->scores.classes;
    v->nclasses = c->scores.nclasses;
    v->has_right = 1;
    v->mark = mark;
    v->quality = infer__region_calloc(c->region, v->npictures, sizeof *v->quality);
    if (!v->quality)
        return files_no_memory(c->o->predictions);
    return c->scores.positive ? eval_several_classes(c, v) : eval_one_class(c, v);
}

int eval_scores(const struct eval_options *o, struct report *r, struct eval_view *v)
{
    struct classification *c = infer__region_calloc(&v->region, 1, sizeof *c);
    infer_error err;
    if (!c)
        return files_no_memory(o->predictions);
    *c = (struct classification){.o = o, .report = r, .region = &v->region};
    c->scores.region = c->scores.classes.region = c->files.region = c->region;
    int status = o->model ? model_score(o->model, o, &c->scores, &c->files)
                          : read_scores(o->predictions, o->data, &c->scores);
    if (status == CLI_OK && o->softmax)
        scores_softmax(&c->scores);
    if (status == CLI_OK && read_curves(c, &err) != INFER_OK)
        status = cli_fail(o->predictions, &err);
    if (status != CLI_OK)
        return status;
    c->probable = scores_are_probabilities(&c->scores);
    report_count(r, r->root, "pictures", c->scores.nrows);
    report_count(r, r->root, "classes", c->scores.nclasses);
    return make_view(c, v);
}
