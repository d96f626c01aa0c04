/* Segmentation: classes of pixels against the true ones. */
#ifndef INFER_TOOLS_EVAL_SEGMENT_H
#define INFER_TOOLS_EVAL_SEGMENT_H

#include "base/memory.h"

enum { SEGMENT_CLASSES = 256 }; /* values of a mask */

/* Pixels of one class in one picture. */
struct segment_pixels {
    uint32_t right, truth, predicted;
};

struct segment_counts {
    struct infer__region *region;
    int ignore;  /* the value that is not judged in the truth; -1: none. Where it is predicted the
                    pixel is missed. */
    int classes; /* one more than the greatest value that was met */
    uint64_t (
        *confusion)[SEGMENT_CLASSES + 1]; /* [truth][predicted]; the last: predicted `ignore` */
    struct segment_pixels (*pictures)[SEGMENT_CLASSES];
    uint32_t npictures, room;
};

infer_status segment_begin(struct segment_counts *c, struct infer__region *r, int ignore,
                           infer_error *err);
/* Counts a picture of n pixels. */
infer_status segment_add(struct segment_counts *c, const uint8_t *truth, const uint8_t *predicted,
                         size_t n, infer_error *err);

struct segment_class {
    double right, truth, predicted; /* pixels */
    double iou, dice, accuracy;     /* NaN where there is nothing to divide by */
};

struct segment_result {
    double pixels, pixel_accuracy;
    double mean_iou, mean_dice; /* over classes that occur or were predicted */
    double mean_iou_present;    /* over classes that occur */
    double mean_accuracy;       /* over classes that occur */
    double frequency_weighted_iou, dice_micro;
    struct segment_class classes[SEGMENT_CLASSES];
};

/* Over all pictures, each `weights` times; NULL: once. */
void segment_measure(const struct segment_counts *c, int nclasses, const uint32_t *weights,
                     struct segment_result *result);
/* The mean IoU of one picture. */
double segment_picture_iou(const struct segment_counts *c, int nclasses, uint32_t picture);

#endif
