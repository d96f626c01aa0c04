/* Scores of classifiers: one class to a picture, or any number of them. Rows are added as answers
 * come, whoever has them; measures are taken when all are there. */
#ifndef INFER_TOOLS_EVAL_SCORES_H
#define INFER_TOOLS_EVAL_SCORES_H

#include "tools/eval/binary.h"
#include "tools/eval/names.h"

struct scores {
    struct infer__region *region;
    struct name_list classes;
    uint32_t nclasses, nrows, row_room, label_room, positive_room;
    double *values;    /* nrows rows of nclasses */
    uint32_t *labels;  /* the class of each row; NULL with several to a picture */
    uint8_t *positive; /* nrows rows of nclasses: whether the picture is of the class; else NULL */
};

/* Adds a row; `label` is its class where `positive` is NULL. All rows are of one kind. */
infer_status scores_add(struct scores *s, const double *values, uint32_t label,
                        const uint8_t *positive, infer_error *err);
/* Logits to probabilities, row by row. */
void scores_softmax(struct scores *s);
/* Whether all values are of 0 to 1. */
int scores_are_probabilities(const struct scores *s);

/* The curve of a class against the others, over all rows; of all classes together (micro) where
 * `class` is nclasses. */
infer_status scores_curve(struct infer__region *r, const struct scores *s, uint32_t class,
                          struct binary_curve *c, infer_error *err);

/* ---- one class to a picture ----------------------------------------------------------------- */

enum { CALIBRATION_BINS = 15 };

/* What is known of a row once its scores are sorted. */
struct classify_row {
    uint32_t label, predicted; /* the greatest score, the lowest index of equals */
    uint32_t rank;             /* how many classes stand before the right one */
    double confidence;         /* the greatest score */
};

struct classify_class {
    double right, support, predicted; /* rows */
    struct prf prf;
};

struct classify_result {
    double rows, top1, top5, balanced_accuracy, kappa, matthews;
    struct prf macro, micro, weighted;
    double f1_present; /* the mean F1 of classes that occur or were predicted */
    double ece, mce;   /* expected and greatest calibration error */
    struct calibration_bin {
        double count, accuracy, confidence; /* means, NaN where count is 0 */
    } bins[CALIBRATION_BINS];               /* (k / 15, (k + 1) / 15] */
    struct classify_class *classes;
};

/* nrows of them in the region. */
infer_status classify_rows(const struct scores *s, struct classify_row **rows, infer_error *err);
/* `result->classes` has room for nclasses; `weights` are how often each row counts, NULL: once. */
void classify_measure(const struct classify_row *rows, uint32_t nrows, uint32_t nclasses,
                      const uint32_t *weights, struct classify_result *result);
/* Of probabilities that are divided by their row's sum, means over rows: -log of the right class's,
 * and the squares of the differences to 0 and 1, summed over classes. */
double classify_log_loss(const struct scores *s);
double classify_brier(const struct scores *s);

/* ---- several classes to a picture ----------------------------------------------------------- */

struct multilabel_class {
    double tp, fp, fn, tn;
    struct prf prf;
};

struct multilabel_result {
    double rows;
    struct prf micro, macro, weighted, samples;
    double subset_accuracy, hamming_loss, jaccard_samples;
    struct multilabel_class *classes;
};

/* Scores of `threshold` and more are positive. */
void multilabel_measure(const struct scores *s, double threshold, const uint32_t *weights,
                        struct multilabel_result *result);
/* The mean over classes and rows of -log of the probability of what is true. */
double multilabel_log_loss(const struct scores *s);

#endif
