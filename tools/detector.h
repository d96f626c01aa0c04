/* A detector with its session, and what it finds in a picture. */
#ifndef INFER_TOOLS_DETECTOR_H
#define INFER_TOOLS_DETECTOR_H

#include "infer_vision.h"
#include "tools/session_args.h"

struct detector {
    infer_model *model;
    struct session_args session_args;
    infer_session *session;
    infer_decoding decoding;
    char **labels; /* of --labels, instead of the model's */
    unsigned nlabels;
    float score, iou; /* 0: the model's */
    size_t most;      /* boxes of a picture */
    const char *draw; /* folder, or NULL */
};

struct detected {
    infer_box *boxes;
    infer_point *points; /* NULL where the model has none */
    infer_image *masks;  /* likewise, and without d->draw */
    uint64_t *ids;       /* of a tracker, 0: of none; NULL where nothing is tracked */
    size_t found, most;
    double ms;   /* of all but reading the file */
    char *drawn; /* path of the PNG that was written, or NULL */
};

/* Makes the session. Returns an exit status; `path` is for messages. */
int detector_begin(struct detector *d, const char *path);
/* Everything but the model. */
void detector_free(struct detector *d);

/* What is in a file. To be freed in either case. */
infer_status detector_run(struct detector *d, const char *path, struct detected *a,
                          infer_error *err);
void detected_free(struct detected *a);

/* Draws them onto the picture; where there is a tracker, what it follows. */
void detector_paint(const struct detector *d, infer_image *image, const struct detected *a);
/* Writes the picture with its boxes into d->draw and sets a->drawn. Returns an exit status. */
int detector_draw(const struct detector *d, const char *path, struct detected *a);

/* The label of a class, "class 7" where there is none. */
const char *detector_label(const struct detector *d, int32_t index, char *text, size_t size);

#endif
