/* What infer detect, pose and track share: a model, pictures, boxes. */
#ifndef INFER_TOOLS_BOX_COMMAND_H
#define INFER_TOOLS_BOX_COMMAND_H

#include "tools/box_writer.h"
#include "tools/draw_out.h"

/* Rows of a table of options, but for --score, whose default differs. */
#define BOX_OPTIONS                                                                                \
    {"task", "NAME", "of an .onnx file: how its outputs are read (default: auto)"},                \
        {"iou", "N", "of two boxes that overlap by more one goes (default: the model's)"},         \
        {"most", "N", "boxes of a picture (default 300)"},                                         \
        {"labels", "FILE", "labels, one a line, instead of the model's"}, DRAW_OPTION,             \
        FRAMES_OPTIONS, BOX_WRITER_OPTIONS, SHAPE_OPTION, MAX_OPTION, THREADS_OPTION, ISA_OPTIONS

struct box_command {
    struct detector d;
    struct box_writer w;
    struct draw_out out;
    struct frames *frames;
    infer_tracker *tracker; /* NULL: nothing is followed */
    /* Whether the models will do, once they are open; NULL: they will. Returns an exit status. */
    int (*check)(struct box_command *c, const struct cli_args *args);
    const infer_preprocess *preprocess; /* for an .onnx file; NULL: the family's */
    float score;                        /* where --score is not given; 0: the model's */
};

/* The whole command, from parsed arguments on. Everything in `c` but the tracker is freed. Returns
 * an exit status. */
int box_command_run(struct box_command *c, const struct cli_args *args);

#endif
