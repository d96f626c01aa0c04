/* Models that read text with their sessions, and what they find in a picture. */
#ifndef INFER_TOOLS_READER_H
#define INFER_TOOLS_READER_H

#include "infer_text.h"
#include "tools/session_args.h"

/* A model with its session. All 0: there is none. */
struct reader_part {
    infer_model *model;
    void *bytes; /* of an .onnx file that was converted */
    infer_session *session;
    int32_t task;
    int lent; /* 1: the model is somebody else's */
};

struct reader {
    struct reader_part regions, text, upright; /* each may be missing, but one of the first two */
    char **labels;                             /* --labels: the characters of an .onnx file */
    unsigned nlabels;
    struct session_args session_args;
    infer_text_regions_options how;
    size_t most; /* lines of a picture */
};

/* What was read. */
struct read_line {
    infer_quad quad;
    infer_text text;
    int turned; /* 1: it stood upside down, so corner 0 is now the one that was corner 2 */
};

struct reading {
    struct read_line *lines;
    size_t found;
    char *text; /* of all lines */
    double ms;
};

/* Opens a model and makes its session; the model's task says which part it becomes. Returns an exit
 * status, after a message. */
int reader_add(struct reader *r, const char *path);
/* The same of a model that is open, and lent. */
int reader_lend(struct reader *r, infer_model *model, const char *path);
/* The same for the model that tells whether a line stands upright. */
int reader_add_upright(struct reader *r, const char *path);
void reader_free(struct reader *r);

/* What is in a picture of pixels. To be freed in either case. */
infer_status reader_run(struct reader *r, const infer_picture *picture, struct reading *a,
                        infer_error *err);
void reading_free(struct reading *a);

/* Draws the lines and their text onto a picture of 3 channels. */
void reader_paint(const struct reading *a, infer_image *image);

#endif
