/* The stages of `infer classify`, timed one by one: infer_classify is the same in one call. */
#ifndef INFER_TOOLS_CLASSIFIER_H
#define INFER_TOOLS_CLASSIFIER_H

#include "infer_vision.h"
#include "tools/accuracy.h"
#include "tools/frames.h"
#include "tools/session_args.h"

struct classifier {
    infer_model *model;
    struct session_args session_args;
    infer_preprocess preprocess;
    char **labels; /* of --labels, instead of the model's */
    unsigned nlabels;
    size_t top, output;
    int softmax;
    int fast;             /* JPEGs are decoded no larger than needed */
    const char *annotate; /* folder, or NULL */
    struct accuracy accuracy;
    char **stems; /* of the names that were annotated */
    size_t nstems;

    /* made with the first picture; anew where the preprocessed size changes */
    infer_session *session;
    infer_tensor input; /* data is owned */
    infer_tensor *outputs;
    int probabilities; /* the scores of the last answer add up to 1 */
};

/* What is known of one picture. */
struct answer {
    infer_image image;     /* none where a JPEG was decoded for the model alone */
    int32_t width, height; /* of the whole picture */
    infer_class *classes;
    size_t found;
    double decode_ms, preprocess_ms, run_ms;
    char *annotated; /* path of the PNG that was written, or NULL */
    char text[32];   /* for a class without a label */
};

/* The stored preprocessing, changed by the options of PREPROCESS_OPTIONS; or these alone. Returns
 * an exit status; `path` is for messages. */
int classifier_preprocess(struct classifier *c, const struct cli_args *args, const char *path);

/* How many scores an answer has. */
infer_status classifier_scores(struct classifier *c, size_t *n, infer_error *err);

/* Runs the model on a picture, whose pixels become the answer's: what comes out is in c->outputs,
 * until the next run. `transform` may be NULL. */
infer_status classifier_look(struct classifier *c, struct frame *frame, struct answer *a,
                             infer_transform *transform, infer_error *err);
/* Classifies a picture, whose pixels become the answer's, which is to be freed in either case. */
infer_status classifier_run(struct classifier *c, struct frame *frame, struct answer *a,
                            infer_error *err);
/* The same of a file. */
infer_status classifier_run_file(struct classifier *c, const char *path, struct answer *a,
                                 infer_error *err);
void answer_free(struct answer *a);

/* Label of the i-th class of an answer, "class 7" where there is none; valid until the next. */
const char *classifier_label(const struct classifier *c, struct answer *a, size_t i);

/* Writes the PNG of a picture, the one of this number, into c->annotate and sets a->annotated.
 * Returns an exit status. */
int classifier_annotate(struct classifier *c, struct frame *f, long index, struct answer *a);

/* Frees everything but the model. */
void classifier_free(struct classifier *c);

#endif
