/* Evaluations, one a task: read the truth and the answers, measure, report. Recorded answers come
 * from files; those of a model (model.h) come in their place, picture by picture, through the
 * functions that the readers use: detect_add, scores_add, segment_add. */
#ifndef INFER_TOOLS_EVAL_EVAL_H
#define INFER_TOOLS_EVAL_EVAL_H

#include "infer_vision.h"
#include "tools/eval/binary.h"
#include "tools/eval/bootstrap.h"
#include "tools/eval/detect.h"
#include "tools/eval/report.h"

enum { EVAL_MOST_SIGMAS = 512 };

struct eval_model;

struct eval_options {
    const char *predictions, *data, *classes; /* paths; the last two may be NULL */
    struct eval_model
        *model;         /* it answers, and `predictions` is its path; NULL: they are recorded */
    const char *images; /* folder of the pictures that it is asked about; NULL: near the data */
    const char *save;   /* where its answers are written to, or NULL */
    enum detect_kind kind;
    int class_agnostic;
    double sigmas[EVAL_MOST_SIGMAS];
    uint32_t nsigmas; /* 0: those of a person */
    double confidence;
    int softmax;
    int ignore; /* of masks; -1: none */
    int cityscapes;
    int vectors;     /* --task embed: what is judged are vectors */
    int curves;      /* report them whole */
    uint32_t rounds; /* of resampling; 0: none */
    uint64_t seed;
    void (*progress)(void *ctx, const char *what, double part); /* may be NULL */
    void *progress_ctx;
};

/* An evaluation picture by picture: what intervals, slices and comparisons are made of. */
struct eval_view {
    struct infer__region region; /* owns the evaluation */
    uint32_t npictures;
    const struct name_list *pictures; /* NULL: they have no names */
    const struct name_list *classes;  /* may be fewer than there are: then numbers are names */
    uint32_t nclasses;
    const char *const *paths; /* of pictures that a model was asked about; else NULL */
    double *quality;          /* of each picture, 0 to 1; NaN: it is not judged */
    const char *quality_name;
    int has_right; /* a picture is right where its quality is 1 */
    int nvalues;   /* numbers that `measure` gives, and their names */
    const char *const *names;
    /* The numbers where picture i counts weights[i] times (NULL: once); NaN where there is none. */
    void (*measure)(void *ctx, const uint32_t *weights, double *values);
    /* Sets the weights of all pictures that show a class to 1. */
    void (*mark)(void *ctx, uint32_t class, uint32_t *weights);
    void *ctx;
    /* For the page. All may be NULL. */
    const double *precision; /* nprecision of them, at recalls from 0 to 1 */
    uint32_t nprecision;
    /* Draws truth and answer on a picture whose sides are `scale` times as long. */
    void (*draw)(void *ctx, uint32_t picture, infer_image *image, double scale);
    void (*describe)(void *ctx, uint32_t picture, char *text, size_t size);
    const char *legend; /* what is drawn */
};

/* Each fills the report and the view, whose region is empty before, and returns an exit status,
 * after a message where it is not CLI_OK. */
int eval_detect(const struct eval_options *o, struct report *r, struct eval_view *v);
int eval_scores(const struct eval_options *o, struct report *r, struct eval_view *v);
int eval_masks(const struct eval_options *o, struct report *r, struct eval_view *v);
int eval_text(const struct eval_options *o, struct report *r, struct eval_view *v);
int eval_vectors(const struct eval_options *o, struct report *r, struct eval_view *v);

/* Reports precision, recall and F1, with `behind` behind their names. */
void eval_put_prf(struct report *r, yyjson_mut_val *object, struct prf prf, const char *behind);
/* Resamples pictures, if that is wanted, and reports the intervals of the view's numbers. */
int eval_resample(const struct eval_options *o, struct report *r, const struct eval_view *v);

#endif
