/* Right answers from a CSV file, and how many of a classifier's answers are right. */
#ifndef INFER_TOOLS_ACCURACY_H
#define INFER_TOOLS_ACCURACY_H

#include "infer_vision.h"

struct accuracy {
    struct accuracy_row *rows; /* in the order of their files' names */
    size_t nrows;
    char *text;                    /* owns the names */
    unsigned pictures, top1, topk; /* counted so far */
};

/* Reads "file,class index,label" lines behind a header line; the label is not looked at. Fields
 * may be quoted. Returns an exit status after a message. Free it in either case. */
int accuracy_read(const char *path, struct accuracy *a);
void accuracy_free(struct accuracy *a);

/* The right class of a picture, by its path as in the CSV file or by its name alone; -1 where the
 * file has none. */
int64_t accuracy_truth(const struct accuracy *a, const char *picture);
/* Counts an answer: the best `count` classes. */
void accuracy_count(struct accuracy *a, int64_t truth, const infer_class *classes, size_t count);

#endif
