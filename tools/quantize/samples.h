/* Calibration pictures: found in a folder, preprocessed as the model wants them, kept as tensors,
 * with the right answers where they are known. */
#ifndef INFER_TOOLS_QUANTIZE_SAMPLES_H
#define INFER_TOOLS_QUANTIZE_SAMPLES_H

#include "infer_vision.h"

struct sample {
    char *path;
    void *data;    /* a tensor of the model's input */
    int64_t truth; /* the right class, -1 where it is not known */
};

/* Samples 0 to ncalibration - 1 calibrate; those from `evaluate` on decide about accuracy. They are
 * others as far as the folder has enough pictures, else the same. */
struct samples {
    struct sample *items;
    uint32_t count, ncalibration, evaluate;
    uint32_t found, unread; /* pictures in the folder; those of the chosen that can't be used */
    uint32_t known;         /* samples whose right answer is known */
    infer_input_spec spec;  /* of the input, one picture at a time */
    infer_tensor tensor;    /* the same without data */
};

struct samples_options {
    const char *folder; /* searched with the folders in it */
    const char *labels; /* a file or a folder, or NULL */
    uint32_t most;      /* pictures to calibrate with */
    const infer_preprocess *preprocess;
    void (*progress)(void *ctx, const char *what, double part);
    void *ctx;
};

/* Reads the samples of a model with one input, a picture. Returns an exit status after a message.
 * Free them in either case. */
int samples_read(const infer_model *model, const struct samples_options *o, struct samples *s);
void samples_free(struct samples *s);

/* The paths of all pictures in a folder and in those inside it, in the order of their names; to be
 * freed one by one. NULL after a message. */
char **samples_list(const char *folder, uint32_t *count);

/* ---- right answers (truths.c) --------------------------------------------------------------- */

/* Sets items[i].truth from `labels`: a CSV file "file,class index,label" with a header, a text file
 * with "picture label" lines, or a folder with a folder for each class. A label is an index or a
 * label of the model. Returns an exit status after a message. */
int samples_truths(const infer_model *model, const char *labels, struct samples *s);

#endif
