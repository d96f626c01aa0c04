/* A picture with its answers written below it, as a PNG. */
#ifndef INFER_TOOLS_ANNOTATE_H
#define INFER_TOOLS_ANNOTATE_H

#include "infer_vision.h"

struct annotation {
    const char *title; /* above the lines: the picture's name */
    const char *const *labels;
    const infer_class *classes; /* count of them, best first */
    size_t count;
    int probabilities; /* 1: scores are 0..1, drawn as bars with percentages */
};

/* Draws the picture (1, 3 or 4 channels; shown at most 640 pixels wide and high, at least 240)
 * with a bar of text below, and writes it. Returns an exit status after a message. */
int annotate_write(const char *path, const infer_image *picture, const struct annotation *a);

#endif
