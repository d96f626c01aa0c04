/* A detector with its session, and what it finds in a picture: boxes, points, masks. */
#ifndef INFER_TOOLS_DETECTOR_H
#define INFER_TOOLS_DETECTOR_H

#include "infer_vision.h"
#include "tools/session_args.h"

/* A network that finds points of one thing, for a region of the picture. */
struct landmarks {
    infer_model *model; /* NULL: there is none */
    infer_session *session;
    infer_decoding decoding;
    float widen; /* a region is a square of so many times the longer side of the box */
};

struct detector {
    infer_model *model; /* NULL: the one box is the picture, and `landmarks` are asked */
    struct session_args session_args;
    infer_session *session;
    infer_decoding decoding;
    struct landmarks landmarks;
    char **labels; /* of --labels, instead of the model's */
    unsigned nlabels;
    float score, iou; /* 0: the model's */
    size_t most;      /* boxes of a picture */
    size_t npoints;   /* of a box */
    int masks;        /* they are wanted where the model has any */
    int show_points;  /* in text and CSV */
    int tracked;      /* boxes get ids */
    int fast;         /* JPEGs are decoded no larger than needed */
};

struct detected {
    infer_box *boxes;
    infer_point *points; /* NULL where the model has none */
    infer_image *masks;  /* likewise, and without d->masks */
    uint64_t *ids;       /* of a tracker, 0: of none; NULL where nothing is tracked */
    size_t found, most;
    double ms;   /* of all but reading and decoding the file */
    char *drawn; /* path of the PNG that was written, or NULL */
};

/* Makes the sessions. Returns an exit status; `path` is for messages. */
int detector_begin(struct detector *d, const char *path);
/* Everything but the models. */
void detector_free(struct detector *d);

/* What is in a picture. To be freed in either case. */
infer_status detector_run(struct detector *d, const infer_picture *picture, struct detected *a,
                          infer_error *err);
/* The same of a file. */
infer_status detector_run_file(struct detector *d, const char *path, struct detected *a,
                               infer_error *err);
void detected_free(struct detected *a);

/* Draws them onto the picture; where there is a tracker, what it follows. */
void detector_paint(const struct detector *d, infer_image *image, const struct detected *a);
/* The label of a class, "class 7" where there is none. */
const char *detector_label(const struct detector *d, int32_t index, char *text, size_t size);

/* Makes a picture about the square around a box, `widen` times its longer side. */
void detector_region(const infer_box *b, float widen, infer_picture *picture);

#endif
