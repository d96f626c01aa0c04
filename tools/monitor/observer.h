/* A model with its session, and the features of pictures that it answers. */
#ifndef INFER_TOOLS_MONITOR_OBSERVER_H
#define INFER_TOOLS_MONITOR_OBSERVER_H

#include "tools/monitor/features.h"
#include "tools/session_args.h"

/* Rows of a table of options. */
#define OBSERVER_OPTIONS                                                                           \
    {                                                                                              \
        "task", "NAME",                                                                            \
            "how outputs are read: classify, embed, or of an .onnx file as for convert (the "      \
            "model's)"                                                                             \
    }

struct observer {
    const char *path;
    infer_model *model;
    void *bytes; /* of a file that was converted */
    struct session_args session_args;
    infer_session *session;
    infer_decoding decoding;
    int embeds;     /* output 0 is a vector */
    size_t numbers; /* of output 0, for one picture; or of boxes at most */
    /* room for an answer */
    infer_class *classes;
    infer_box *boxes;
    infer_point *points;
    float *vector;
    infer_image mask;
};

/* Opens a .infer or .onnx file with the options of `args`: OBSERVER_OPTIONS, SHAPE_OPTION,
 * THREADS_OPTION, ISA_OPTIONS, PREPROCESS_OPTIONS. Returns an exit status after a message. To be
 * closed in either case. */
int observer_open(struct observer *o, const char *path, const struct cli_args *args);
void observer_close(struct observer *o);

/* The features of a picture's file and of its answer. */
infer_status observer_run(struct observer *o, const char *picture, struct features *f,
                          infer_error *err);

#endif
