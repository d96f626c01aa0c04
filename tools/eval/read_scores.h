/* Readers of classifiers' scores and of the classes that are right. Messages are printed, and the
 * exit status returned. */
#ifndef INFER_TOOLS_EVAL_READ_SCORES_H
#define INFER_TOOLS_EVAL_READ_SCORES_H

#include "tools/eval/scores.h"

/* Scores from a CSV file with a header. Columns: `file` (or picture, image, filename, path), the
 * score of each class under its name, and, where the file has the truth in it, `label`, or with
 * several classes to a picture a column y... of 0 and 1 for each column s... of scores; with one
 * column of scores a label is 0 or 1. Else the truth is that of `truths`, which read_truths reads;
 * its pictures and the file's are the same. */
int read_scores(const char *path, const char *truths, struct scores *s);

/* Pictures and their classes. */
struct truths {
    struct infer__region *region;
    struct name_list files;
    uint32_t *labels;  /* the class of each file, */
    uint8_t *positive; /* or for each file and class whether it is one of its */
    uint32_t room;     /* of either */
};

/* A folder with a folder for each class; or lines "picture label"; or CSV lines "picture,label"
 * behind a header; or CSV lines with a column of 0 and 1 for each class. A label is a class's name
 * or index. */
int read_truths(const char *path, const struct name_list *classes, struct truths *t);

/* The class that a label means: its name, else its index; NAME_NONE. */
int64_t class_of_label(const struct name_list *classes, const char *label);

#endif
