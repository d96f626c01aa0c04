/* Masks of classes from PNG files: palette indices or greys. Messages are printed, and an exit
 * status is returned. */
#ifndef INFER_TOOLS_EVAL_READ_MASKS_H
#define INFER_TOOLS_EVAL_READ_MASKS_H

#include "infer_vision.h"
#include "tools/eval/names.h"
#include "tools/eval/segment.h"

struct mask_options {
    int cityscapes; /* values are Cityscapes' label ids: the 19 that count become 0 to 18, others
                       255 */
    void (*progress)(void *ctx, const char *what, double part);
    void *ctx;
};

/* One channel; free it with infer_image_free. */
int read_mask(const char *path, const struct mask_options *o, infer_image *mask);

/* The label ids of Cityscapes' 19 classes, instead of the classes; 0, which is none of them, for
 * all else. */
void mask_to_cityscapes(infer_image *mask);

/* The masks in a folder: `files`, and as `keys` the pictures that they are of, whose ids are the
 * indices of their files. There is at least one. */
int masks_list(const char *folder, int cityscapes, struct name_list *files, struct name_list *keys);

/* Counts the pixels of each mask of a folder against that of the same picture in another folder;
 * pictures are those of the truth, and become names of `pictures`. Files are of one picture when
 * their names are equal without endings and without what Cityscapes and others put behind them
 * (_gtFine_labelIds, _leftImg8bit, _pred). */
int read_masks(const char *truths, const char *answers, const struct mask_options *o,
               struct segment_counts *counts, struct name_list *pictures);

#endif
