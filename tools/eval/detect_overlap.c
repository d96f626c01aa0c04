/* How far an answer is the truth: overlaps of boxes, similarity of keypoints. */
#include <math.h>

#include "tools/eval/detect.h"

/* The COCO keypoint task's constants: nose, eyes, ears, shoulders, elbows, wrists, hips, knees,
 * ankles. */
const double detect_person_sigmas[17] = {0.026, 0.025, 0.025, 0.035, 0.035, 0.079,
                                         0.079, 0.072, 0.072, 0.062, 0.062, 0.107,
                                         0.107, 0.087, 0.087, 0.089, 0.089};

void detect_box_around(const double *points, uint32_t n, uint32_t step, double box[4])
{
    for (uint32_t c = 0; c < 2; c++) {
        double low = INFINITY, high = -INFINITY;
        for (uint32_t i = 0; i < n; i++) {
            low = fmin(low, points[step * i + c]);
            high = fmax(high, points[step * i + c]);
        }
        box[c] = low;
        box[2 + c] = high - low;
    }
}

double detect_box_iou(const double answer[4], const double truth[4], int crowd)
{
    const double w = fmin(answer[0] + answer[2], truth[0] + truth[2]) - fmax(answer[0], truth[0]);
    const double h = fmin(answer[1] + answer[3], truth[1] + truth[3]) - fmax(answer[1], truth[1]);
    if (!(w > 0 && h > 0))
        return 0;
    const double common = w * h, area = answer[2] * answer[3];
    return common / (crowd ? area : area + truth[2] * truth[3] - common);
}

/* How far a coordinate lies outside a range. */
static double outside(double v, double low, double high)
{
    return fmax(0, low - v) + fmax(0, v - high);
}

/* Object keypoint similarity: the mean over labelled points of exp(-d^2 / (2 area (2 sigma)^2)).
 * Where no point is labelled, over all points, with d the distance to the box made larger by its
 * own size on each side. */
double detect_oks(const struct detect_object *answer, const struct detect_object *truth,
                  const double *sigmas, uint32_t npoints)
{
    const double x0 = truth->box[0] - truth->box[2], x1 = truth->box[0] + 2 * truth->box[2];
    const double y0 = truth->box[1] - truth->box[3], y1 = truth->box[1] + 2 * truth->box[3];
    uint32_t labelled = 0;
    double sum = 0;
    for (uint32_t i = 0; i < npoints; i++)
        labelled += truth->points[3 * i + 2] > 0;
    for (uint32_t i = 0; i < npoints; i++) {
        const double *a = answer->points + 3 * i, *t = truth->points + 3 * i;
        if (labelled && !(t[2] > 0))
            continue;
        const double dx = labelled ? a[0] - t[0] : outside(a[0], x0, x1);
        const double dy = labelled ? a[1] - t[1] : outside(a[1], y0, y1);
        const double spread = 4 * sigmas[i] * sigmas[i];
        sum += exp(-(dx * dx + dy * dy) / spread / (truth->area + 0x1p-52) / 2);
    }
    return npoints ? sum / (labelled ? labelled : npoints) : 0;
}
