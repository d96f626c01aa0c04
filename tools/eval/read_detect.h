/* Readers of what pictures show, and of what was found in them. Each fills a set whose kind and
 * region are given; messages name the place in the file, and `path` where files are many. */
#ifndef INFER_TOOLS_EVAL_READ_DETECT_H
#define INFER_TOOLS_EVAL_READ_DETECT_H

#include "tools/eval/detect.h"

/* What was left out. */
struct read_skipped {
    uint32_t truths;  /* of pictures or classes that the file does not list */
    uint32_t answers; /* of classes that the truth does not have */
};

/* COCO's instances or keypoints. */
infer_status read_coco(const char *path, struct detect_set *set, struct read_skipped *skipped,
                       infer_error *err);
/* Answers in COCO's form of results. A picture is its id, or a text that is its file's name, with
 * or without folders and ending; a class is its id or its name. */
infer_status read_coco_results(const char *path, struct detect_set *set,
                               struct read_skipped *skipped, infer_error *err);

/* Pascal VOC: a folder with an XML file for each picture. */
infer_status read_voc(const char *folder, const char *classes, struct detect_set *set,
                      infer_error *err);
/* YOLO: a folder with a text file for each picture; sizes are those of the pictures beside them. */
infer_status read_yolo(const char *folder, const char *classes, struct detect_set *set,
                       infer_error *err);

#endif
