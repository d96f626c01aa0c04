/* Detection: what is in pictures and what was found there, and the measures of it: COCO's (boxes,
 * masks, keypoints), Pascal VOC's AP, F1 at a confidence.
 *
 * The way: a reader (read_coco.c, read_voc.c, read_yolo.c) fills a struct detect_set with the
 * truth; answers are added picture by picture with detect_add, whoever has them;
 * detect_match pairs them up; the measures are taken of the pairs. */
#ifndef INFER_TOOLS_EVAL_DETECT_H
#define INFER_TOOLS_EVAL_DETECT_H

#include "tools/eval/mask_rle.h"
#include "tools/eval/names.h"

enum detect_kind { DETECT_BOX, DETECT_MASK, DETECT_KEYPOINTS };

/* A thing that is there, or that was found. */
struct detect_object {
    int64_t id;              /* of the truth, as in its file; of an answer its number, from 1 */
    uint32_t picture, class; /* indices into the set's lists */
    double box[4];           /* x, y, width, height in pixels; the left upper corner is 0, 0 */
    double area;             /* square pixels: which range of sizes it belongs to */
    double score;            /* answers: greater is surer */
    struct mask_rle mask;    /* of DETECT_MASK */
    double *points;          /* of DETECT_KEYPOINTS: x, y, visibility for each of set->npoints */
    uint8_t ignore;          /* truth: it is no mistake to find it, nor to miss it */
    uint8_t crowd;           /* truth: it may be found any number of times */
};

struct detect_list {
    struct detect_object *items;
    uint32_t count, capacity;
};

struct detect_set {
    enum detect_kind kind;
    struct infer__region *region;       /* owns what follows */
    struct name_list pictures, classes; /* in order of their ids */
    uint32_t (*sizes)[2];               /* width, height of each picture; 0 where it is not known */
    struct detect_list truths, answers;
    uint32_t npoints; /* keypoints of an object */
};

/* Adds a copy of *object to a list; the region owns already what it points to. Lists keep the order
 * in which objects came: so do equal scores. */
infer_status detect_add(struct detect_set *set, struct detect_list *list,
                        const struct detect_object *object, infer_error *err);

/* ---- pairs ---------------------------------------------------------------------------------- */

enum { DETECT_IOUS = 10, DETECT_RANGES = 4, DETECT_CUTS = 3, DETECT_RECALLS = 101 };

/* What became of an answer at one threshold and one range of areas. */
enum detect_fate { FATE_WRONG, FATE_RIGHT, FATE_IGNORED };

struct detect_options {
    int class_agnostic;   /* all classes are one */
    const double *sigmas; /* keypoints: how far off each is found by people, of the square root of
                             the area */
    uint32_t nsigmas;     /* 0: COCO's 17 of a person */
};

struct detect_answer {
    const struct detect_object *object;
    uint32_t class, picture, rank; /* rank: 0 is the surest of its picture and class */
    uint8_t fate[DETECT_RANGES][DETECT_IOUS];
    const struct detect_object *partner; /* the truth that it has at the first threshold, whatever
                                            its size; NULL: none */
};

struct detect_truth {
    const struct detect_object *object;
    uint32_t class, picture;
    uint8_t ignored[DETECT_RANGES];
};

/* Answers by class, by falling score and by picture; truths by class and picture. */
struct detect_matches {
    double ious[DETECT_IOUS];        /* 0.5, 0.55 ... 0.95; of keypoints similarities (OKS) */
    double ranges[DETECT_RANGES][2]; /* areas, both ends included */
    const char *range_names[DETECT_RANGES];
    uint32_t cuts[DETECT_CUTS]; /* how many answers of a picture and class are looked at */
    int nranges, ncuts;
    uint32_t nclasses, npictures;
    struct detect_answer *answers;
    struct detect_truth *truths;
    uint32_t nanswers, ntruths;
    uint32_t *answer_start, *truth_start; /* nclasses + 1: where each class begins */
};

/* Pairs answers and truth as COCO does: in each picture the surest answer first, each with the free
 * truth that it overlaps most. The result lives in the set's region. */
infer_status detect_match(struct detect_set *set, const struct detect_options *options,
                          struct detect_matches *m, infer_error *err);

/* The smallest box around n points, `step` numbers apart. */
void detect_box_around(const double *points, uint32_t n, uint32_t step, double box[4]);
/* Overlap of an answer with a truth; `sigmas` of keypoints. */
double detect_box_iou(const double answer[4], const double truth[4], int crowd);
double detect_oks(const struct detect_object *answer, const struct detect_object *truth,
                  const double *sigmas, uint32_t npoints);
/* COCO's sigmas of a person's keypoints, 17 of them. */
extern const double detect_person_sigmas[17];

/* ---- measures ------------------------------------------------------------------------------- */

/* `weights` are how often each picture counts (for resampling); NULL: once. Numbers are negative
 * where there is nothing to count. */

/* COCO's tables. */
struct detect_tables {
    double (*ap)[DETECT_RANGES][DETECT_IOUS]; /* of each class, at the last cut */
    double (*recall)[DETECT_RANGES][DETECT_CUTS][DETECT_IOUS];
    double (*curve)[DETECT_IOUS][DETECT_RECALLS]; /* precisions at recalls of 0, 0.01 ... 1 of all
                                                     areas; NULL: not wanted */
};

/* Memory for them in the region. */
infer_status detect_tables_new(struct infer__region *r, uint32_t nclasses, int with_curves,
                               struct detect_tables *t, infer_error *err);
void detect_accumulate(const struct detect_matches *m, const uint32_t *weights,
                       struct detect_tables *t);

/* The 12 numbers of boxes and masks, or the 10 of keypoints, and their names. */
enum { DETECT_MOST_STATS = 12 };
int detect_stats(enum detect_kind kind, const struct detect_matches *m,
                 const struct detect_tables *t, const char *names[DETECT_MOST_STATS],
                 double values[DETECT_MOST_STATS]);
/* The mean of a class's AP or last recall over all thresholds, in one range of areas. */
double detect_class_ap(const struct detect_tables *t, uint32_t class, int range);
double detect_class_ar(const struct detect_matches *m, const struct detect_tables *t,
                       uint32_t class, int range);

/* Pascal VOC's AP of a class at an IoU of 0.5, over boxes: the area under the curve (2010 on), or
 * the mean of 11 points of it (2007). */
struct detect_voc {
    double ap, ap11;
};
infer_status detect_voc(struct infer__region *r, const struct detect_matches *m,
                        struct detect_voc *classes, infer_error *err);

/* Right, wrong and missed at the first threshold, over all classes, by answers from a score up. */
struct detect_point {
    double score, right, wrong, missed;
};
struct detect_point detect_at(const struct detect_matches *m, double score,
                              const uint32_t *weights);

/* How often an object of each class (row) was taken for each class (column), by boxes that overlap
 * by an IoU of 0.5 or more, whatever their classes: the most overlapping pair first. The last row
 * has answers of the confidence and more where nothing is, the last column what was missed. What is
 * ignored, and who finds it, is not counted. In the set's region. */
infer_status detect_confusion(const struct detect_set *set, double confidence, double **matrix,
                              infer_error *err);

/* All such points: one a different score, falling. */
struct detect_curve {
    struct detect_point *points;
    uint32_t n;
};
infer_status detect_confidence_curve(struct infer__region *r, const struct detect_matches *m,
                                     struct detect_curve *c, infer_error *err);

#endif
