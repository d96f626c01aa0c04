/* Answers of a model, picture by picture, in the place of recorded ones. */
#ifndef INFER_TOOLS_EVAL_MODEL_H
#define INFER_TOOLS_EVAL_MODEL_H

#include "tools/classifier.h"
#include "tools/convert.h"
#include "tools/detector.h"
#include "tools/eval/eval.h"
#include "tools/eval/read_detect.h"
#include "tools/eval/read_masks.h"
#include "tools/eval/read_scores.h"
#include "tools/eval/text.h"
#include "tools/eval/vectors.h"
#include "tools/reader.h"

struct eval_model {
    const char *path;
    infer_model *model;
    void *bytes; /* of a file that was converted */
    struct session_args session_args;
    char **labels; /* of --labels, instead of the model's */
    unsigned nlabels;
    int32_t task;                 /* enum infer_task: INFER_TASK_DETECT ... */
    struct detector detector;     /* these three: the one of the task; */
    struct classifier classifier; /* labels and session_args are lent to them */
    infer_session *segmenter;     /* or what gives vectors */
    struct reader reader;
    int vectors;                     /* --task embed: what comes out is a vector, whatever it is */
    int fast;                        /* --fast-decode */
    int quiet;                       /* 1: not said how classes are matched */
    int lent;                        /* 1: `model` is somebody else's */
    uint8_t values[SEGMENT_CLASSES]; /* segmenters: the data's value of each class */
    infer_decoding decoding;
    long first_class; /* classifiers: the model's class that is the data's class 0 */
    uint32_t answered, failed;
    const char **paths; /* of the evaluation's pictures, in its region; NULL: it has failed */
    double start_ms;    /* when the first picture's turn was */
};

/* Opens a .infer or .onnx file with the options of `args`, and makes what answers. Returns an exit
 * status after a message. To be closed in either case. */
int eval_model_open(struct eval_model *m, const char *path, const struct cli_args *args);
/* The same of a model that is open, and lent. Of the options its labels are left out. */
int eval_model_lend(struct eval_model *m, const char *path, infer_model *model,
                    const struct cli_args *args);
void eval_model_close(struct eval_model *m);
/* Opens an .onnx file without --task: as what its outputs are known to be, else as scores. */
int eval_open_onnx(const char *path, struct convert_options *o, infer_model **model, void **bytes);
/* The label of a class; NULL where it has none. */
const char *eval_model_label(const struct eval_model *m, int64_t index);

/* A picture is done: shows how far it has come. */
void eval_model_step(struct eval_model *m, const struct eval_options *o, uint32_t n);
/* A picture has failed: a message, and it is counted. */
void eval_model_miss(struct eval_model *m, const struct eval_options *o, const char *picture,
                     const infer_error *err);
/* The same of a picture that is not in its folder. */
void eval_model_absent(struct eval_model *m, const struct eval_options *o, const char *picture,
                       const char *folder);
/* CLI_OK; CLI_BAD_INPUT after a message where no picture has an answer. */
int eval_model_end(const struct eval_model *m);

/* ---- the answers ---------------------------------------------------------------------------- */

/* Each answers for all pictures of the truth, writes the answers to o->save where that is wanted,
 * and returns an exit status. Pictures that fail are left out of truth and answers. */
int model_detect(struct eval_model *m, const struct eval_options *o, struct detect_set *set,
                 struct read_skipped *skipped);
/* Reads the truth, too: its classes are the model's. `files` become the rows' pictures. */
int model_score(struct eval_model *m, const struct eval_options *o, struct scores *s,
                struct name_list *files);
/* `classes` are the data's, by value; none: unknown. */
int model_segment(struct eval_model *m, const struct eval_options *o, const struct mask_options *mo,
                  const struct name_list *classes, struct segment_counts *counts,
                  struct name_list *pictures);

/* Text of the pictures that the truth names. */
int model_text(struct eval_model *m, const struct eval_options *o, struct text_set *set);
/* Vectors of the pictures that `set` names; those that fail are taken out. */
int model_vectors(struct eval_model *m, const struct eval_options *o, struct vector_set *set);

/* A picture's mask, whose values are the data's, from a segmenter that model_segment has used. */
infer_status model_mask(struct eval_model *m, const char *path, infer_image *mask,
                        infer_error *err);

/* ---- pictures ------------------------------------------------------------------------------- */

/* The file of a picture that has the name (its ending does not matter) in a folder, and is not
 * `other`, which may be NULL; in the region, NULL where there is none. */
const char *picture_find(struct infer__region *r, const char *folder, const char *name,
                         const char *other);
/* The folder with the pictures of the truth in o->data: that of --images, else the first of
 * `candidates` (paths from the data's own folder on; NULL ends them) that has the first picture. An
 * exit status after a message. */
int pictures_folder(struct infer__region *r, const struct eval_options *o,
                    const char *const *candidates, const char *first, const char **folder);

#endif
