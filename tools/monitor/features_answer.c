#include <math.h>
#include <string.h>

#include "tools/monitor/features.h"

static void set_margin_entropy(struct features *f, double best, double second, double entropy)
{
    features_set(f, FEATURE_SCORE, best);
    features_set(f, FEATURE_MARGIN, best - second);
    features_set(f, FEATURE_ENTROPY, entropy);
}

static int adds_up(const infer_class *classes, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(classes[i].score >= 0 && classes[i].score <= 1.0001F))
            return 0;
        sum += (double)classes[i].score;
    }
    return fabs(sum - 1) < 1e-3;
}

void features_classes(struct features *f, const infer_class *classes, size_t n, int all)
{
    const int logits = all && !adds_up(classes, n);
    double sum = 0, entropy = 0, probability[2] = {0};
    if (!n)
        return;
    for (size_t i = 0; logits && i < n; i++)
        sum += exp((double)classes[i].score - (double)classes[0].score);
    for (size_t i = 0; i < n; i++) {
        const double score = (double)classes[i].score;
        const double p = logits ? exp(score - (double)classes[0].score) / sum : score;
        entropy -= p > 0 || isnan(p) ? p * log(p) : 0;
        if (i < 2)
            probability[i] = p;
    }
    features_set(f, FEATURE_CLASS, (double)classes[0].index);
    set_margin_entropy(f, probability[0], probability[1], entropy);
}

void features_boxes(struct features *f, const infer_box *boxes, size_t n, int32_t width,
                    int32_t height)
{
    const double picture = (double)width * height;
    double sum = 0;
    features_set(f, FEATURE_DETECTIONS, (double)n);
    if (!n)
        return;
    for (size_t i = 0; i < n; i++) {
        const infer_box *b = &boxes[i];
        const double area = (double)(b->x1 - b->x0) * (double)(b->y1 - b->y0);
        sum += sqrt(fmax(area, 0) / picture);
    }
    features_set(f, FEATURE_CLASS, boxes[0].index);
    features_set(f, FEATURE_SCORE, (double)boxes[0].score);
    features_set(f, FEATURE_BOX_SIZE, sum / (double)n);
}

void features_mask(struct features *f, const infer_image *mask)
{
    uint32_t count[256] = {0};
    const size_t pitch = mask->pitch ? mask->pitch : (size_t)mask->width;
    double seen = 0, entropy = 0;
    int best = 0, second = -1;
    for (int32_t y = 0; y < mask->height; y++)
        for (int32_t x = 0; x < mask->width; x++)
            count[mask->pixels[(size_t)y * pitch + (size_t)x]]++;
    for (int i = 0; i < INFER_MASK_UNSEEN; i++)
        seen += count[i];
    if (!(seen > 0))
        return;
    for (int i = 0; i < INFER_MASK_UNSEEN; i++) {
        entropy -= count[i] ? count[i] / seen * log(count[i] / seen) : 0;
        if (i && count[i] > count[best]) {
            second = best;
            best = i;
        } else if (i && (second < 0 || count[i] > count[second])) {
            second = i;
        }
    }
    features_set(f, FEATURE_CLASS, best);
    set_margin_entropy(f, count[best] / seen, count[second] / seen, entropy);
}

void features_vector(struct features *f, const float *vector, size_t n)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)vector[i];
        squares += (double)vector[i] * (double)vector[i];
    }
    if (!n)
        return;
    features_set(f, FEATURE_EMBEDDING_MEAN, sum / (double)n);
    features_set(f, FEATURE_EMBEDDING_NORM, sqrt(squares));
}
