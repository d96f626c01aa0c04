/* Readers of what pictures show, and of what was found in them. Each fills a set whose kind and
 * regions are given. They print what is wrong, with the file and the place in it, and return an
 * exit status. */
#ifndef INFER_TOOLS_EVAL_READ_DETECT_H
#define INFER_TOOLS_EVAL_READ_DETECT_H

#include "tools/eval/detect.h"

/* What was left out. */
struct read_skipped {
    uint32_t truths;  /* of pictures or classes that the file does not list */
    uint32_t answers; /* of classes that the truth does not have */
};

/* COCO's instances or keypoints. */
int read_coco(const char *path, struct detect_set *set, struct read_skipped *skipped);
/* Answers in COCO's form of results. A picture is its id, or a text that is its file's name, with
 * or without folders and ending; a class is its id or its name. */
int read_coco_results(const char *path, struct detect_set *set, struct read_skipped *skipped);

/* Pascal VOC: a folder with an XML file for each picture. `classes` is a file with their names, or
 * NULL: those that are met. */
int read_voc(const char *folder, const char *classes, struct detect_set *set);
/* YOLO: a folder with pictures and a text file for each, or with the folders images and labels that
 * have them. */
int read_yolo(const char *folder, const char *classes, struct detect_set *set);

#endif
