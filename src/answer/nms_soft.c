/* Soft suppression: boxes that overlap a better one become worse instead of going away. After
 * Bodla et al., "Soft-NMS: Improving Object Detection With One Line of Code" (2017). */
#include <math.h>

#include "answer/nms.h"

/* What a box's score is multiplied by beside one that was kept. */
static double factor(const infer_nms_options *o, double iou)
{
    const double sigma = o->sigma > 0 ? (double)o->sigma : 0.5;
    if (o->suppress == INFER_SUPPRESS_GAUSSIAN)
        return exp(-iou * iou / sigma);
    return iou > (double)o->iou_threshold ? 1 - iou : 1;
}

/* Scores are lowered in double precision, and told in single. */
size_t infer__nms_soft(infer_box *boxes, struct infer__extent *extents, size_t count,
                       const infer_nms_options *o, infer_box *kept, size_t most)
{
    size_t found = 0;
    for (size_t left = count; left && found < most; left--) {
        size_t best = 0;
        for (size_t i = 1; i < left; i++)
            if (extents[i].score > extents[best].score)
                best = i;
        if (!(extents[best].score > (double)o->score_threshold))
            break;
        const infer_box box = boxes[best];
        const struct infer__extent e = extents[best];
        kept[found] = box;
        kept[found++].score = (float)e.score;
        for (size_t i = best; i + 1 < left; i++) { /* the others stay in their order */
            boxes[i] = boxes[i + 1];
            extents[i] = extents[i + 1];
        }
        for (size_t i = 0; i + 1 < left; i++)
            if (o->agnostic || boxes[i].index == box.index)
                extents[i].score *= factor(o, infer__iou(&e, &extents[i]));
    }
    return found;
}
