/* Measures of classifiers that give each picture any number of classes. */
#include <math.h>
#include <string.h>

#include "tools/eval/scores.h"

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

/* Counts one row, once for itself and `weight` times for each of its classes. */
static void add_row(const struct scores *s, uint32_t i, double threshold, double weight,
                    struct multilabel_result *r)
{
    const double *v = s->values + (size_t)i * s->nclasses;
    const uint8_t *truth = s->positive + (size_t)i * s->nclasses;
    double tp = 0, fp = 0, fn = 0;
    for (uint32_t k = 0; k < s->nclasses; k++) {
        struct multilabel_class *c = &r->classes[k];
        const int yes = v[k] >= threshold;
        *(yes ? truth[k] ? &c->tp : &c->fp : truth[k] ? &c->fn : &c->tn) += weight;
        tp += yes && truth[k];
        fp += yes && !truth[k];
        fn += !yes && truth[k];
    }
    binary_prf_add(&r->samples, binary_prf(tp, fp, fn), weight);
    r->rows += weight;
    r->subset_accuracy += fp + fn > 0 ? 0 : weight;
    r->hamming_loss += weight * (fp + fn) / s->nclasses;
    r->jaccard_samples += weight * ratio(tp, tp + fp + fn);
}

void multilabel_measure(const struct scores *s, double threshold, const uint32_t *weights,
                        struct multilabel_result *r)
{
    struct multilabel_class *classes = r->classes, all = {0};
    struct prf samples;
    *r = (struct multilabel_result){.classes = classes};
    memset(classes, 0, s->nclasses * sizeof *classes);
    for (uint32_t i = 0; i < s->nrows; i++)
        if (!weights || weights[i])
            add_row(s, i, threshold, weights ? weights[i] : 1, r);
    for (uint32_t k = 0; k < s->nclasses; k++) {
        all.tp += classes[k].tp;
        all.fp += classes[k].fp;
        all.fn += classes[k].fn;
    }
    for (uint32_t k = 0; k < s->nclasses; k++) {
        struct multilabel_class *c = &classes[k];
        c->prf = binary_prf(c->tp, c->fp, c->fn);
        binary_prf_add(&r->macro, c->prf, 1.0 / s->nclasses);
        binary_prf_add(&r->weighted, c->prf, ratio(c->tp + c->fn, all.tp + all.fn));
    }
    r->micro = binary_prf(all.tp, all.fp, all.fn);
    samples = r->samples;
    r->samples = (struct prf){0};
    binary_prf_add(&r->samples, samples, 1 / r->rows);
    r->subset_accuracy /= r->rows;
    r->hamming_loss /= r->rows;
    r->jaccard_samples /= r->rows;
}

double multilabel_log_loss(const struct scores *s)
{
    const size_t n = (size_t)s->nrows * s->nclasses;
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        const double p = fmin(fmax(s->values[i], 0x1p-52), 1 - 0x1p-52);
        loss -= log(s->positive[i] ? p : 1 - p);
    }
    return loss / (double)n;
}
