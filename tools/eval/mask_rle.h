/* Binary masks as run lengths: pixels go down column after column, and the runs of zeros and ones
 * take turns, zeros first. This is COCO's form; a mask that is made here has no run of length 0
 * but the first. What makes a mask takes its memory from a region. */
#ifndef INFER_TOOLS_EVAL_MASK_RLE_H
#define INFER_TOOLS_EVAL_MASK_RLE_H

#include "base/memory.h"

struct mask_rle {
    uint32_t height, width; /* each at most MASK_MOST_SIDE */
    uint32_t *runs;         /* their sum is height * width */
    uint32_t nruns;
};

enum {
    MASK_MOST_SIDE = 65535,       /* so that the pixels of a mask fit 32 bits */
    MASK_MOST_COORDINATE = 100000 /* of a polygon, pixels away from the origin */
};

/* Runs as they stand in a file; they are copied, and short ones joined. */
infer_status mask_from_runs(struct infer__region *r, uint32_t height, uint32_t width,
                            const uint32_t *runs, uint32_t nruns, struct mask_rle *mask,
                            infer_error *err);
/* COCO's compressed text: numbers of 5 bits a character, least first, '0' is 0; from the third run
 * on it is the difference to the last run but one. */
infer_status mask_from_text(struct infer__region *r, uint32_t height, uint32_t width,
                            const char *text, size_t length, struct mask_rle *mask,
                            infer_error *err);
/* That text, ended with a 0; NULL without memory. */
char *mask_to_text(struct infer__region *r, const struct mask_rle *mask);

/* A polygon of n corners x, y, ... whose pixels are those of COCO's masks: its outline is drawn
 * five times as large and cut where it crosses the centres of columns. */
infer_status mask_from_polygon(struct infer__region *r, uint32_t height, uint32_t width,
                               const double *xy, uint32_t n, struct mask_rle *mask,
                               infer_error *err);
/* Rows of pixels, `pitch` bytes apart; those equal to `value` are in the mask. */
infer_status mask_from_pixels(struct infer__region *r, const uint8_t *pixels, size_t pitch,
                              uint32_t height, uint32_t width, uint8_t value, struct mask_rle *mask,
                              infer_error *err);
/* What is in either of two masks of one size. */
infer_status mask_union(struct infer__region *r, const struct mask_rle *a, const struct mask_rle *b,
                        struct mask_rle *mask, infer_error *err);

/* Pixels. */
uint64_t mask_area(const struct mask_rle *mask);
/* Pixels that are in both masks; they have the same size. */
uint64_t mask_common(const struct mask_rle *a, const struct mask_rle *b);
/* x, y, width, height of the smallest box around the mask; all 0 for an empty one. */
void mask_box(const struct mask_rle *mask, double box[4]);
/* Intersection over union, of a crowd over the area of `answer` alone; 0 where there is no
 * intersection, and where the sizes differ. */
double mask_iou(const struct mask_rle *answer, const struct mask_rle *truth, int crowd);

#endif
