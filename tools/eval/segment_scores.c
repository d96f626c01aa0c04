/* Counts of pixels, and IoU, Dice and accuracy of them. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "tools/eval/segment.h"

infer_status segment_begin(struct segment_counts *c, struct infer__region *r, int ignore,
                           infer_error *err)
{
    *c = (struct segment_counts){.region = r, .ignore = ignore};
    c->confusion = infer__region_calloc(r, SEGMENT_CLASSES, sizeof *c->confusion);
    return c->confusion ? INFER_OK : infer__no_memory(err, SEGMENT_CLASSES * sizeof *c->confusion);
}

infer_status segment_add(struct segment_counts *c, const uint8_t *truth, const uint8_t *predicted,
                         size_t n, infer_error *err)
{
    if (c->npictures == c->room && !infer__region_grow(c->region, (void **)&c->pictures, &c->room,
                                                       c->npictures + 1, sizeof *c->pictures))
        return infer__no_memory(err, sizeof *c->pictures);
    struct segment_pixels *pixels = c->pictures[c->npictures++];
    memset(pixels, 0, sizeof *c->pictures);
    for (size_t i = 0; i < n; i++) {
        const int t = truth[i], p = predicted[i];
        if (t == c->ignore)
            continue;
        c->confusion[t][p == c->ignore ? SEGMENT_CLASSES : p]++;
        pixels[t].truth++;
        pixels[t].right += p == t;
        c->classes = t >= c->classes ? t + 1 : c->classes;
        if (p == c->ignore)
            continue;
        pixels[p].predicted++;
        c->classes = p >= c->classes ? p + 1 : c->classes;
    }
    return INFER_OK;
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : NAN;
}

/* From pixels to measures; a mean of nothing is NaN. */
static void finish(struct segment_result *r, int nclasses)
{
    double right = 0, predicted = 0, ious = 0, dices = 0, accuracies = 0, present_ious = 0;
    double known = 0, present = 0, weighted = 0;
    for (int k = 0; k < nclasses; k++) {
        struct segment_class *c = &r->classes[k];
        c->iou = ratio(c->right, c->truth + c->predicted - c->right);
        c->dice = ratio(2 * c->right, c->truth + c->predicted);
        c->accuracy = ratio(c->right, c->truth);
        r->pixels += c->truth;
        right += c->right;
        predicted += c->predicted;
        if (c->truth > 0) {
            present++;
            accuracies += c->accuracy;
            present_ious += c->iou;
            weighted += c->truth * c->iou;
        }
        if (c->truth + c->predicted > 0) {
            known++;
            ious += c->iou;
            dices += c->dice;
        }
    }
    r->pixel_accuracy = ratio(right, r->pixels);
    r->mean_iou = ratio(ious, known);
    r->mean_dice = ratio(dices, known);
    r->mean_iou_present = ratio(present_ious, present);
    r->mean_accuracy = ratio(accuracies, present);
    r->frequency_weighted_iou = ratio(weighted, r->pixels);
    r->dice_micro = ratio(2 * right, r->pixels + predicted);
}

static void add_picture(const struct segment_counts *c, int nclasses, uint32_t picture,
                        double weight, struct segment_result *r)
{
    for (int k = 0; k < nclasses; k++) {
        const struct segment_pixels *p = &c->pictures[picture][k];
        r->classes[k].right += weight * p->right;
        r->classes[k].truth += weight * p->truth;
        r->classes[k].predicted += weight * p->predicted;
    }
}

void segment_measure(const struct segment_counts *c, int nclasses, const uint32_t *weights,
                     struct segment_result *result)
{
    memset(result, 0, sizeof *result);
    for (uint32_t i = 0; i < c->npictures; i++)
        add_picture(c, nclasses, i, weights ? weights[i] : 1, result);
    finish(result, nclasses);
}

double segment_picture_iou(const struct segment_counts *c, int nclasses, uint32_t picture)
{
    struct segment_result r = {0};
    add_picture(c, nclasses, picture, 1, &r);
    finish(&r, nclasses);
    return r.mean_iou;
}
