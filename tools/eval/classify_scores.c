/* Measures of classifiers that give each picture one class. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/eval/scores.h"

infer_status classify_rows(const struct scores *s, struct classify_row **rows, infer_error *err)
{
    const size_t bytes = infer__array_bytes(s->nrows, sizeof **rows);
    struct classify_row *row = *rows = infer__region_take(s->region, bytes);
    if (!row)
        return infer__no_memory(err, bytes);
    for (uint32_t i = 0; i < s->nrows; i++, row++) {
        const double *v = s->values + (size_t)i * s->nclasses;
        const uint32_t label = s->labels[i];
        *row = (struct classify_row){.label = label, .confidence = v[0]};
        for (uint32_t k = 0; k < s->nclasses; k++) {
            row->rank += k < label ? v[k] >= v[label] : v[k] > v[label];
            if (v[k] > row->confidence) {
                row->confidence = v[k];
                row->predicted = k;
            }
        }
    }
    return INFER_OK;
}

/* ---- calibration ---------------------------------------------------------------------------- */

/* k of (k / 15, (k + 1) / 15]; 0 belongs to the first. */
static int bin_of(double confidence)
{
    confidence = fmin(fmax(confidence, 0), 1); /* logits have no bin of their own */
    int k = (int)(confidence * CALIBRATION_BINS);
    while (k > 0 && confidence <= (double)k / CALIBRATION_BINS)
        k--;
    while (k < CALIBRATION_BINS - 1 && confidence > (double)(k + 1) / CALIBRATION_BINS)
        k++;
    return k;
}

/* Sums become means; ECE is the sum over bins of count / rows |accuracy - confidence| (Naeini,
 * Cooper, Hauskrecht: Obtaining Well Calibrated Probabilities Using Bayesian Binning, 2015). */
static void finish_calibration(struct classify_result *r)
{
    r->ece = r->mce = 0;
    for (int k = 0; k < CALIBRATION_BINS; k++) {
        struct calibration_bin *b = &r->bins[k];
        b->accuracy = b->count > 0 ? b->accuracy / b->count : NAN;
        b->confidence = b->count > 0 ? b->confidence / b->count : NAN;
        if (b->count > 0) {
            const double gap = fabs(b->accuracy - b->confidence);
            r->ece += b->count / r->rows * gap;
            r->mce = fmax(r->mce, gap);
        }
    }
}

/* ---- from counts to measures ---------------------------------------------------------------- */

static void finish_classes(struct classify_result *r, uint32_t nclasses)
{
    double occur = 0, recalls = 0, known = 0, f1 = 0, right = 0;
    for (uint32_t k = 0; k < nclasses; k++) {
        struct classify_class *c = &r->classes[k];
        c->prf = binary_prf(c->right, c->predicted - c->right, c->support - c->right);
        binary_prf_add(&r->macro, c->prf, 1.0 / nclasses);
        binary_prf_add(&r->weighted, c->prf, c->support / r->rows);
        right += c->right;
        occur += c->support > 0;
        recalls += c->prf.recall;
        known += c->support > 0 || c->predicted > 0;
        f1 += c->prf.f1;
    }
    r->balanced_accuracy = recalls / occur;
    r->f1_present = f1 / known;
    r->micro = binary_prf(right, r->rows - right, r->rows - right);
}

/* Cohen's kappa, and Matthews' correlation as Gorodkin has it for more than two classes (Comparing
 * two K-category assignments by a K-category correlation coefficient, 2004). */
static void finish_agreement(struct classify_result *r, uint32_t nclasses)
{
    const double n = r->rows, right = r->top1 * n;
    double chance = 0, supports = 0, predictions = 0;
    for (uint32_t k = 0; k < nclasses; k++) {
        const struct classify_class *c = &r->classes[k];
        chance += c->support * c->predicted;
        supports += c->support * c->support;
        predictions += c->predicted * c->predicted;
    }
    const double spread = (n * n - supports) * (n * n - predictions);
    r->kappa = (right * n - chance) / (n * n - chance);
    r->matthews = spread > 0 ? (right * n - chance) / sqrt(spread) : 0;
}

void classify_measure(const struct classify_row *rows, uint32_t nrows, uint32_t nclasses,
                      const uint32_t *weights, struct classify_result *result)
{
    struct classify_class *classes = result->classes;
    double top1 = 0, top5 = 0;
    *result = (struct classify_result){.classes = classes};
    memset(classes, 0, nclasses * sizeof *classes);
    for (uint32_t i = 0; i < nrows; i++) {
        const struct classify_row *row = &rows[i];
        const double weight = weights ? weights[i] : 1, right = row->rank == 0 ? weight : 0;
        struct calibration_bin *bin = &result->bins[bin_of(row->confidence)];
        result->rows += weight;
        top1 += right;
        top5 += row->rank < 5 ? weight : 0;
        classes[row->label].support += weight;
        classes[row->label].right += right;
        classes[row->predicted].predicted += weight;
        bin->count += weight;
        bin->accuracy += right;
        bin->confidence += weight * row->confidence;
    }
    result->top1 = top1 / result->rows;
    result->top5 = top5 / result->rows;
    finish_classes(result, nclasses);
    finish_agreement(result, nclasses);
    finish_calibration(result);
}

/* ---- probabilities -------------------------------------------------------------------------- */

static double row_sum(const struct scores *s, uint32_t i)
{
    double sum = 0;
    for (uint32_t k = 0; k < s->nclasses; k++)
        sum += s->values[(size_t)i * s->nclasses + k];
    return sum;
}

double classify_log_loss(const struct scores *s)
{
    double loss = 0;
    for (uint32_t i = 0; i < s->nrows; i++) {
        const double p = s->values[(size_t)i * s->nclasses + s->labels[i]] / row_sum(s, i);
        loss -= log(fmin(fmax(p, 0x1p-52), 1 - 0x1p-52));
    }
    return loss / s->nrows;
}

double classify_brier(const struct scores *s)
{
    double all = 0;
    for (uint32_t i = 0; i < s->nrows; i++) {
        const double sum = row_sum(s, i);
        for (uint32_t k = 0; k < s->nclasses; k++) {
            const double p = s->values[(size_t)i * s->nclasses + k] / sum;
            all += (p - (s->labels[i] == k)) * (p - (s->labels[i] == k));
        }
    }
    return all / s->nrows;
}
